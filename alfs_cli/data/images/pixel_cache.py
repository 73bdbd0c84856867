"""A cache of decoded pictures on disk, mapped into memory, for data larger than memory.

A cache is two files: `pixels-<key>.npy` says which pictures could be read, and `pixels-<key>.u8`
holds their pixels one after the other. The second is renamed to its name when it is complete and on
disk, so that a killed run leaves no incomplete cache.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import numpy as np

from alfs_cli import __version__
from alfs_cli.arrays import BoolArray, ByteArray
from alfs_cli.data.dataset import LabelledDataset, batches, positions_of
from alfs_cli.errors import InputError, UsageError, WorkError
from alfs_cli.storage.documents import DAMAGED
from alfs_cli.storage.writing import replacing, unwritable

try:
    import fcntl
except ImportError:  # Windows has no such locks: two runs may then decode the same pictures
    fcntl = None  # type: ignore[assignment]

AT_ONCE = 1 << 26  # bytes decoded between two writes


def _nothing(text: str) -> None:
    pass


def mapped_pixels(
    dataset: LabelledDataset,
    folder: Path,
    *,
    size: int | None = None,
    channels: int | None = None,
    on_note: Callable[[str], None] = _nothing,
) -> tuple[ByteArray, BoolArray]:
    """Return pixels (n, H, W, C) uint8 of the readable pictures, and a mask (N,) of these.

    The pixels are mapped from a file under `folder`, which is written if it is missing. Its name
    depends on the data's fingerprint, the examples and the size. Raises InputError where the disk
    has too little room, WorkError where writing fails.
    """
    if dataset.images is None:
        raise UsageError(f"'{dataset.name}' has no images", help="it has features")
    height, width, own = dataset.images.shape
    channels = channels or own
    if size is not None:
        height = width = size
    shape = (height, width, channels)
    pixels = folder / f"pixels-{_key(dataset, shape)}.u8"
    with _locked(folder, pixels.with_suffix(".lock")):
        if not _is_whole(pixels, shape):
            total = len(dataset) * height * width * channels
            on_note(
                f"{len(dataset):,} pictures of {width} x {height} ({total / 1e9:,.1f} GB) are "
                f"more than memory holds: decoded once into '{pixels.as_posix()}'"
            )
            _write(dataset, pixels, size, channels, total)
    readable = _readable(pixels)
    count = int(readable.sum())
    # Mode c (copy on write): torch wants writable arrays, and the file must not change.
    mapped = np.memmap(pixels, np.uint8, mode="c", shape=(count, *shape)) if count else None
    return np.zeros((0, *shape), np.uint8) if mapped is None else mapped, readable


def _key(dataset: LabelledDataset, shape: tuple[int, int, int]) -> str:
    """Return 16 hexadecimal digits that identify the content of the cache."""
    scale = None if dataset.images is None else dataset.images.scale
    words = f"{__version__} {dataset.fingerprint} {dataset.split} {shape} {scale}"
    digest = sha256(words.encode())
    digest.update(np.ascontiguousarray(positions_of(dataset), dtype="<i8").data)
    return digest.hexdigest()[:16]


def _is_whole(pixels: Path, shape: tuple[int, int, int]) -> bool:
    try:
        readable = _readable(pixels)
        return pixels.stat().st_size == int(readable.sum()) * int(np.prod(shape))
    except (*DAMAGED, ValueError, TypeError):
        return False


def _readable(pixels: Path) -> BoolArray:
    """Return the mask (N,) of readable pictures; mapped, so that a cut file raises an error."""
    return np.asarray(np.load(pixels.with_suffix(".npy"), mmap_mode="r", allow_pickle=False))


def _write(
    dataset: LabelledDataset, pixels: Path, size: int | None, channels: int, total: int
) -> None:
    """Decode all pictures into `pixels`, a part at a time; `total` is its size in bytes."""
    images = dataset.images
    if images is None:
        raise UsageError(f"'{dataset.name}' has no images", help="it has features")
    free = shutil.disk_usage(pixels.parent).free
    if total > free:
        raise InputError(
            f"'{pixels.parent}' has {free / 1e9:,.1f} GB left, and the decoded pictures take "
            f"{total / 1e9:,.1f} GB",
            help="--out on a larger disk, or --set image_size=N for smaller pictures",
        )
    partial = pixels.with_suffix(".partial")
    each = max(1, total // max(1, len(dataset)))
    readable = np.zeros(len(dataset), dtype=np.bool_)
    try:
        with partial.open("wb") as file:
            for part in batches(len(dataset), max(1, AT_ONCE // each)):
                decoded, readable[part] = images.decode(part, size=size, channels=channels)
                file.write(decoded[readable[part]].tobytes())
            file.flush()
            os.fsync(file.fileno())
        with replacing(pixels.with_suffix(".npy")) as temporary:
            np.save(temporary, readable)
        partial.replace(pixels)
    except OSError as error:
        raise WorkError(
            f"cannot write '{pixels}': {error.strerror or error}",
            help="--out on a larger disk, or --set image_size=N for smaller pictures",
        ) from None
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def _locked(folder: Path, path: Path) -> Iterator[None]:
    """Hold a lock, so that one of several runs decodes and the others wait for it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("w") as file:
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_EX)
            yield
    except OSError as error:
        raise unwritable(path, error) from None
