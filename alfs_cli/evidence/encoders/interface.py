"""What every encoder is."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class Encoder:
    """A network and the pictures it takes: pixels a side, and their mean and deviation (3,)."""

    features: "Callable[[Tensor], Tensor]"
    size: int
    centre: "Tensor"
    spread: "Tensor"
