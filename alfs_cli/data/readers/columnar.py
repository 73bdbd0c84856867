"""Tables in Arrow's memory: Parquet files, and folders that Hugging Face's save_to_disk wrote.

Pictures stay in the file. A column of lists of numbers, such as embeddings, becomes columns of
numbers.
"""

import json
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow
import pyarrow.compute
import pyarrow.parquet

from alfs_cli.data.declared import HUB, declared_in, pandas_notes
from alfs_cli.data.images.stored import first_in, first_of, paths_inside, picture_columns
from alfs_cli.data.readers.tables import Table
from alfs_cli.errors import InputError, brief
from alfs_cli.storage.files import as_file, as_text_file
from alfs_cli.storage.memory import refuse_too_large

CELL_BYTES = 8  # the least that a cell takes in memory
STATE, ABOUT = "state.json", "dataset_info.json"
WHOLE = "is it whole? write or fetch it again"
DAMAGED = (OSError, ValueError, OverflowError, pyarrow.ArrowException)


def read_parquet(path: Path) -> Table:
    """Return the columns of a Parquet file, those of pictures by name alone.

    Raises InputError where it cannot be read, or needs more memory than is free.
    """
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            pictures = picture_columns(file.schema_arrow, first_in(file))
            wanted = [name for name in file.schema_arrow.names if name not in pictures]
            num_rows = file.metadata.num_rows
            refuse_too_large(
                _num_cells(file.metadata, wanted) * CELL_BYTES,
                where=f"'{path}' of {num_rows:,} rows and {len(wanted):,} columns",
                help="store it in parts",
            )
            return _table(path, file.read(columns=wanted), num_rows, pictures)
    except DAMAGED as error:
        raise InputError(f"cannot read '{path}' as Parquet: {brief(error)}", help=WHOLE) from None
    except MemoryError:
        raise InputError(f"'{path}' claims more than memory holds", help="is it damaged?") from None


def read_saved(folder: Path) -> Table:
    """Return the table in a folder that save_to_disk wrote: one split, in files of Arrow.

    Raises InputError where a file of it is missing, cut short, or no such file.
    """
    whole = saved_table(folder)
    pictures = picture_columns(whole.schema, first_of(whole))
    wanted = [name for name in whole.column_names if name not in pictures]
    part = whole.select(wanted)
    refuse_too_large(part.nbytes, where=f"'{folder}'", help="store it in parts")
    try:
        return _table(folder, part, whole.num_rows, pictures)
    except DAMAGED as error:
        raise InputError(f"cannot read '{folder}': {brief(error)}", help=WHOLE) from None


def arrow_table(path: Path) -> Any:
    """Return the whole pyarrow table in a Parquet file, in shards, or in a folder of save_to_disk.

    Shards have a column `split` where their names tell splits.
    """
    if not path.is_dir():
        return pyarrow.parquet.read_table(path)
    if is_saved(path):
        return saved_table(path)
    from alfs_cli.data.readers.shards import shards_in, splits_of_files

    files = shards_in(path)
    parts = [pyarrow.parquet.read_table(file) for file in files]
    splits = splits_of_files(files)
    if splits is not None and "split" not in parts[0].column_names:
        parts = [
            part.append_column("split", pyarrow.array([split] * len(part), pyarrow.string()))
            for part, split in zip(parts, splits, strict=True)
        ]
    return pyarrow.concat_tables(parts)


def saved_table(folder: Path) -> Any:
    """Return the pyarrow table in a folder of save_to_disk, mapped from its files."""
    files = json_object(folder / STATE).get("_data_files")
    names = [file.get("filename") for file in files or () if isinstance(file, dict)]
    plain = [name for name in names if isinstance(name, str) and Path(name).name == name]
    if not names or len(plain) < len(names):
        raise InputError(
            f"'{folder / STATE}' names no files of the folder",
            help="save the data set again: dataset.save_to_disk(FOLDER)",
        )
    parts = [_mapped(folder / name) for name in plain]
    try:
        whole = pyarrow.concat_tables(parts)
    except pyarrow.ArrowException as error:
        raise InputError(
            f"the files of '{folder}' have different columns: {brief(error)}", help=WHOLE
        ) from None
    features = json_object(folder / ABOUT).get("features") if (folder / ABOUT).is_file() else None
    about = whole.schema.metadata or {}
    if features is None or HUB in about:
        return whole
    said = json.dumps({"info": {"features": features}}).encode()
    return whole.replace_schema_metadata({**about, HUB: said})


def _mapped(path: Path) -> Any:
    try:
        with pyarrow.memory_map(str(as_file(path))) as source:
            return pyarrow.ipc.open_stream(source).read_all()
    except FileNotFoundError:
        raise InputError(f"no such file: '{path}'", help=WHOLE) from None
    except DAMAGED as error:
        raise InputError(f"cannot read '{path}' as Arrow: {brief(error)}", help=WHOLE) from None


def json_object(path: Path) -> dict[str, Any]:
    """Return the object in a small JSON file, {} where there is something else in it."""
    try:
        found = json.loads(as_text_file(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"cannot read '{path}': {brief(error)}", help=WHOLE) from None
    return found if isinstance(found, dict) else {}


def is_saved(folder: Path) -> bool:
    """Say whether save_to_disk wrote this folder, as one split."""
    return (folder / STATE).is_file() and (folder / ABOUT).is_file()


def _table(path: Path, table: Any, num_rows: int, pictures: Collection[str]) -> Table:
    """Return a pyarrow table without its pictures as a Table."""
    columns: dict[str, Any] = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        if pyarrow.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        column = paths_inside(column)
        columns |= _numbers_of_lists(name, column) or {name: column.to_pandas()}
    written = pandas_notes(table.schema, "index_columns")
    index = tuple(name for name in written if isinstance(name, str))
    categories = {
        name: [chunk.dictionary for chunk in column.chunks]
        for name, column in zip(table.column_names, table.columns, strict=True)
        if pyarrow.types.is_dictionary(column.type)
    }
    orders = declared_in(table.schema, categories)
    frame = pd.DataFrame(columns, index=range(num_rows))
    return Table(path, frame, None, tuple(pictures), index, orders)


def _numbers_of_lists(name: str, column: Any) -> dict[str, Any] | None:
    """Return a column of lists of D real numbers each as D columns; None for any other."""
    types = pyarrow.types
    kind = column.type
    is_list = types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)
    if not is_list or not len(column) or column.null_count:
        return None
    inner = kind.value_type
    if not types.is_floating(inner):  # whole numbers may be several labels
        return None
    width = pyarrow.compute.unique(pyarrow.compute.list_value_length(column)).to_pylist()
    if len(width) != 1 or not width[0]:
        return None
    values = pyarrow.compute.list_flatten(column).to_numpy().reshape(len(column), width[0])
    return {f"{name}[{place}]": values[:, place] for place in range(width[0])}


def _num_cells(about: Any, columns: Sequence[str]) -> int:
    """Return the number of values in columns of a Parquet file, by its metadata."""
    groups = [about.row_group(index) for index in range(about.num_row_groups)]
    chunks = [group.column(place) for group in groups for place in range(group.num_columns)]
    held = [chunk for chunk in chunks if chunk.path_in_schema.split(".")[0] in columns]
    return max(int(about.num_rows) * len(columns), sum(int(chunk.num_values) for chunk in held))
