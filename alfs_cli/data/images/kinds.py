"""The two kinds of images: arrays in memory, and files that are decoded on demand."""

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
from alfs_cli.data.images.framing import Frame, stretched
from alfs_cli.data.images.look import (
    ALONE,
    BROKEN,
    Look,
    PictureFile,
    is_deep,
    look_at,
    source_of,
)
from alfs_cli.data.images.opening import opened
from alfs_cli.data.images.tuning import TUNING
from alfs_cli.data.placeholders import what_lies_there
from alfs_cli.errors import InputError
from alfs_cli.storage.memory import refuse_too_large, threads

CHUNK = 128  # pictures that a thread decodes at a time
LARGE_PIXELS = 1 << 24  # pixels above which a picture is shrunk early, and one is decoded at a time
CHECKED_SIDE = 256  # pixels: the size at which a picture is decoded to see whether it can be
ONE_LARGE = Lock()  # a large picture may need a gigabyte
PLAIN_MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA")  # modes that RGBA holds without loss

# Pillow warns at MAX_IMAGE_PIXELS and refuses at twice that, 179 Mpx, which ALFS407 reports.
# Its warnings about damaged files do not name the file; alfs reports them with the name instead.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
warnings.filterwarnings("ignore", module=r"PIL\.")
logging.getLogger("PIL").addHandler(logging.NullHandler())


@dataclass(frozen=True, eq=False)
class ArrayImages:
    """Images in memory: `pixels` (N, H, W) or (N, H, W, C) uint8, C = 1 or 3."""

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
        """None: pixels of 8 bits are not scaled."""
        return None

    def scaled(self, scale: Scale | None) -> "ArrayImages":
        """Return the images unchanged."""
        return self

    @property
    def notes(self) -> tuple[str, ...]:
        """Always empty."""
        return ()

    def decode(
        self,
        indices: IntArray,
        *,
        size: int | Frame | None = None,
        channels: int | None = None,
        progress: Progress | None = None,
    ) -> tuple[ByteArray, BoolArray]:
        """Return pixels (n, H, W, C) uint8, and a mask (n,) that is True: all could be read.

        A number as `size` stretches pictures to a square; a frame says what is cropped.
        """
        height, width, own = self.shape
        chosen = self.pixels[indices].reshape(len(indices), height, width, own)
        if channels is not None and channels != own:
            chosen = _grey(chosen) if channels == 1 else np.repeat(chosen, 3, axis=3)
        frame = stretched(size) if isinstance(size, int) else size
        if frame is not None and frame.box(width, height) != (0, 0, frame.side, frame.side):
            chosen = _resized(chosen, frame)
        if progress is not None:
            progress(len(indices))
        return chosen, np.ones(len(indices), dtype=np.bool_)

    def png(self, index: int, size: int) -> bytes | None:
        """Return a PNG thumbnail not larger than (size, size)."""
        height, width, channels = self.shape
        pixels = self.pixels[index].reshape(height, width, channels)
        return thumbnail(Image.fromarray(pixels[..., 0] if channels == 1 else pixels), size)

    def problem(self, index: int) -> Problem | None:
        """Return None: pixels in memory can always be read."""
        return None

    def sent(self, indices: IntArray) -> "ArrayImages":
        """Return the pictures at `indices`, their pixels copied."""
        return ArrayImages(self.pixels[indices])

    def digest(self, index: int) -> bytes | None:
        """Return the SHA-256 of the pixels."""
        return sha256(self.pixels[index].tobytes()).digest()

    def pixel_digest(self, index: int) -> bytes | None:
        """Return the SHA-256 of the pixels."""
        return self.digest(index)


def _grey(pixels: ByteArray) -> ByteArray:
    """Return the brightness (n, H, W, 1) of RGB pixels by ITU-R 601-2, rounded as Pillow does."""
    weighed = pixels.astype(np.uint32) @ np.asarray([19595, 38470, 7471], dtype=np.uint32)
    return ((weighed + 0x8000) >> 16).astype(np.uint8)[..., None]


