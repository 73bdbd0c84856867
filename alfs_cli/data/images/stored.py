"""Pictures inside another file: Parquet and Arrow as Hugging Face stores them, tar archives.

In Parquet and Arrow a column of pictures is binary, or a struct {bytes, path}. Row groups of
Parquet are read whole, and the last few are kept in memory; of the others one picture is read at a
time.
"""

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import Any, Protocol

import numpy as np
import pyarrow
import pyarrow.compute
import pyarrow.parquet

from alfs_cli.arrays import BoolArray, IntArray
from alfs_cli.data.images.opening import HEAD, format_of
from alfs_cli.errors import InputError, brief
from alfs_cli.storage.memory import refuse_too_large

KEPT_BYTES = 1 << 28  # of row groups that stay in memory
PICTURE_NAMES = ("image", "img", "picture", "photo")
LOOKED_AT = 16  # values by which a binary column is judged
BYTES, PATH = "bytes", "path"


First = Callable[[str], list[Any]]  # from the name of a column to its first values


def picture_columns(schema: Any, first: First) -> dict[str, str]:
    """Return the columns of an Arrow schema that hold pictures, with the path of their bytes.

    A binary column holds pictures if one of its first values begins like one, or if it has one of
    PICTURE_NAMES and a value that is no text. A struct {bytes, path} whose first bytes are all
    missing holds none: its paths lead to them.
    """
    found: dict[str, str] = {}
    for column in schema:
        if _is_struct(column.type):
            values = [value for value in first(column.name) if value and value.get(PATH)]
            if not values or any(value.get(BYTES) is not None for value in values):
                found[column.name] = f"{column.name}.{BYTES}"
        elif _is_binary(column.type) and _are_pictures(column.name, first(column.name)):
            found[column.name] = column.name
    return found


def first_of(table: Any) -> First:
    """Return the function that gives the first values of each column of a pyarrow table."""
    return lambda name: list(table.column(name).slice(0, LOOKED_AT).to_pylist())


def first_in(file: Any) -> First:
    """Return the function that gives the first values of each column of a ParquetFile."""

    def values(name: str) -> list[Any]:
        batch = next(file.iter_batches(batch_size=LOOKED_AT, columns=[name]), None)
        return [] if batch is None else list(batch.column(0).to_pylist())

    return values


def _is_struct(kind: Any) -> bool:
    is_struct = pyarrow.types.is_struct(kind)
    return is_struct and any(part.name == BYTES and _is_binary(part.type) for part in kind)


def paths_inside(column: Any) -> Any:
    """Return the paths of a column of structs {bytes, path}, unchanged any other column."""
    kind = column.type
    if not _is_struct(kind) or kind.get_field_index(PATH) < 0:
        return column
    return pyarrow.compute.struct_field(column, [kind.get_field_index(PATH)])


def _is_binary(kind: Any) -> bool:
    types = pyarrow.types
    return bool(types.is_binary(kind) or types.is_large_binary(kind))


def _are_pictures(name: str, first: list[Any]) -> bool:
    values = [value for value in first if value]
    if name in PICTURE_NAMES and any(_is_no_text(value) for value in values):
        return True
    return any(format_of(value[:HEAD]) is not None for value in values)


def _is_no_text(value: bytes) -> bool:
    try:
        return "\0" in value.decode("utf-8")
    except UnicodeDecodeError:
        return True


class PictureColumn(Protocol):
    """The pictures of a column, or of the samples of an archive, by row."""

    def __len__(self) -> int:
        """The number of rows."""
        ...

    def content(self, row: int) -> bytes:
        """Return the bytes of a picture, b"" without one; raises OSError for a damaged file."""
        ...


@dataclass(frozen=True, eq=False)
class ParquetColumn:
    """A column of pictures in a Parquet file.

    `leaf` is the path of its bytes, `starts` the rows at which row groups begin, and `kept` the row
    groups in memory, the last used at the end; shards share them.
    """

    path: Path
    name: str
    leaf: str
    starts: tuple[int, ...]
    count: int
    kept: "OrderedDict[tuple[Path, int], Any]" = field(default_factory=OrderedDict)
    lock: Any = field(default_factory=Lock)

    def __len__(self) -> int:
        return self.count

    def content(self, row: int) -> bytes:
        """Return the bytes of a picture, b"" without one; raises OSError for a damaged file."""
        number = bisect_right(self.starts, row) - 1
        return bytes(self._group(number)[row - self.starts[number]].as_py() or b"")

    def _group(self, number: int) -> Any:
        with self.lock:
            key = (self.path, number)
            if key in self.kept:
                self.kept.move_to_end(key)
                return self.kept[key]
            try:
                with pyarrow.parquet.ParquetFile(self.path) as file:
                    values = _leaf(file.read_row_group(number, columns=[self.leaf]))
            except (OSError, ValueError, pyarrow.ArrowException) as error:
                raise OSError(f"cannot read '{self.path}': {brief(error)}") from None
            self.kept[key] = values
            while len(self.kept) > 1 and sum(v.nbytes for v in self.kept.values()) > KEPT_BYTES:
                self.kept.popitem(last=False)
            return values


