"""The Parquet files of a folder of features, written and read: a block of examples each.

Columns: `index` (the row in DATA), `label`, `features` (a list of fixed length), `digest` (of the
example's content), and where DATA has them `path` and `group`. The file's metadata say which data
and encoder it is of, and hold a digest of its content. Each block is a random sample of DATA, so
that any few files stand for all.
"""

import hashlib
import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet
from numpy.typing import NDArray

from alfs_cli.arrays import IntArray
from alfs_cli.errors import InputError, UsageError, brief
from alfs_cli.results.features import FeaturesFolder
from alfs_cli.storage.writing import replacing

KEY = b"alfs"
DIGEST = 16  # bytes of a content's SHA-256 that are kept
MIX = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB), np.uint64(0x9E3779B97F4A7C15))


@dataclass(frozen=True)
class Unread:
    """An example of DATA that could not be read: its row and label, and why."""

    row: int
    label: int
    path: str | None
    message: str


@dataclass(frozen=True, eq=False)
class FeatureBlock:
    """The n examples of a file, in the order of DATA.

    Args:
        number: of the file, from 0.
        index: the rows in DATA, (n,).
        labels: the given labels as indices into the classes, (n,).
        features: float16 or float32, (n, D).
        digests: of the examples' contents, (n, 2): equal ones have equal content.
        paths: the examples' files, None where they have none.
        groups: the number of each example's group, None without groups.
        unread: the examples that belong here and could not be read.
    """

    number: int
    index: IntArray
    labels: IntArray
    features: NDArray[np.floating[Any]]
    digests: NDArray[np.uint64]
    paths: tuple[str, ...] | None = None
    groups: IntArray | None = None
    unread: tuple[Unread, ...] = field(default=())

    def __len__(self) -> int:
        return len(self.index)

    def content_digest(self) -> str:
        """Return a hexadecimal SHA-256 of all that the block holds."""
        total = hashlib.sha256()
        arrays = (self.index, self.labels, self.features, self.digests, self.groups)
        for array in arrays:
            if array is not None:
                little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
                total.update(f"{little.dtype.str}{little.shape};".encode())
                total.update(little.data)
        for path in self.paths or ():
            total.update(path.encode("utf-8", "surrogateescape") + b"\0")
        return total.hexdigest()

    def folds(self, count: int, seed: int) -> IntArray:
        """Return the fold (n,) of each example, by its group or else its content.

        Copies are in one fold, and no fold depends on the order of rows or files.
        """
        key = self.digests[:, 0] if self.groups is None else self.groups.astype(np.uint64)
        return (mixed(key, seed) % np.uint64(count)).astype(np.int64)


def mixed(keys: NDArray[np.uint64], seed: int) -> NDArray[np.uint64]:
    """Return a 64-bit hash (n,) of keys (n,), by splitmix64 (Steele et al., OOPSLA 2014)."""
    with np.errstate(over="ignore"):
        z = keys + np.uint64((seed + 1) % 2**64) * MIX[2]
        z = (z ^ (z >> np.uint64(30))) * MIX[0]
        z = (z ^ (z >> np.uint64(27))) * MIX[1]
        return np.asarray(z ^ (z >> np.uint64(31)), dtype=np.uint64)


def digest_words(digests: list[bytes]) -> NDArray[np.uint64]:
    """Return SHA-256 digests as two words each, (n, 2)."""
    return np.frombuffer(b"".join(one[:DIGEST] for one in digests), "<u8").reshape(-1, 2)


def write_block(folder: Path, about: FeaturesFolder, block: FeatureBlock) -> None:
    """Write the file of a block, whole or not at all; raises WorkError where the disk is full."""
    D = block.features.shape[1]
    flat = pyarrow.array(np.ascontiguousarray(block.features).reshape(-1))
    codes = pyarrow.array(block.labels.astype(np.int32))
    raw = np.ascontiguousarray(block.digests, "<u8").tobytes()
    keys = [raw[start : start + DIGEST] for start in range(0, len(raw), DIGEST)]
    columns = {
        "index": pyarrow.array(block.index),
        "label": pyarrow.DictionaryArray.from_arrays(codes, pyarrow.array(about.classes)),
        "features": pyarrow.FixedSizeListArray.from_arrays(flat, D),
        "digest": pyarrow.array(keys, pyarrow.binary(DIGEST)),
    }
    if block.paths is not None:
        columns["path"] = pyarrow.array(block.paths, pyarrow.string())
    if block.groups is not None:
        columns["group"] = pyarrow.array(block.groups)
    said = {
        "fingerprint": about.fingerprint,
        "encoder": about.encoder_digest,
        "number": block.number,
        "content": block.content_digest(),
        "unread": [[one.row, one.label, one.path, one.message] for one in block.unread],
    }
    table = pyarrow.table(columns).replace_schema_metadata({KEY: json.dumps(said).encode()})
    with replacing(folder / about.file(block.number)) as temporary:
        pyarrow.parquet.write_table(
            table, temporary, compression="none", use_dictionary=["label"],
            write_statistics=False, write_page_checksum=True, row_group_size=max(len(block), 1),
        )  # fmt: skip


