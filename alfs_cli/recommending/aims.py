"""What a loss should reach on these data: its ratio, its speed of fitting, and whether T helps.

These aims are what accuracy asks for, beside what the certificate asks for. Their constants stand
in `tuning.py`.
"""

import math

import numpy as np

from alfs_cli.noise import TransitionMatrix
from alfs_cli.recommending.tuning import TUNING
from alfs_cli.results.estimate import NoiseEstimate

PREFERENCES = {"robustness": 0.5, "balanced": 1.0, "fit": 2.0}  # times the target of speed


def target_ratio(estimate: NoiseEstimate, required: float, prefer: str) -> float:
    """Return the ratio to aim at: easy data and caution can afford more than is required."""
    if prefer == "robustness" or (prefer == "balanced" and is_easy(estimate)):
        return max(required, TUNING.easy_ratio)
    return max(required, 1 / len(estimate.data.classes))


def fit_target(estimate: NoiseEstimate, prefer: str, *, is_corrected: bool = False) -> float:
    """Return learning rate times fit score to aim at.

    A network learns a class from the lead of its own label over others (`leads`). Easy data can be
    fitted faster by the square of the least over `little_lead`, up to a limit, before the network
    remembers wrong labels; where classes overlap it remembers the overlap.
    """
    base = TUNING.corrected_target if is_corrected else TUNING.target
    if is_easy(estimate):
        least, most = TUNING.easy_corrected_targets if is_corrected else TUNING.easy_targets
        base = min(most, least * max(1.0, min(leads(estimate)) / TUNING.little_lead) ** 2)
    elif is_curved(estimate):
        base *= TUNING.curved
    return base * PREFERENCES[prefer]


def leads(estimate: NoiseEstimate) -> list[float]:
    """Return (T[i, i] - max T[i, j]) sqrt(n_i) of each class that is judged, 0 or more.

    How far n_i examples show the lead of their own label, in standard deviations.
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
    """Say whether classes hardly overlap, as far as labels that lead by little can show it."""
    return accuracy(estimate) >= easy_accuracy(estimate)


def easy_accuracy(estimate: NoiseEstimate) -> float:
    """Return the accuracy that says that data are easy: infinite where labels hardly lead."""
    mean = mean_lead(estimate)
    return TUNING.easy_accuracy - TUNING.easy_fall / mean if mean >= TUNING.least_lead else math.inf


def is_curved(estimate: NoiseEstimate) -> bool:
    """Say whether curved borders told the classes apart better than straight ones.

    Where labels lead by little the better of the two is chance.
    """
    return estimate.evidence.map == "fourier" and mean_lead(estimate) >= TUNING.little_lead


def accuracy(estimate: NoiseEstimate) -> float:
    """Return the out-of-sample accuracy on true labels that the agreement with the given speaks of.

    Of examples whose class is told right 1 - rate agree, of the others rate / (K - 1).
    """
    rate, K = estimate.noise_rate.value, len(estimate.data.classes)
    chance = rate / (K - 1)
    right = (estimate.evidence.agreement - chance) / max(1 - rate - chance, 1e-9)
    return min(max(right, 0.0), 1.0)


def wrong_classes(estimate: NoiseEstimate) -> float:
    """Return r e / (1 - e), e the noise rate: how many classes the wrong labels of one go to.

    1 where all noise goes from each class to one other, K - 1 where it is spread evenly, less where
    some classes are clean. Where it goes to few, every robust loss starves the class that loses,
    and T tells it which it is.
    """
    rate = estimate.noise_rate.value
    if rate <= 0 or rate >= 1:
        return math.inf
    return estimate.clean_level.value * rate / (1 - rate)


def least_level(estimate: NoiseEstimate) -> float:
    """Return the least clean level of such a T where two classes swap labels, else 0.

    A network corrected by a T in which two classes swap nearly as many labels as they keep may
    learn them as one, or the wrong way round, and hardly pays for it; held apart it does not.
    """
    T = TransitionMatrix(np.array(estimate.transition))
    return TUNING.least_level if (T.held_apart(TUNING.least_level).array != T.array).any() else 0.0
