"""Pixels of N images: arrays in memory, or files that are decoded when asked for."""

import io
import logging
import os
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import file_digest, sha256
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from alfs_cli.arrays import BoolArray, ByteArray, IntArray
from alfs_cli.data.dataset import Problem, Progress
from alfs_cli.data.images.depth import Scale
from alfs_cli.data.images.look import (
    ALONE,
    BROKEN,
    LOOKED_AT,
    SAMPLED,
    Look,
    PictureFile,
    is_deep,
    look_at,
    source_of,
)
from alfs_cli.data.images.opening import opened
from alfs_cli.data.placeholders import what_lies_there
from alfs_cli.errors import InputError
from alfs_cli.storage.memory import refuse_too_large, threads

CHUNK = 128
LARGE_PIXELS = 1 << 24
ONE_LARGE = Lock()  # one at a time: each may need a gigabyte
PLAIN_MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA")  # RGBA holds all that they can say

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

    @property
    def scale(self) -> None:
        """Pixels of 8 bits are taken as they are."""
        return None

    def scaled(self, scale: Scale | None) -> "ArrayImages":
        """Return the same: there is nothing to scale."""
        return self

    @property
    def notes(self) -> tuple[str, ...]:
        """There is nothing to say of how they are read."""
        return ()

    def decode(
        self,
        indices: IntArray,
        *,
        size: int | None = None,
        channels: int | None = None,
        progress: Progress | None = None,
    ) -> tuple[ByteArray, BoolArray]:
        """Return pixels (n, H, W, C) uint8, and that all could be read."""
        height, width, own = self.shape
        chosen = self.pixels[indices].reshape(len(indices), height, width, own)
        if channels is not None and channels != own:
            chosen = _grey(chosen) if channels == 1 else np.repeat(chosen, 3, axis=3)
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


def _grey(pixels: ByteArray) -> ByteArray:
    """Return the brightness (n, H, W, 1) of colours, as Pillow has it: ITU-R 601-2."""
    weighed = pixels.astype(np.uint32) @ np.asarray([19595, 38470, 7471], dtype=np.uint32)
    return ((weighed + 0x8000) >> 16).astype(np.uint8)[..., None]


