"""Kinds of values that a setting may have, wherever it is written: each is checked here, once.

A reader returns the checked value, or raises ValueError with what the value is not.
"""

import math
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from alfs_cli.errors import did_you_mean
from alfs_cli.text.numbers import MOST_SEED

Reader = Callable[[Any], Any]
MOST_WHOLE = 2**63 - 1  # what 64 bits hold
TRUE, FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


def text(value: Any) -> str:
    """Read text, or a number that stands for a name."""
    if isinstance(value, bool) or not isinstance(value, str | int | float) or value == "":
        raise ValueError("not text")
    return str(value)


def flag(value: Any) -> bool:
    """Read true or false."""
    if not isinstance(value, bool):
        raise ValueError("not true or false")
    return value


def whole(least: int, most: int = MOST_WHOLE) -> Reader:
    """Return what reads a whole number."""

    def read(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise ValueError(f"not a whole number, {least} or more")
        if value > most:
            limit = "2^64" if most == MOST_SEED else "2^63" if most == MOST_WHOLE else f"{most + 1}"
            raise ValueError(f"not a whole number below {limit}")
        return value

    return read


def number(least: float, most: float = math.inf, *, above: bool = False, hint: str = "") -> Reader:
    """Return what reads a number from `least`, or `above` it, to `most`, both included.

    `hint` says how it is written. Text is read too: YAML 1.1 takes 1e-4, which lacks a point, for
    text.
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
    """Return what reads one of some names."""
    known = tuple(names)

    def read(value: Any) -> str:
        if value not in known:
            raise ValueError(f"not one of {', '.join(known)}{did_you_mean(str(value), known)}")
        return str(value)

    return read


def as_number(written: str) -> float:
    """Return the number that a variable's text writes, a whole one where it is."""
    for kind in (int, float):
        with suppress(ValueError):
            return kind(written)
    raise ValueError("not a number")


def as_flag(written: str) -> bool:
    """Return what a variable's text says: 1, true, yes and on, or 0, false, no and off."""
    if written.lower() not in (*TRUE, *FALSE):
        raise ValueError("not true or false")
    return written.lower() in TRUE


def as_words(written: str) -> list[str]:
    """Return the words between commas."""
    return [word.strip() for word in written.split(",") if word.strip()]
