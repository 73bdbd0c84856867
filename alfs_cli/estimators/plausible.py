"""Estimates at trust low, shrunk towards the noise rates that data sets usually have.

At trust low many noise rates explain the labels about equally well, and the value of highest
likelihood is often far too high. The value moves halfway to the expected noise rate, within its
bounds; the bounds stay as they are.
"""

from dataclasses import replace

import numpy as np

from alfs_cli.arrays import FloatArray
from alfs_cli.estimators.parts.counts import gap, weakest_pair
from alfs_cli.estimators.summary import dominance
from alfs_cli.estimators.tuning import PLAUSIBLE
from alfs_cli.noise import class_clean_levels, row_total_variation, runners_up
from alfs_cli.results.estimate import Bounded, ClassCleanLevel, CleanLevel, NoiseEstimate


def plausible(estimate: NoiseEstimate, rate: float) -> NoiseEstimate:
    """Return the estimate moved halfway to a noise rate, within its bounds.

    `rate` is the posterior mean of the noise rate under a prior of what data sets usually have. T
    keeps its shape: its off-diagonal cells are scaled by one factor.
    """
    now = estimate.noise_rate
    wanted = leaning_rate(now, rate)
    prior = np.array(estimate.class_prior)
    T = at_rate(np.array(estimate.transition), prior, wanted)
    low, high = np.array(estimate.transition_low), np.array(estimate.transition_high)
    value = float(1 - prior @ np.diag(T))
    levels = class_clean_levels(T)
    true, given = weakest_pair(T)
    names, least = estimate.data.classes, float(levels.min())
    was = estimate.clean_level
    level = CleanLevel(least, min(was.low, least), max(was.high, least), names[true], names[given])
    reason = (
        f"noise rates from {100 * now.low:.1f} to {100 * now.high:.1f} % explain the labels about "
        f"equally: the estimate is moved towards what data sets usually have"
    )
    truth = estimate.truth
    if truth is not None:
        truth = replace(truth, row_tv=row_total_variation(T, np.array(truth.transition)))
    return replace(
        estimate,
        noise_rate=_within(now, value),
        transition=_rows(T),
        transition_low=_rows(np.minimum(low, T)),
        transition_high=_rows(np.maximum(high, T)),
        class_clean_level=tuple(
            _level(was, float(levels[i]), names[int(j)])
            for i, (was, j) in enumerate(
                zip(estimate.class_clean_level, runners_up(T), strict=True)
            )
        ),
        clean_level=level,
        dominant=dominance(level),
        gap=_within(estimate.gap, float(gap(T))),
        trust=replace(estimate.trust, reasons=(*estimate.trust.reasons, reason)),
        truth=truth,
    )


def leaning_rate(now: Bounded, rate: float) -> float:
    """Return the noise rate halfway to what data sets usually have, inside its bounds.

    >>> leaning_rate(Bounded(0.6, 0.0, 0.7), 0.1)
    0.35
    """
    moved = (1 - PLAUSIBLE.leaning) * now.value + PLAUSIBLE.leaning * rate
    return float(np.clip(moved, now.low, now.high))


def at_rate(T: FloatArray, prior: FloatArray, rate: float) -> FloatArray:
    """Return T (K, K) with its off-diagonal cells scaled so that the noise rate is `rate`.

    `prior` (K,) are the shares of the true classes. A T with next to no noise has no shape to
    scale: its noise goes evenly to the other classes. Classes without examples are left as they
    are. Every row keeps at least `PLAUSIBLE.least_diagonal`, so that the result may fall short of a
    very high rate.

    >>> at_rate(np.array([[0.8, 0.2], [0.0, 1.0]]), np.array([0.5, 0.5]), 0.05)
    array([[0.9, 0.1],
           [0. , 1. ]])
    """
    present = prior > 0
    between = np.outer(present, present) & ~np.eye(len(T), dtype=bool)
    off = np.where(between, T, 0.0)
    if prior @ off.sum(axis=1) < PLAUSIBLE.shapeless:
        off = between / max(int(present.sum()) - 1, 1)
    if not off.any():
        return T
    off = off * rate / (prior @ off.sum(axis=1))
    leaves = off.sum(axis=1, keepdims=True)
    off = off * np.minimum(1, (1 - PLAUSIBLE.least_diagonal) / np.maximum(leaves, 1e-12))
    return np.asarray(off + np.diag(1 - off.sum(axis=1)), dtype=np.float64)


def _level(was: ClassCleanLevel, value: float, runner_up: str) -> ClassCleanLevel:
    low, high = min(was.low, value), max(was.high, value)
    return replace(was, value=value, low=low, high=high, runner_up=runner_up)


def _within(was: Bounded, value: float) -> Bounded:
    return Bounded(value, min(was.low, value), max(was.high, value))


def _rows(matrix: FloatArray) -> tuple[tuple[float, ...], ...]:
    return tuple(map(tuple, matrix.tolist()))
