"""What can go wrong that the user can mend: one base, an exit code and a help line each.

A message says what is wrong, where, and what would be right: lower case, no full stop, values in
quotes. `cli.main` prints it as `error: ...` and `help: ...` and exits with `exit_code`.
"""

import signal
from collections.abc import Callable, Iterable
from types import FrameType
from typing import NoReturn, TypeVar


class AlfsWarning(UserWarning):
    """Something that the user should know, which stops nothing."""


class AlfsError(Exception):
    """Usage, configuration or input is wrong; nothing was judged (exit code 2)."""

    exit_code = 2

    def __init__(self, message: str, *, help: str | None = None) -> None:
        super().__init__(message)
        self.help = help


class UsageError(AlfsError):
    """An option or argument cannot mean what was typed."""


class InputError(AlfsError):
    """A data set, array or file is not what it should be."""


class WorkError(AlfsError):
    """Work started and could not finish: loss NaN, out of memory, disk full (exit code 3)."""

    exit_code = 3


class Interrupted(AlfsError):
    """The user or the system asked to stop; whatever could be saved is saved."""

    def __init__(self, message: str, *, exit_code: int, help: str | None = None) -> None:
        super().__init__(message, help=help)
        self.exit_code = exit_code


class Stopped(BaseException):
    """A signal asked to stop (exit code 130 or 143) where nothing listens for it.

    No Exception, so that what guards against errors of a library does not swallow it.
    """

    def __init__(self, message: str, *, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def is_out_of_memory(error: BaseException) -> bool:
    """Say whether an allocator had no more: torch's CPU allocator raises a plain RuntimeError."""
    if isinstance(error, MemoryError):
        return True
    if not isinstance(error, RuntimeError):
        return False
    words = ("DefaultCPUAllocator", "allocate memory", "out of memory")
    return type(error).__name__ == "OutOfMemoryError" or any(w in str(error) for w in words)


Read = TypeVar("Read")


def together(readers: Iterable[Callable[[], Read]]) -> list[Read]:
    """Return what each reads; raises one UsageError that tells the mistakes of all."""
    found: list[Read] = []
    wrong: list[UsageError] = []
    for read in readers:
        try:
            found.append(read())
        except UsageError as error:
            wrong.append(error)
    if len(wrong) == 1:
        raise wrong[0]
    if wrong:
        helps = dict.fromkeys(error.help for error in wrong if error.help)
        raise UsageError("\n".join(map(str, wrong)), help="; ".join(helps) or None)
    return found


STOPS = {int(signal.SIGINT): "interrupted", int(signal.SIGTERM): "terminated"}


def stop(number: int, _frame: FrameType | None) -> NoReturn:
    """Raise Stopped: what these signals do wherever nothing listens for them."""
    raise Stopped(STOPS[number], exit_code=128 + number)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ` (did you mean 'x'?)` for the nearest known name, or nothing."""
    from difflib import get_close_matches  # only where something went wrong

    near = get_close_matches(name, list(known), n=1)
    return f" (did you mean '{brief(near[0])}'?)" if near else ""


MOST_SHOWN = 100  # characters of a value in a message
NEAR = 0.4  # of spellings that differ in everything


def brief(value: object) -> str:
    """Return a value as text for a message: at most 100 characters of it."""
    text = str(value)
    return text if len(text) <= MOST_SHOWN else f"{text[: MOST_SHOWN - 3]}..."


def has(names: Iterable[str], wanted: Iterable[str], *, most: int = 20) -> str:
    """Return `has: a, b, c`, the names nearest to those wanted first, and how many more there are.

    Near is what is spelt alike, or holds the other.
    """
    from difflib import SequenceMatcher  # only where something went wrong

    def distance(name: str) -> float:
        plain = name.casefold()
        return min(
            (
                0.0
                if word in plain or (len(plain) > 1 and plain in word)
                else 1 - SequenceMatcher(None, word, plain).ratio()
                for word in words
            ),
            default=1.0,
        )

    there, words = list(names), [word.casefold() for word in wanted if word]
    if not there:
        return "has: nothing"
    near = sorted((name for name in there if distance(name[:MOST_SHOWN]) < NEAR), key=distance)
    order = list(dict.fromkeys([*near, *there])) if len(there) > most else there
    shown = ", ".join(map(brief, order[:most]))
    return f"has: {shown}" + (f" and {len(there) - most:,} more" if len(there) > most else "")


def unknown(kind: str, name: str, known: Iterable[str]) -> UsageError:
    """Return the error for a name that is in no table, with the nearest one that is."""
    names = list(known)
    listed = ", ".join(names) if len(names) <= 40 else ", ".join(names[:40]) + ", ..."
    return UsageError(
        f"unknown {kind} '{name}'{did_you_mean(name, names)}",
        help=f"known: {listed}",
    )
