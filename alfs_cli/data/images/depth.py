"""Pictures of more than 8 bits: which of their values become black and white in a whole data set.

The range of a file's type says little of its values. A camera of 12 bits, or counts below 100, fill
a small part of 16 bits; scaled by the full range, such pictures would be one grey.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alfs_cli.arrays import ByteArray
from alfs_cli.data.images.tuning import TUNING

Range = tuple[float, float]

WHOLE: tuple[Range, ...] = ((0.0, 65535.0), (0.0, 2.0**31 - 1))  # Pillow stores 16 bits in 32
REAL: tuple[Range, ...] = ((0.0, 1.0), (0.0, 255.0))
BYTES: Range = (0.0, 255.0)
KEPT = 1 << 13  # values of each picture that are kept to find quantiles


@dataclass(frozen=True)
class Scale:
    """The values that become 0 and 255: of pictures of whole numbers, and of floats.

    None where a data set has no such pictures.
    """

    whole: Range | None = None
    real: Range | None = None

    def eight_bit(self, values: NDArray[Any]) -> ByteArray:
        """Return pixels (H, W) as uint8 in 0 .. 255; NaN becomes black."""
        chosen = self.real if values.dtype.kind == "f" else self.whole
        low, high = chosen if chosen is not None else measured([values]).range_of(values)
        with np.errstate(invalid="ignore", over="ignore"):
            parts = (np.asarray(values, dtype=np.float64) - low) * (255 / (high - low))
        shown = np.nan_to_num(parts, nan=0.0, posinf=255.0, neginf=0.0)
        return np.asarray(np.clip(np.round(shown), 0, 255), dtype=np.uint8)

    def range_of(self, values: NDArray[Any]) -> Range:
        """Return the values that become 0 and 255 in a picture of this type."""
        found = self.real if values.dtype.kind == "f" else self.whole
        return found if found is not None else BYTES

    @property
    def is_own(self) -> bool:
        """Whether a range was measured on the data, and is not that of a type."""
        return any(r is not None and r not in (*WHOLE, *REAL) for r in (self.whole, self.real))

    def in_words(self) -> str:
        """Return the ranges as text, such as `0 .. 4,095`.

        >>> Scale(whole=(0.0, 4095.0)).in_words()
        '0 .. 4,095'
        """
        ranges = [found for found in (self.whole, self.real) if found is not None]
        return " and ".join(f"{low:,.6g} .. {high:,.6g}" for low, high in ranges)

    def document(self) -> dict[str, list[float]]:
        """Return the ranges as saved in JSON; `scale_from` reads them."""
        named = {"whole": self.whole, "real": self.real}
        return {name: list(found) for name, found in named.items() if found is not None}


def scale_from(document: Any) -> Scale | None:
    """Return the scale that `Scale.document` saved, None for None.

    Raises TypeError or KeyError for any other document.
    """
    if document is None:
        return None
    found: dict[str, Range] = {}
    for name, (low, high) in dict(document).items():
        found[name] = (float(low), float(high))
        if not -np.inf < found[name][0] < found[name][1] < np.inf:
            raise KeyError(f"scale {name}")
    return Scale(**found)


@dataclass
class _Seen:
    low: float = np.inf
    high: float = -np.inf
    some: list[NDArray[Any]] = field(default_factory=list)


def measured(pictures: Iterable[NDArray[Any]], *, beside_bytes: bool = False) -> Scale:
    """Return the scale for pictures (H, W) of whole numbers or floats.

    It is the range of a type if the values fill half of it or more. Otherwise it is the range of
    the values, without a few that lie far from all others. `beside_bytes` says that the data set
    has pictures of 8 bits too.
    """
    seen = {"whole": _Seen(), "real": _Seen()}
    for picture in pictures:
        kind = "real" if picture.dtype.kind == "f" else "whole"
        finite = picture.ravel()
        if kind == "real" and not (known := np.isfinite(finite)).all():
            finite = finite[known]
        if finite.size:
            one = seen[kind]
            one.low = min(one.low, float(finite.min()))
            one.high = max(one.high, float(finite.max()))
            some = np.random.default_rng(0).integers(0, finite.size, min(finite.size, KEPT))
            one.some.append(finite[some].astype(np.float64))
    whole, real = (_range(seen[kind], known, beside_bytes=beside_bytes)
                   for kind, known in (("whole", WHOLE), ("real", REAL)))  # fmt: skip
    return Scale(whole, real)


def _range(seen: _Seen, known: tuple[Range, ...], *, beside_bytes: bool) -> Range | None:
    if not seen.some:
        return None
    low, high = seen.low, seen.high
    first, last = np.quantile(np.concatenate(seen.some), TUNING.value_tails)
    if last > first and high - low > TUNING.far_values * (last - first):
        low, high = float(first), float(last)
    if beside_bytes and known is WHOLE and low >= 0 and high <= BYTES[1]:
        return BYTES
    for bottom, top in known:
        if bottom <= low and high <= top and high - low >= TUNING.used_range * (top - bottom):
            return bottom, top
    if high > low:
        return float(low), float(high)
    return next((r for r in known if r[0] <= low and high <= r[1]), (float(low), float(low) + 1))
