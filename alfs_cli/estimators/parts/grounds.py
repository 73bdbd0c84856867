"""What an estimate rests on, as facts and graded remarks for the trust level."""

from dataclasses import dataclass
from typing import Literal

from alfs_cli.estimators.tuning import TRUST
from alfs_cli.results.estimate import Bounded


@dataclass(frozen=True)
class Remark:
    """A reason for the trust level, and its grade: 0 low, 1 medium, 2 high."""

    text: str
    grade: int


def graded(value: float, high: float, medium: float, text: str) -> Remark:
    """Return a remark graded by the lower limits of the grades high and medium."""
    return Remark(text, 2 if value >= high else 1 if value >= medium else 0)


def by_width(rate: Bounded, before: str = "") -> Remark:
    """Return a remark graded by the width of the interval of the noise rate."""
    width = rate.high - rate.low
    text = f"{before}the noise rate is known to within {100 * width:.0f} points"
    return graded(-width, -TRUST.width_high, -TRUST.width_medium, text)


@dataclass(frozen=True)
class Grounds:
    """A method's own remarks, and how it depends on the evidence.

    Args:
        remarks: reasons that the method gives itself.
        overlap: how overlap of the classes in the evidence affects the method: it is counted as
            "noise", or leaves noise there in "doubt"; None where the method does not rest on the
            evidence alone, or remarks on overlap itself.
        is_calibrated: whether the calibration of the probabilities does not matter.
        trusted: the number of true labels behind the estimate.
        annotators: the number of annotators behind the estimate.
    """

    remarks: tuple[Remark, ...] = ()
    overlap: Literal["noise", "doubt"] | None = None
    is_calibrated: bool = False
    trusted: int = 0
    annotators: int = 0
