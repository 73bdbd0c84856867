"""What a file lists: a table of examples, and what its form says beside it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from alfs_cli.arrays import IntArray, Probabilities
from alfs_cli.data.annotations import Annotations
from alfs_cli.data.labels import RawLabels
from alfs_cli.data.readers.tables import Table
from alfs_cli.storage.remote import is_there

IMAGES = "images"


@dataclass(frozen=True, eq=False)
class Listing:
    """A table of N examples; `annotations` (N, M) are the labels of several people, if any.

    `pred_probs` (N, K) are probabilities of the classes `column_names`. `kind` names the form.
    """

    table: Table
    kind: str = "manifest"
    annotations: Annotations | None = None
    pred_probs: Probabilities | None = None
    column_names: tuple[str, ...] | None = None
    notes: tuple[str, ...] = field(default=())

    @property
    def has_evidence(self) -> bool:
        """Whether labels can be judged without a picture or a feature."""
        return self.annotations is not None or self.pred_probs is not None

    def take(self, rows: IntArray) -> "Listing":
        """Return the examples at `rows` (n,)."""
        marks, probs = self.annotations, self.pred_probs
        return replace(
            self,
            table=self.table.take(rows),
            annotations=None if marks is None else marks.take(rows),
            pred_probs=None if probs is None else probs[rows],
        )


def marks_of(
    tasks: Sequence[int], people: Sequence[str], labels: Sequence[str], *, count: int
) -> Annotations:
    """Return answers, each a task's number with a person and a label, as columns (count,) a person.

    Of several answers of one person to a task the last counts.
    """
    names = tuple(sorted(set(people)))
    column = {name: place for place, name in enumerate(names)}
    cells: list[RawLabels] = [np.full(count, "", dtype=object) for _ in names]
    for task, person, label in zip(tasks, people, labels, strict=True):
        cells[column[person]][task] = label
    missing = np.stack([cell == "" for cell in cells], axis=1).astype(np.bool_)
    return Annotations(names, tuple(cells), missing)


def folder_of(path: Path, first: object) -> Path:
    """Return the folder that the paths in a file are relative to, as annotation tools lay it out.

    It is the file's own, one of its folders of pictures, or that beside it: `images/`, and within
    it the folder of the subset that the file is named after. Where none holds the picture
    `first`, it is the file's own.
    """
    own, above = path.parent, path.parent.parent
    subset = path.stem.rpartition("_")[2]
    pictures = [base / IMAGES for base in (own, above)]
    folders = [own, *pictures, *(folder / subset for folder in pictures), above]
    return next((folder for folder in folders if is_there(folder / str(first))), own)


def left_out(count: int, total: int, why: str) -> tuple[str, ...]:
    """Return a note on examples that a form lists without a label, none where there are none.

    >>> left_out(2, 10, "images have no tag")
    ('2 of 10 images have no tag and are left out',)
    """
    return (f"{count:,} of {total:,} {why} and are left out",) if count else ()
