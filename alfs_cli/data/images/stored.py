"""Pictures inside a Parquet file, as the Hugging Face Hub stores them.

A column of pictures is binary, or a struct {bytes, path}. Row groups are read whole, and the last
few are kept in memory.
"""

from bisect import bisect_right
from collections import OrderedDict
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import Any

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
BYTES = "bytes"


def picture_columns(file: Any) -> dict[str, str]:
    """Return the columns of a pyarrow ParquetFile that hold pictures, with the path of their bytes.

    A binary column holds pictures if one of its first values begins like one, or if it has one of
    PICTURE_NAMES and a value that is no text.
    """
    found: dict[str, str] = {}
    for column in file.schema_arrow:
        kind = column.type
        if pyarrow.types.is_struct(kind):
            inner = [part for part in kind if part.name == BYTES and _is_binary(part.type)]
            if inner:
                found[column.name] = f"{column.name}.{BYTES}"
        elif _is_binary(kind) and _holds_pictures(file, column.name):
            found[column.name] = column.name
    return found


def _is_binary(kind: Any) -> bool:
    types = pyarrow.types
    return bool(types.is_binary(kind) or types.is_large_binary(kind))


def _holds_pictures(file: Any, name: str) -> bool:
    batch = next(file.iter_batches(batch_size=LOOKED_AT, columns=[name]), None)
    values = [] if batch is None else [value for value in batch.column(0).to_pylist() if value]
    if name in PICTURE_NAMES and any(_is_no_text(value) for value in values):
        return True
    return any(format_of(value[:HEAD]) is not None for value in values)


def _is_no_text(value: bytes) -> bool:
    try:
        return "\0" in value.decode("utf-8")
    except UnicodeDecodeError:
        return True


@dataclass(frozen=True, eq=False)
class PictureColumn:
    """A column of pictures in a Parquet file.

    `leaf` is the path of its bytes, `starts` the rows at which row groups begin, and `kept` the row
    groups in memory, the last used at the end.
    """

    path: Path
    name: str
    leaf: str
    starts: tuple[int, ...]
    kept: "OrderedDict[int, Any]" = field(default_factory=OrderedDict)
    lock: Any = field(default_factory=Lock)

    def content(self, row: int) -> bytes:
        """Return the bytes of a picture, b"" without one; raises OSError for a damaged file."""
        number = bisect_right(self.starts, row) - 1
        return bytes(self._group(number)[row - self.starts[number]].as_py() or b"")

    def _group(self, number: int) -> Any:
        with self.lock:
            if number in self.kept:
                self.kept.move_to_end(number)
                return self.kept[number]
            try:
                with pyarrow.parquet.ParquetFile(self.path) as file:
                    values = _leaf(file.read_row_group(number, columns=[self.leaf]))
            except (OSError, ValueError, pyarrow.ArrowException) as error:
                raise OSError(f"cannot read '{self.path}': {brief(error)}") from None
            self.kept[number] = values
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


def _leaf(table: Any) -> Any:
    """Return the one column of a pyarrow table; of structs, the bytes in them."""
    values = table.column(0)
    if pyarrow.types.is_struct(values.type):
        values = pyarrow.compute.struct_field(values, [0])
    return values


def open_pictures(path: Path, name: str) -> PictureColumn:
    """Open the column `name` of pictures.

    Raises InputError where one of its row groups needs more memory than is free.
    """
    with pyarrow.parquet.ParquetFile(path) as file:
        about = file.metadata
        leaf = picture_columns(file)[name]
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
    return PictureColumn(path, name, leaf, tuple(np.cumsum([0, *counts])[:-1].tolist()))


@dataclass(frozen=True, eq=False)
class Stored:
    """N pictures in a file, the SHA-256 of each, and a mask (N,) of those that begin like one."""

    pictures: tuple[StoredPicture, ...]
    digests: tuple[bytes, ...]
    readable: BoolArray


def stored_pictures(path: Path, name: str, rows: IntArray) -> Stored:
    """Return the pictures in column `name` of a Parquet file, at `rows` (N,).

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
