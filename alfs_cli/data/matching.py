"""Whether the columns of probabilities look permuted: another matching agrees far better.

A matching is found on a random half of the examples and judged on the other, cycle by cycle, since
the best of K! matchings always agrees a little better on what it was found on. What the limits were
chosen by: benchmarks/permuted.py.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from alfs_cli.arrays import IntArray, Probabilities
from alfs_cli.errors import InputError

RATIO = 2.0  # as many agreements as the columns as given have among the classes that move
SHARE = 0.05  # of those classes' examples that agree more
DEVIATIONS = 4.0  # of the difference, were either matching as good as the other
LISTED = 4
BLOCK = 1 << 16


@dataclass(frozen=True)
class Cycle:
    """Classes that another matching moves: class `labels[i]` fits column `columns[i]`.

    `as_given` and `moved` are the agreements with and without moving, of `count` examples.
    """

    labels: tuple[int, ...]
    columns: tuple[int, ...]
    as_given: int
    moved: int
    count: int

    @property
    def is_sure(self) -> bool:
        """Whether the difference is no chance."""
        either = self.as_given + self.moved
        return self.moved - self.as_given > DEVIATIONS * math.sqrt(either)

    def stands_out(self, *, ratio: float = RATIO, share: float = SHARE) -> bool:
        """Whether so much better an agreement speaks for permuted columns, not for noise."""
        gain = self.moved - self.as_given
        return self.is_sure and self.moved >= ratio * self.as_given and gain >= share * self.count


def confusion_of(probs: Probabilities, labels: IntArray) -> IntArray:
    """Return how many examples have each column highest and carry each label, (K, K)."""
    K = probs.shape[1]
    counts = np.zeros(K * K, dtype=np.int64)
    for start in range(0, len(labels), BLOCK):
        part = slice(start, start + BLOCK)
        cells = probs[part].argmax(axis=1) * K + labels[part]
        counts += np.bincount(cells, minlength=K * K)
    return counts.reshape(K, K)


def cycles_of(confusion: IntArray, generator: np.random.Generator) -> Iterator[Cycle]:
    """Yield what the best other matching moves, of counts by column and label (K, K)."""
    half = generator.binomial(confusion, 0.5)
    if (np.diag(half) >= np.maximum(half.max(axis=0), half.max(axis=1))).all():
        return
    K = len(half)
    stays = np.eye(K) * (0.5 / K)  # of equally good matchings the one that moves least
    rows, fits = linear_sum_assignment(half.T + stays, maximize=True)
    column_of = np.empty(K, dtype=np.int64)
    column_of[rows] = fits
    rest = confusion - half
    seen: set[int] = set()
    for first in np.flatnonzero(column_of != np.arange(K)).tolist():
        if first in seen:
            continue
        labels = [first]
        while (following := int(column_of[labels[-1]])) != first:
            labels.append(following)
        seen.update(labels)
        columns = column_of[labels]
        yield Cycle(
            tuple(labels),
            tuple(columns.tolist()),
            int(rest[labels, labels].sum()),
            int(rest[columns, labels].sum()),
            int(rest[:, labels].sum()),
        )


def refuse_permuted(confusion: IntArray, names: tuple[str, ...]) -> str | None:
    """Raise InputError where the columns look permuted; counts by column and label (K, K).

    Where another matching agrees better, and not so much better, return that as a sentence.
    """
    better = [cycle for cycle in cycles_of(confusion, np.random.default_rng(6)) if cycle.is_sure]
    found = [cycle for cycle in better if cycle.stands_out()]
    if found:
        raise InputError(
            f"columns look permuted: {_told(found, names)}",
            help="--classes names the classes in the order of the columns; if labels and columns "
            "are right as they are, --columns-as-given",
        )
    return f"the columns may be permuted: {_told(better, names)}" if better else None


def _told(found: Sequence[Cycle], names: tuple[str, ...]) -> str:
    as_given, moved, count = (
        sum(getattr(cycle, part) for cycle in found) for part in ("as_given", "moved", "count")
    )
    pairs = [
        f"'{names[label]}' fits the column of '{names[column]}'"
        for cycle in found
        for label, column in zip(cycle.labels, cycle.columns, strict=True)
    ]
    more = f", and {len(pairs) - LISTED} more" if len(pairs) > LISTED else ""
    return (
        f"as they are, the most probable class is the label in {100 * as_given / count:.0f} % of "
        f"the examples of {len(pairs)} classes, and in {100 * moved / count:.0f} % in another "
        f"order: {', '.join(pairs[:LISTED])}{more}"
    )
