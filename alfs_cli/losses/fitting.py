"""The fit score of a loss: how fast it fits one example, relative to cross entropy.

The score is a heuristic. Among the paper's losses it rises with their accuracy on clean CIFAR-10
(Spearman correlation 0.89).
"""

import math
from functools import cache

import numpy as np

from alfs_cli.arrays import FloatArray
from alfs_cli.errors import UsageError
from alfs_cli.losses import Loss

NODES = 200  # of the quadrature


@cache
def _rule() -> tuple[FloatArray, FloatArray]:
    """Return nodes and weights (NODES,) of Gauss-Legendre quadrature on [-1, 1]."""
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    return nodes, weights


def example_weight(loss: Loss, p: FloatArray, num_classes: int) -> FloatArray:
    """Return omega(p) = -(dL / dz_y) / (1 - p_y) (M,), the weight of an example; 1 for CE.

    The label has probability p (M,), and the other classes share the rest equally.
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

    phi = int dm / (1 - p) / int dm / (-dL/dz_y) over the margin m in [0, ln(K - 1)], where
    p = e^m / (e^m + K - 1). For K = 2 the interval is empty, and phi is omega(1 / 2). The score is
    1 for cross entropy and proportional to the weight of the loss; score times learning rate
    compares runs. It is 0 if gradient flow stops on the way. Raises UsageError for K < 2.

    >>> from alfs_cli.losses import parse_loss
    >>> round(fit_score(parse_loss("ce:alpha=2"), 10), 9)
    2.0
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
    """Return the fit score of a loss of log(T^T p): the least over all classes.

    T (K, K) has rows of true classes. The true class's logit rises as in `fit_score`, the others
    stay equal, and by the chain rule -dL/dz_y = -p_y sum_j D_j T_yj / u_j, where u = T^T p and D is
    the derivative of the loss by the logits of u. Where T is far from the identity, u changes
    little with p, and a corrected loss fits more slowly. An example of a class is taken to have the
    class's most frequent label under T.
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
