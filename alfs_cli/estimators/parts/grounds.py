"""What an estimate rests on: what those ask of it who say how far to trust it."""

from dataclasses import dataclass
from typing import Literal

from alfs_cli.results.estimate import Bounded

ROOM_HIGH, ROOM_MEDIUM = 0.10, 0.25  # width of the noise rate's interval
FEW_HIGH, FEW_MEDIUM = 100, 20  # examples of a class, or trusted ones


@dataclass(frozen=True)
class Remark:
    """A reason for trust in words, and its grade: 0 low, 1 medium, 2 high."""

    text: str
    grade: int


def graded(value: float, high: float, medium: float, text: str) -> Remark:
    """Grade a side by two limits; larger values are better."""
    return Remark(text, 2 if value >= high else 1 if value >= medium else 0)


def by_width(rate: Bounded, before: str = "") -> Remark:
    """Grade how well the noise rate is known."""
    width = rate.high - rate.low
    text = f"{before}the noise rate is known to within {100 * width:.0f} points"
    return graded(-width, -ROOM_HIGH, -ROOM_MEDIUM, text)


@dataclass(frozen=True)
class Grounds:
    """Remarks of a method's own, and what of the evidence matters to it.

    `overlap` is what becomes of examples whose class the evidence cannot tell: they are counted as
    noise, or noise on them is in doubt; None where the method does not rest on the evidence alone,
    or says so itself. `is_calibrated` says that the calibration of the scores does not matter.
    `trusted` is the number of examples with true labels behind it, `annotators` that of people.
    """

    remarks: tuple[Remark, ...] = ()
    overlap: Literal["noise", "doubt"] | None = None
    is_calibrated: bool = False
    trusted: int = 0
    annotators: int = 0
