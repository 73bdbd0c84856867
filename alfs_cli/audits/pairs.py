"""The clean level r = min over i != j of T[i, i] / T[i, j]: all K (K - 1) pairs as one array.

Pair (i, j) at r0 is tested by the mean of y = 1[true = given = i] - r0 1[true = i, given = j] over
the examples given i or j; others add nothing to it, and what is drawn among these is drawn by the
weights. "r >= r0" is accepted when every pair's test has said mean > 0, each at the full risk: one
false pair is enough to make the claim false, so the chance that all say so is at most the risk (an
intersection-union test). It is rejected by the average over all pairs of the wealths against it:
under the claim each is a supermartingale, hence so is the average (never the best one).
"""

from copy import copy
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alfs_cli.arrays import BoolArray, FloatArray, IntArray
from alfs_cli.audits.bets import SLACK, Experts, experts, log_mean, started
from alfs_cli.audits.population import CHANCES, Population
from alfs_cli.audits.quantities import Possible, prior, unsure
from alfs_cli.audits.tuning import TUNING

COARSE = np.array([0.005, 0.03, 0.1, 0.3, 0.6, 0.85, 0.97])  # bounds of the bins of a chance
BINS = len(COARSE) + 1
BIN_OF = np.searchsorted(COARSE, CHANCES)  # of a level
BIN_CHANCES = np.array([CHANCES[b == BIN_OF].mean() for b in range(BINS)])
FOR, AGAINST = 0, 1
GRID = (0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)  # levels tested besides those claimed
WEALTHS = (
    "log_wealth",
    "hedged",
    "sums",
    "worst",
    "best",
    "floor",
    "against",
    "log_against",
    "decided",
)
MOVING = (*WEALTHS, "counts", "weights")
MOST_FOR_GRID = 30  # classes; with more, only what is claimed is tested


@dataclass(frozen=True)
class Counts:
    """By class i asked about, given class g and bin of the chance of i (K, K, BINS)."""

    counts: FloatArray
    weights: FloatArray
    lightest: FloatArray
    heaviest: FloatArray
    bins: NDArray[np.uint8] | None  # (N, K), or None without scores

    def bin(self, index: int, num_classes: int) -> IntArray:
        """Return the bin of each class's chance for an example (K)."""
        if self.bins is None:
            return np.zeros(num_classes, dtype=np.int64)
        return np.asarray(self.bins[index], dtype=np.int64)


def counts_of(examples: Population, members: BoolArray, weights: IntArray) -> Counts:
    """Return what can be drawn among the members, class by class."""
    num_classes = len(examples.classes)
    chosen = np.flatnonzero(members & examples.open)
    shape = (num_classes, num_classes * BINS)
    counts, sums = np.zeros(shape), np.zeros(shape)
    lightest, heaviest = np.full(shape, np.inf), np.zeros(shape)
    bins = None
    if examples.class_levels is not None:
        bins = BIN_OF.astype(np.uint8)[examples.class_levels]
    given, weight = examples.given[chosen], weights[chosen].astype(float)
    for i in range(num_classes):
        cell = given * BINS + (0 if bins is None else bins[chosen, i])
        counts[i] = np.bincount(cell, minlength=shape[1])
        sums[i] = np.bincount(cell, weights=weight, minlength=shape[1])
        np.minimum.at(lightest[i], cell, weight)
        np.maximum.at(heaviest[i], cell, weight)
    empty = counts == 0
    lightest[empty] = heaviest[empty] = 1.0
    full = (num_classes, num_classes, BINS)
    return Counts(
        counts.reshape(full),
        sums.reshape(full),
        lightest.reshape(full),
        heaviest.reshape(full),
        bins,
    )


