"""How much the given labels tell of the head and of T: summed outer products of derivatives."""

from itertools import pairwise

import numpy as np

from alfs_cli.arrays import FloatArray, IntArray
from alfs_cli.estimators.joint.scores import Scores, Single
from alfs_cli.estimators.joint.ties import log_jacobian

BLOCK = 2**19  # numbers worked on at once, so that they stay in the cache


def information(
    scores: Scores,
    probs: Single,
    T: FloatArray,
    tie: IntArray,
    *,
    columns: IntArray,
    has_head: bool = True,
) -> FloatArray:
    """Return the information (P, P) of one example, a mean over some of them.

    `columns` (n,) increase; `probs` (K, n) are what the head makes of them. The parameters are
    those of the head, A before b, and T's last; T's alone without `has_head`.
    """
    jacobian, K = log_jacobian(T, tie), len(T)
    D = 1 if scores.is_scaled else len(scores.values)
    width = jacobian.shape[2] + (K * D + K if has_head else 0)
    size, total = max(1, BLOCK // width), np.zeros((width, width))
    for first in range(0, len(columns), size):
        some = slice(first, first + size)
        rows = _derivatives(
            scores, probs[:, some], T, jacobian, columns=columns[some], has_head=has_head
        )
        total += rows @ rows.T
    return total / len(columns)


def _derivatives(
    scores: Scores,
    probs: Single,
    T: FloatArray,
    jacobian: FloatArray,
    *,
    columns: IntArray,
    has_head: bool,
) -> FloatArray:
    """Return the derivatives (P, n) of the examples' log-likelihood by all parameters."""
    Q = probs.astype(np.float64)
    start = np.searchsorted(columns, scores.start)
    labels = np.repeat(np.arange(len(start) - 1), np.diff(start))
    R = Q * T[:, labels]
    R /= np.maximum(R.sum(axis=0), 1e-30)
    by_theta = np.empty((jacobian.shape[2], len(columns)))
    for label, (first, last) in enumerate(pairwise(start)):
        by_theta[:, first:last] = jacobian[:, label].T @ R[:, first:last]
    if not has_head:
        return by_theta
    moved = R - Q
    X = scores.values[:, columns].astype(np.float64)
    by_weight = moved * X if scores.is_scaled else moved[:, None, :] * X[None]
    return np.concatenate([by_weight.reshape(-1, len(columns)), moved, by_theta])
