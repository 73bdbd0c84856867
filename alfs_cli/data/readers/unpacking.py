"""The unpacked size of a compressed file, checked first: a small file may fill all memory."""

import zipfile
from collections.abc import Sequence
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from alfs_cli.errors import InputError
from alfs_cli.storage.memory import refuse_too_large

FREE = 1 << 29  # bytes to which any file may unpack
MAX_RATIO = 100  # unpacked / packed bytes: pictures and features reach 10, zeros 1,000


def refuse_unpacked(
    archive: zipfile.ZipFile, members: Sequence[zipfile.ZipInfo], path: Path
) -> None:
    """Raise InputError where arrays of an .npz are cut short or too large.

    No array may be shorter than its shape and type say. Together they must fit in memory, and above
    0.5 GB they may be at most a hundred times as large as in the file.
    """
    size = sum(member.file_size for member in members)
    refuse_too_large(size, where=f"'{path}'")
    for member in members:
        if member.filename.endswith(".npy"):
            _refuse_length(archive, member, path)
    packed = max(1, sum(member.compress_size for member in members))
    refuse_ratio(packed, size, path, help="if it is yours, np.savez stores it as it is, unpacked")


def refuse_ratio(packed: int, size: int, path: Path, *, help: str) -> None:
    """Raise InputError where `packed` bytes unpack to so many more, `size`, as in a zip bomb."""
    if size > FREE and size > MAX_RATIO * packed:
        raise InputError(
            f"'{path}' unpacks to {size / 1e9:,.1f} GB, {size // packed:,} times what it takes "
            f"(at most {MAX_RATIO} times above {FREE / 1e9:,.1f} GB)",
            help=help,
        )


def _refuse_length(archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path) -> None:
    """Raise InputError where an array is shorter than its header says."""
    with archive.open(member) as stream:
        shape, dtype = _header(stream)
        header = stream.tell()
    if dtype.hasobject:  # refused where it is read
        return
    size = header + prod(shape) * dtype.itemsize
    if size > member.file_size:
        key = member.filename.removesuffix(".npy")
        raise InputError(
            f"{key} of '{path}' says that it is {dtype} of shape {shape}, {size:,} bytes, and has "
            f"{member.file_size:,}",
            help="the file is damaged: write or get it anew",
        )


def _header(stream: Any) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Return the shape and type of an array; raises ValueError, or a DAMAGED error, without one."""
    version = np.lib.format.read_magic(stream)
    read = (
        np.lib.format.read_array_header_1_0 if version == (1, 0)
        else np.lib.format.read_array_header_2_0
    )  # fmt: skip
    if version not in ((1, 0), (2, 0), (3, 0)):
        raise ValueError(f"its format is of version {version}")
    shape, _, dtype = read(stream)
    return shape, dtype