class Pairs:
    """The wealths (R, 2, K, K, E) of all pairs at R levels, for and against each.

    `sums` (R, 2, K, K) are of y, known or answered; a pair's cells are the bins of those given i,
    then of those given j.
    """

    def __init__(
        self,
        examples: Population,
        members: BoolArray,
        weights: IntArray,
        levels: tuple[float, ...],
        risk: float,
    ) -> None:
        self.levels, self.goal = np.array(levels), -np.log(risk)
        self._open = np.arange(len(levels))  # the levels not yet decided
        self.decided = np.zeros(len(levels), dtype=bool)
        self.num_classes = num_classes = len(examples.classes)
        self.given = examples.given
        self.members = members
        self.cells = counts_of(examples, members, weights)
        self.counts, self.weights = self.cells.counts.copy(), self.cells.weights.copy()
        self.num_given = np.bincount(examples.given[members], minlength=num_classes).astype(float)
        self.sums = np.zeros((len(levels), 2, num_classes, num_classes))
        self.worst = np.zeros_like(self.sums)
        self._count_known(examples)
        bets = pair_experts(self.levels, self.cells, has_scores=examples.class_levels is not None)
        self._hedge, self._share = bets.hedge, bets.share
        self._worth = low_per_cell(self.levels, self.cells)
        self.log_wealth = np.zeros(bets.share.shape) + started(bets.prior)
        self.hedged = np.einsum("rsijec,ijc->rsije", bets.hedge, pair_cells(self.weights))
        own, other = self.counts.sum(2).diagonal(), self.counts.sum(2)
        # least that can still come: for, every given-j example is i; against, every given-i one
        self.worst[:, FOR] -= self.levels[:, None, None] * other
        self.worst[:, AGAINST] -= own[:, None]
        self.best = np.zeros_like(self.sums)
        self.against = np.zeros_like(self.best[:, AGAINST])  # log wealth now, mixed
        self.log_against = np.zeros(len(levels))  # the largest log of their average so far
        self._apart = ~np.eye(num_classes, dtype=bool)
        self.floor = np.zeros(bets.share.shape)
        self._find_floor(*np.indices((num_classes, num_classes)).reshape(2, -1))
        self._settle(*np.indices((num_classes, num_classes)).reshape(2, -1))

    def _count_known(self, examples: Population) -> None:
        for index, possible in examples.known.items():
            if self.members[index]:
                first, second = self.touched(index)
                self.sums[:, :, first, second] += self.outcome(index, possible)

    def touched(self, index: int) -> tuple[IntArray, IntArray]:
        """Return the pairs that an example is about: its given class first, then second."""
        g = int(self.given[index])
        others = np.delete(np.arange(self.num_classes), g)
        own = np.full_like(others, g)
        return np.concatenate([own, others]), np.concatenate([others, own])

    def outcome(self, index: int, possible: Possible) -> FloatArray:
        """Return the lowest y and the lowest -y of the touched pairs (R, 2, 2 (K - 1))."""
        g = int(self.given[index])
        others = np.delete(np.arange(self.num_classes), g)
        can = np.ones(self.num_classes, bool) if possible is None else np.zeros(0, bool)
        if possible is not None:
            can = np.isin(np.arange(self.num_classes), possible)
        only = can & (can.sum() == 1)
        found = np.zeros((len(self.levels), 2, 2 * len(others)))
        count = len(others)
        found[:, FOR, :count] = float(only[g])
        found[:, AGAINST, :count] = -float(can[g])
        found[:, FOR, count:] = -self.levels[:, None] * can[others]
        found[:, AGAINST, count:] = self.levels[:, None] * only[others]
        return found

    def enter(self, index: int, weight: float, possible: Possible) -> None:
        """Multiply by one draw's factors, in the pairs it is about and at the levels still open."""
        if not self.members[index] or not len(self._open):
            return
        first, second = self.touched(index)
        bins = self.cells.bin(index, self.num_classes)
        half = len(first) // 2
        cell = np.concatenate([bins[first[:half]], BINS + bins[first[half:]]])
        here = (self._open[:, None, None], np.arange(2)[:, None], first, second)
        z = self.outcome(index, possible)[self._open]
        hedge = self._hedge[(*here, slice(None), cell)]  # (R, 2, P, E)
        given_weight = self.weights.sum(2)
        total = (given_weight.diagonal()[first] + given_weight[first, second])[:, None]
        floor = self.floor[here]
        left = self.hedged[here] + self.sums[here][..., None]
        gain = (z / weight)[..., None] * total - hedge * total - total * floor
        room = -(total * floor + left)
        slack = SLACK * (self.num_given[first] + self.num_given[second])[:, None]
        share = self._share[here]
        with np.errstate(divide="ignore", invalid="ignore"):
            factor = 1 - share + share * np.maximum(gain, 0) / room
            step = np.where(room > slack, np.log(factor), 0.0)
        self.log_wealth[here] += np.where(room < -slack, np.inf, step)
        self.hedged[here] -= hedge * weight
        self.sums[here] += z
        self._remove(int(self.given[index]), bins, weight, first, second)
        self._settle(first, second)
        self._open = self._open[~self.decided[self._open]]

    def _remove(
        self, g: int, bins: IntArray, weight: float, first: IntArray, second: IntArray
    ) -> None:
        every = np.arange(self.num_classes)
        self.counts[every, g, bins] -= 1
        self.weights[every, g, bins] -= weight
        half = len(first) // 2
        rows = self._open[:, None]
        self.worst[rows, AGAINST, first[:half], second[:half]] += 1
        self.worst[rows, FOR, first[half:], second[half:]] += self.levels[rows]
        emptied = self.counts[every, g, bins] < 0.5
        if emptied.any():
            self.weights[every[emptied], g, bins[emptied]] = 0
            self._find_floor(first, second)

    def _find_floor(self, first: IntArray, second: IntArray) -> None:
        """Find the least of low / w - k over the cells of these pairs that are not empty."""
        there = pair_cells(self.counts)[first, second] > 0
        hedge = self._hedge[:, :, first, second]
        worth = self._worth[:, :, first, second]
        least = np.where(there[:, None, :], worth[..., None, :] - hedge, np.inf).min(-1)
        self.floor[:, :, first, second] = np.where(np.isfinite(least), least, 0)

    def _settle(self, first: IntArray, second: IntArray) -> None:
        """Take the largest wealths so far; a level that is decided stays as it is from then on."""
        here = (self._open[:, None, None], np.arange(2)[:, None], first, second)
        mixed = log_mean(self.log_wealth[here])
        slack = SLACK * (self.num_given[first] + self.num_given[second])
        certain = self.sums[here] + self.worst[here] > slack
        mixed = np.where(certain, np.inf, mixed)
        self.best[here] = np.maximum(self.best[here], mixed)
        self.against[self._open[:, None], first, second] = mixed[:, AGAINST]
        now = log_mean(self.against[self._open][:, self._apart])
        self.log_against[self._open] = np.maximum(self.log_against[self._open], now)
        done = (self.best[self._open, FOR][:, self._apart] >= self.goal).all(1)
        self.decided[self._open] = done | (self.log_against[self._open] >= self.goal)

    def factors(self, at: int, side: int, first: IntArray, second: IntArray) -> FloatArray:
        """Return what a draw of these pairs may multiply by (P, E, 2 BINS, 2), as `Wealth` does."""
        weights, counts = (pair_cells(a)[first, second] for a in (self.weights, self.counts))
        total = weights.sum(1)[:, None]
        share, hedge = self._share[at, side, first, second], self._hedge[at, side, first, second]
        floor = self.floor[at, side, first, second] * total
        left = self.hedged[at, side, first, second] + self.sums[at, side, first, second][:, None]
        room = np.maximum(-floor - left, SLACK * len(self.given))
        sign = 1.0 if side == FOR else -1.0
        gain = np.repeat([sign, -sign * self.levels[at]], BINS)
        mean_weight = np.maximum(weights / np.maximum(counts, 1), 1e-9)
        z = (gain / mean_weight)[:, None, :, None] * np.array([0.0, 1.0])
        above = total[..., None, None] * (z - hedge[..., None])
        ahead = np.maximum(above - floor[..., None, None], 0) / room[..., None, None]
        return np.asarray(1 + share[..., None, None] * (ahead - 1))

    def copy(self) -> "Pairs":
        """Return a copy that takes further draws without changing this one."""
        other = copy(self)
        for name in MOVING:
            setattr(other, name, getattr(self, name).copy())
        return other

    def accepted(self, *, strictly: bool = False) -> BoolArray:
        """Return at which levels "r >= level" is accepted (R), or "r > level" strictly."""
        certain = self.sums[:, FOR] + self.worst[:, FOR] >= -SLACK * len(self.given)
        done = (self.best[:, FOR] >= self.goal) | (certain & (not strictly))
        return np.asarray(done[:, self._apart].all(1))

    def rejected(self) -> BoolArray:
        """Return at which levels "r >= level" is rejected (R)."""
        return np.asarray(self.log_against >= self.goal)


