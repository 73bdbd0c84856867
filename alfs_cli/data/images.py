"""Pixels of N images: arrays in memory, or files that are decoded when asked for."""

import io
import logging
import os
import warnings
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from hashlib import file_digest, sha256
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from alfs_cli.data.dataset import ByteArray, IntArray, Problem, Progress
from alfs_cli.data.memory import refuse_too_large, threads
from alfs_cli.errors import InputError

CHUNK = 128
LOOKED_AT = 256
LARGE_PIXELS = 1 << 24
ONE_LARGE = Lock()  # one at a time: each may need a gigabyte
GREY_MODES = ("1", "L", "LA", "I", "F", "I;16", "I;16B", "I;16L", "I;16N")
PLAIN_MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA")  # RGBA holds all that they can say
BROKEN = Exception  # Pillow's decoders raise nearly anything for a damaged file

# Pillow warns at MAX_IMAGE_PIXELS and refuses at twice that, 179 Mpx, which is our limit (ALFS407).
# What it says about damaged files would reach the terminal without the file's name; we say it with.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
warnings.filterwarnings("ignore", module=r"PIL\.")
logging.getLogger("PIL").addHandler(logging.NullHandler())


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

    def problem(self, index: int) -> Problem | None:
        """Nothing is wrong with pixels in memory."""
        return None

    def digest(self, index: int) -> bytes | None:
        """Return a digest of the pixels."""
        return sha256(self.pixels[index].tobytes()).digest()

    def pixel_digest(self, index: int) -> bytes | None:
        """Return a digest of the pixels."""
        return self.digest(index)


@dataclass(frozen=True, eq=False)
class FileImages:
    """Images in files, decoded when asked for by all cores.

    Turned as their EXIF says, first frame, alpha over white, 16 bit scaled to 8. All are stretched
    to one size: the commonest of a sample, or (size, size). They are grey only if the whole sample
    is. `shown[i]` is the path as people see it; `digests` (N,) are the SHA-256 of the files as they
    were when they were listed, where that is known, empty for what could not be read.
    """

    files: tuple[str, ...]
    shown: tuple[str, ...]
    digests: tuple[bytes, ...] = ()

    def __len__(self) -> int:
        return len(self.files)

    @cached_property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, C) of most of a sample spread over all files."""
        places = np.unique(np.linspace(0, len(self.files) - 1, LOOKED_AT).astype(np.int64))
        sizes: Counter[tuple[int, int]] = Counter()
        grey = True
        for place in places:
            try:
                with _opened(self.files[place]) as picture:
                    width, height = picture.size
                    if picture.getexif().get(ORIENTATION, 1) >= 5:
                        width, height = height, width
                    grey = grey and picture.mode in GREY_MODES
            except BROKEN:
                continue
            sizes[height, width] += 1
        if not sizes:
            raise InputError(
                f"none of the images can be read (first: '{self.shown[0]}')",
                help="are they images?",
            )
        height, width = max(sizes, key=lambda size: (sizes[size], size))
        return height, width, 1 if grey else 3

    def decode(
        self, indices: IntArray, *, size: int | None = None, progress: Progress | None = None
    ) -> tuple[ByteArray, NDArray[np.bool_]]:
        """Return pixels (n, H, W, C) uint8, and which could be read (n,); the others are black."""
        height, width, channels = self.shape
        if size is not None:
            height = width = size
        refuse_too_large(
            len(indices) * height * width * channels,
            where=f"{len(indices):,} images of {width} x {height}, decoded,",
            help="fewer images at a time or smaller ones are needed",
        )
        pixels = np.zeros((len(indices), height, width, channels), dtype=np.uint8)
        readable = np.zeros(len(indices), dtype=np.bool_)

        def decode_run(start: int) -> int:
            stop = min(start + CHUNK, len(indices))
            for place in range(start, stop):
                try:
                    picture = _read(self.files[indices[place]], channels, (width, height))
                except BROKEN:
                    continue
                pixels[place] = np.asarray(picture).reshape(height, width, channels)
                readable[place] = True
            return stop - start

        with ThreadPoolExecutor(threads()) as pool:
            done = 0
            for count in pool.map(decode_run, range(0, len(indices), CHUNK)):
                done += count
                if progress is not None:
                    progress(done)
        return pixels, readable

    def png(self, index: int, size: int) -> bytes | None:
        """Return a PNG thumbnail not larger than (size, size), None where it cannot be read."""
        try:
            return thumbnail(_read(self.files[index], 3, None, near=size), size)
        except BROKEN:
            return None

    def problem(self, index: int) -> Problem | None:
        """Say why a file cannot be read: ALFS401, cut short ALFS402, too large ALFS407."""
        shown = self.shown[index]
        try:
            _read(self.files[index], 3, None)
        except Image.DecompressionBombError:
            return Problem(
                "ALFS407", f"'{shown}' has over 179 Mpx (decompression-bomb guard)", shown
            )
        except BROKEN as error:
            if "truncated" in str(error) or "broken data stream" in str(error):
                return Problem("ALFS402", f"'{shown}' is cut short", shown)
            return Problem("ALFS401", f"'{shown}' cannot be read as an image", shown)
        return None

    def digest(self, index: int) -> bytes | None:
        """Return a digest of the file's bytes, None where it cannot be read."""
        if self.digests:
            return self.digests[index] or None
        return digest_of_file(self.files[index])

    def pixel_digest(self, index: int) -> bytes | None:
        """Return a digest of the upright picture, whatever the file is like.

        Nothing is lost on the way: alpha and depth count. None for an animation, for what cannot be
        read, and above 16 Mpx.
        """
        try:
            with _opened(self.files[index]) as picture:
                is_large = picture.width * picture.height > LARGE_PIXELS
                if is_large or getattr(picture, "is_animated", False):
                    return None
                upright = ImageOps.exif_transpose(picture)
            if upright.mode in PLAIN_MODES or "transparency" in upright.info:
                upright = upright.convert("RGBA")
        except BROKEN:
            return None
        header = f"{upright.mode} {upright.width} x {upright.height};"
        return sha256(header.encode() + upright.tobytes()).digest()


