"""What a copy of a manifest changes: labels, rows that are left out, and relative paths."""

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
from alfs_cli.data.dataset import CROWD
from alfs_cli.data.readers.crowd import read_crowd, worker_column
from alfs_cli.data.readers.manifest import (
    TEXT_COLUMNS,
    base_of,
    is_inside,
    numbers_of_split,
    path_column_of,
)
from alfs_cli.data.readers.tables import Table, read_table
from alfs_cli.text.addresses import address_of, is_address, store_of

Move = Callable[[str], str]
DRIVE = re.compile(r"[A-Za-z]:[\\/]|\\\\")  # the beginning of an absolute path of Windows
STAYS = -1  # in place of a class: the cell does not change


@dataclass(frozen=True, eq=False)
class Edit:
    """The changes of a copy, for each of the R rows of the file.

    `label` (R,) is the new class of each row, STAYS where its cell does not change. `is_kept` (R,)
    is False for rows that are left out. `spelled` (K,) is, for each class, a row whose cell shows
    how the file writes that class, STAYS where there is none. `move` turns a path of the file into
    that in the copy, None where all stay the same.
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
    """How a copy writes paths, and the --root with which to read it, None where it needs none."""

    move: Move | None
    root: str | None


def read_manifest_of(dataset: LabelledDataset) -> Table:
    """Return the manifest that a data set was read from, with the rows of all splits.

    Of a crowd's answers it has a row for each task.
    """
    spec = dataset.spec
    named = [name for name in (spec.label_column, spec.path_column) if name is not None]
    table = read_table(Path(str(dataset.manifest)), text=[*TEXT_COLUMNS, *named], pictures=True)
    worker = worker_column(table, spec) if dataset.kind == CROWD else None
    return table if worker is None else read_crowd(table, spec, worker).table


def edit_of(
    dataset: LabelledDataset, table: Table, labels: IntArray, is_kept: BoolArray, to: Path
) -> tuple[Edit, str | None]:
    """Return the edit that gives the examples of a data set new labels (N,), and the copy's --root.

    `is_kept` (N,) is False for examples that are left out. `to` is the path of the copy. Rows that
    are no example of the data set, such as those of other splits, do not change.
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
    moved = moved_paths(table.exact(paths)[stays], table.folder, spec.root, to)
    return replace(edit, path_column=paths, move=moved.move), moved.root


def moved_paths(cells: NDArray[Any], beside: Path, root: str | None, to: Path) -> Moved:
    """Return how the paths of a manifest in the folder `beside` are written in a copy at `to`.

    Absolute paths and addresses do not change, and paths beside a manifest that lies at an address
    become addresses. The copy needs a --root where a path leads out of its folder.
    """
    base, _ = base_of(cells, beside, root)
    start, folder = os.path.abspath(base), os.path.abspath(to.parent)

    def move(path: str) -> str:
        if not path or os.path.isabs(path) or DRIVE.match(path) or is_address(path):
            return path
        if "\\" in path and not os.path.lexists(os.path.join(start, path)):
            path = path.replace("\\", "/")
        there = address_of(os.path.join(start, path))
        if there is not None:
            return there.shown
        return Path(os.path.relpath(os.path.join(start, path), folder)).as_posix()

    is_here = start == folder
    written = cells if is_here else [move(path) for path in cells]
    found = [
        os.path.abspath(os.path.join(folder, path))
        for path in written
        if path and not is_address(path)
    ]
    away = next((path for path in written if is_address(path)), None)
    root = root_for(found, to) if away is None else store_of(away)
    return Moved(None if is_here else move, root)


def root_for(files: list[str], manifest: Path) -> str | None:
    """Return the --root that a manifest with these absolute paths needs, None if it needs none."""
    folder = os.path.abspath(manifest.parent)
    if all(is_inside(file, folder) for file in files):
        return None
    common = os.path.commonpath([folder, *map(os.path.dirname, files)])
    near = os.path.relpath(common)
    return common if near.startswith("..") else near
