"""Readers of values, shared by all kinds of settings.

A reader takes a value from the command line, YAML or TOML. It returns the checked value, or raises
ValueError with what the value is not.
"""

import math
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from alfs_cli.errors import did_you_mean
from alfs_cli.text.numbers import MOST_SEED

Reader = Callable[[Any], Any]
MOST_WHOLE = 2**63 - 1  # the largest signed number of 64 bits
TRUE, FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


def text(value: Any) -> str:
    """Return a text; a number counts as text, since a name may consist of digits."""
    if isinstance(value, bool) or not isinstance(value, str | int | float) or value == "":
        raise ValueError("not text")
    return str(value)


def flag(value: Any) -> bool:
    """Return true or false."""
    if not isinstance(value, bool):
        raise ValueError("not true or false")
    return value


def whole(least: int, most: int = MOST_WHOLE) -> Reader:
    """Return a reader of whole numbers from `least` to `most`, both included."""

    def read(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise ValueError(f"not a whole number, {least} or more")
        if value > most:
            limit = "2^64" if most == MOST_SEED else "2^63" if most == MOST_WHOLE else f"{most + 1}"
            raise ValueError(f"not a whole number below {limit}")
        return value

    return read


def number(least: float, most: float = math.inf, *, above: bool = False, hint: str = "") -> Reader:
    """Return a reader of numbers from `least` to `most`, both included.

    With `above` the number must be larger than `least`. `hint` says in the error how to write it.
    Text is read as a number too, since YAML 1.1 takes 1e-4, without a point, for text.

    >>> number(0, 1)("1e-4")
    0.0001
    """
    wanted = f"not a number {'above' if above else 'from'} {least:g}"
    wanted += f" to {most:g}" if most < math.inf else ""
    wanted += f" ({hint})" if hint else ""

    def read(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise ValueError(wanted)
        try:
            found = float(value)
        except (ValueError, OverflowError):
            raise ValueError(wanted) from None
        if not math.isfinite(found) or not least <= found <= most or (above and found == least):
            raise ValueError(wanted)
        return found

    return read


def one_of(names: Iterable[str]) -> Reader:
    """Return a reader of one of some names."""
    known = tuple(names)

    def read(value: Any) -> str:
        if value not in known:
            raise ValueError(f"not one of {', '.join(known)}{did_you_mean(str(value), known)}")
        return str(value)

    return read


def as_number(written: str) -> float:
    """Return the number in a text, an int if it is whole; raises ValueError if there is none."""
    for kind in (int, float):
        with suppress(ValueError):
            return kind(written)
    raise ValueError("not a number")


def as_flag(written: str) -> bool:
    """Return True for the texts 1, true, yes, on, and False for 0, false, no, off.

    Raises ValueError for any other text.
    """
    if written.lower() not in (*TRUE, *FALSE):
        raise ValueError("not true or false")
    return written.lower() in TRUE


def as_words(written: str) -> list[str]:
    """Return the words between commas.

    >>> as_words("ALFS1, ALFS403")
    ['ALFS1', 'ALFS403']
    """
    return [word.strip() for word in written.split(",") if word.strip()]
