"""Whether the columns of probabilities are permuted: another order of them fits the labels better.

The best assignment of columns to labels is found on a random half of the examples and judged on the
other half, because the best of K! assignments always fits its own half a little better. Each cycle
of the permutation is judged on its own.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from alfs_cli.arrays import IntArray, Probabilities
from alfs_cli.data.tuning import TUNING
from alfs_cli.errors import InputError, brief, has

LISTED = 4  # classes named in a message
BLOCK = 1 << 16  # rows read at a time


@dataclass(frozen=True)
class Cycle:
    """A cycle of the best permutation: class `labels[i]` fits column `columns[i]`.

    Of the `count` examples of these classes, the most probable class is the label in `as_given` as
    the columns are, and in `moved` under the permutation.
    """

    labels: tuple[int, ...]
    columns: tuple[int, ...]
    as_given: int
    moved: int
    count: int

    @property
    def is_sure(self) -> bool:
        """Whether the permutation fits better by more than chance explains.

        If both fitted equally well, the standard deviation of the difference would be at most
        sqrt(as_given + moved).
        """
        either = self.as_given + self.moved
        return self.moved - self.as_given > TUNING.permuted_deviations * math.sqrt(either)

    def stands_out(self, *, ratio: float, share: float) -> bool:
        """Whether the permutation fits so much better that label noise does not explain it.

        `ratio` is the least moved / as_given, `share` the least gain as a share of `count`.
        """
        gain = self.moved - self.as_given
        return self.is_sure and self.moved >= ratio * self.as_given and gain >= share * self.count


def in_class_order(
    probs: Probabilities, columns: tuple[str, ...], names: tuple[str, ...], *, what: str
) -> Probabilities:
    """Return probabilities (N, K) of `columns` in the order of class names, copied if they move.

    Raises InputError for a class without a column; `what` names the probabilities.

    >>> in_class_order(np.array([[0.2, 0.8]]), ("owl", "cat"), ("cat", "owl"), what="p")
    array([[0.8, 0.2]])
    """
    missing = [name for name in names if name not in columns]
    if missing:
        raise InputError(
            f"{what} have no column for class '{brief(missing[0])}' ({has(columns, missing)})",
            help=f"rename or add the column 'p_{brief(missing[0])}'",
        )
    return probs[:, [columns.index(name) for name in names]]


def confusion_of(probs: Probabilities, labels: IntArray) -> IntArray:
    """Return the number of examples by most probable column and by label, (K, K).

    >>> confusion_of(np.array([[0.9, 0.1], [0.2, 0.8]]), np.array([0, 0]))
    array([[1, 0],
           [1, 0]])
    """
    K = probs.shape[1]
    counts = np.zeros(K * K, dtype=np.int64)
    for start in range(0, len(labels), BLOCK):
        part = slice(start, start + BLOCK)
        cells = probs[part].argmax(axis=1) * K + labels[part]
        counts += np.bincount(cells, minlength=K * K)
    return counts.reshape(K, K)


def cycles_of(confusion: IntArray, generator: np.random.Generator) -> Iterator[Cycle]:
    """Yield the cycles of the permutation that fits half of the counts best, judged on the other.

    `confusion` (K, K) counts examples by most probable column and by label.
    """
    half = generator.binomial(confusion, 0.5)
    if (np.diag(half) >= np.maximum(half.max(axis=0), half.max(axis=1))).all():
        return
    K = len(half)
    stays = np.eye(K) * (0.5 / K)  # of equally good permutations, prefer the one that moves least
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


def best_gain(confusion: IntArray) -> int:
    """Return how many more labels are the most probable class in the best order of the columns.

    >>> best_gain(np.array([[1, 5], [4, 0]]))
    8
    """
    rows, fits = linear_sum_assignment(confusion, maximize=True)
    return int(confusion[rows, fits].sum() - np.trace(confusion))


def refuse_permuted(confusion: IntArray, names: tuple[str, ...]) -> str | None:
    """Raise InputError where the columns look permuted, or return a sentence of doubt, or None.

    `confusion` (K, K) counts examples by most probable column and by label. The sentence is
    returned where another order fits better, but not so much that noise is ruled out.
    """
    better = [cycle for cycle in cycles_of(confusion, np.random.default_rng(6)) if cycle.is_sure]
    ratio, share = TUNING.permuted_ratio, TUNING.permuted_share
    found = [cycle for cycle in better if cycle.stands_out(ratio=ratio, share=share)]
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
