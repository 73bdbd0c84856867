"""Estimates from counts of (true class, given label), and bounds by resampling the counts."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alfs_cli.arrays import FloatArray, IntArray
from alfs_cli.estimators.parts.grounds import Grounds, graded
from alfs_cli.estimators.tuning import TRUST
from alfs_cli.noise import class_clean_levels, clean_level_bounds, rows_of_counts
from alfs_cli.results.estimate import Bounded

BOOTSTRAP_BLOCK = 2**18  # numbers in memory at once while resampling
MAX_DRAWN, MIN_RESAMPLES = 2 * 10**7, 100  # cells of all replicates together, and replicates


@dataclass(frozen=True, eq=False)
class Spread:
    """One-sided lower and upper bounds at a confidence.

    They are those of T (K, K), the noise rate, the gap, each class's clean level r_i (K,), and the
    clean level r.
    """

    transition: tuple[FloatArray, FloatArray]
    noise_rate: tuple[float, float]
    gap: tuple[float, float]
    class_levels: tuple[FloatArray, FloatArray]
    level: tuple[float, float]


def widest(spreads: Sequence[Spread]) -> Spread:
    """Return the lowest of the lower bounds and the highest of the upper bounds."""
    return _taken(spreads, np.minimum, np.maximum)


def narrowest(spreads: Sequence[Spread]) -> Spread:
    """Return the highest of the lower bounds and the lowest of the upper bounds."""
    return _taken(spreads, np.maximum, np.minimum)


def _taken(spreads: Sequence[Spread], lower: np.ufunc, upper: np.ufunc) -> Spread:
    def number(pairs: list[tuple[float, float]]) -> tuple[float, float]:
        lows, highs = zip(*pairs, strict=True)
        return float(lower.reduce(lows)), float(upper.reduce(highs))

    def cells(pairs: list[tuple[FloatArray, FloatArray]]) -> tuple[FloatArray, FloatArray]:
        lows, highs = zip(*pairs, strict=True)
        return lower.reduce(lows), upper.reduce(highs)

    return Spread(
        transition=cells([one.transition for one in spreads]),
        noise_rate=number([one.noise_rate for one in spreads]),
        gap=number([one.gap for one in spreads]),
        class_levels=cells([one.class_levels for one in spreads]),
        level=number([one.level for one in spreads]),
    )


@dataclass(frozen=True, eq=False)
class CountedEstimate:
    """An estimate of T from counts by true class and given label.

    Args:
        method: the name of the method.
        counts: the counts (K, K); rows are true classes.
        given_counts: the number of all examples by given label, (K,).
        by_column: whether each column is a sample of the examples with that given label, to be
            scaled to their number; otherwise each row is a sample of its true class.
        are_true: whether true labels were counted, rather than guesses.
        examples: the number of examples counted, where weights make the sum of the counts smaller.
    """

    method: str
    counts: FloatArray
    given_counts: IntArray
    by_column: bool = True
    are_true: bool = False
    examples: int | None = None

    def joint(self) -> FloatArray:
        """Return the counts scaled to all examples, (K, K)."""
        if self.by_column:
            return calibrated_joint(self.counts, self.given_counts)
        joint = self.prior()[:, None] * self.transition() * self.given_counts.sum()
        return np.asarray(joint, dtype=np.float64)

    def transition(self) -> FloatArray:
        """Return T (K, K); the row of a class without counts is that of the identity."""
        return rows_of_counts(self.joint() if self.by_column else self.counts)

    def prior(self) -> FloatArray:
        """Return the share of each true class, (K,)."""
        if self.by_column:
            rows = self.joint().sum(axis=1)
            return np.asarray(rows / rows.sum(), dtype=np.float64)
        from scipy.optimize import nnls

        shares, _ = nnls(self.transition().T, self.given_counts / self.given_counts.sum())
        return np.asarray(shares / shares.sum(), dtype=np.float64)

    def spread(
        self, *, confidence: float, resamples: int, generator: np.random.Generator
    ) -> Spread:
        """Return bounds that allow for sampling error."""
        return spread(self, confidence=confidence, resamples=resamples, generator=generator)

    def others(self) -> tuple["CountedEstimate", ...]:
        """Return no other methods."""
        return ()

    def grounds(self, rate: Bounded) -> Grounds:
        """Return how many true labels were counted, or that overlap is counted as noise."""
        if not self.are_true:
            return Grounds(overlap="noise")
        total = round(float(self.counts.sum())) if self.examples is None else self.examples
        smallest = int(self.counts.sum(axis=1).min() + 1e-6)
        text = (
            f"{total:,} trusted examples counted, {smallest} of the rarest true class: "
            "--method auto learns more from them"
        )
        remark = graded(smallest, TRUST.examples_high, TRUST.examples_medium, text)
        return Grounds((remark,), is_calibrated=True, trusted=total)


def calibrated_joint(counts: FloatArray, given_counts: IntArray) -> FloatArray:
    """Return counts (..., K, K) with columns scaled to the given totals (K,).

    A label that was never counted is counted for its own class, as nothing speaks against it.

    >>> calibrated_joint(np.array([[3, 1], [1, 1]]), np.array([8, 4])).tolist()
    [[6.0, 2.0], [2.0, 2.0]]
    """
    sums = counts.sum(axis=-2)
    K = counts.shape[-1]
    empty = sums <= 0
    filled = np.where(empty[..., None, :], np.eye(K), counts)
    scale = given_counts / np.where(empty, 1.0, sums)
    return np.asarray(filled * scale[..., None, :], dtype=np.float64)


def spread(
    estimate: CountedEstimate,
    *,
    confidence: float,
    resamples: int,
    generator: np.random.Generator,
) -> Spread:
    """Return bounds of an estimate that allow for sampling error.

    The counted cells are resampled as one multinomial; bounds of T, of the noise rate and of the
    gap are quantiles of the replicates. Bounds of clean levels are Clopper-Pearson bounds of pairs
    of cells (noise.clean_level_bounds).
    """
    alpha = 1 - confidence
    K = len(estimate.counts)
    total = round(float(estimate.counts.sum()))
    drawn = _Resampled(estimate, total)
    keep = int(np.clip(MAX_DRAWN // len(drawn.rows), MIN_RESAMPLES, resamples))
    cells, rates, gaps = drawn.draw(keep, generator)
    cells.sort(axis=1)
    low, high = (_quantile(cells, level) for level in (alpha, confidence))
    T_low, T_high = np.zeros((K, K)), np.zeros((K, K))
    T_low[drawn.rows, drawn.columns], T_high[drawn.rows, drawn.columns] = low, high
    rate_low, rate_high = np.quantile(rates, [alpha, confidence])
    # A cell that was never counted may still occur. So no upper bound is below the one that n
    # draws without an occurrence allow.
    T_high = np.maximum(T_high, _unseen(estimate.counts.sum(axis=1), alpha)[:, None])
    rate_high = max(rate_high, float(_unseen(np.array(float(total)), alpha)))
    gap_low, gap_high = np.quantile(gaps, [alpha, confidence])

    columns = estimate.counts.sum(axis=0)
    scale = np.where(columns > 0, estimate.given_counts / np.where(columns > 0, columns, 1), 1.0)
    scale = np.where((scale > 0) & estimate.by_column, scale, 1.0)
    low, high = clean_level_bounds(estimate.counts, alpha, weights=scale[:, None] / scale[None, :])
    _, row_high = clean_level_bounds(
        estimate.counts, alpha * K, weights=scale[:, None] / scale[None, :]
    )
    return Spread(
        transition=(T_low, T_high),
        noise_rate=(float(rate_low), float(rate_high)),
        gap=(float(gap_low), float(gap_high)),
        class_levels=(low.min(axis=1), row_high.min(axis=1)),
        level=(float(low.min()), float(high.min())),
    )


class _Resampled:
    """Bootstrap replicates of T, in the cells that a replicate can fill, sorted by row.

    These are the cells with a count and the diagonal. So the cost for a thousand classes depends on
    what was counted, not on a million cells.
    """

    def __init__(self, estimate: CountedEstimate, total: int) -> None:
        K = len(estimate.counts)
        counted = (estimate.counts > 0) | np.eye(K, dtype=bool)
        self.rows, self.columns = np.nonzero(counted)
        self.is_own = self.rows == self.columns
        self.row_starts = np.searchsorted(self.rows, np.arange(K))
        shares = estimate.counts[self.rows, self.columns]
        self.shares = shares / max(float(shares.sum()), 1e-12)
        self.by_column = np.argsort(self.columns, kind="stable")
        self.column_starts = np.searchsorted(self.columns[self.by_column], np.arange(K))
        self.estimate, self.total = estimate, total
        self.prior = None if estimate.by_column else estimate.prior()

    def draw(
        self, count: int, generator: np.random.Generator
    ) -> tuple[NDArray[np.float32], FloatArray, FloatArray]:
        """Return replicates: cells of T (cells, count), noise rates (count,) and gaps (count,)."""
        cells = np.empty((len(self.rows), count), dtype=np.float32)
        rates, gaps = np.empty(count), np.empty(count)
        block = max(1, BOOTSTRAP_BLOCK // len(self.rows))
        for start in range(0, count, block):
            part = slice(start, min(start + block, count))
            drawn = generator.multinomial(self.total, self.shares, size=part.stop - start)
            T, rates[part], gaps[part] = self._resample(drawn.astype(np.float64))
            cells[:, part] = T.T
        return cells, rates, gaps

    def _resample(self, joint: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        if self.estimate.by_column:
            sums = np.add.reduceat(joint[:, self.by_column], self.column_starts, axis=1)
            joint[:, self.is_own] += sums == 0
            joint *= (self.estimate.given_counts / np.maximum(sums, 1))[:, self.columns]
        rows = np.add.reduceat(joint, self.row_starts, axis=1)
        T = joint / np.where(rows > 0, rows, 1)[:, self.rows]
        T[:, self.is_own] += rows == 0
        own = T[:, self.is_own]
        shares = rows / rows.sum(axis=1, keepdims=True) if self.prior is None else self.prior
        rates = 1 - (own * shares).sum(axis=1)
        rest = np.where(self.is_own, 0.0, T)  # cells that are not drawn are 0
        return T, rates, (own - np.maximum.reduceat(rest, self.row_starts, axis=1)).min(axis=1)


def _quantile(ordered: NDArray[np.float32], level: float) -> FloatArray:
    """Return a quantile of each sorted row, interpolated linearly."""
    place = level * (ordered.shape[1] - 1)
    first = int(place)
    second = min(first + 1, ordered.shape[1] - 1)
    share = place - first
    return np.asarray((1 - share) * ordered[:, first] + share * ordered[:, second], np.float64)


def _unseen(n: FloatArray, alpha: float) -> FloatArray:
    """Return the largest rate at which n draws show nothing with probability alpha."""
    return np.asarray(1 - alpha ** (1 / np.maximum(n, 1)), dtype=np.float64)


def gap(T: FloatArray) -> FloatArray:
    """Return min_i (T[i, i] - max_{j != i} T[i, j]) of matrices (..., K, K).

    >>> float(gap(np.array([[0.75, 0.25], [0.0, 1.0]])))
    0.5
    """
    rest = T.copy()
    K = T.shape[-1]
    rest[..., np.arange(K), np.arange(K)] = -np.inf
    own = T[..., np.arange(K), np.arange(K)]
    return np.asarray((own - rest.max(axis=-1)).min(axis=-1), dtype=np.float64)


def weakest_pair(T: FloatArray) -> tuple[int, int]:
    """Return the (true, given) classes at which r = min_i r_i is attained."""
    levels = class_clean_levels(T)
    true = int(levels.argmin())
    rest = T[true].copy()
    rest[true] = -1
    return true, int(rest.argmax())
