"""Confidence bounds of the clean level from counts of (true class, given label)."""

import numpy as np
from numpy.typing import ArrayLike

from alfs_cli.arrays import FloatArray
from alfs_cli.errors import InputError, UsageError


def clean_level_bounds(
    counts: ArrayLike, alpha: float = 0.05, *, weights: ArrayLike | None = None
) -> tuple[FloatArray, FloatArray]:
    """Return one-sided bounds (low, high), each (K, K), of every ratio T[i, i] / T[i, j].

    `counts[i, j]` is the number of examples of true class i with label j. Given C_ii + C_ij, the
    count C_ii is binomial, so that each ratio has Clopper-Pearson bounds. The lower bounds have
    level alpha each; their minimum is then a bound of r at level alpha, because an
    intersection-union test needs no correction. The upper bounds have level alpha / (K (K - 1)).
    `weights[i, j]` multiplies ratio (i, j) where examples were sampled at different rates by label.
    The diagonals are infinite. Raises InputError for counts that are not (K, K), finite and
    non-negative.

    >>> low, high = clean_level_bounds([[90, 10], [10, 90]])
    >>> bool(low[0, 1] < 9 < high[0, 1])
    True
    """
    from scipy.special import betaincinv

    C = _checked_counts(counts)
    K = len(C)
    pairs, place = np.unique(np.diag(C)[:, None] + 1j * C, return_inverse=True)
    own, other = pairs.real, pairs.imag  # distinct pairs only: even 1,000 classes have few
    with np.errstate(divide="ignore", invalid="ignore"):
        low_share = np.where(own > 0, betaincinv(np.maximum(own, 1e-9), other + 1, alpha), 0.0)
        level = 1 - alpha / (K * (K - 1))
        high_share = np.where(other > 0, betaincinv(own + 1, np.maximum(other, 1e-9), level), 1.0)
        low = low_share / (1 - low_share)
        high = np.where(high_share < 1, high_share / (1 - high_share), np.inf)
    low, high = low[place].reshape(K, K), high[place].reshape(K, K)
    if weights is not None:
        low = low * np.asarray(weights, dtype=np.float64)
        high = high * np.asarray(weights, dtype=np.float64)
    np.fill_diagonal(low, np.inf)
    np.fill_diagonal(high, np.inf)
    return np.asarray(low), np.asarray(high)


def clean_level_lower_bound(
    counts: ArrayLike, alpha: float = 0.05, *, contamination: float = 0.0
) -> float:
    """Return the one-sided 1 - alpha lower confidence bound of r from counts (K, K).

    `counts[i, j]` is the number of examples of true class i with label j; rows are multinomial. The
    bound is an intersection-union of Clopper-Pearson bounds. It covers sampling error, but not
    errors in the true classes.

    `contamination` is the share of each row's examples that may belong to other classes,
    independently of their labels. Then T_ii / T_ij >= (S_ii - contamination) / S_ij, where S are
    the observed shares; S_ii and S_ij are bounded at level alpha / 2 each.

    Raises InputError for counts that are not (K, K), whole and non-negative, and UsageError for
    alpha outside (0, 1) or contamination outside [0, 1).

    >>> round(clean_level_lower_bound([[90, 10], [10, 90]]), 2)
    5.11
    """
    if not 0 < alpha < 1:
        raise UsageError(f"alpha is {alpha}, not between 0 and 1", help="for example alpha=0.05")
    if not 0 <= contamination < 1:
        raise UsageError(
            f"contamination is {contamination}, not from 0 up to, not including, 1",
            help="for example contamination=0.02",
        )
    C = _checked_counts(counts)
    if (np.floor(C) != C).any():
        raise InputError("counts must be whole numbers", help="shares have no sampling error")
    if contamination == 0:
        return float(clean_level_bounds(counts, alpha)[0].min())
    return _contaminated_bound(C, alpha, contamination)


def _contaminated_bound(C: FloatArray, alpha: float, contamination: float) -> float:
    from scipy.special import betaincinv

    n = C.sum(axis=1, keepdims=True)
    own = np.diag(C)[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        own_low = np.where(own > 0, betaincinv(own, n - own + 1, alpha / 2), 0.0)
        other_high = np.where(n > C, betaincinv(C + 1, n - C, 1 - alpha / 2), 1.0)
    low = np.maximum(own_low - contamination, 0) / other_high
    np.fill_diagonal(low, np.inf)
    return float(low.min())


def _checked_counts(counts: ArrayLike) -> FloatArray:
    C = np.asarray(counts, dtype=np.float64)
    if C.ndim != 2 or C.shape[0] != C.shape[1] or len(C) < 2:
        raise InputError(
            f"counts have shape {C.shape}, not (K, K) with K >= 2",
            help="rows are true classes, columns given labels",
        )
    if not np.isfinite(C).all() or (C < 0).any():
        raise InputError(
            "counts must be finite and not below 0", help="counts of examples, whole or weighted"
        )
    return C
