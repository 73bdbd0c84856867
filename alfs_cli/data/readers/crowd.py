"""Long tables of a crowd's answers, a row for each: `task`, `worker`, `label`."""

from dataclasses import replace

import numpy as np
import pandas as pd

from alfs_cli.data.dataset import CROWD, DataSpec
from alfs_cli.data.readers.listing import Listing, marks_of
from alfs_cli.data.readers.tables import Table
from alfs_cli.storage.memory import refuse_too_large

TASK, WORKERS = "task", ("worker", "performer")
CELL_BYTES = 8  # of one person's label of one task


def worker_column(table: Table, spec: DataSpec) -> str | None:
    """Return the column of workers if a table has a row for each answer of a crowd, else None."""
    if TASK not in table.columns or spec.label_columns is not None or spec.labels is not None:
        return None
    return next((name for name in WORKERS if name in table.columns), None)


def read_crowd(table: Table, spec: DataSpec, worker: str) -> Listing:
    """Return a long table as one of tasks, in the order in which they first occur.

    Raises InputError where a row has no task, worker or label.
    """
    label = spec.label_column or "label"
    table.require(label, option="--label-column")
    listing = by_task(table, task=TASK, worker=worker, label=label)
    tasks = len(listing.table.frame)
    people = 0 if listing.annotations is None else len(listing.annotations.names)
    note = f"{len(table.frame):,} answers of {people:,} workers to {tasks:,} tasks"
    return replace(listing, notes=(note,))


def by_task(table: Table, *, task: str, worker: str, label: str) -> Listing:
    """Return the rows of each task as one, with the label of each worker beside it.

    Other columns are kept where they have one value for each task. Raises InputError for a row
    without a task, worker or label.
    """
    cells = {name: table.text(name) for name in (task, worker, label)}
    for name, column in cells.items():
        table.refuse_missing(column, name)
    codes, names = pd.factorize(cells[task])
    people = cells[worker]
    refuse_too_large(
        len(names) * len(set(people)) * CELL_BYTES,
        where=f"a table of {len(names):,} tasks by {len(set(people)):,} workers",
        help="leave out the workers with few answers",
    )
    first = np.unique(codes, return_index=True)[1]
    kept = [name for name in table.columns if name == task or _is_fixed(table, name, codes)]
    kept = [name for name in kept if name not in (worker, label)]
    rows = table.take(first)
    reduced = replace(rows, frame=rows.frame[kept], is_as_written=False)
    answers = (codes.tolist(), people.tolist(), cells[label].tolist())
    marks = marks_of(*answers, count=len(names))
    return Listing(reduced, kind=CROWD, annotations=marks)


def _is_fixed(table: Table, name: str, codes: "np.ndarray[tuple[int], np.dtype[np.intp]]") -> bool:
    """Say whether a column has one value in all rows of each task."""
    values = pd.factorize(table.frame[name].astype(str))[0]
    pairs = np.unique(np.stack([codes, values], axis=1), axis=0)
    return len(pairs) == len(np.unique(codes))
