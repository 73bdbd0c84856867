"""Size, colours and depth of the pictures of a data set, judged by a sample."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from alfs_cli.data.images.depth import Scale, measured
from alfs_cli.data.images.opening import opened
from alfs_cli.data.images.tuning import TUNING
from alfs_cli.errors import InputError

ALONE = Scale()  # each picture is scaled by its own range
GREY_MODES = ("1", "L", "LA", "I", "F", "I;16", "I;16B", "I;16L", "I;16N")
BROKEN = Exception  # Pillow's decoders raise nearly anything for a damaged file
ORIENTATION = 0x0112  # the EXIF tag; from 5 on, width and height are swapped


class Inside(Protocol):
    """A picture stored inside another file."""

    def read(self) -> bytes:
        """Return its bytes; raises OSError where they cannot be read."""
        ...


PictureFile = str | Inside


def source_of(file: PictureFile) -> str | bytes:
    """Return what to open a picture from: its path, or its bytes if it is inside another file."""
    return file if isinstance(file, str) else file.read()


@dataclass(frozen=True)
class Look:
    """What a sample of pictures is like: commonest size, channels, colours and depth.

    `shape` is (H, W, C). Of the `count` pictures that could be read, `coloured` are in colour and
    `deep` are grey with more than 8 bits. Of coloured pictures of 16 bits only the upper 8 are
    read; `cut` is the highest value of those, None without such pictures.
    """

    shape: tuple[int, int, int]
    scale: Scale | None
    count: int
    coloured: int
    deep: int
    cut: int | None

    def notes(self, *, is_own: bool) -> tuple[str, ...]:
        """Return notes for the user on mixed colours, on the scale, and on bits that are lost.

        `is_own` is False if the scale of other data is used.
        """
        said = []
        if 0 < self.coloured < self.count:
            said.append(
                f"{self.coloured:,} of {self.count:,} pictures are in colour, the others grey: all "
                "are read in colour"
            )
        if is_own and self.deep and self.scale is not None and self.scale.is_own:
            said.append(
                f"{self.deep:,} of {self.count:,} pictures have more than 8 bits and use a part of "
                f"their range: {self.scale.in_words()} become black .. white in all of them"
            )
        if self.cut is not None:
            said.append("of coloured pictures of 16 bits the upper 8 are read")
        return tuple(said)


def look_at(files: Sequence[PictureFile], *, first: str) -> Look:
    """Return what the pictures are like; pixels are read only of those of more than 8 bits.

    `first` names the first picture in a message. Raises InputError where none can be read, and
    where coloured pictures of 16 bits are nearly black in the 8 bits that are read.
    """
    sizes: Counter[tuple[int, int]] = Counter()
    coloured = 0
    deep: list[PictureFile] = []
    cut: list[PictureFile] = []
    count = 0
    for file in files:
        try:
            with opened(source_of(file)) as picture:
                width, height = picture.size
                is_coloured = picture.mode not in GREY_MODES
                depth, upper = is_deep(picture), _is_cut(picture)
                if count < TUNING.measured_pictures:  # orientation: a PNG is read to its end
                    turned = picture.getexif().get(ORIENTATION, 1) >= 5
                    sizes[(width, height) if turned else (height, width)] += 1
        except BROKEN:
            continue
        count += 1
        coloured += is_coloured
        deep += [file] if depth else []
        cut += [file] if upper else []
    if not count:
        raise InputError(
            f"none of the images can be read (first: '{first}')", help="are they images?"
        )
    height, width = max(sizes, key=lambda size: (sizes[size], size))
    most = TUNING.measured_pictures
    levels = _pixels_of(deep[:most])
    scale = measured(levels, beside_bytes=len(deep) < count) if deep else None
    highest = max((int(part.max()) for part in _pixels_of(cut[:most])), default=None)
    if highest is not None and highest < TUNING.least_levels:
        raise InputError(
            "coloured pictures of 16 bits use none of their values from "
            f"{256 * TUNING.least_levels:,} on {_such_as(cut[0])}: the upper 8 bits, which are "
            "read, would be nearly one colour",
            help="save them with 8 bits, all scaled alike",
        )
    return Look((height, width, 3 if coloured else 1), scale, count, coloured, len(deep), highest)


def _pixels_of(files: Sequence[PictureFile]) -> Iterator[NDArray[Any]]:
    """Yield the pixels of each file in its own type, without files that cannot be read."""
    for file in files:
        try:
            with opened(source_of(file)) as picture:
                yield np.asarray(picture)
        except BROKEN:
            continue


def is_deep(picture: Image.Image) -> bool:
    """Say whether a grey picture has more than 8 bits."""
    return picture.mode in ("I", "F") or picture.mode.startswith("I;16")


def _is_cut(picture: Image.Image) -> bool:
    """Say whether Pillow reads only the upper 8 of a coloured picture's 16 bits."""
    tiles = getattr(picture, "tile", ())
    return not is_deep(picture) and any(";16" in str(tile[3]) for tile in tiles)


def _such_as(file: PictureFile) -> str:
    return f" (such as '{file}')" if isinstance(file, str) else ""
