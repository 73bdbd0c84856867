"""Pictures of more than 8 bits: which of their values become black and white, alike for all.

What a file could hold says little of what is in it: a camera of 12 bits, or counts below 100, fill
a small part of 16 bits, and scaled by the whole of it they would all be one grey.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alfs_cli.arrays import ByteArray

Range = tuple[float, float]

WHOLE: tuple[Range, ...] = ((0.0, 65535.0), (0.0, 2.0**31 - 1))  # Pillow keeps 16 bits in 32 too
REAL: tuple[Range, ...] = ((0.0, 1.0), (0.0, 255.0))
BYTES: Range = (0.0, 255.0)
USED = 0.5  # of a type's range, from which on it is taken as it is
TAILS = (0.001, 0.999)  # of the values; what lies far beyond them is a broken pixel
FAR = 4.0  # times as wide as what lies between the tails
KEPT = 1 << 13  # values of a picture that the tails are taken of


@dataclass(frozen=True)
class Scale:
    """The values of whole numbers, and of floats, that become 0 and 255; None where none are."""

    whole: Range | None = None
    real: Range | None = None

    def eight_bit(self, values: NDArray[Any]) -> ByteArray:
        """Return pixels (H, W) as 0 .. 255; what is no number is black."""
        chosen = self.real if values.dtype.kind == "f" else self.whole
        low, high = chosen if chosen is not None else measured([values]).range_of(values)
        with np.errstate(invalid="ignore", over="ignore"):
            parts = (np.asarray(values, dtype=np.float64) - low) * (255 / (high - low))
        shown = np.nan_to_num(parts, nan=0.0, posinf=255.0, neginf=0.0)
        return np.asarray(np.clip(np.round(shown), 0, 255), dtype=np.uint8)

    def range_of(self, values: NDArray[Any]) -> Range:
        """Return the range for values of this kind."""
        found = self.real if values.dtype.kind == "f" else self.whole
        return found if found is not None else BYTES

    @property
    def is_own(self) -> bool:
        """Whether a range is that of the data, not of a type."""
        return any(r is not None and r not in (*WHOLE, *REAL) for r in (self.whole, self.real))

    def in_words(self) -> str:
        """Return what is black and white."""
        ranges = [found for found in (self.whole, self.real) if found is not None]
        return " and ".join(f"{low:,.6g} .. {high:,.6g}" for low, high in ranges)

    def document(self) -> dict[str, list[float]]:
        """Return what is saved."""
        named = {"whole": self.whole, "real": self.real}
        return {name: list(found) for name, found in named.items() if found is not None}


def scale_from(document: Any) -> Scale | None:
    """Return a saved scale, None where there is none; raises TypeError or KeyError for no scale."""
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

    The range of a type where values use half of it or more, else their own; without the far ends
    where a few values lie far from all others. `beside_bytes`: there are pictures of 8 bits too.
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
    first, last = np.quantile(np.concatenate(seen.some), TAILS)
    if last > first and high - low > FAR * (last - first):
        low, high = float(first), float(last)
    if beside_bytes and known is WHOLE and low >= 0 and high <= BYTES[1]:
        return BYTES
    for bottom, top in known:
        if bottom <= low and high <= top and high - low >= USED * (top - bottom):
            return bottom, top
    if high > low:
        return float(low), float(high)
    return next((r for r in known if r[0] <= low and high <= r[1]), (float(low), float(low) + 1))
