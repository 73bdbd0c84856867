"""Copies of an example count once, since their content was labelled once.

A method sees one example of each content, so that copies neither confirm each other nor narrow its
bounds. Its estimate is then extended to all examples as they are given: cells of (true class, given
label) whose contents were copied more often, as in an oversampled class, get more weight. A "unit"
is a set of examples that count as one content.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from alfs_cli.arrays import FloatArray, IntArray
from alfs_cli.estimators.joint.posterior import true_class_probs
from alfs_cli.estimators.parts.counts import Spread, gap
from alfs_cli.estimators.parts.grounds import Grounds
from alfs_cli.estimators.parts.sample import Answer, Estimate, Sample
from alfs_cli.estimators.tuning import COPIES
from alfs_cli.noise import class_clean_levels
from alfs_cli.results.estimate import Bounded


def once_each(sample: Sample, units: IntArray) -> tuple[Sample, IntArray]:
    """Return a sample with one example of each unit, and the indices (M,) of these examples.

    `units` (N,) numbers the unit of each example. Of a unit with a trusted example that one is
    taken, else one at random, so that labels keep their shares in units whose labels differ. The
    label that is drawn does not depend on the order of the rows.
    """
    N = len(units)
    order = np.lexsort([sample.labels, units])
    starts = np.flatnonzero(np.diff(units[order], prepend=-1))
    sizes = np.diff(np.append(starts, N))
    drawn = np.random.default_rng(0).integers(0, sizes)
    chosen = order[starts + drawn]
    if sample.trusted is not None:
        place_of_unit = np.searchsorted(units[order][starts], units[sample.trusted.places])
        chosen[place_of_unit] = sample.trusted.places
    places = np.sort(chosen)
    return some_of(sample, places), places


def some_of(sample: Sample, places: IntArray) -> Sample:
    """Return the sample of the examples at the indices `places` (M,)."""
    known = sample.trusted
    if known is not None:
        known = known.among(places, len(sample.labels))
        known = known if len(known) else None
    marks = sample.annotations
    return replace(
        sample,
        probs=sample.probs[places],
        labels=sample.labels[places],
        features=None if sample.features is None else sample.features[places],
        trusted=known,
        annotations=None if marks is None else marks[places],
        crowd=None if sample.crowd is None else sample.crowd.among(places),
    )


@dataclass(frozen=True, eq=False)
class AnswerForAll:
    """An answer for all examples, from the answer `inner` for one example of each unit.

    `weights` (K, K) is the mean number of examples in a unit, by true class and given label.
    """

    inner: Answer
    weights: FloatArray

    @property
    def method(self) -> str:
        """The name of the method."""
        return self.inner.method

    def joint(self) -> FloatArray:
        """Return the share of each (true class, given label) among all examples, (K, K)."""
        joint = self.inner.prior()[:, None] * self.inner.transition() * self.weights
        return np.asarray(joint / joint.sum(), dtype=np.float64)

    def transition(self) -> FloatArray:
        """Return T (K, K)."""
        weighted = self.inner.transition() * self.weights
        return np.asarray(weighted / weighted.sum(axis=1, keepdims=True), dtype=np.float64)

    def prior(self) -> FloatArray:
        """Return the share of each true class, (K,)."""
        return np.asarray(self.joint().sum(axis=1), dtype=np.float64)


@dataclass(frozen=True, eq=False)
class EstimateForAll(AnswerForAll):
    """An estimate for all examples, with bounds that count each unit once.

    `widening` is the factor by which unequal sizes of units widen the bounds: the square root of
    the number of units over their effective number.
    """

    inner: Estimate
    widening: float

    def others(self) -> tuple[AnswerForAll, ...]:
        """Return the other methods' answers, extended to all examples."""
        return tuple(AnswerForAll(one, self.weights) for one in self.inner.others())

    def grounds(self, rate: Bounded) -> Grounds:
        """Return the grounds of the estimate for one example of each unit."""
        return self.inner.grounds(rate)

    def spread(
        self, *, confidence: float, resamples: int, generator: np.random.Generator
    ) -> Spread:
        """Return the bounds for one example of each unit, extended to all examples."""
        inner = self.inner.spread(confidence=confidence, resamples=resamples, generator=generator)
        T, once = self.transition(), self.inner.transition()
        low = self._widened(T, _weighted(inner.transition[0], once, self.weights))
        high = self._widened(T, _weighted(inner.transition[1], once, self.weights))
        each = np.arange(len(T))
        rate = float(1 - self.prior() @ T[each, each])
        before = float(1 - self.inner.prior() @ once[each, each])
        value, previous = class_clean_levels(T), class_clean_levels(once)
        if self._is_even():
            levels = self._scaled(value, previous, inner.class_levels)
            level = self._scaled(value.min(), previous.min(), inner.level)
        else:
            levels = _ratios(low, high)
            level = (levels[0].min(), levels[1].min())
        gap_value, gap_before = float(gap(T)), float(gap(once))
        return Spread(
            transition=(low, high),
            noise_rate=(
                max(rate - self.widening * max(before - inner.noise_rate[0], 0.0), 0.0),
                min(rate + self.widening * max(inner.noise_rate[1] - before, 0.0), 1.0),
            ),
            gap=(
                gap_value - self.widening * (gap_before - inner.gap[0]),
                min(gap_value + self.widening * (inner.gap[1] - gap_before), 1.0),
            ),
            class_levels=levels,
            level=(float(level[0]), float(level[1])),
        )

    def _is_even(self) -> bool:
        used = self.weights[self.joint() > COPIES.least_cell]
        return bool(used.max() <= COPIES.evenness * used.min())

    def _widened(self, value: FloatArray, bound: FloatArray) -> FloatArray:
        return np.clip(value + self.widening * (bound - value), 0.0, 1.0)

    def _scaled(self, value: Any, before: Any, bounds: tuple[Any, Any]) -> tuple[Any, Any]:
        """Return bounds of ratios around `value`, from `bounds` around `before`.

        The distance of their logarithms grows by `widening`. Where a ratio is infinite its lower
        bound is proportional to the number of examples, so it falls by the square of `widening`.
        """
        is_finite = np.isfinite(value) & np.isfinite(before) & (before > 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            low = value * (bounds[0] / before) ** self.widening
            high = value * (bounds[1] / before) ** self.widening
        return (
            np.where(is_finite, low, bounds[0] / self.widening**2),
            np.where(is_finite, high, np.inf),
        )


def _ratios(low: FloatArray, high: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return bounds of each class's clean level (K,) from bounds of the cells of T (K, K)."""
    others = ~np.eye(len(low), dtype=bool)
    with np.errstate(divide="ignore", invalid="ignore"):
        down = np.where(others, np.diag(low)[:, None] / high, np.inf).min(axis=1)
        up = np.where(others, np.diag(high)[:, None] / low, np.inf).min(axis=1)
    return np.nan_to_num(down, nan=0.0, posinf=np.inf), np.nan_to_num(up, nan=np.inf, posinf=np.inf)


def _weighted(bound: FloatArray, T: FloatArray, weights: FloatArray) -> FloatArray:
    """Return bounds of the cells of T (K, K) after weighting, each with its other cells fixed."""
    rest = (T * weights).sum(axis=1, keepdims=True) - T * weights
    share = 1 - T
    other = np.where(share > 1e-9, rest / np.maximum(share, 1e-9), weights.mean())
    top = bound * weights
    return np.asarray(top / np.maximum(top + (1 - bound) * other, 1e-12), dtype=np.float64)


def for_all(found: Estimate, sample: Sample, units: IntArray, places: IntArray) -> EstimateForAll:
    """Return the estimate for all N examples of a sample, from one for a single example a unit.

    `units` (N,) numbers the unit of each example, `places` (M,) are the indices of the examples
    that `found` was made from. A rate among all examples weights units by their sizes, so its
    variance is that of the effective number of units, (sum of sizes)^2 / sum of squared sizes
    (Kish, 1965).
    """
    _, unit_of, sizes = np.unique(units, return_inverse=True, return_counts=True)
    size = sizes[unit_of.reshape(-1)[places]].astype(np.float64)
    effective = float(size.sum()) ** 2 / float((size**2).sum())
    weights = _weights(found.transition(), sample.probs[places], sample.labels[places], size)
    return EstimateForAll(found, weights, float(np.sqrt(len(size) / effective)))


def _weights(T: FloatArray, probs: FloatArray, labels: IntArray, size: FloatArray) -> FloatArray:
    """Return the mean size of units (K, K) by true class and given label.

    `size` (M,) are the sizes of the units. Each counts for every true class by its posterior. The
    mean of the given label counts as one more unit of each cell, which decides in empty cells.
    """
    K = len(T)
    posterior = true_class_probs(probs, T) * T[:, labels].T
    posterior /= np.maximum(posterior.sum(axis=1, keepdims=True), 1e-12)
    of_cell, all_of_cell, of_label = np.zeros((K, K)), np.zeros((K, K)), np.ones(K)
    for cls in np.unique(labels):
        members = labels == cls
        of_cell[:, cls] = posterior[members].sum(axis=0)
        all_of_cell[:, cls] = size[members] @ posterior[members]
        of_label[cls] = size[members].mean()
    return np.asarray((all_of_cell + of_label) / (of_cell + 1), dtype=np.float64)