@dataclass(frozen=True)
class StoredPicture:
    """One picture of a column."""

    column: PictureColumn
    row: int

    def read(self) -> bytes:
        """Return its bytes; raises OSError where they cannot be read."""
        return self.column.content(self.row)


@dataclass(frozen=True, eq=False)
class MappedColumn:
    """A column of pictures in files of Arrow, which are mapped into memory."""

    values: Any

    def __len__(self) -> int:
        return len(self.values)

    def content(self, row: int) -> bytes:
        """Return the bytes of a picture, b"" without one."""
        return bytes(self.values[row].as_py() or b"")


@dataclass(frozen=True, eq=False)
class JoinedColumn:
    """The pictures of several files in a row; `starts` are the rows where they begin."""

    columns: tuple[PictureColumn, ...]
    starts: tuple[int, ...]

    def __len__(self) -> int:
        return sum(map(len, self.columns))

    def content(self, row: int) -> bytes:
        """Return the bytes of a picture, b"" without one; raises OSError for a damaged file."""
        number = bisect_right(self.starts, row) - 1
        return self.columns[number].content(row - self.starts[number])


def _leaf(table: Any) -> Any:
    """Return the one column of a pyarrow table; of structs, the bytes in them."""
    values = table.column(0)
    if pyarrow.types.is_struct(values.type):
        place = max(0, values.type.get_field_index(BYTES))
        values = pyarrow.compute.struct_field(values, [place])
    return values


def open_pictures(path: Path, name: str) -> PictureColumn:
    """Open the pictures `name` of a file: a column, or the suffix of the files in an archive.

    Raises InputError where one of a Parquet file's row groups needs more memory than is free.
    """
    if path.is_dir():
        from alfs_cli.data.readers.columnar import is_saved, saved_table

        if not is_saved(path):
            return _joined(path, name)
        return MappedColumn(_leaf(saved_table(path).select([name])))
    if path.suffix.lower() == ".tar":
        from alfs_cli.data.readers.webdataset import open_archive

        return open_archive(path, name)
    return _open_parquet(path, name)


def _joined(folder: Path, name: str) -> JoinedColumn:
    """Open the pictures of all shards in a folder, which keep one number of bytes in memory."""
    from alfs_cli.data.readers.shards import shards_in

    files = shards_in(folder)
    opened = [open_pictures(file, name) for file in files]
    first = opened[0]
    if isinstance(first, ParquetColumn):
        shared = {"kept": first.kept, "lock": first.lock}
        opened = [replace(c, **shared) if isinstance(c, ParquetColumn) else c for c in opened]
    starts = np.cumsum([0, *map(len, opened)])[:-1]
    return JoinedColumn(tuple(opened), tuple(starts.tolist()))


def _open_parquet(path: Path, name: str) -> ParquetColumn:
    with pyarrow.parquet.ParquetFile(path) as file:
        about = file.metadata
        leaf = picture_columns(file.schema_arrow, first_in(file))[name]
        place = [about.schema.column(i).path for i in range(about.num_columns)].index(leaf)
        groups = [about.row_group(number) for number in range(about.num_row_groups)]
        largest = max((group.column(place).total_uncompressed_size for group in groups), default=0)
    refuse_too_large(
        2 * largest,
        where=f"a row group of column '{brief(name)}' of '{path}'",
        help="write the file in smaller row groups: "
        "pyarrow.parquet.write_table(..., row_group_size=1000)",
    )
    counts = [group.num_rows for group in groups]
    starts = tuple(np.cumsum([0, *counts])[:-1].tolist())
    return ParquetColumn(path, name, leaf, starts, sum(counts))


@dataclass(frozen=True, eq=False)
class Stored:
    """N pictures in a file, the SHA-256 of each, and a mask (N,) of those that begin like one."""

    pictures: tuple[StoredPicture, ...]
    digests: tuple[bytes, ...]
    readable: BoolArray


def stored_pictures(path: Path, name: str, rows: IntArray) -> Stored:
    """Return the pictures `name` in a file (see `open_pictures`), at `rows` (N,).

    Raises InputError where the file cannot be read, and where none of them is a picture.
    """
    column = open_pictures(path, name)
    digests: list[bytes] = []
    readable: list[bool] = []
    try:
        for row in rows.tolist():
            content = column.content(row)
            digests.append(sha256(content).digest())
            readable.append(format_of(content[:HEAD]) is not None)
    except OSError as error:
        raise InputError(str(error), help="is it damaged?") from None
    if not any(readable):
        raise InputError(
            f"column '{brief(name)}' of '{path}' holds no picture",
            help="--path-column names another column of pictures, or one of paths; sounds and "
            "texts are not read",
        )
    pictures = tuple(StoredPicture(column, row) for row in rows.tolist())
    return Stored(pictures, tuple(digests), np.asarray(readable, dtype=np.bool_))
