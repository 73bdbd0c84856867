"""How pictures of any size and shape become squares."""

from dataclasses import dataclass
from typing import Literal

from PIL import Image

Resampling = Literal["nearest", "bilinear", "bicubic", "lanczos", "box", "hamming"]


@dataclass(frozen=True)
class Frame:
    """The middle square of a picture, resized to `side` pixels.

    The picture is resized until its shorter side has `shorter` pixels (at least `side`), and the
    middle is cut out; None stretches the whole picture instead. Both are one step, so that pixels
    are rounded once.
    """

    side: int
    shorter: int | None
    resampling: Resampling = "bilinear"

    @property
    def least(self) -> int:
        """The pixels that the shorter side of a picture needs to have, to be shrunk only."""
        return max(self.side, self.shorter or 0)

    def box(self, width: int, height: int) -> tuple[float, float, float, float]:
        """Return what is seen of a picture (left, top, right, bottom), in its own pixels.

        >>> Frame(224, 256).box(512, 256)
        (144.0, 16.0, 368.0, 240.0)
        """
        if self.shorter is None:
            return 0.0, 0.0, float(width), float(height)
        seen = min(width, height) * min(1.0, self.side / self.shorter)
        left, top = (width - seen) / 2, (height - seen) / 2
        return left, top, left + seen, top + seen

    def cut(self, picture: Image.Image) -> Image.Image:
        """Return the picture as a square of `side` pixels."""
        size, box = (self.side, self.side), self.box(*picture.size)
        if picture.size == size and box == (0, 0, *size):
            return picture
        return picture.resize(size, Image.Resampling[self.resampling.upper()], box=box)


def stretched(side: int) -> Frame:
    """Return the frame that stretches a whole picture to a square."""
    return Frame(side, None)