def pair_cells(by_class: FloatArray) -> FloatArray:
    """Return what a pair (i, j) has in its cells (K, K, 2 BINS): given i by bin, given j by bin."""
    num_classes = len(by_class)
    own = by_class[np.arange(num_classes), np.arange(num_classes)]
    return np.concatenate([np.broadcast_to(own[:, None], by_class.shape), by_class], axis=2)


def low_per_cell(levels: FloatArray, cells: Counts) -> FloatArray:
    """Return the least y / w of a pair's cells (R, 2, K, K, 2 BINS)."""
    heavy = 1 / pair_cells(cells.lightest)
    low = np.zeros((len(levels), 2, *heavy.shape))
    low[:, FOR, ..., BINS:] = -levels[:, None, None, None] * heavy[..., BINS:]
    low[:, AGAINST, ..., :BINS] = -heavy[..., :BINS]
    return low


def pair_experts(levels: FloatArray, cells: Counts, *, has_scores: bool) -> Experts:
    """Return the bets of all pairs: hedge (R, 2, K, K, E, 2 BINS) and share (R, 2, K, K, E)."""
    num_classes = len(cells.counts)
    apart = np.nonzero(~np.eye(num_classes, dtype=bool))
    counts, weights = (pair_cells(a)[apart] for a in (cells.counts, cells.weights))
    by_scores = (1 + len(TUNING.level_scored)) * has_scores
    first = prior(len(TUNING.level_plain), by_scores, TUNING.scored_level)
    shape = (len(levels), 2, num_classes, num_classes, len(first))
    hedge, share = np.zeros((*shape, 2 * BINS)), np.zeros(shape)
    for r, level in enumerate(levels):
        for side in (FOR, AGAINST):
            sign = 1.0 if side == FOR else -1.0
            p = pair_alternatives(level, sign, counts, has_scores=has_scores)
            gain = np.concatenate([np.full(BINS, sign), np.full(BINS, -sign * level)])
            form = np.broadcast_to(gain, (len(counts), 2 * BINS))
            bets = experts(p, form, np.zeros(len(counts)), weights, counts, first)
            hedge[r, side, apart[0], apart[1]] = bets.hedge
            share[r, side, apart[0], apart[1]] = bets.share
    return Experts(hedge=hedge, share=share, prior=first)


