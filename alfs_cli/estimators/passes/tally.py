"""Confident learning's counts of any number of examples, in two passes over blocks of rows.

Pass one sums, for each label, its probability over the examples that carry it (`Sums`); the means
are the thresholds. Pass two counts examples by confident class and given label (`Counts`). Sums are
whole numbers in units of 2^-32, so shards in any order give exactly the numbers of one pass.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np

from alfs_cli.arrays import FloatArray, IntArray, Probabilities

UNIT = 2.0**32  # units of 1 in sums of probabilities
BINS = 15  # bins of the calibration error
TOLERANCE, LEAST_THRESHOLD, NOWHERE = 1e-6, 2e-6, 2.0  # as in cleanlab
EXACT_ROWS = 2**20  # rows; float64 adds so many whole numbers up to 2^32 exactly
BLOCK_NUMBERS = 2**19  # probabilities that stay in a core's cache
THREADS = 2  # threads; more wait for memory
WORTH_THREADS = 16  # blocks; fewer are done sooner by one thread
MANY = 200  # classes from which `max` is quicker than `argmax`
MAJORITY = 0.51  # probability above which a class is the only most probable one

Result = TypeVar("Result")


@dataclass(frozen=True, eq=False)
class Sums:
    """The number of examples by label (K,), and the sums of P(own label) in units of 2^-32 (K,)."""

    examples: IntArray
    own: IntArray

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(self.examples + other.examples, self.own + other.own)

    def thresholds(self) -> FloatArray:
        """Return the mean probability of each class among the examples labelled with it, (K,).

        A class without examples gets a threshold that no probability reaches.
        """
        means = self.own / UNIT / np.maximum(self.examples, 1)
        return np.where(self.examples > 0, np.maximum(means, LEAST_THRESHOLD), NOWHERE)


@dataclass(frozen=True, eq=False)
class Counts:
    """Counts of examples for confident learning and for the calibration error.

    Args:
        joint: the number of examples by confident class and given label, (K, K).
        agreeing: the number of examples whose label is the most probable class.
        hits: the same by bin of the highest probability, (BINS,).
        confidence: the sum of the highest probability in each bin, in units of 2^-32, (BINS,).
    """

    joint: IntArray
    agreeing: int
    hits: IntArray
    confidence: IntArray

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.joint + other.joint,
            self.agreeing + other.agreeing,
            self.hits + other.hits,
            self.confidence + other.confidence,
        )

    def calibration_error(self, total: int) -> float:
        """Return sum_b n_b / N |accuracy_b - confidence_b| for N = `total` examples.

        Guo et al., ICML 2017, Eq. 3.
        """
        return float(np.abs(self.hits - self.confidence / UNIT).sum() / total)

    def at_least_one(self, examples: IntArray) -> "Counts":
        """Return the counts with at least 1 on the diagonal of each class with `examples` (K,)."""
        joint = self.joint.copy()
        place = np.flatnonzero((examples > 0) & (np.diag(joint) == 0))
        joint[place, place] = 1
        return replace(self, joint=joint)


def own_probabilities(probs: Probabilities, labels: IntArray) -> FloatArray:
    """Return the probability (n,) of each example's own label."""
    return np.asarray(probs[np.arange(len(labels)), labels], dtype=np.float64)


def sums_of(own: FloatArray, labels: IntArray, K: int) -> Sums:
    """Return the sums by label of the probabilities `own` (n,) of the labels (n,)."""
    own = np.rint(own * UNIT)
    total = np.zeros(K, np.int64)
    for start in range(0, len(labels), EXACT_ROWS):
        part = slice(start, start + EXACT_ROWS)
        total += np.bincount(labels[part], weights=own[part], minlength=K).astype(np.int64)
    return Sums(np.bincount(labels, minlength=K).astype(np.int64), total)


@dataclass(frozen=True, eq=False)
class Placed:
    """The classes of the n examples of a block, each array (n,).

    Args:
        top: the most probable class.
        highest: its probability.
        confident: the confident class, -1 where no class reaches its threshold.
    """

    top: IntArray
    highest: FloatArray
    confident: IntArray


