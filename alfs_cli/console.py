"""Messages and progress of the core, as a protocol that needs no command line."""

import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from alfs_cli.errors import AlfsWarning

Progress = Callable[[str, int, int], None]
"""A function (task, done, total) that is called as a task proceeds."""


class Console(Protocol):
    """A receiver of messages: a terminal, a Python program, or none."""

    def note(self, text: str) -> None:
        """Say something for the user beside the result."""
        ...

    def detail(self, text: str) -> None:
        """Say something that is only shown on demand."""
        ...

    def warn(self, text: str) -> None:
        """Say something that is shown even if notes are not."""
        ...

    def progress(self) -> AbstractContextManager[Progress]:
        """Return a context in which progress can be reported."""
        ...

    def working(self, task: str) -> AbstractContextManager[None]:
        """Return a context in which a task is shown as running, without its progress."""
        ...


class Quiet:
    """A console that gives Python warnings and shows nothing else: for `import alfs_cli`, tests."""

    def note(self, text: str) -> None:
        """Ignore a note."""

    def detail(self, text: str) -> None:
        """Ignore a detail."""

    def warn(self, text: str) -> None:
        """Give a Python warning, at the line that called into alfs."""
        warnings.warn(text, AlfsWarning, stacklevel=_depth() + 1)

    @contextmanager
    def progress(self) -> Iterator[Progress]:
        """Yield a function that ignores progress."""
        yield lambda *_: None

    @contextmanager
    def working(self, task: str) -> Iterator[None]:
        """Show nothing."""
        yield


def _depth() -> int:
    """Return the number of frames from the caller up to the first one outside this package."""
    frame, depth = sys._getframe(1), 0
    while frame.f_back is not None and _is_ours(frame.f_globals.get("__name__", "")):
        frame, depth = frame.f_back, depth + 1
    return depth


def _is_ours(module: str) -> bool:
    return module.partition(".")[0] == "alfs_cli"