def pair_alternatives(
    level: float, sign: float, counts: FloatArray, *, has_scores: bool
) -> FloatArray:
    """Return chances of being truly i (P, E, 2 BINS) at which a pair's ratio lies beyond the level.

    Above it for sign 1, below for -1. The first of those that go by the scores takes them as they
    are, the others the share of the given i that is right, and move the chances of the given j.
    """
    own, other = counts[:, :BINS], counts[:, BINS:]
    ratio = np.array([step for step, _ in TUNING.level_plain]) ** sign * level
    found = with_ratio(np.array([right for _, right in TUNING.level_plain]), ratio, own, other)
    flat = np.concatenate([np.repeat(half[..., None], BINS, -1) for half in found], axis=-1)
    if not has_scores:
        return flat
    right, confused = (
        (half @ BIN_CHANCES / np.maximum(half.sum(1), 1))[:, None] for half in (own, other)
    )
    moved = with_ratio(right, np.array(TUNING.level_scored) ** sign * level, own, other)
    means = [np.concatenate([a, b], 1) for a, b in zip((right, confused), moved, strict=True)]
    halves = [tilted_rows(own, means[0]), tilted_rows(other, means[1])]
    scored = unsure(np.concatenate(halves, axis=-1))
    return np.concatenate([flat, scored], axis=1)


def with_ratio(
    right: FloatArray, ratio: FloatArray, own: FloatArray, other: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return chances of being truly i (P, E), given i and given j, with this ratio of numbers."""
    sizes = own.sum(1)[:, None] / np.maximum(other.sum(1), 1)[:, None]
    # given j and truly i: as many as make the ratio, where that is no more than there are
    likely = np.minimum(right, 0.9 * ratio / np.maximum(sizes, 1e-9))
    rare = unsure(likely * sizes / ratio)
    return unsure(likely), rare


def tilted_rows(counts: FloatArray, mean: FloatArray) -> FloatArray:
    """Return `tilted` with counts (P, C) that differ by row; mean (P, E)."""
    share = counts / np.maximum(counts.sum(1), 1)[:, None]
    log_odds = np.log(BIN_CHANCES / (1 - BIN_CHANCES))
    low, high = np.full(mean.shape, -40.0), np.full(mean.shape, 40.0)
    for _ in range(40):
        middle = (low + high) / 2
        p = 1 / (1 + np.exp(-(log_odds + middle[..., None])))
        below = (share[:, None, :] * p).sum(-1) < mean
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return np.asarray(1 / (1 + np.exp(-(log_odds + low[..., None]))))
