"""Pixels of N images: arrays in memory, or files that are decoded when asked for."""

import io
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from alfs_cli.data.dataset import ByteArray, IntArray, Progress
from alfs_cli.errors import InputError

CHUNK = 256
MAX_THREADS = 16


def threads() -> int:
    """Return how many threads decode images."""
    return min(MAX_THREADS, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 4)


@dataclass(frozen=True, eq=False)
class ArrayImages:
    """Images in memory: `pixels` (N, H, W) or (N, H, W, C) uint8, C = 1 or 3.

    `size` stretches to a square; nothing is cropped.
    """

    pixels: ByteArray

    def __len__(self) -> int:
        return len(self.pixels)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, C)."""
        _, height, width, *channels = self.pixels.shape
        return height, width, channels[0] if channels else 1

    def decode(
        self, indices: IntArray, *, size: int | None = None, progress: Progress | None = None
    ) -> tuple[ByteArray, NDArray[np.bool_]]:
        """Return pixels (n, H, W, C) uint8, and that all could be read."""
        height, width, channels = self.shape
        chosen = self.pixels[indices].reshape(len(indices), height, width, channels)
        if size is not None and (height, width) != (size, size):
            chosen = _resized(chosen, size)
        if progress is not None:
            progress(len(indices))
        return chosen, np.ones(len(indices), dtype=np.bool_)

    def png(self, index: int, size: int) -> bytes | None:
        """Return a PNG thumbnail not larger than (size, size)."""
        height, width, channels = self.shape
        pixels = self.pixels[index].reshape(height, width, channels)
        return thumbnail(Image.fromarray(pixels[..., 0] if channels == 1 else pixels), size)


def array_images(pixels: NDArray[Any], *, where: str) -> ArrayImages:
    """Return images of an array (N, H, W[, C]) uint8; four channels are laid over white.

    Raises InputError for another type or shape.
    """
    if pixels.dtype != np.uint8:
        raise InputError(
            f"{where} are {pixels.dtype}, not uint8",
            help="images in 0 .. 1: (255 * images).round().astype('uint8')",
        )
    if pixels.ndim not in (3, 4) or 0 in pixels.shape[1:]:
        raise InputError(f"{where} have shape {pixels.shape}, not (N, H, W) or (N, H, W, C)")
    if pixels.ndim == 4 and pixels.shape[3] not in (1, 3, 4):
        first = pixels.shape[1] in (1, 3)
        raise InputError(
            f"{where} have shape {pixels.shape}: {pixels.shape[3]} channels, not 1, 3 or 4",
            help="channels come last: images.transpose(0, 2, 3, 1)"
            if first
            else "arrays that are no images go in as features (N, D)",
        )
    if pixels.ndim == 4 and pixels.shape[3] == 4:
        alpha = pixels[..., 3:].astype(np.uint16)
        pixels = ((pixels[..., :3] * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)
    return ArrayImages(pixels)


def _resized(pixels: ByteArray, size: int) -> ByteArray:
    count, *_, channels = pixels.shape
    result = np.empty((count, size, size, channels), dtype=np.uint8)

    def resize(index: int) -> None:
        source = pixels[index, :, :, 0] if channels == 1 else pixels[index]
        small = Image.fromarray(source).resize((size, size), Image.Resampling.BILINEAR)
        result[index] = np.asarray(small).reshape(size, size, channels)

    with ThreadPoolExecutor(threads()) as pool:
        list(pool.map(resize, range(count)))
    return result


def thumbnail(picture: Image.Image, size: int) -> bytes:
    """Return the picture as PNG, not larger than (size, size)."""
    small = picture.copy()
    small.thumbnail((size, size))
    stream = io.BytesIO()
    small.save(stream, "PNG")
    return stream.getvalue()
