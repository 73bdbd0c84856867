"""Examples whose true labels are known: a random sample, or reviewed suspects."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from alfs_cli.arrays import FloatArray, IntArray
from alfs_cli.data.classes import numbered
from alfs_cli.data.dataset import LabelledDataset, positions_of
from alfs_cli.data.labels import RawLabels, raw_labels
from alfs_cli.data.readers.arrays import load_npz, missing_key
from alfs_cli.data.readers.columns import table_labels
from alfs_cli.data.readers.reviewed import DROP, KEEP, is_reviewed, read_issues
from alfs_cli.data.readers.tables import TABLE_SUFFIXES, Table, read_table
from alfs_cli.data.tuning import TUNING
from alfs_cli.errors import InputError, did_you_mean, has


@dataclass(frozen=True, eq=False)
class Trusted:
    """True classes (m,) of the examples at indices `places` (m,) of a data set.

    `is_random` means that the examples are a random sample, so that they represent the others, or
    the others of their given label. Decisions on suspects do not: those examples were chosen
    because their labels look wrong.

    `probability` (m,) is proportional to each example's probability of being drawn, None where all
    were equal. An example with twice the probability represents half as many others.
    """

    places: IntArray
    true: IntArray
    is_random: bool
    notes: tuple[str, ...] = ()
    probability: FloatArray | None = None

    @property
    def weights(self) -> FloatArray:
        """The weight of each example (m,), 1 / probability: how many others it represents."""
        if self.probability is None:
            return np.ones(len(self.places))
        return np.asarray(1 / self.probability)

    def __len__(self) -> int:
        return len(self.places)

    def among(self, kept: IntArray, count: int) -> "Trusted":
        """Return the trusted examples among `kept`, with indices into `kept`.

        `kept` (n,) are indices into a data set of `count` examples.
        """
        place = np.full(count, -1)
        place[kept] = np.arange(len(kept))
        moved = place[self.places]
        return replace(self.taken(moved >= 0), places=moved[moved >= 0])

    def taken(self, which: NDArray[np.generic]) -> "Trusted":
        """Return the examples that `which` selects, a mask (m,) or indices."""
        probability = None if self.probability is None else self.probability[which]
        return replace(
            self, places=self.places[which], true=self.true[which], probability=probability
        )


def random_sample(
    places: ArrayLike, true: ArrayLike, probability: ArrayLike | None = None
) -> Trusted:
    """Return a random sample: indices of examples (m,), with their true classes (m,).

    `probability` (m,) is proportional to each one's probability of being drawn, None where all are
    equal. Raises InputError for shapes that differ, and for an example that occurs twice.

    >>> random_sample([7, 2], [0, 1]).places
    array([2, 7])
    """
    where, classes = np.asarray(places, dtype=np.int64), np.asarray(true, dtype=np.int64)
    if where.ndim != 1 or where.shape != classes.shape or not len(where):
        raise InputError(
            f"trusted places have shape {where.shape}, labels {classes.shape}",
            help="both are (m,), one index and one class for each example",
        )
    order = np.argsort(where, kind="stable")
    if len(np.unique(where)) < len(where):
        raise InputError("an example is trusted twice", help="leave one row for each example")
    found = Trusted(where, classes, is_random=True, probability=_chances(probability, len(where)))
    return found.taken(order)


def _chances(probability: ArrayLike | None, count: int, *, where: str = "") -> FloatArray | None:
    """Return probabilities of being drawn (m,); raises InputError for values not above 0."""
    if probability is None:
        return None
    try:
        found = np.asarray(probability, dtype=np.float64)
    except (TypeError, ValueError):
        found = np.empty(0)
    if found.shape != (count,) or not (np.isfinite(found) & (found > 0)).all():
        raise InputError(
            f"probability{where} is not a number above 0 for each of {count} trusted examples",
            help="the chance that each had of being drawn, or a weight in proportion to it",
        )
    return found


def read_trusted(path: Path, dataset: LabelledDataset) -> Trusted:
    """Read --trusted: an .npz or table with `index` and `true_label`, or a table of decisions.

    `index` is the 0-based position in the order of DATA. `probability`, beside `true_label`, is
    proportional to an example's probability of being drawn. A table with `index` and `decision` is
    a reviewed issues.csv: a decision is `keep` (the given label is right), `drop`, a class name, or
    nothing. Raises InputError for an index or label that the data set does not have, for rows that
    contradict each other, and where no true label is known.
    """
    suffix = path.suffix.lower()
    if suffix == ".npz":
        arrays = load_npz(path)
        for key in ("index", "true_label"):
            if key not in arrays:
                raise missing_key(path, key)
        index = raw_labels(arrays["index"], where=f"index of '{path}'")
        true = raw_labels(
            arrays["true_label"],
            where=f"true_label of '{path}'",
            declared=dataset.class_names,
        )
        if len(index) != len(true):
            raise InputError(
                f"'{path}': {len(index)} of index, {len(true)} of true_label",
                help="both are (m,), one of each for each example",
            )
        chances = arrays.get("probability")
        return trusted_among(dataset, index, true, where=f"'{path}'", probability=chances)
    if suffix not in TABLE_SUFFIXES:
        wrong = (
            f"'{path}' has the suffix '{suffix}'" if path.exists() else f"no such file: '{path}'"
        )
        raise InputError(wrong, help=f"reads .npz {' '.join(TABLE_SUFFIXES)}")
    if suffix in (".csv", ".tsv") and is_reviewed(path):
        return _reviewed(path, dataset)
    table = read_table(path, text=("true_label",), pictures=True)
    for name in ("index", "true_label"):
        if name not in table.columns:
            raise InputError(
                f"'{path}' has no column '{name}'{did_you_mean(name, table.columns)} "
                f"({has(table.columns, (name,))})",
                help="--trusted reads index and true_label, or index and decision: rename a column",
            )
    true = table_labels(table, "true_label", declared=dataset.class_names)
    chances = table.frame["probability"].to_numpy() if "probability" in table.columns else None
    index = _indices(table)
    return trusted_among(dataset, index, true, where=f"'{path}'", probability=chances)


def _reviewed(path: Path, dataset: LabelledDataset) -> Trusted:
    """Return the examples whose class a person decided; `drop` decides none."""
    issues = read_issues(path, dataset, needed=("index", "decision"))
    settles = (issues.decision >= 0) | (issues.decision == KEEP)
    if not settles.any():
        raise InputError(
            f"no row of '{path}' has a decision that names a class",
            help="fill in the column decision: keep or a class name",
        )
    places, chosen = issues.place[settles], issues.decision[settles]
    true = np.where(chosen == KEEP, dataset.labels[places], chosen)
    order = np.argsort(places, kind="stable")
    note = (
        f"{len(places):,} decisions read: they settle those labels and say nothing about others, "
        "since suspects are no random sample"
    )
    if dropped := int((issues.decision == DROP).sum()):
        note += f"; {dropped:,} to drop name no class"
    return Trusted(places[order], true[order].astype(np.int64), is_random=False, notes=(note,))


def _indices(table: Table) -> IntArray:
    values = table.frame["index"].to_numpy()
    if values.dtype.kind not in "iu":
        raise InputError(
            f"index of '{table.path}' is not whole numbers",
            help="index is the 0-based position of an example in DATA order",
        )
    return np.asarray(values, dtype=np.int64)


def _places(dataset: LabelledDataset, index: IntArray, *, where: str) -> IntArray:
    """Return the index in the data set of each position in DATA, -1 for an example left out."""
    positions = positions_of(dataset)
    size = int(positions.max()) + 1
    wrong = np.flatnonzero((index < 0) | (index >= size))
    if len(wrong):
        raise InputError(
            f"{where}: index {index[wrong[0]]} is not between 0 and {size - 1}",
            help="index is the 0-based position of an example in DATA order",
        )
    place = np.full(size, -1)
    place[positions] = np.arange(len(positions))
    return np.asarray(place[index])


def trusted_among(
    dataset: LabelledDataset,
    index: RawLabels,
    true: RawLabels,
    *,
    where: str,
    probability: ArrayLike | None = None,
) -> Trusted:
    """Return a random sample, given positions `index` (m,) in the order of DATA and true labels.

    `probability` (m,) is proportional to each one's probability of being drawn. `where` names the
    sample in messages. Raises InputError as `read_trusted` does.
    """
    if index.dtype == object:
        raise InputError(
            f"index of {where} is not whole numbers",
            help="index is the 0-based position of an example in DATA order",
        )
    places = _places(dataset, index.astype(np.int64), where=where)
    labels = numbered(true, dataset.class_names, where=where, by_name=True)
    chances = _chances(probability, len(index), where=f" of {where}")
    notes = []
    if (places < 0).any():
        notes.append(f"{(places < 0).sum():,} trusted examples were left out with their data")
    if chances is not None:
        chances = chances[places >= 0]
    places, labels = places[places >= 0], labels[places >= 0]
    if not len(places):
        raise InputError(
            f"{where} names no example of the data",
            help="index is the 0-based position of an example in DATA order",
        )
    unique, first, back = np.unique(places, return_index=True, return_inverse=True)
    against = np.flatnonzero(labels[first][back] != labels)
    if len(against):
        example = positions_of(dataset)[places[against[0]]]
        raise InputError(
            f"{where} has two labels for example {example}", help="leave one row for each example"
        )
    if len(unique) < TUNING.few_trusted:
        notes.append(
            f"{len(unique)} trusted examples are few: use {TUNING.few_trusted} or more for useful "
            "intervals"
        )
    once = None if chances is None else chances[first]
    return Trusted(unique, labels[first], is_random=True, notes=tuple(notes), probability=once)