def read_block(folder: Path, about: FeaturesFolder, number: int) -> FeatureBlock:
    """Read the file of a block.

    Raises InputError, which names the file, where it is missing, damaged, or of other data.
    """
    path = folder / about.file(number)
    try:
        # memory-mapped pages of a file that is replaced meanwhile stay those of the old one
        with pyarrow.parquet.ParquetFile(path, page_checksum_verification=True) as file:
            said = _said(file)
            table = None if said is None else file.read()
    except FileNotFoundError:
        raise InputError(
            f"'{path}' is missing, file {number + 1} of {about.files}",
            help="run `alfs features` again: it makes what is missing",
        ) from None
    except (OSError, pyarrow.ArrowException) as error:
        raise InputError(
            f"cannot read '{path}' as Parquet: {brief(error)}",
            help="run `alfs features` again: it makes damaged files anew",
        ) from None
    if said is None or table is None:
        raise InputError(
            f"'{path}' was not written by `alfs features`",
            help="move it away and run `alfs features` again",
        )
    if (said["fingerprint"], said["encoder"]) != (about.fingerprint, about.encoder_digest):
        raise InputError(
            f"'{path}' holds features of other data, or of another encoder, than the folder says",
            help="delete it and run `alfs features` again",
        )
    return replace(_block(table, number), unread=tuple(Unread(*one) for one in said["unread"]))


def _said(file: Any) -> dict[str, Any] | None:
    """Return what `alfs features` said of a ParquetFile, None where another tool wrote it."""
    stored = (file.schema_arrow.metadata or {}).get(KEY)
    return None if stored is None else dict(json.loads(stored))


def _block(table: Any, number: int) -> FeatureBlock:
    kind = table.schema.field("features").type
    values = table.column("features").combine_chunks()
    flat = values.flatten() if not isinstance(values, pyarrow.ChunkedArray) else values
    label = table.column("label").combine_chunks()
    indices = label.indices if not isinstance(label, pyarrow.ChunkedArray) else label
    keys = b"".join(table.column("digest").to_pylist())
    names = table.column_names
    return FeatureBlock(
        number,
        table.column("index").to_numpy(),
        indices.to_numpy(zero_copy_only=False).astype(np.int64),
        flat.to_numpy(zero_copy_only=False).reshape(len(table), kind.list_size),
        np.frombuffer(keys, "<u8").reshape(-1, 2),
        tuple(table.column("path").to_pylist()) if "path" in names else None,
        table.column("group").to_numpy() if "group" in names else None,
    )


def is_whole(folder: Path, about: FeaturesFolder, number: int) -> bool:
    """Say whether the file of a block is there with the content that its digest promises.

    Raises UsageError where another tool wrote a file of that name.
    """
    path = folder / about.file(number)
    if not path.exists():
        return False
    try:
        with pyarrow.parquet.ParquetFile(path, page_checksum_verification=True) as file:
            said = _said(file)
            if said is not None:
                return (
                    _is_of(said, about)
                    and _block(file.read(), number).content_digest() == (said["content"])
                )
    except (OSError, pyarrow.ArrowException, ValueError, KeyError):
        return False  # in a folder of ours, cut short
    raise UsageError(
        f"'{path}' was not written by `alfs features`, and would be written over",
        help="move it away, or name another folder with --to",
    )


def _is_of(said: dict[str, Any], about: FeaturesFolder) -> bool:
    return (said["fingerprint"], said["encoder"]) == (about.fingerprint, about.encoder_digest)
