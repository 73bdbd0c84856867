"""Proofs that a point has a lower risk than the vertex, which every refutation needs.

`rise` is an upper bound of R(u) - R(vertex) that includes rounding errors: if it is negative, so is
the difference. If a loss approaches its infimum at the vertex and elsewhere, no point is lower. Its
risks are then compared over logits within several bounds.
"""

import itertools

import numpy as np

from alfs_cli.arrays import FloatArray
from alfs_cli.certificate.risk import risk_at, slope_range
from alfs_cli.losses import SeparableSum
from alfs_cli.losses.ruling import EQUAL
from alfs_cli.losses.terms import Computed, Parts

STEPS = np.concatenate([[0.0], np.geomspace(1e-9, 1.0, 120)])  # shares of the line
SLOPE_ROUNDING = 1e-13  # relative bound of the rounding error of a sum of slopes
DEPTHS = (50.0, 100.0, 200.0)  # bounds of the log-probabilities
MOST_WAYS = 64  # at most about this many numbers of deep labels are tried


def rise(
    separable: SeparableSum | None,
    vectors: list[tuple[float, Computed]],
    u: FloatArray,
    w: FloatArray,
) -> FloatArray:
    """Return an upper bound of R(u) - R(vertex) (M,) for a sum of terms; NaN if none is known."""
    total = np.zeros(len(w)) if separable is None else separable_rise(separable, u, w)
    with np.errstate(invalid="ignore"):
        for weight, part in vectors:
            total = total + weight * part.rise(u, w)
    return total


def separable_rise(loss: SeparableSum, u: FloatArray, w: FloatArray) -> FloatArray:
    """Return an upper bound of R(u) - R(vertex) (M,) for l(u).

    The bound from values is used if it is negative; otherwise the sharper bound from slopes.
    """
    found = _by_values(loss, u, w)
    unclear = ~(found < 0)
    if unclear.any() and all(part.shape != "other" for _, part in loss.parts):
        found[unclear] = np.fmin(found[unclear], _by_slopes(loss, u[unclear], w[unclear]))
    return found


def _by_values(loss: SeparableSum, u: FloatArray, w: FloatArray) -> FloatArray:
    with np.errstate(all="ignore"):
        ends = loss.value(np.array([0.0, 1.0]))
        here = np.where(w > 0, w * loss.value(u), 0.0).sum(axis=1)
        others = w[:, 1:].sum(axis=1)
        there = w[:, 0] * ends[1] + np.where(others > 0, others * ends[0], 0.0)
        return np.asarray(here - there + EQUAL * _finite(np.abs(here) + np.abs(there)))


def _finite(values: FloatArray) -> FloatArray:
    return np.where(np.isfinite(values), values, 0.0)


def _by_slopes(loss: SeparableSum, u: FloatArray, w: FloatArray) -> FloatArray:
    """Return an upper sum of the slope of R along the straight line from the vertex to u (M,).

    Let s be the probability moved from the true class. At share t of the line, R changes at the
    rate w_m g(1 - t s) s - sum_i w_i g(t u_i) u_i. g of every term is monotone, so that its values
    at both ends of a step bound it on the step. A difference of values would lose small changes to
    cancellation; this sum does not.
    """
    moved = u[:, 1:].sum(axis=1)
    total, size = np.zeros(len(w)), np.zeros(len(w))
    with np.errstate(all="ignore"):
        for a, b in itertools.pairwise(STEPS):
            _, own = slope_range(loss, 1 - b * moved, 1 - a * moved)
            least, _ = slope_range(loss, a * u[:, 1:], b * u[:, 1:])
            gives = w[:, 0] * own * moved
            takes = np.where(u[:, 1:] > 0, w[:, 1:] * least * u[:, 1:], 0.0).sum(axis=1)
            total += (gives - takes) * (b - a)
            size += (gives + takes) * (b - a)
    return np.where(moved > 0, total + SLOPE_ROUNDING * size, 0.0)


def moves_in_bounds(parts: Parts, u: FloatArray, w: FloatArray) -> bool:
    """Return whether u (K,) has a lower risk than every point near the vertex, within each bound.

    For sums of NCE and NFL. Near means 100 times nearer to the vertex than u: every other log u_j
    is below `near`. There the risk is a quotient of linear functions of the log u_j. Its minimum
    has the rarest labels at the bound of the log-probabilities and the others at `near`, so that
    only those points have to be tried.
    """
    K, away = len(w), 1 - u[0]
    if away <= 0:
        return False
    near = np.log(away / 100)
    deep = np.unique(np.geomspace(1, K - 1, MOST_WAYS).astype(int)) if K > MOST_WAYS else None
    counts = np.arange(1, K) if deep is None else deep
    for depth in DEPTHS:
        if -near >= depth:
            return False
        ways = np.full((len(counts), K), near)
        ways[:, 0] = 0.0
        for way, count in zip(ways, counts, strict=True):
            way[K - count :] = -depth
        points = np.concatenate([np.maximum(np.log(np.maximum(u, 1e-300)), -depth)[None], ways])
        value, _ = risk_at(parts, points, np.repeat(w[None], len(points), axis=0))
        if not value[0] < value[1:].min() - EQUAL * abs(value[0]):
            return False
    return True
