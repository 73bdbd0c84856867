"""Opening picture files that may be hostile: the first bytes decide which decoder is used.

Pillow by itself tries every decoder it has, whatever the file is called, and some of them start
other programs. Here a file is opened by the one decoder of the format that it begins like.
"""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from PIL import Image

from alfs_cli.storage.files import as_file

HEAD = 32  # bytes that tell the format
SIGNATURES = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"BM", "BMP"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
    *((b"P%d" % number, "PPM") for number in range(1, 7)),
)
AVIF_BRANDS = (b"avif", b"avis")


def format_of(head: bytes) -> str | None:
    """Return Pillow's name of the format that `head`, a file's first bytes, shows; None if unknown.

    >>> format_of(b"GIF89a")
    'GIF'
    """
    if head[:4] == b"RIFF":
        return "WEBP" if head[8:12] == b"WEBP" else None
    if head[4:8] == b"ftyp":
        length = min(int.from_bytes(head[:4], "big"), len(head))
        brands = (head[8:12], *(head[at : at + 4] for at in range(16, length - 3, 4)))
        return "AVIF" if any(brand in AVIF_BRANDS for brand in brands) else None
    return next((format for begin, format in SIGNATURES if head.startswith(begin)), None)


@contextmanager
def opened(picture: str | bytes) -> Iterator[Image.Image]:
    """Open a picture, given its path or its bytes, by the one decoder of its format.

    Raises InputError for a pipe or a device, OSError for a file that does not begin like a picture,
    and any error of Pillow's for a damaged one.
    """
    with _file_of(picture) as file:
        format = format_of(file.read(HEAD))
        if format is None:
            named = f"'{picture}'" if isinstance(picture, str) else "the picture"
            raise OSError(f"{named} does not begin like a picture")
        file.seek(0)
        with Image.open(file, formats=(format,)) as found:
            yield found


def _file_of(picture: str | bytes) -> BinaryIO:
    if isinstance(picture, bytes):
        return io.BytesIO(picture)
    return open(as_file(picture), "rb", opener=_without_waiting)


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
