"""Parquet with other labels: types, categories, metadata and compression are kept.

A folder that Hugging Face's save_to_disk wrote becomes a Parquet file.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from alfs_cli.copies.edits import STAYS, Edit
from alfs_cli.data.readers.tables import Table

if TYPE_CHECKING:
    import pyarrow

GROUP = 1000  # rows of a row group, which is read whole for one picture


def write_edited_parquet(table: Table, edit: Edit, to: Path) -> None:
    """Write a copy of a table's Parquet file after an edit, with its types and compression."""
    import pyarrow
    import pyarrow.parquet

    from alfs_cli.data.readers.columnar import arrow_table

    whole = arrow_table(table.path)
    about = None if table.path.is_dir() else pyarrow.parquet.read_metadata(table.path)
    rows = np.flatnonzero(edit.label != STAYS)
    names: list[Any] = list(edit.class_names)
    if edit.label_column in whole.column_names:
        place = whole.column_names.index(edit.label_column)
        column = whole.column(place)
        for k, row in enumerate(edit.spelled):
            order = table.orders.get(edit.label_column)
            if row != STAYS:
                names[k] = column[int(row)].as_py()
            elif order is not None and order.are_positions:
                names[k] = order.names.index(names[k])
        new = _with_values(column, {int(row): names[edit.label[row]] for row in rows})
        whole = whole.set_column(place, whole.schema.field(place), new)
    else:
        cells = [None if k == STAYS else names[k] for k in edit.label]
        whole = whole.append_column(edit.label_column, pyarrow.array(cells, pyarrow.string()))
    if edit.move is not None and edit.path_column is not None:
        place = whole.column_names.index(edit.path_column)
        paths = whole.column(place).to_pylist()
        moved = {i: edit.move(path) for i, path in enumerate(paths) if isinstance(path, str)}
        new = _with_values(whole.column(place), moved)
        whole = whole.set_column(place, whole.schema.field(place), new)
    whole = whole.filter(pyarrow.array(edit.is_kept))
    groups = 0 if about is None or not about.num_columns else about.num_row_groups
    first = about.row_group(0) if about is not None and groups else None
    codec = "snappy" if first is None else first.column(0).compression.lower()
    pyarrow.parquet.write_table(
        whole,
        to,
        compression="none" if codec == "uncompressed" else codec,
        row_group_size=GROUP if first is None else max(1, first.num_rows),
    )


def _with_values(
    column: "pyarrow.ChunkedArray", values: Mapping[int, Any]
) -> "pyarrow.ChunkedArray":
    """Return a column with some values replaced, with the same type and order of categories."""
    import pyarrow

    if not values:
        return column
    kind = column.type
    if not pyarrow.types.is_dictionary(kind):
        cells = column.to_pylist()
        for row, value in values.items():
            cells[row] = value
        return pyarrow.chunked_array([pyarrow.array(cells, type=kind)])
    whole = column.unify_dictionaries().combine_chunks()
    whole = whole if isinstance(whole, pyarrow.Array) else whole.chunk(0)
    known = whole.dictionary.to_pylist()
    place = {value: index for index, value in enumerate(known)}
    codes = whole.indices.to_pylist()
    for row, value in values.items():
        codes[row] = place.setdefault(value, len(place))
    again = pyarrow.DictionaryArray.from_arrays(
        pyarrow.array(codes, type=kind.index_type),
        pyarrow.array(list(place), type=kind.value_type),
        ordered=kind.ordered,
    )
    return pyarrow.chunked_array([again])
