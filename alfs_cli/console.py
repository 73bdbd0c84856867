"""What the core says while it works, and to whom: a protocol that asks for no command line."""

import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from alfs_cli.errors import AlfsWarning

Progress = Callable[[str, int, int], None]
"""Told of a task by name, how much of it is done, and how much there is."""


class Console(Protocol):
    """Whoever listens: a terminal, a Python program, nobody."""

    def note(self, text: str) -> None:
        """Say something that is not the result."""
        ...

    def detail(self, text: str) -> None:
        """Say something that only a curious reader wants."""
        ...

    def warn(self, text: str) -> None:
        """Say what the user should know even where nothing else is said."""
        ...

    def progress(self) -> AbstractContextManager[Progress]:
        """Return what is to be told of progress while its context is open."""
        ...

    def working(self, task: str) -> AbstractContextManager[None]:
        """Show that a task runs of which no progress can be told."""
        ...


class Quiet:
    """Says nothing but warnings, which are Python's: for `import alfs_cli` and tests."""

    def note(self, text: str) -> None:
        """Say nothing."""

    def detail(self, text: str) -> None:
        """Say nothing."""

    def warn(self, text: str) -> None:
        """Warn as Python does, at the line that called into alfs."""
        warnings.warn(text, AlfsWarning, stacklevel=_depth() + 1)

    @contextmanager
    def progress(self) -> Iterator[Progress]:
        """Yield what tells nobody."""
        yield lambda *_: None

    @contextmanager
    def working(self, task: str) -> Iterator[None]:
        """Show nothing."""
        yield


def _depth() -> int:
    """Return how many frames above its caller the first one outside of this package is."""
    frame, depth = sys._getframe(1), 0
    while frame.f_back is not None and _is_ours(frame.f_globals.get("__name__", "")):
        frame, depth = frame.f_back, depth + 1
    return depth


def _is_ours(module: str) -> bool:
    return module.partition(".")[0] == "alfs_cli"
