"""Rows of T as softmaxes of logits that share parameters.

A tie (K, K) says which: cells of a row with the same number from 0 on are equal. The others are
fixed: OWN, on the diagonal, has logit 0, and NEVER is a cell of probability 0. One number for all
cells off the diagonal is symmetric noise, one a row is a rate for each class, K (K - 1) numbers any
T.
"""

import numpy as np

from alfs_cli.arrays import FloatArray, IntArray

OWN, NEVER = -2, -1  # places, from the end, of their logits behind those that are free
FIXED = np.array((0.0, -np.inf))  # these
LOGIT_FLOOR = -14.0  # a rate of a millionth, which stands for none
LOGIT_CEILING = 14.0
SMALLEST = 1e-6  # probabilities below it carry no more evidence


def no_tie(K: int) -> IntArray:
    """Return the tie of T = I."""
    return _off_diagonal(np.full((K, K), NEVER))


def symmetric_tie(K: int) -> IntArray:
    """Return the tie of T with one rate for all classes."""
    return _off_diagonal(np.zeros((K, K)))


def row_tie(K: int) -> IntArray:
    """Return the tie of T with one rate for each true class."""
    return _off_diagonal(np.repeat(np.arange(K)[:, None], K, axis=1))


def full_tie(K: int) -> IntArray:
    """Return the tie of an unrestricted T."""
    tie = np.zeros((K, K), dtype=np.int64)
    tie[~np.eye(K, dtype=bool)] = np.arange(K * (K - 1))
    return _off_diagonal(tie)


def _off_diagonal(tie: FloatArray | IntArray) -> IntArray:
    return np.where(np.eye(len(tie), dtype=bool), OWN, tie).astype(np.int64)


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
    logits = np.concatenate((theta, FIXED))[tie]
    T = np.exp(logits - np.maximum.reduce(logits, axis=1, keepdims=True))
    return np.asarray(T / np.add.reduce(T, axis=1, keepdims=True), dtype=np.float64)


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
    K, P = len(T), max(int(tie.max()) + 1, 0)
    jacobian = np.zeros((K, K, P))
    share = np.zeros((K, P))
    rows, columns = np.nonzero(tie >= 0)
    np.add.at(share, (rows, tie[rows, columns]), T[rows, columns])
    jacobian[rows, columns, tie[rows, columns]] = 1.0
    jacobian -= share[:, None, :]
    return jacobian
