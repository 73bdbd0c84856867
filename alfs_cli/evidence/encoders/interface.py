"""The interface of every encoder."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class Encoder:
    """A network that turns pictures into features.

    Args:
        features: maps normalised pictures (n, 3, size, size) to features (n, F).
        size: pixels a side of the pictures it takes.
        centre: the mean of each channel, in values from 0 to 255.
        spread: the standard deviation of each channel, in the same values.
    """

    features: "Callable[[Tensor], Tensor]"
    size: int
    centre: "Tensor"
    spread: "Tensor"
