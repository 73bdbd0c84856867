"""Whether rows of probabilities are out of step with the labels: they fit the labels of other rows.

A row that was dropped or read twice moves all rows behind it; a join by name or a folder's listing
brings them into another order. Every label behind such a place then looks wrong.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from alfs_cli.arrays import BoolArray, IntArray, Probabilities
from alfs_cli.data.matching import best_gain, refuse_permuted
from alfs_cli.data.tuning import TUNING
from alfs_cli.errors import InputError

AS_TEXT = 1_000_000  # in more rows nobody names files by numbers without leading zeros
AS_GIVEN = "--rows-as-given"


@dataclass(frozen=True)
class Moved:
    """Positions `first` to `last` in DATA, whose labels fit the probabilities of other rows.

    Of the `count` examples there, the most probable class is the label in `as_given` as the rows
    are, and in `moved` if the row is taken that `how` says; by chance it would be in `chance`.
    """

    how: str
    first: int
    last: int
    as_given: int
    moved: int
    count: int
    chance: float

    @property
    def gain(self) -> int:
        """By how many more labels are fitted in the other order."""
        return self.moved - self.as_given

    @property
    def is_sure(self) -> bool:
        """Whether the other order fits much better than the given one, and than any would."""
        base = max(self.as_given, self.chance)
        more = self.moved - base
        is_chance = more <= TUNING.moved_deviations * math.sqrt(self.moved + base)
        return not is_chance and more >= TUNING.moved_share * (self.count - base)

    def __str__(self) -> str:
        return (
            f"in rows {self.first:,} to {self.last:,} or so the most probable class is the label "
            f"in {100 * self.as_given / self.count:.0f} % of the examples, and in "
            f"{100 * self.moved / self.count:.0f} % with the probabilities of {self.how}"
        )


def moved_rows(
    predicted: IntArray, labels: IntArray, positions: IntArray, *, is_part: bool = False
) -> Moved | None:
    """Return the rows whose labels surely fit the probabilities of other rows, None for none.

    `predicted` (N,) are the most probable classes, `positions` (N,) the places in DATA. A run of
    rows may be moved by a few places, or all rows stand backwards, by label or as text is sorted;
    `is_part` looks for the first alone. Of several such findings the one that explains most labels
    is returned.

    >>> labels = np.random.default_rng(0).integers(0, 5, 400)
    >>> found = moved_rows(np.roll(labels, 1), labels, np.arange(400))
    >>> found.how, found.moved, found.count
    ('the row after', 399, 399)
    >>> moved_rows(labels, labels, np.arange(400)) is None
    True
    """
    if not len(labels):
        return None
    order = np.argsort(positions, kind="stable")
    predicted, labels, places = predicted[order], labels[order], positions[order]
    hits = predicted == labels
    runs = [
        _best_run(how, other, predicted, labels, hits, places)
        for how, other in _neighbours(places - places[0])
    ]
    if not is_part and _is_chance(predicted, labels):
        whole = slice(0, len(labels))
        runs += [
            _run(how, other, predicted, labels, hits, places, whole)
            for how, other in _whole_orders(labels)
        ]
    sure = [run for run in runs if run is not None and run.is_sure]
    return max(sure, key=lambda run: run.gain, default=None)


def refuse_moved(found: Moved | None, *, what: str = "labels and probabilities") -> None:
    """Raise InputError where rows were found that are out of step."""
    if found is not None:
        raise InputError(
            f"{what} look out of step: {found}",
            help="bring both into one order (was a row dropped, added or read as a header?); if "
            f"the rows are right as they are, {AS_GIVEN}",
        )


def refuse_disorder(
    confusion: IntArray,
    names: tuple[str, ...],
    moved: Moved | None,
    *,
    columns_as_given: bool,
    rows_as_given: bool,
) -> str | None:
    """Raise InputError where rows are out of step or columns look permuted, or return a doubt.

    `confusion` (K, K) counts examples by most probable column and by label. Where labels follow one
    another in a pattern both may be found; the one that explains more labels is told.
    """
    moved = None if rows_as_given else moved
    if moved is not None and (columns_as_given or moved.gain > best_gain(confusion)):
        refuse_moved(moved)
    doubt = None if columns_as_given else refuse_permuted(confusion, names)
    refuse_moved(moved)
    return doubt


def said_of_chance(probs: Probabilities, labels: IntArray) -> str | None:
    """Return a sentence where the most probable class is the label no oftener than by chance.

    Predictions that are nearly all of one class tell nothing either way.

    >>> labels = np.arange(100) % 2
    >>> said_of_chance(np.eye(2)[np.arange(100) // 50], labels)
    'the most probable class is the label in 50 % of the examples, as often as by chance: are the \
rows of the probabilities in the order of the labels?'
    >>> said_of_chance(np.eye(2)[labels], labels) is None
    True
    """
    n, K = probs.shape
    predicted = probs.argmax(axis=1)
    chance = _chance(predicted, labels)
    counts = [np.bincount(one, minlength=K) for one in (predicted, labels)]
    most = int(np.minimum(*counts).sum())  # if the same predictions stood in the best order
    if n < TUNING.fewest_rows or most - chance < TUNING.moved_share * (n - chance):
        return None
    if not _is_chance(predicted, labels):
        return None
    agreeing = int((predicted == labels).sum())
    return (
        f"the most probable class is the label in {100 * agreeing / n:.0f} % of the examples, as "
        "often as by chance: are the rows of the probabilities in the order of the labels?"
    )


def _neighbours(places: IntArray) -> Iterator[tuple[str, IntArray]]:
    """Yield in words and as indices (N,) rows at some distance of each; -1 where there is none.

    `places` (N,) are sorted, and the first is 0.
    """
    at = np.full(int(places[-1]) + 1, -1)
    at[places] = np.arange(len(places))
    for far in range(1, TUNING.moved_places + 1):
        for step, side in ((-far, "before"), (far, "after")):
            wanted = places + step
            inside = (wanted >= 0) & (wanted < len(at))
            words = f"the row {side}" if far == 1 else f"the row {far} places {side}"
            yield words, np.where(inside, at[wanted.clip(0, len(at) - 1)], -1)


def _whole_orders(labels: IntArray) -> Iterator[tuple[str, IntArray]]:
    """Yield in words and as indices (N,) other orders of all rows.

    That of labels fits better than the given one wherever rows are sorted and labels are noisy: an
    order of all rows may only be asked for where the given one fits as chance does.
    """
    every = np.arange(len(labels))
    yield "all rows read backwards", every[::-1]
    yield "rows sorted by label", np.argsort(np.argsort(labels, kind="stable"))
    if len(labels) <= AS_TEXT:
        yield "rows sorted as text, 10 before 2", np.argsort(np.argsort(every.astype(str)))


def _best_run(
    how: str,
    other: IntArray,
    predicted: IntArray,
    labels: IntArray,
    hits: BoolArray,
    places: IntArray,
) -> Moved | None:
    """Return the run of rows in which the other order fits the most labels more, None for none."""
    there = other >= 0
    fits = there & (predicted[other] == labels)
    gains = np.concatenate([[0], np.cumsum(fits.astype(np.int64) - (there & hits))])
    rises = gains - np.minimum.accumulate(gains)
    end = int(rises.argmax())
    if rises[end] <= 0:
        return None
    run = slice(int(gains[: end + 1].argmin()), end)
    return _run(how, other, predicted, labels, hits, places, run)


def _run(
    how: str,
    other: IntArray,
    predicted: IntArray,
    labels: IntArray,
    hits: BoolArray,
    places: IntArray,
    among: slice,
) -> Moved:
    """Return how well the rows `among` all fit as they are and in the other order."""
    run = np.flatnonzero(other[among] >= 0) + among.start
    moved = predicted[other[run]]
    return Moved(
        how,
        int(places[run[0]]),
        int(places[run[-1]]),
        int(hits[run].sum()),
        int((moved == labels[run]).sum()),
        len(run),
        _chance(moved, labels[run]),
    )


def _is_chance(predicted: IntArray, labels: IntArray) -> bool:
    """Whether predictions agree with labels (n,) no oftener than in a random order."""
    chance, n = _chance(predicted, labels), len(labels)
    spread = math.sqrt(chance * (1 - chance / n))
    return int((predicted == labels).sum()) - chance <= TUNING.chance_deviations * spread


def _chance(predicted: IntArray, labels: IntArray) -> float:
    """Return how many labels would be predicted if the rows were in a random order."""
    K = 1 + max(int(predicted.max(initial=0)), int(labels.max(initial=0)))
    both = np.bincount(predicted, minlength=K).astype(float) @ np.bincount(labels, minlength=K)
    return float(both / max(len(labels), 1))