@dataclass(frozen=True, eq=False)
class FileImages:
    """Images in files, decoded when asked for by all cores.

    Turned as their EXIF says, first frame, alpha over white; more than 8 bits are scaled to 8 alike
    in all, as `given_scale` says, else as the data have it. All are stretched to one size: the
    commonest of a sample, or (size, size). They are grey only if the whole sample is. `shown[i]` is
    the path as people see it; a picture inside another file has none of its own. `digests` (N,) are
    the SHA-256 of the files as they were when they were listed, where that is known, empty for what
    could not be read.
    """

    files: tuple[PictureFile, ...]
    shown: tuple[str, ...]
    digests: tuple[bytes, ...] = ()
    given_scale: Scale | None = None

    def __len__(self) -> int:
        return len(self.files)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, C) of most of a sample of all files."""
        return self.look.shape

    @property
    def scale(self) -> Scale | None:
        """How more than 8 bits become 8, None where no picture has more."""
        return self.given_scale or self.look.scale

    def scaled(self, scale: Scale | None) -> "FileImages":
        """Return the same pictures with more than 8 bits read as in other data."""
        return self if scale is None else replace(self, given_scale=scale)

    @property
    def notes(self) -> tuple[str, ...]:
        """What is to be said of how they are read."""
        return self.look.notes(is_own=self.given_scale is None)

    @cached_property
    def look(self) -> "Look":
        """What a sample is like; it does not depend on the order where digests are known."""
        places = np.arange(len(self.files))
        if len(places) > SAMPLED and self.digests:
            places = np.asarray(sorted(places, key=lambda i: (self.digests[i], i))[:SAMPLED])
        elif len(places) > SAMPLED:
            places = np.unique(np.linspace(0, len(places) - 1, SAMPLED).astype(np.int64))
        return look_at([self.files[place] for place in places], first=self.shown[0])

    def decode(
        self,
        indices: IntArray,
        *,
        size: int | None = None,
        channels: int | None = None,
        progress: Progress | None = None,
    ) -> tuple[ByteArray, BoolArray]:
        """Return pixels (n, H, W, C) uint8, and which could be read (n,); the others are black."""
        height, width, own = self.shape
        channels, scale = channels or own, self.scale or ALONE
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
                    file = self.files[indices[place]]
                    picture = _read(file, channels, (width, height), scale=scale)
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
            scale = self.scale or ALONE
            return thumbnail(_read(self.files[index], 3, None, scale=scale, near=size), size)
        except BROKEN:
            return None

    def problem(self, index: int) -> Problem | None:
        """Say why a file cannot be read: ALFS401, cut short ALFS402, too large ALFS407."""
        shown, file = self.shown[index], self.files[index]
        path, row = (shown, None) if isinstance(file, str) else (None, index)
        try:
            _read(file, 3, None)
        except Image.DecompressionBombError:
            text = f"'{shown}' has over 179 Mpx (decompression-bomb guard)"
            return Problem("ALFS407", text, path, row=row)
        except BROKEN as error:
            if "truncated" in str(error) or "broken data stream" in str(error):
                return Problem("ALFS402", f"'{shown}' is cut short", path, row=row)
            why = what_lies_there(file) if isinstance(file, str) else None
            text = f"'{shown}' {why or 'cannot be read as an image'}"
            return Problem("ALFS401", text, path, row=row)
        return None

    def digest(self, index: int) -> bytes | None:
        """Return a digest of the file's bytes, None where it cannot be read."""
        if self.digests:
            return self.digests[index] or None
        file = self.files[index]
        if isinstance(file, str):
            return digest_of_file(file)
        try:
            return sha256(file.read()).digest()
        except OSError:
            return None

    def pixel_digest(self, index: int) -> bytes | None:
        """Return a digest of the upright picture, whatever the file is like.

        Nothing is lost on the way: alpha and depth count. None for an animation, for what cannot be
        read, and above 16 Mpx.
        """
        try:
            with opened(source_of(self.files[index])) as picture:
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


def _read(
    file: PictureFile,
    channels: int,
    size: tuple[int, int] | None,
    *,
    scale: Scale = ALONE,
    near: int | None = None,
) -> Image.Image:
    """Return a file's first frame upright in L or RGB, stretched to (W, H) where `size` is given.

    A JPEG is decoded at a fraction of its size where that is still not below what is wanted.
    """
    with opened(source_of(file)) as picture:
        wanted = size if size is not None else (near, near) if near is not None else None
        if wanted is not None and picture.format == "JPEG":
            longer = max(wanted)
            picture.draft(None, (longer, longer))
        is_large = picture.width * picture.height > LARGE_PIXELS
        with ONE_LARGE if is_large else nullcontext():
            picture.load()
            upright = _smaller(picture, wanted or (LOOKED_AT, LOOKED_AT)) if is_large else picture
            ImageOps.exif_transpose(upright, in_place=True)
            plain = _in_mode(upright, "L" if channels == 1 else "RGB", scale)
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


def _in_mode(picture: Image.Image, mode: str, scale: Scale) -> Image.Image:
    """Return the picture in L or RGB."""
    if picture.mode == mode:
        return picture
    if is_deep(picture):
        return Image.fromarray(scale.eight_bit(np.asarray(picture))).convert(mode)
    if picture.mode in ("LA", "PA", "RGBA", "La", "RGBa") or "transparency" in picture.info:
        layer = picture.convert("RGBA")
        white = Image.new("RGBA", layer.size, "white")
        return Image.alpha_composite(white, layer).convert(mode)
    return picture.convert(mode)


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
        raise InputError(
            f"{where} have shape {pixels.shape}, not (N, H, W) or (N, H, W, C)",
            help="rows that are no images go in as features (N, D)",
        )
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
