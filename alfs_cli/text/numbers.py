"""Numbers as people and files write them, and as they are shown."""

import math
from collections.abc import Callable

MOST_DIGITS = 18  # that surely fit 64 bits
LARGE_RATIO = 1000  # beyond which the figure says no more
MOST_SEED = 2**64 - 1  # torch's largest


def whole_number(text: str, *, most_digits: int = MOST_DIGITS) -> int | None:
    """Return the number that plain digits write, None for anything else."""
    is_plain = text.isascii() and text.isdigit() and len(text) <= most_digits
    return int(text) if is_plain else None


def percent(value: float | None, digits: int = 1) -> str:
    """Write a fraction as per cent: 0.0942 -> '9.4 %'."""
    return "-" if value is None or math.isnan(value) else f"{100 * value:.{digits}f} %"


def between(low: float, high: float, write: Callable[[float], str] | None = None) -> str:
    """Write an interval where it is all that is known: 'between 0 % and 40 %'."""
    write = write or (lambda value: percent(value).replace(".0 %", " %"))
    return f"between {write(low)} and {write(high)}"


def ratio(value: float | None) -> str:
    """Write a ratio: 3.2 -> '3.20x', infinity -> 'inf', what is too large to matter '> 1,000x'."""
    if value is None or math.isnan(value):
        return "-"
    if math.isinf(value):
        return "inf"
    if value > LARGE_RATIO:
        return f"> {LARGE_RATIO:,}x"
    return f"{value:.2f}x" if value < 100 else f"{value:.0f}x"
