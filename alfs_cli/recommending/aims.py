"""What a loss should reach on these data: its ratio, its speed of fitting, and whether T helps.

The numbers here were chosen on CIFAR-10's encoder features, digits and MNIST under a dozen noises,
those for curved classes on CIFAR-10's pixels and mixtures of Gaussians as well
(`benchmarks/regret.py`); they are what accuracy asks for, beside what the certificate does.
"""

import math

import numpy as np

from alfs_cli.noise import TransitionMatrix
from alfs_cli.results.estimate import NoiseEstimate

EASY_RATIO = 0.85  # what easy data can afford, and the paper used on MNIST
EASY_ACCURACY = 0.81  # out of sample, where labels are many; it falls with their lead
EASY_FALL = 0.45
LEAST_LEAD = 1.0  # below it nothing is known of the classes

# Learning rate times fit score to aim at: half of it underfits and twice of it memorises where the
# classes overlap, or where few examples lead by little. Easy data can take more, and so can classes
# whose borders are curved: there is more to learn.
TARGET = 0.017
EASY_TARGETS = 0.009, 0.12  # the least, where right labels lead by little, and the most
CORRECTED_TARGET = 0.01
EASY_CORRECTED_TARGETS = 0.015, 0.05
LITTLE_LEAD = 5.0
CURVED = 4.0  # times the target
PREFERENCES = {"robustness": 0.5, "balanced": 1.0, "fit": 2.0}  # times the target
LEAST_LEVEL = 3.0  # of classes that swap labels, in a T to correct by
FEW = 1.125  # classes that wrong labels of one go to: below it T is worth using


def target_ratio(estimate: NoiseEstimate, required: float, prefer: str) -> float:
    """Return the ratio to aim at: easy data and caution can afford more than is required."""
    if prefer == "robustness" or (prefer == "balanced" and is_easy(estimate)):
        return max(required, EASY_RATIO)
    return max(required, 1 / len(estimate.data.classes))


def fit_target(estimate: NoiseEstimate, prefer: str, *, is_corrected: bool = False) -> float:
    """Return learning rate times fit score to aim at.

    A network learns a class from the lead of its own label over others (`leads`). Easy data can be
    fitted faster by the square of the least over LITTLE_LEAD, up to a limit, before the network
    remembers wrong labels; where classes overlap it remembers the overlap.
    """
    base = CORRECTED_TARGET if is_corrected else TARGET
    if is_easy(estimate):
        least, most = EASY_CORRECTED_TARGETS if is_corrected else EASY_TARGETS
        base = min(most, least * max(1.0, min(leads(estimate)) / LITTLE_LEAD) ** 2)
    elif is_curved(estimate):
        base *= CURVED
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
    return EASY_ACCURACY - EASY_FALL / mean if mean >= LEAST_LEAD else math.inf


def is_curved(estimate: NoiseEstimate) -> bool:
    """Say whether curved borders told the classes apart better than straight ones.

    Where labels lead by little the better of the two is chance.
    """
    return estimate.evidence.map == "fourier" and mean_lead(estimate) >= LITTLE_LEAD


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
    """Return LEAST_LEVEL where two classes swap labels, else 0.

    A network corrected by a T in which two classes swap nearly as many labels as they keep may
    learn them as one, or the wrong way round, and hardly pays for it; held apart it does not.
    """
    T = TransitionMatrix(np.array(estimate.transition))
    return LEAST_LEVEL if (T.held_apart(LEAST_LEVEL).array != T.array).any() else 0.0
