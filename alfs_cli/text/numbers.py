"""Reading whole numbers, and writing shares, intervals and ratios."""

import math
from collections.abc import Callable

MOST_DIGITS = 18  # the most digits that always fit in 64 bits
LARGE_RATIO = 1000  # the largest ratio that is written as a figure
MOST_SEED = 2**64 - 1  # the largest seed that torch takes


def whole_number(text: str, *, most_digits: int = MOST_DIGITS) -> int | None:
    """Return the number in a text of ASCII digits, None for any other text.

    >>> whole_number("12"), whole_number("-1")
    (12, None)
    """
    is_plain = text.isascii() and text.isdigit() and len(text) <= most_digits
    return int(text) if is_plain else None


def percent(value: float | None, digits: int = 1) -> str:
    """Write a fraction as per cent, None and NaN as '-'.

    >>> percent(0.0942)
    '9.4 %'
    """
    return "-" if value is None or math.isnan(value) else f"{100 * value:.{digits}f} %"


def between(low: float, high: float, write: Callable[[float], str] | None = None) -> str:
    """Write an interval, by default of fractions.

    >>> between(0.0, 0.4)
    'between 0 % and 40 %'
    """
    write = write or (lambda value: percent(value).replace(".0 %", " %"))
    return f"between {write(low)} and {write(high)}"


def ratio(value: float | None) -> str:
    """Write a ratio, None and NaN as '-', one above 1,000 as '> 1,000x'.

    >>> ratio(3.2), ratio(math.inf)
    ('3.20x', 'inf')
    """
    if value is None or math.isnan(value):
        return "-"
    if math.isinf(value):
        return "inf"
    if value > LARGE_RATIO:
        return f"> {LARGE_RATIO:,}x"
    return f"{value:.2f}x" if value < 100 else f"{value:.0f}x"
