"""CSV and TSV with other labels: rows in which nothing changes keep their exact text."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from alfs_cli.copies.edits import STAYS, Edit
from alfs_cli.copies.text_rows import (
    NAMED_SEPARATOR,
    Record,
    TextRows,
    encoded,
    plain,
    read_text_rows,
    written,
)
from alfs_cli.data.labels import same_text
from alfs_cli.data.readers.shards import are_archives
from alfs_cli.data.readers.tables import SEPARATORS, Table
from alfs_cli.errors import InputError


def cells_of(table: Table) -> TextRows:
    """Return a table as text: the file's own text of CSV and TSV, else its values as CSV.

    Raises InputError for pictures and other bytes, which text cannot hold.
    """
    columns = table.columns
    if table.pictures and not are_archives(table.path):
        raise InputError(
            f"column '{table.pictures[0]}' of '{table.path}' holds pictures, which a text table "
            "cannot hold",
            help="name a copy that ends in .parquet: its pictures stay",
        )
    if _is_text(table):
        return read_text_rows(table.path, columns=len(columns), count=len(table.frame))
    values = [_values(table, name) for name in columns]
    rows = tuple(
        Record(tuple(written(_as_cell(value, table.path), ",") for value in row), "\n")
        for row in zip(*values, strict=True)
    )
    head = Record(tuple(written(name, ",") for name in columns), "\n")
    return TextRows("utf-8", ",", "", head, rows, tuple(range(len(rows))))


def _is_text(table: Table) -> bool:
    """Say whether the file of a table is its text."""
    return table.is_as_written and table.path.suffix.lower() in SEPARATORS


def _values(table: Table, column: str) -> list[Any]:
    """Return the stored values of a column, whole numbers even where some are missing."""
    is_folder = table.path.is_dir() and not are_archives(table.path)
    if is_folder or table.path.suffix.lower() == ".parquet":
        from alfs_cli.data.readers.columnar import arrow_table

        order = table.orders.get(column)
        if order is not None and order.are_positions:
            return list(table.text(column))
        whole = arrow_table(table.path)
        if column in whole.column_names:
            values: list[Any] = whole[column].to_pylist()
            return values
    return list(table.frame[column].to_numpy(dtype=object))


def _as_cell(value: Any, path: Path) -> str:
    if value is None or value != value:
        return ""
    if isinstance(value, bytes):
        raise InputError(
            f"'{path}' holds bytes, which a text table cannot hold",
            help=f"name a copy that ends in {path.suffix}",
        )
    if isinstance(value, bool | np.bool_):
        return str(bool(value)).lower()
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def edited_text(table: Table, edit: Edit, suffix: str) -> bytes:
    """Return the bytes of a CSV or TSV after an edit; unchanged rows keep their exact text.

    `suffix` is that of the copy. Raises InputError where the file as text has other rows than the
    table.
    """
    found = cells_of(table)
    _refuse_other_rows(table, found, edit)
    if not _is_text(table) or table.path.suffix.lower() != suffix:
        found = _separated(found, SEPARATORS[suffix])
    column = table.columns.index(edit.label_column) if edit.label_column in table.columns else None
    paths = None if edit.path_column is None else table.columns.index(edit.path_column)
    head, names = found.head, found.names
    if column is None:
        names = replace(names, cells=(*names.cells, written(edit.label_column, found.separator)))
    number = {place: row for row, place in enumerate(found.places)}
    spelled = [
        name
        if row == STAYS or column is None
        else plain(found.rows[found.places[row]].cells[column])
        for name, row in zip(edit.class_names, edit.spelled, strict=True)
    ]
    parts = [head, found.text(names)]
    for place, record in enumerate(found.rows):
        row = number.get(place)
        if row is None:
            parts.append(found.text(record))
        elif edit.is_kept[row]:
            parts.append(found.text(_edited(record, edit, row, column, paths, spelled, found)))
    return encoded("".join(parts), found.encoding)


def _edited(
    record: Record,
    edit: Edit,
    row: int,
    column: int | None,
    paths: int | None,
    spelled: list[str],
    found: TextRows,
) -> Record:
    """Return a row with its new label and path; `spelled` says how to write each class."""
    cells, new = list(record.cells), int(edit.label[row])
    if column is None:
        cells.append("" if new == STAYS else written(spelled[new], found.separator))
    elif new != STAYS:
        cells[column] = written(spelled[new], found.separator, like=cells[column])
    if paths is not None and edit.move is not None and paths < len(cells):
        path = edit.move(plain(cells[paths]))
        if path != plain(cells[paths]):
            cells[paths] = written(path, found.separator, like=cells[paths])
    return Record(tuple(cells), record.end)


def _refuse_other_rows(table: Table, found: TextRows, edit: Edit) -> None:
    """Raise InputError unless the labels in the text are those of the table."""
    if edit.label_column not in table.columns:
        return
    column = table.columns.index(edit.label_column)
    for place, label in zip(found.places, table.text(edit.label_column), strict=True):
        cells = found.rows[place].cells
        cell = same_text(plain(cells[column])) if column < len(cells) else ""
        if cell.strip() != label.strip():
            raise InputError(
                f"label '{label[:100]}' of '{table.path}' is '{cell[:100]}' in the file's text",
                help="save it as plain CSV first",
            )


def _separated(found: TextRows, separator: str) -> TextRows:
    """Return the same cells, separated by another character."""

    def again(record: Record) -> Record:
        return Record(tuple(written(plain(c), separator, like=c) for c in record.cells), record.end)

    head = NAMED_SEPARATOR.sub("", found.head)
    rows = tuple(map(again, found.rows))
    return replace(found, separator=separator, head=head, names=again(found.names), rows=rows)
