"""Errors that the user can mend, each with an exit code and a help line.

A message says what is wrong and where: in lower case, without a full stop, with values in quotes.
`help` says what to do. `cli.main` prints them as `error: ...` and `help: ...` and exits with
`exit_code`.
"""

import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn, TypeVar

from alfs_cli.text.addresses import with_addresses


class AlfsWarning(UserWarning):
    """Something that the user should know, but that does not stop the work."""


class AlfsError(Exception):
    """Usage, configuration or input is wrong, and nothing was computed (exit code 2)."""

    exit_code = 2

    def __init__(self, message: str, *, help: str | None = None) -> None:
        super().__init__(with_addresses(message))
        self.help = None if help is None else with_addresses(help)


class UsageError(AlfsError):
    """An option or argument is wrong."""


class InputError(AlfsError):
    """A data set, array or file is not what it should be."""


class WorkError(AlfsError):
    """Work began and could not finish: a loss of NaN, no memory, a full disk (exit code 3)."""

    exit_code = 3


class Interrupted(AlfsError):
    """The user or the system asked to stop, and what could be saved was saved."""

    def __init__(self, message: str, *, exit_code: int, help: str | None = None) -> None:
        super().__init__(message, help=help)
        self.exit_code = exit_code


class Stopped(BaseException):
    """A signal asked to stop, and no handler of its own was set (exit code 130 or 143).

    It is no Exception, so that code that catches any error of a library does not catch it.
    """

    def __init__(self, message: str, *, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def is_out_of_memory(error: BaseException) -> bool:
    """Say whether an error means that memory ran out; on the CPU, torch raises a RuntimeError."""
    if isinstance(error, MemoryError):
        return True
    if not isinstance(error, RuntimeError):
        return False
    words = ("DefaultCPUAllocator", "allocate memory", "out of memory")
    return type(error).__name__ == "OutOfMemoryError" or any(w in str(error) for w in words)


Read = TypeVar("Read")


def together(readers: Iterable[Callable[[], Read]]) -> list[Read]:
    """Return the results of all readers; raises one UsageError with the messages of all."""
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
    """Raise Stopped; the default handler of the signals in STOPS."""
    raise Stopped(STOPS[number], exit_code=128 + number)


def stop_behind(error: BaseException) -> Stopped | None:
    """Return the stop that a library's compiled code made a SystemError of, None where none is."""
    while isinstance(error, SystemError):
        behind = error.__cause__ or error.__context__
        if behind is None or isinstance(behind, Stopped):
            return behind
        error = behind
    return None


@contextmanager
def signals_answered_as_before() -> Iterator[None]:
    """Put back how the signals in STOPS are answered, for launchers change it and leave it so.

    Ray's answer to SIGTERM waits for its cluster, also in copies of this process that have none: a
    `multiprocessing.Pool` that the user opens later then never ends.
    """
    before = {number: signal.getsignal(number) for number in STOPS}
    try:
        yield
    finally:
        for number, handler in before.items():
            if signal.getsignal(number) is not handler:
                signal.signal(number, handler)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ` (did you mean 'x'?)` for the nearest known name, "" where none is near.

    >>> did_you_mean("noize", ["noise", "rate"])
    " (did you mean 'noise'?)"
    """
    from difflib import get_close_matches  # needed after an error alone

    near = get_close_matches(name, list(known), n=1)
    return f" (did you mean '{brief(near[0])}'?)" if near else ""


MOST_SHOWN = 100  # characters of a value in a message
SIMILAR = 0.4  # the distance below which names count as similar; 1 is that of unlike names


def brief(value: object) -> str:
    """Return a value as text for a message, of at most 100 characters."""
    text = str(value)
    return text if len(text) <= MOST_SHOWN else f"{text[: MOST_SHOWN - 3]}..."


def has(names: Iterable[str], wanted: Iterable[str], *, most: int = 20) -> str:
    """Return a list of names for a message, of more than `most` those similar to `wanted` first.

    Names are similar where their spelling is, or where one contains the other.

    >>> has(["a", "b", "label_2"], ["label"], most=2)
    'has: label_2, a and 1 more'
    """
    from difflib import SequenceMatcher  # needed after an error alone

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
    near = sorted((name for name in there if distance(name[:MOST_SHOWN]) < SIMILAR), key=distance)
    order = list(dict.fromkeys([*near, *there])) if len(there) > most else there
    shown = ", ".join(map(brief, order[:most]))
    return f"has: {shown}" + (f" and {len(there) - most:,} more" if len(there) > most else "")


def unknown(kind: str, name: object, known: Iterable[str]) -> UsageError:
    """Return the error for an unknown name, with the nearest known one; `kind` says of what."""
    names = list(known)
    listed = ", ".join(names) if len(names) <= 40 else ", ".join(names[:40]) + ", ..."
    return UsageError(
        f"unknown {kind} '{name}'{did_you_mean(str(name), names)}",
        help=f"known: {listed}",
    )
