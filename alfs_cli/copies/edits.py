"""What a copy of a manifest changes: labels by row, rows left out, where paths lead from there."""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alfs_cli.arrays import BoolArray, IntArray
from alfs_cli.data import LabelledDataset, positions_of
from alfs_cli.data.readers.manifest import (
    TEXT_COLUMNS,
    base_of,
    is_inside,
    numbers_of_split,
    path_column_of,
)
from alfs_cli.data.readers.tables import Table, read_table

Move = Callable[[str], str]
DRIVE = re.compile(r"[A-Za-z]:[\\/]|\\\\")  # an absolute path of Windows
STAYS = -1


@dataclass(frozen=True, eq=False)
class Edit:
    """What a copy changes, by the 0-based rows of the file.

    `label` (rows,) is the class that a row's label shall name, STAYS where its cell is left alone;
    `spelled` (K,) a row whose cell is how the file writes that class, -1 where there is none;
    `move` gives a path as it is to be written, None where all stay as they are.
    """

    label_column: str
    label: IntArray
    is_kept: BoolArray
    class_names: tuple[str, ...]
    spelled: IntArray
    path_column: str | None = None
    move: Move | None = None


@dataclass(frozen=True)
class Moved:
    """How paths are written in a copy, and the --root that reads it, None where it needs none."""

    move: Move | None
    root: str | None


def read_manifest_of(dataset: LabelledDataset) -> Table:
    """Return all rows of the manifest that a data set was read from."""
    spec = dataset.spec
    named = [name for name in (spec.label_column, spec.path_column) if name is not None]
    return read_table(Path(str(dataset.manifest)), text=[*TEXT_COLUMNS, *named], pictures=True)


def edit_of(
    dataset: LabelledDataset, table: Table, labels: IntArray, is_kept: BoolArray, to: Path
) -> tuple[Edit, str | None]:
    """Return the edit that gives a data set's examples `labels` (N,), and the --root to read it.

    Rows that are no example of the data set, such as those of other splits, stay as they are.
    """
    spec, names = dataset.spec, dataset.class_names
    column = spec.label_column or "label"
    rows = numbers_of_split(table, dataset.split)[positions_of(dataset)]
    count = len(table.frame)
    label, spelled = np.full(count, STAYS), np.full(len(names), STAYS)
    if column in table.columns and spec.labels is None:
        changed = labels != dataset.labels
        first, at = np.unique(dataset.labels, return_index=True)
        spelled[first] = rows[at]
    else:
        own = table.text(column) if column in table.columns else np.full(count, "", dtype=object)
        wanted = np.asarray(names, dtype=object)[labels]
        changed = np.asarray(own[rows] != wanted, dtype=np.bool_)
        for index, name in enumerate(names):
            spelled[index] = next(iter(np.flatnonzero(own == name)), STAYS)
    label[rows[changed]] = labels[changed]
    stays = np.ones(count, dtype=np.bool_)
    stays[rows] = is_kept
    edit = Edit(column, label, stays, names, spelled)
    paths = path_column_of(table.columns, spec)
    if dataset.paths is None or paths is None:
        return edit, None
    moved = moved_paths(table.exact(paths)[stays], table.path.parent, spec.root, to)
    return replace(edit, path_column=paths, move=moved.move), moved.root


def moved_paths(cells: NDArray[Any], beside: Path, root: str | None, to: Path) -> Moved:
    """Return how paths of a manifest in `beside` are written in a copy at `to`.

    Absolute ones stay. The copy needs a --root where they lead farther than a reader follows them.
    """
    base, _ = base_of(cells, beside, root)
    start, folder = os.path.abspath(base), os.path.abspath(to.parent)

    def move(path: str) -> str:
        if not path or os.path.isabs(path) or DRIVE.match(path):
            return path
        if "\\" in path and not os.path.lexists(os.path.join(start, path)):
            path = path.replace("\\", "/")
        return Path(os.path.relpath(os.path.join(start, path), folder)).as_posix()

    is_here = start == folder
    written = cells if is_here else [move(path) for path in cells]
    found = [os.path.abspath(os.path.join(folder, path)) for path in written if path]
    return Moved(None if is_here else move, root_for(found, to))


def root_for(files: list[str], manifest: Path) -> str | None:
    """Return the --root that a manifest of these absolute paths needs, None where it needs none."""
    folder = os.path.abspath(manifest.parent)
    if all(is_inside(file, folder) for file in files):
        return None
    common = os.path.commonpath([folder, *map(os.path.dirname, files)])
    near = os.path.relpath(common)
    return common if near.startswith("..") else near
