"""Estimates whose bounds come from refitting the method to bootstrap replicates."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from alfs_cli.arrays import FloatArray
from alfs_cli.estimators.joint.bounds import ratio_bounds
from alfs_cli.estimators.parts.counts import Spread, gap
from alfs_cli.estimators.parts.grounds import Grounds, Remark, by_width
from alfs_cli.estimators.parts.sample import Answer
from alfs_cli.results.estimate import Bounded

MAX_CELLS, LEAST_DRAWS = 4 * 10**7, 20  # cells of all replicates together, and replicates
Redraw = Callable[[np.random.Generator], tuple[FloatArray, FloatArray]]


@dataclass(frozen=True, eq=False)
class ResampledEstimate:
    """An estimate of T, and a function that makes bootstrap replicates of it.

    Args:
        method: the name of the method.
        matrix: T (K, K).
        class_prior: the share of each true class, (K,).
        redraw: returns T and the shares of the true classes of one replicate.
        size: the number of examples behind T, for bounds of cells that were never seen.
        most: the largest number of replicates; each is a fit and costs as much.
        remarks: reasons for the trust level.
        beside: other methods' answers, for the report.
        trusted: the number of true labels behind T.
        annotators: the number of annotators behind T.
    """

    method: str
    matrix: FloatArray
    class_prior: FloatArray
    redraw: Redraw
    size: float
    most: int = 100
    remarks: tuple[Remark, ...] = ()
    beside: tuple[Answer, ...] = ()
    trusted: int = 0
    annotators: int = 0

    def transition(self) -> FloatArray:
        """Return T (K, K)."""
        return self.matrix

    def prior(self) -> FloatArray:
        """Return the share of each true class, (K,)."""
        return self.class_prior

    def others(self) -> tuple[Answer, ...]:
        """Return the other methods' answers."""
        return self.beside

    def grounds(self, rate: Bounded) -> Grounds:
        """Return the remarks, and how overlap of the classes in the evidence affects T.

        It does not where T rests on true labels or on several annotators.
        """
        if not self.trusted and not self.annotators:
            return Grounds(self.remarks, overlap="doubt")
        return Grounds(
            (*self.remarks, by_width(rate)),
            is_calibrated=True,
            trusted=self.trusted,
            annotators=self.annotators,
        )

    def spread(
        self, *, confidence: float, resamples: int, generator: np.random.Generator
    ) -> Spread:
        """Return bounds from the covariance of replicates; those of ratios by Fieller's theorem."""
        held = max(LEAST_DRAWS, MAX_CELLS // self.matrix.size)
        drawn = [self.redraw(generator) for _ in range(min(resamples, self.most, held))]
        return spread_of(
            np.stack([T for T, _ in drawn]),
            np.stack([prior for _, prior in drawn]),
            confidence=confidence,
            size=self.size,
        )


def spread_of(draws: FloatArray, priors: FloatArray, *, confidence: float, size: float) -> Spread:
    """Return bounds from B replicates of T (B, K, K) and of the class shares (B, K).

    The bounds are normal ones around the mean of the replicates. A cell that was never seen does
    not vary among replicates, so each variance is at least that of one example in its row. `size`
    is the number of examples behind T.
    """
    T, prior = draws.mean(axis=0), priors.mean(axis=0)
    rates = 1 - np.einsum("bi,bii->b", priors, draws)
    K = len(T)
    z, z_any = ndtri(confidence), ndtri(1 - (1 - confidence) / (K * max(K - 1, 1)))
    each = np.arange(K)
    row = np.maximum(prior * size, 1.0)
    variance = np.maximum(draws.var(axis=0), (T * (1 - T) + 1 / row[:, None]) / row[:, None])
    error = np.sqrt(variance)
    own = draws[:, each, each]
    centred = own - own.mean(axis=0)
    shared = np.einsum("bi,bij->ij", centred, draws - draws.mean(axis=0)) / len(draws)
    own_variance = np.diag(variance)[:, None]
    limit = np.sqrt(own_variance * variance)
    shared = np.clip(shared, -limit, limit)
    low, _ = ratio_bounds(T, own_variance, variance, shared, z)
    _, high = ratio_bounds(T, own_variance, variance, shared, z_any)
    lead = np.diag(T)[:, None] - T
    apart = np.sqrt(np.maximum(own_variance - 2 * shared + variance, 0))
    for matrix in (low, high, lead):
        np.fill_diagonal(matrix, np.inf)
    rate = float(rates.mean())
    rate_error = max(float(rates.std()), np.sqrt((rate * (1 - rate) + 1 / size) / size))
    gaps = gap(draws)
    return Spread(
        transition=(np.clip(T - z * error, 0, 1), np.clip(T + z * error, 0, 1)),
        noise_rate=(max(rate - z * rate_error, 0.0), min(rate + z * rate_error, 1.0)),
        gap=(
            min(float((lead - z * apart).min()), float(gaps.min())),
            min(float((lead + z_any * apart).min()), 1.0),
        ),
        class_levels=(low.min(axis=1), high.min(axis=1)),
        level=(float(low.min()), float(high.min())),
    )
