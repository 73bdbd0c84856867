"""Rows of T as softmaxes of logits that share parameters.

A tie (K, K) says which: cells of a row with the same number are equal. The diagonal (-1) has logit
0, and a cell off the diagonal with -1 is 0. One number for all cells off the diagonal is symmetric
noise, one a row is a rate for each class, K (K - 1) numbers any T.
"""

import numpy as np

from alfs_cli.arrays import FloatArray, IntArray

LOGIT_FLOOR = -14.0  # a rate of a millionth, which stands for none
LOGIT_CEILING = 14.0
SMALLEST = 1e-6  # probabilities below it carry no more evidence


def no_tie(K: int) -> IntArray:
    """Return the tie of T = I."""
    return np.full((K, K), -1, dtype=np.int64)


def symmetric_tie(K: int) -> IntArray:
    """Return the tie of T with one rate for all classes."""
    return np.where(np.eye(K, dtype=bool), -1, 0).astype(np.int64)


def row_tie(K: int) -> IntArray:
    """Return the tie of T with one rate for each true class."""
    rows = np.repeat(np.arange(K)[:, None], K, axis=1)
    return np.where(np.eye(K, dtype=bool), -1, rows).astype(np.int64)


def full_tie(K: int) -> IntArray:
    """Return the tie of an unrestricted T."""
    tie = np.full((K, K), -1, dtype=np.int64)
    off = ~np.eye(K, dtype=bool)
    tie[off] = np.arange(K * (K - 1))
    return tie


def strong_tie(strength: FloatArray, *, least: float, most: int) -> IntArray:
    """Return the tie of T with one rate for each class and the strongest cells free.

    `strength` (K, K) ranks the cells; those above `least` are free, at most `most` in all.
    """
    K = len(strength)
    ranked = np.where(np.eye(K, dtype=bool), -np.inf, strength).ravel()
    chosen = np.argsort(-ranked, kind="stable")[:most]
    chosen = chosen[ranked[chosen] > least]
    tie = row_tie(K)
    tie.ravel()[chosen] = K + np.arange(len(chosen))
    return tie


def tied_transition(theta: FloatArray, tie: IntArray) -> FloatArray:
    """Return T (K, K) of free logits theta under a tie."""
    fixed = np.where(np.eye(len(tie), dtype=bool), 0.0, -np.inf)
    logits = np.where(tie >= 0, theta[np.maximum(tie, 0)], fixed) if len(theta) else fixed
    logits -= logits.max(axis=1, keepdims=True)
    T = np.exp(logits)
    return np.asarray(T / T.sum(axis=1, keepdims=True), dtype=np.float64)


def tied_logits(T: FloatArray, tie: IntArray) -> FloatArray:
    """Return the logits whose T under a tie is near a given one: means over the tied cells."""
    logits = np.log(np.maximum(T, SMALLEST)) - np.log(np.maximum(np.diag(T), SMALLEST))[:, None]
    off = tie >= 0
    count = np.bincount(tie[off])
    return np.asarray(
        np.clip(np.bincount(tie[off], logits[off]) / count, LOGIT_FLOOR, LOGIT_CEILING),
        dtype=np.float64,
    )


def log_jacobian(T: FloatArray, tie: IntArray) -> FloatArray:
    """Return the derivatives (K, K, P) of log T by theta."""
    K, P = len(T), int(tie.max()) + 1
    jacobian = np.zeros((K, K, P))
    share = np.zeros((K, P))
    rows, columns = np.nonzero(tie >= 0)
    np.add.at(share, (rows, tie[rows, columns]), T[rows, columns])
    jacobian[rows, columns, tie[rows, columns]] = 1.0
    jacobian -= share[:, None, :]
    return jacobian