@dataclass(frozen=True, eq=False)
class FileImages:
    """Images in files, decoded on demand by several threads.

    Of an animation the first frame is read. Pictures are turned as their EXIF data say, and alpha
    is laid over white. More than 8 bits are scaled to 8, alike in all pictures: as `given_scale`
    says, else by their own values. All are stretched to one size, the commonest in a sample or that
    asked for, and are grey only if the whole sample is.

    `shown` (N,) are the paths that messages show. `digests` (N,) are the SHA-256 of the files when
    they were listed, b"" for a file that could not be read; () where they are not known. `known` is
    what the pictures are like that these were taken from.
    """

    files: tuple[PictureFile, ...]
    shown: tuple[str, ...]
    digests: tuple[bytes, ...] = ()
    given_scale: Scale | None = None
    known: Look | None = None

    def __len__(self) -> int:
        return len(self.files)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, C) by default: the commonest size in a sample of the files."""
        return self.look.shape

    @property
    def scale(self) -> Scale | None:
        """Which values become black and white in pictures of more than 8 bits, None without any."""
        return self.given_scale or self.look.scale

    def scaled(self, scale: Scale | None) -> "FileImages":
        """Return the same pictures, read with the scale of other data."""
        return self if scale is None else replace(self, given_scale=scale)

    @property
    def notes(self) -> tuple[str, ...]:
        """Remarks for the user on how the pictures are read."""
        return self.look.notes(is_own=self.given_scale is None)

    @cached_property
    def look(self) -> "Look":
        """What a sample of the pictures is like.

        It is chosen by digests where they are known, so that the order of files has no influence.
        """
        if self.known is not None:
            return self.known
        places, most = np.arange(len(self.files)), TUNING.sampled_pictures
        if len(places) > most and self.digests:
            places = np.asarray(sorted(places, key=lambda i: (self.digests[i], i))[:most])
        elif len(places) > most:
            places = np.unique(np.linspace(0, len(places) - 1, most).astype(np.int64))
        return look_at([self.files[place] for place in places], first=self.shown[0])

    def decode(
        self,
        indices: IntArray,
        *,
        size: int | Frame | None = None,
        channels: int | None = None,
        progress: Progress | None = None,
    ) -> tuple[ByteArray, BoolArray]:
        """Return pixels (n, H, W, C) uint8, and a mask (n,) of the readable; others are black.

        Raises InputError where the pixels need more memory than is free.
        """
        height, width, own = self.shape
        channels, scale = channels or own, self.scale or ALONE
        frame = stretched(size) if isinstance(size, int) else size
        if frame is not None:
            height = width = frame.side
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
                    picture = _read(file, channels, frame or (width, height), scale=scale)
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

    def sent(self, indices: IntArray) -> "FileImages":
        """Return the pictures at `indices` by absolute paths, or with the bytes of stored ones."""
        return FileImages(
            tuple(_sent(self.files[index]) for index in indices),
            tuple(self.shown[index] for index in indices),
            given_scale=self.given_scale,
            known=self.look,
        )

    def png(self, index: int, size: int) -> bytes | None:
        """Return a PNG thumbnail not larger than (size, size), None where it cannot be read."""
        try:
            scale = self.scale or ALONE
            return thumbnail(_read(self.files[index], 3, None, scale=scale, near=size), size)
        except BROKEN:
            return None

    def problem(self, index: int) -> Problem | None:
        """Return why a file cannot be read, None where it can.

        The rule is ALFS402 for a file that is cut short, ALFS407 for one that is too large, and
        ALFS401 for any other.
        """
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
        """Return the SHA-256 of the file, None where it cannot be read."""
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
        """Return the SHA-256 of the decoded, upright picture, which no file format changes.

        Pictures that differ in alpha or depth differ. None for an animation, for a picture that
        cannot be read, and above 16 Mpx.
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


@dataclass(frozen=True)
class Held:
    """A picture whose bytes were read; none where they could not be."""

    content: bytes

    def read(self) -> bytes:
        """Return its bytes."""
        return self.content


def _sent(file: PictureFile) -> PictureFile:
    if isinstance(file, str):
        return os.path.abspath(file)
    try:
        return Held(file.read())
    except OSError:
        return Held(b"")


def digest_of_file(path: str) -> bytes | None:
    """Return the SHA-256 of a file; None where it cannot be read or is no regular file."""
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
    size: tuple[int, int] | Frame | None,
    *,
    scale: Scale = ALONE,
    near: int | None = None,
) -> Image.Image:
    """Return the first frame of a file, upright, in L or RGB, resized as `size` says if given.

    (W, H) stretches it. A JPEG is decoded at a fraction of its size if that is still at least the
    size wanted: `size`, or a square of side `near`.
    """
    with opened(source_of(file)) as picture:
        wanted = (size.least, size.least) if isinstance(size, Frame) else size
        if wanted is None and near is not None:
            wanted = (near, near)
        if wanted is not None and picture.format == "JPEG":
            longer = max(wanted)
            picture.draft(None, (longer, longer))
        is_large = picture.width * picture.height > LARGE_PIXELS
        with ONE_LARGE if is_large else nullcontext():
            picture.load()
            side = wanted or (CHECKED_SIDE, CHECKED_SIDE)
            upright = _smaller(picture, side) if is_large else picture
            ImageOps.exif_transpose(upright, in_place=True)
            plain = _in_mode(upright, "L" if channels == 1 else "RGB", scale)
    if isinstance(size, Frame):
        return size.cut(plain)
    return plain if size is None or plain.size == size else plain.resize(size, RESAMPLING)


RESAMPLING = Image.Resampling.BILINEAR


def _smaller(picture: Image.Image, wanted: tuple[int, int]) -> Image.Image:
    """Return a picture shrunk to at least twice the size `wanted`, (W, H), by means over blocks.

    The next steps make several copies of the picture, for which a very large one leaves no memory.
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
    """Return the picture in `mode`, L or RGB, with alpha laid over white."""
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
    """Return the images of an array (N, H, W[, C]) uint8; of four channels, alpha is over white.

    Raises InputError for another type or shape.

    >>> array_images(np.zeros((2, 8, 8), np.uint8), where="images").shape
    (8, 8, 1)
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


def _resized(pixels: ByteArray, frame: Frame) -> ByteArray:
    count, *_, channels = pixels.shape
    result = np.empty((count, frame.side, frame.side, channels), dtype=np.uint8)

    def resize(index: int) -> None:
        source = pixels[index, :, :, 0] if channels == 1 else pixels[index]
        small = frame.cut(Image.fromarray(source))
        result[index] = np.asarray(small).reshape(frame.side, frame.side, channels)

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
