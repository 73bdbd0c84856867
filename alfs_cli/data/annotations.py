"""Labels of several annotators, a column each."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alfs_cli.arrays import BoolArray, IntArray
from alfs_cli.data.classes import numbered
from alfs_cli.data.labels import RawLabels, missing_labels, raw_labels
from alfs_cli.data.tuning import TUNING
from alfs_cli.errors import InputError, brief

CONSENSUS_COLUMNS = ("label", "probability", "votes", "agreeing", "disputed")
"""The columns by which a file of consensus labels is known; but the label none is a feature."""


@dataclass(frozen=True, eq=False)
class Annotations:
    """Labels of M annotators as written, a column (N,) each; `missing` (N, M) is True for none."""

    names: tuple[str, ...]
    columns: tuple[RawLabels, ...]
    missing: BoolArray

    @property
    def seen(self) -> list[RawLabels]:
        """The labels that were given, one array for each annotator."""
        return [column[~self.missing[:, m]] for m, column in enumerate(self.columns)]

    def take(self, rows: IntArray) -> "Annotations":
        """Return the examples at `rows` (n,)."""
        return Annotations(
            self.names, tuple(column[rows] for column in self.columns), self.missing[rows]
        )

    def numbered(self, names: Sequence[str], *, where: str) -> IntArray:
        """Return labels (N, M) as indices into `names`, -1 where an annotator gave none."""
        marks = np.full(self.missing.shape, -1)
        for m, column in enumerate(self.columns):
            given = ~self.missing[:, m]
            marks[given, m] = numbered(
                column[given], names, where=f"{self.names[m]} of {where}", by_name=True
            )
        return marks

    def majority(self, *, where: str) -> RawLabels:
        """Return each example's most frequent label (N,); ties go to the first annotator's.

        Raises InputError for an example without any label.
        """
        nobody = np.flatnonzero(self.missing.all(axis=1))
        if len(nobody):
            raise InputError(
                f"{len(nobody):,} examples of {where} have no label from anybody "
                f"(first: row {nobody[0]})",
                help="leave those examples out",
            )
        votes = self.columns[0].copy()
        for row in range(len(votes)):
            cast = [c[row] for m, c in enumerate(self.columns) if not self.missing[row, m]]
            votes[row] = max(cast, key=cast.count)
        return votes


def annotations_of(
    names: Sequence[str],
    columns: Sequence[NDArray[Any]],
    *,
    where: str,
    declared: Collection[str] = (),
) -> Annotations:
    """Return the columns (N,) as labels of annotators; NaN and `missing_labels` count as none.

    Raises InputError where the columns are a one-hot code: exactly one 1 in every row.
    """
    _refuse_one_hot(names, columns, where=where)
    missing = np.zeros((len(columns[0]), len(columns)), dtype=bool)
    kept: list[RawLabels] = []
    for m, column in enumerate(columns):
        if column.dtype.kind in "iuf":
            missing[:, m] = ~(column >= 0)  # NaN included
            whole = np.where(missing[:, m], 0, column)
            kept.append(raw_labels(whole, where=f"{names[m]} of {where}"))
        else:
            text = column.astype(object)
            text[[cell is None for cell in text]] = ""
            missing[:, m] = missing_labels(text, declared=declared)
            kept.append(text)
    return Annotations(tuple(names), tuple(kept), missing)


def _refuse_one_hot(names: Sequence[str], columns: Sequence[NDArray[Any]], *, where: str) -> None:
    if len(columns) < 2 or len(columns[0]) < TUNING.annotator_rows:
        return
    marks = [np.isin(column.astype(str), ("1", "1.0", "true", "True")) for column in columns]
    known = ("0", "1", "0.0", "1.0", "true", "false", "True", "False")
    if (np.sum(marks, axis=0) != 1).any():
        return
    if all(np.isin(column.astype(str), known).all() for column in columns):
        named = ", ".join(repr(brief(name)) for name in names[:5])
        raise InputError(
            f"columns {named} of {where} look one-hot, with one 1 in each row: these are "
            "classes, not annotators",
            help="one column of names is needed: in pandas table[[...]].idxmax(axis=1), with those "
            "columns in the brackets",
        )


def column_names(text: str) -> tuple[str, ...]:
    """Return the names in `A,B,C`; raises InputError where there is none or one occurs twice.

    >>> column_names("anna, ben")
    ('anna', 'ben')
    """
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    if len(set(names)) < len(names) or not names:
        raise InputError(
            f"--label-columns '{brief(text)}' names a column twice, or none",
            help="--label-columns A,B,C: each annotator's column once",
        )
    return names
