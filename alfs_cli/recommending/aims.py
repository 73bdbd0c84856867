"""Aims of a recommendation: the ratio and the speed of a loss, and whether to use T.

A certificate needs a certain ratio; these aims are chosen for accuracy beyond that. Their constants
are in `tuning.py`.
"""

import math

import numpy as np

from alfs_cli.noise import TransitionMatrix
from alfs_cli.recommending.tuning import TUNING
from alfs_cli.results.estimate import NoiseEstimate

PREFERENCES = ("robustness", "balanced", "fit")


def target_ratio(estimate: NoiseEstimate, required: float, prefer: str) -> float:
    """Return the ratio to aim at, at least `required`.

    It is higher on easy data, which a loss of high ratio still fits, and if robustness is
    preferred.
    """
    if prefer == "robustness" or (prefer == "balanced" and is_easy(estimate)):
        return max(required, TUNING.easy_ratio)
    return max(required, 1 / len(estimate.data.classes))


def fit_target(estimate: NoiseEstimate, prefer: str, *, is_corrected: bool = False) -> float:
    """Return the speed to aim at: learning rate times fit score.

    A network learns a class from the lead of its label over other labels (`leads`). On easy data
    the speed increases with the square of the smallest lead over `little_lead`, up to a limit:
    with a large lead, a network learns fast before it memorises wrong labels. Where classes
    overlap, a fast network memorises the overlap.
    """
    base = TUNING.corrected_target_speed if is_corrected else TUNING.target_speed
    if is_easy(estimate):
        easy = TUNING.easy_target_speeds
        least, most = TUNING.easy_corrected_target_speeds if is_corrected else easy
        base = min(most, least * max(1.0, min(leads(estimate)) / TUNING.little_lead) ** 2)
    elif is_curved(estimate):
        base *= TUNING.curved_factor
    return base * TUNING.preference_factors[PREFERENCES.index(prefer)]


def leads(estimate: NoiseEstimate) -> list[float]:
    """Return the lead (T[i, i] - max_{j != i} T[i, j]) sqrt(n_i) of each judged class, at least 0.

    The lead is in standard deviations: how clearly n_i examples show that their own label is the
    most frequent one. If no class is judged, the result is [0.0].
    """
    T, prior = np.array(estimate.transition), np.array(estimate.class_prior)
    others = np.where(np.eye(len(T), dtype=bool), -np.inf, T).max(axis=1)
    found = np.maximum(np.diag(T) - others, 0.0) * np.sqrt(prior * estimate.data.n)
    aside = {cls.class_name for cls in estimate.class_clean_level if not cls.judged}
    named = zip(estimate.data.classes, found, strict=True)
    return [float(lead) for name, lead in named if name not in aside] or [0.0]


def mean_lead(estimate: NoiseEstimate) -> float:
    """Return the mean of `leads`."""
    return float(np.mean(leads(estimate)))


def is_easy(estimate: NoiseEstimate) -> bool:
    """Return whether the classes hardly overlap, as far as noisy labels can show it."""
    return accuracy(estimate) >= easy_accuracy(estimate)


def easy_accuracy(estimate: NoiseEstimate) -> float:
    """Return the accuracy from which data are easy, infinite if the mean lead is too small."""
    mean = mean_lead(estimate)
    return TUNING.easy_accuracy - TUNING.easy_fall / mean if mean >= TUNING.least_lead else math.inf


def is_curved(estimate: NoiseEstimate) -> bool:
    """Return whether curved borders between classes predicted the labels better than straight ones.

    With a small mean lead the difference is chance, and the result is False.
    """
    return estimate.evidence.map == "fourier" and mean_lead(estimate) >= TUNING.little_lead


def accuracy(estimate: NoiseEstimate) -> float:
    """Return the out-of-sample accuracy on true labels, derived from the agreement with given ones.

    A share 1 - rate of the examples that are predicted right agrees with the given labels, and a
    share rate / (K - 1) of the others.
    """
    rate, K = estimate.noise_rate.value, len(estimate.data.classes)
    chance = rate / (K - 1)
    right = (estimate.evidence.agreement - chance) / max(1 - rate - chance, 1e-9)
    return min(max(right, 0.0), 1.0)


def wrong_classes(estimate: NoiseEstimate) -> float:
    """Return to how many classes the wrong labels of a class go: r e / (1 - e), e the noise rate.

    It is 1 if all wrong labels of a class go to one other, K - 1 if they spread evenly, and less if
    some classes have no noise. If they go to few classes, robust losses neglect the class that
    loses labels, and forward correction by T does not. Infinite for a noise rate of 0 or 1.
    """
    rate = estimate.noise_rate.value
    if rate <= 0 or rate >= 1:
        return math.inf
    return estimate.clean_level.value * rate / (1 - rate)


def least_level(estimate: NoiseEstimate) -> float:
    """Return the clean level that T is held apart to if two classes swap labels, otherwise 0.

    If two classes swap nearly as many labels as they keep, a network trained with forward
    correction may learn them as one class or exchange them, at little cost in the loss. With the
    two rows of T held apart, it does not.
    """
    T = TransitionMatrix(np.array(estimate.transition))
    return TUNING.least_level if (T.held_apart(TUNING.least_level).array != T.array).any() else 0.0