def place(probs: Probabilities, labels: IntArray, thresholds: FloatArray) -> Placed:
    """Return the confident class of each example, from probabilities (n, K) and thresholds (K,).

    Northcutt et al., JAIR 2021, as cleanlab counts: where several classes reach their thresholds,
    the most probable class of all is taken. So the other classes matter only where the most
    probable one does not reach its threshold. The labels (n,) only save time, because most of them
    are the most probable class.
    """
    limits = reached_from(thresholds, probs.dtype)
    size = max(64, BLOCK_NUMBERS // probs.shape[1])
    blocks = [slice(start, start + size) for start in range(0, len(probs), size)]
    return together([_placed(probs[rows], labels[rows], limits) for rows in blocks])


def together(parts: Sequence[Placed]) -> Placed:
    """Return the concatenation of blocks."""
    return Placed(
        np.concatenate([part.top for part in parts]),
        np.concatenate([part.highest for part in parts]),
        np.concatenate([part.confident for part in parts]),
    )


def _placed(probs: Probabilities, labels: IntArray, limits: Probabilities) -> Placed:
    top, highest = _top(probs, labels)
    confident = np.where(highest >= limits[top], top, -1)
    open_ = np.flatnonzero((confident < 0) & (highest >= limits.min()))
    if len(open_):
        reached = probs[open_] >= limits
        number = reached.sum(axis=1)
        confident[open_] = np.where(number > 1, top[open_], reached.argmax(axis=1))
        confident[open_[number == 0]] = -1
    return Placed(top, highest.astype(np.float64), confident)


def _top(probs: Probabilities, labels: IntArray) -> tuple[IntArray, Probabilities]:
    """Return the most probable class (n,) and its probability (n,); of ties, the first class.

    For many classes `max` is quicker than `argmax`. A label whose probability is the maximum and
    more than half of the row is the most probable class; only the other rows need `argmax`.
    """
    each = np.arange(len(labels))
    if probs.shape[1] < MANY:
        best: IntArray = probs.argmax(axis=1)
        return best, probs[each, best]
    own, highest = probs[each, labels], probs.max(axis=1)
    top: IntArray = labels.astype(np.int64)
    rest = np.flatnonzero((own < highest) | (own <= MAJORITY))
    top[rest] = probs[rest].argmax(axis=1)
    return top, highest


def reached_from(thresholds: FloatArray, dtype: np.dtype[Any]) -> Probabilities:
    """Return the smallest numbers of a dtype that reach the thresholds (K,).

    Probabilities of that dtype can be compared with them without a cast.
    """
    exact = thresholds - TOLERANCE
    limits = exact.astype(dtype)
    return np.where(limits < exact, np.nextafter(limits, np.asarray(np.inf, dtype)), limits)


def counts_of(placed: Placed, labels: IntArray, K: int) -> Counts:
    """Return the counts of a block of at most EXACT_ROWS examples."""
    is_hit = placed.top == labels
    bins = np.minimum((placed.highest * BINS).astype(np.int64), BINS - 1)
    sums = np.bincount(bins, weights=np.rint(placed.highest * UNIT), minlength=BINS)
    kept = placed.confident >= 0
    cells = placed.confident[kept] * K + labels[kept]
    return Counts(
        np.bincount(cells, minlength=K * K).astype(np.int64, copy=False).reshape(K, K),
        int(is_hit.sum()),
        np.bincount(bins[is_hit], minlength=BINS).astype(np.int64),
        sums.astype(np.int64),
    )


class Counting:
    """A running total of counts; it adds many blocks at once, as adding K * K cells is slow."""

    def __init__(self, K: int) -> None:
        self.total = nothing(K)
        self.K = K
        self.waiting: list[tuple[Placed, IntArray]] = []

    def add(self, placed: Placed, labels: IntArray) -> None:
        """Add a block of at most EXACT_ROWS / 2 examples."""
        self.waiting.append((placed, labels))
        if sum(len(its) for _, its in self.waiting) > EXACT_ROWS // 2:
            self.finished()

    def finished(self) -> Counts:
        """Return the counts of all blocks added so far."""
        if self.waiting:
            placed, labels = zip(*self.waiting, strict=True)
            self.total += counts_of(together(placed), np.concatenate(labels), self.K)
            self.waiting = []
        return self.total


def tally(probs: Probabilities, labels: IntArray) -> tuple[Sums, Counts]:
    """Return the sums and counts of probabilities (N, K) and labels (N,), without a copy.

    The probabilities may be a memory map.
    """
    K = probs.shape[1]
    sums = sums_of(own_probabilities(probs, labels), labels, K)
    return sums, count(probs, labels, sums.thresholds(), K).at_least_one(sums.examples)


def count(probs: Probabilities, labels: IntArray, thresholds: FloatArray, K: int) -> Counts:
    """Return the counts of examples (n, K), computed in blocks on THREADS threads."""
    size = max(64, BLOCK_NUMBERS // K)
    limits = thresholds.astype(np.float64)
    total = nothing(K)
    for start in range(0, len(labels), EXACT_ROWS):
        stop = min(start + EXACT_ROWS, len(labels))

        def placed(first: int, stop: int = stop) -> Placed:
            rows = slice(first, min(first + size, stop))
            return place(probs[rows], labels[rows], limits)

        parts = on_threads(placed, range(start, stop, size))
        total += counts_of(together(parts), labels[start:stop], K)
    return total


def nothing(K: int) -> Counts:
    """Return counts of 0 for K classes."""
    none = np.zeros(BINS, np.int64)
    return Counts(np.zeros((K, K), np.int64), 0, none, none)


def on_threads(work: Callable[[int], Result], starts: Sequence[int]) -> list[Result]:
    """Return work(start) for each start, in order; threads help as numpy releases the GIL."""
    if len(starts) < WORTH_THREADS:
        return list(map(work, starts))
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(work, starts))
