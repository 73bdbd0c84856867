"""How far overlap of the classes moves a method that counts it as noise.

Probabilities of the given label say nothing of which it is: labels that are right, of classes that
overlap, may have the same ones as wrong labels of classes that do not. So what such a method counts
may be overlap up to the share of the labels that the probabilities do not foresee.
"""

import numpy as np

from alfs_cli.arrays import FloatArray, Probabilities
from alfs_cli.estimators.joint.posterior import true_class_probs
from alfs_cli.estimators.parts.counts import Spread, gap


def separation(probs: Probabilities, T: FloatArray) -> float:
    """Return the share of the true classes that probs (N, K) tell, if T (K, K) holds."""
    return float(true_class_probs(probs, T).max(axis=1).mean())


def unforeseen(probs: Probabilities) -> FloatArray:
    """Return the share of all examples (K,) that is likeliest given a class and given another.

    >>> unforeseen(np.array([[0.9, 0.1], [0.8, 0.2], [0.4, 0.6], [0.0, 1.0]])).round(3).tolist()
    [0.075, 0.1]
    """
    likeliest = probs.argmax(axis=1)
    return np.bincount(likeliest, weights=1 - probs.max(axis=1), minlength=probs.shape[1]) / len(
        probs
    )


def allowing_for(unforeseen: FloatArray, bounds: Spread, prior: FloatArray) -> Spread:
    """Return bounds that hold if all labels that are `unforeseen` (K,) are right.

    `prior` (K,) are the shares of the classes as counted. Only the side of less noise is moved.
    """
    K = len(unforeseen)
    moved = np.minimum(unforeseen / np.maximum(prior, 1e-12), 1.0)[:, None]
    own = np.eye(K, dtype=bool)
    low, high = bounds.transition
    low = np.where(own, low, np.maximum(low - moved, 0))
    high = np.where(own, np.minimum(high + moved, 1), high)
    extreme = np.where(own, high, low)
    worst = np.where(own, 0.0, extreme).max(axis=1)
    own_high = np.diag(extreme)
    levels = np.where(worst > 0, own_high / np.where(worst > 0, worst, 1), np.inf)
    class_high = np.maximum(bounds.class_levels[1], levels)
    return Spread(
        transition=(low, high),
        noise_rate=(max(bounds.noise_rate[0] - float(unforeseen.sum()), 0.0), bounds.noise_rate[1]),
        gap=(bounds.gap[0], max(bounds.gap[1], float(gap(extreme)))),
        class_levels=(bounds.class_levels[0], class_high),
        level=(bounds.level[0], max(bounds.level[1], float(class_high.min()))),
    )
