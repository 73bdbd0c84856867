"""What a person sees of an example: its picture or its cells, and nothing that tells its label."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from alfs_cli.arrays import IntArray
from alfs_cli.copies.edits import read_manifest_of
from alfs_cli.data import LabelledDataset, positions_of
from alfs_cli.data.feature_columns import answer_in
from alfs_cli.data.readers.manifest import numbers_of_split
from alfs_cli.errors import InputError, brief, did_you_mean, has
from alfs_cli.text.names import parse_columns

Texts = NDArray[np.object_]

MOST_VALUES = 1000  # of a column that may be a code of the labels
MOST_NUMBERS = 64  # of an array's columns that a person is shown
HEX_DIGITS = 16


@dataclass(frozen=True, eq=False)
class Exhibits:
    """N examples as people see them; `columns` are texts (N,) by name, in the order of the table.

    `shown` names those of them that are shown, `hidden` those that are not and why: they tell the
    given label. `tells` says that so do the paths of the pictures.
    """

    dataset: LabelledDataset
    columns: Mapping[str, Texts] = field(default_factory=dict)
    shown: tuple[str, ...] = ()
    hidden: tuple[tuple[str, str], ...] = ()
    tells: bool = False

    def __len__(self) -> int:
        return len(self.dataset)

    @property
    def are_pictures(self) -> bool:
        """Whether the examples are pictures."""
        return self.dataset.images is not None

    def picture(self, place: int, size: int) -> bytes | None:
        """Return a PNG not larger than (size, size), None where it cannot be read."""
        images = self.dataset.images
        return None if images is None else images.png(place, size)

    def cells(self, place: int) -> tuple[tuple[str, str], ...]:
        """Return the cells of a row, by name; of an array, its numbers; the text of a given one."""
        if self.are_pictures:
            return ()
        if self.shown:
            return tuple((name, str(self.columns[name][place])) for name in self.shown)
        if self.dataset.texts is not None and not self.columns:
            return (("text", str(self.dataset.texts[place])),)
        X = self.dataset.features
        if X is None or self.columns:
            return ()
        used = () if self.dataset.columns is None else self.dataset.columns.features
        names = used or tuple(map(str, range(X.shape[1])))
        return tuple((name, f"{value:.6g}") for name, value in zip(names, X[place], strict=True))[
            :MOST_NUMBERS
        ]

    def row(self, place: int) -> int:
        """Return the 0-based place of an example in the order of DATA."""
        return int(positions_of(self.dataset)[place])

    def place(self, row: int) -> int:
        """Return which example lies at a 0-based place of DATA; raises where it was left out."""
        found = np.flatnonzero(positions_of(self.dataset) == row)
        if not len(found):
            raise InputError(
                f"row {row} was left out when the data were read",
                help="answer the rows that the audit asks for",
            )
        return int(found[0])

    def content(self, place: int) -> str | None:
        """Return a hash of what is shown; None where it cannot be read, or is nothing."""
        if self.dataset.images is not None:
            digest = self.dataset.images.digest(place)
            return None if digest is None else digest.hex()[:HEX_DIGITS]
        cells = self.cells(place)
        text = "\x1f".join(f"{name}\x1e{cell}" for name, cell in cells)
        found = sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
        return found[:HEX_DIGITS] if cells else None

    def column(self, name: str) -> list[str]:
        """Return a column of the table (N,); raises InputError where there is none of the name."""
        if name in self.columns:
            return [str(cell) for cell in self.columns[name]]
        if not self.columns:
            raise InputError(
                f"'{self.dataset.name}' has no columns, so no column '{brief(name)}'",
                help="slices need a table (.csv .tsv .parquet .jsonl) that lists the examples",
            )
        raise InputError(
            f"'{self.dataset.name}' has no column '{brief(name)}'"
            f"{did_you_mean(name, self.columns)} ({has(self.columns, [name])})",
            help="name a column of the table",
        )


def exhibits(dataset: LabelledDataset) -> Exhibits:
    """Return what there is to see of a data set's examples."""
    if dataset.manifest is None:
        return Exhibits(dataset, tells=_paths_tell(dataset))
    table = read_manifest_of(dataset)
    rows = numbers_of_split(table, dataset.split)[positions_of(dataset)]
    columns = {
        name: _texts(table.frame[name], rows)
        for name in table.columns
        if name not in table.pictures
    }
    labels = _label_columns(dataset)
    hidden: list[tuple[str, str]] = []
    shown: list[str] = []
    for name, cells in columns.items():
        if name in labels:
            continue
        reason = told_by(cells, dataset)
        if reason is None:
            shown.append(name)
        else:
            hidden.append((name, reason))
    return Exhibits(dataset, columns, tuple(shown), tuple(hidden), _paths_tell(dataset))


def _texts(column: "pd.Series[str]", rows: IntArray) -> Texts:
    values = column.to_numpy(dtype=object)[rows]
    empty = pd.isna(pd.Series(values, dtype=object)).to_numpy()
    return np.array(
        ["" if is_empty else str(v) for v, is_empty in zip(values, empty, strict=True)],
        dtype=object,
    )


def _label_columns(dataset: LabelledDataset) -> set[str]:
    """Return the columns that are labels, or say where an example comes from."""
    spec = dataset.spec
    several = () if spec.label_columns is None else parse_columns(spec.label_columns) or ()
    return {
        spec.label_column or "label",
        spec.true_label_column or "true_label",
        "split",
        *several,
    }


def told_by(cells: Texts, dataset: LabelledDataset) -> str | None:
    """Return how a column of texts (N,) tells the given labels, None where it does not."""
    names = np.array(dataset.class_names, dtype=object)[dataset.labels]
    if len(cells) > 1 and (cells == names).all():
        return "holds the label again"
    if float((cells == names).mean()) > halfway(dataset):  # as it was before mending, or guessed
        return "names the label of most"
    codes, values = pd.factorize(cells)
    if not 1 < len(values) <= min(MOST_VALUES, max(2, len(cells) // 2)):
        return None
    return answer_in(codes.astype(np.float64), dataset.labels)


def halfway(dataset: LabelledDataset) -> float:
    """Return the share of labels that lies between the most frequent one's and all of them."""
    return (1 + float(np.bincount(dataset.labels).max()) / len(dataset)) / 2


def _folders_tell(folders: Texts, dataset: LabelledDataset) -> bool:
    """Return whether the folder tells the label of most, as after some labels were mended."""
    codes, values = pd.factorize(folders)
    if not 1 < len(values) <= max(2, len(folders) // 2):
        return False
    table = np.zeros((len(values), dataset.num_classes))
    np.add.at(table, (codes, dataset.labels), 1)
    return bool(table.max(axis=1).sum() / len(folders) > halfway(dataset))


def _paths_tell(dataset: LabelledDataset) -> bool:
    """Return whether the folders or the names of files tell the given labels."""
    if dataset.images is None or dataset.paths is None:
        return False
    if dataset.kind == "folder":
        return True
    folders = np.array([os.path.dirname(path) for path in dataset.paths], dtype=object)
    if told_by(folders, dataset) is not None or _folders_tell(folders, dataset):
        return True
    names = [name.casefold() for name in dataset.class_names]
    found = [
        names[label] in os.path.basename(path).casefold()
        for path, label in zip(dataset.paths, dataset.labels, strict=True)
    ]
    return bool(np.mean(found) > 0.5)