def digest_of_file(path: str) -> bytes | None:
    """Return the SHA-256 of a file's bytes; None where it cannot be read or is no plain file."""
    try:
        if not os.path.isfile(path):
            return None
        with open(path, "rb") as file:
            return file_digest(file, "sha256").digest()
    except OSError:
        return None


ORIENTATION = 0x0112


def _opened(file: str) -> Image.Image:
    """Open a picture; a pipe or a device, which might never end, is an OSError."""
    if not os.path.isfile(file):
        raise OSError(f"'{file}' is no plain file")
    return Image.open(file)


def _read(
    file: str, channels: int, size: tuple[int, int] | None, *, near: int | None = None
) -> Image.Image:
    """Return a file's first frame upright in L or RGB, stretched to (W, H) where `size` is given.

    A JPEG is decoded at a fraction of its size where that is still not below what is wanted.
    """
    with _opened(file) as picture:
        wanted = size if size is not None else (near, near) if near is not None else None
        if wanted is not None and picture.format == "JPEG":
            longer = max(wanted)
            picture.draft(None, (longer, longer))
        is_large = picture.width * picture.height > LARGE_PIXELS
        with ONE_LARGE if is_large else nullcontext():
            picture.load()
            upright = _smaller(picture, wanted or (LOOKED_AT, LOOKED_AT)) if is_large else picture
            ImageOps.exif_transpose(upright, in_place=True)
            plain = _in_mode(upright, "L" if channels == 1 else "RGB")
    return plain if size is None or plain.size == size else plain.resize(size, RESAMPLING)


RESAMPLING = Image.Resampling.BILINEAR


def _smaller(picture: Image.Image, wanted: tuple[int, int]) -> Image.Image:
    """Return a picture that is still twice as large as wanted, by the mean over square blocks.

    What follows makes several copies of a picture, which a very large one has no room for.
    """
    factor = min(picture.size) // (2 * max(wanted))
    if factor < 2:
        return picture
    if picture.mode in ("1", "P", "PA") or picture.mode.startswith("I;16"):
        width, height = (length // factor for length in picture.size)
        small = picture.resize((width, height), Image.Resampling.NEAREST)
    else:
        small = picture.reduce(factor)
    small.info = picture.info
    return small


def _in_mode(picture: Image.Image, mode: str) -> Image.Image:
    """Return the picture in L or RGB."""
    if picture.mode == mode:
        return picture
    if picture.mode in ("I", "F") or picture.mode.startswith("I;16"):
        return Image.fromarray(eight_bit(np.asarray(picture), picture.mode)).convert(mode)
    if picture.mode in ("LA", "PA", "RGBA", "La", "RGBa") or "transparency" in picture.info:
        layer = picture.convert("RGBA")
        white = Image.new("RGBA", layer.size, "white")
        return Image.alpha_composite(white, layer).convert(mode)
    return picture.convert(mode)


def eight_bit(values: NDArray[Any], mode: str) -> ByteArray:
    """Return pixels of more than 8 bits scaled to 0 .. 255 by the range of their type.

    Pillow keeps 16-bit pixels in 32-bit integers too, so those within 16 bits count as such. Floats
    are 0 .. 1, or 0 .. 255 where they exceed it.
    """
    numbers = np.nan_to_num(np.asarray(values, dtype=np.float64))
    top = float(numbers.max(initial=0))
    if mode == "F":
        full = 1.0 if top <= 1 else 255.0
    else:
        full = 65535.0 if top <= 65535 else 2.0**31 - 1
    return np.asarray(np.clip(np.round(numbers * (255 / full)), 0, 255), dtype=np.uint8)


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
