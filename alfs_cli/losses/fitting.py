"""How fast a loss fits: its speed on one example relative to cross entropy.

A heuristic, not a theorem: with the paper's losses the score rises with their clean accuracy
(Spearman correlation .89 on CIFAR-10).
"""

import math
from functools import cache

import numpy as np

from alfs_cli.arrays import FloatArray
from alfs_cli.errors import UsageError
from alfs_cli.losses import Loss

NODES = 200


@cache
def _rule() -> tuple[FloatArray, FloatArray]:
    """Return nodes and weights of Gauss-Legendre quadrature on [-1, 1]."""
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    return nodes, weights


def example_weight(loss: Loss, p: FloatArray, num_classes: int) -> FloatArray:
    """Return omega(p) = -(dL / dz_y) / (1 - p_y), the weight of an example; 1 for cross entropy.

    The label's probability is p (M,), the other classes share the rest equally.
    """
    K = num_classes
    probs = np.repeat(((1 - p) / (K - 1))[:, None], K, axis=1)
    probs[:, 0] = p
    w = np.zeros_like(probs)
    w[:, 0] = 1.0
    slope = np.zeros_like(p)
    for weight, part in loss.parts(K):
        _, derivative = part.risk(np.log(probs), w)
        slope = slope - weight * derivative[:, 0]
    return np.asarray(slope / (1 - p))


def fit_score(loss: Loss, num_classes: int) -> float:
    """Return the speed of gradient flow on one example from p = 1 / K to 1 / 2, relative to CE.

    phi = int dm / (1 - p) / int dm / (-dL/dz_y) over the margin m in [0, ln(K - 1)] with
    p = e^m / (e^m + K - 1); for K = 2, where both are empty, omega(1 / 2). It is 1 for cross
    entropy and proportional to the weight of the loss; multiply by the learning rate to compare
    runs. 0 where the loss has a point that it does not leave.
    """
    K = num_classes
    if K < 2:
        raise UsageError(
            f"a fit score needs two classes or more, got {K}", help="give num_classes >= 2"
        )
    if K == 2:
        return float(example_weight(loss, np.array([0.5]), 2)[0])
    nodes, weights = _rule()
    m = (nodes + 1) * math.log(K - 1) / 2
    p = np.exp(m) / (np.exp(m) + K - 1)
    omega = example_weight(loss, p, K)
    if (omega <= 0).any():
        return 0.0
    return float((weights / (1 - p)).sum() / (weights / (omega * (1 - p))).sum())


def corrected_fit_score(loss: Loss, T: FloatArray) -> float:
    """Return the fit score of a loss of log(T^T p): the least over the classes with examples of it.

    T (K, K) has rows of true classes. The label's logit climbs as in `fit_score`, the others equal,
    and by the chain rule -dL/dz_y = -p_y sum_j D_j T_yj / u_j, where u = T^T p and D is the
    derivative of the loss by the logits of u. Where T is far from the identity, u hardly moves
    with p, and a corrected loss fits that much more slowly. A class whose own label it seldom gets
    (T_yy below the others') counts at its likeliest label.
    """
    K = len(T)
    nodes, weights = _rule()
    m = (nodes + 1) * math.log(max(K - 1, 2)) / 2
    p = np.exp(m) / (np.exp(m) + K - 1)
    scores = []
    for cls in range(K):
        given = int(T[cls].argmax())
        probs = np.repeat(((1 - p) / (K - 1))[:, None], K, axis=1)
        probs[:, cls] = p
        u = np.maximum(probs @ T, 1e-12)
        w = np.zeros_like(u)
        w[:, given] = 1.0
        slope = np.zeros_like(u)
        for weight, part in loss.parts(K):
            slope = slope + weight * part.risk(np.log(u), w)[1]
        speed = -p * (slope * T[cls] / u).sum(axis=1)
        if (speed <= 0).any():
            return 0.0
        scores.append(float((weights / (1 - p)).sum() / (weights / speed).sum()))
    return min(scores)
