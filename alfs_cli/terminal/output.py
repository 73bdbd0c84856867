"""The terminal that a command runs in: notes, warnings and progress on stderr.

Control characters, and workflow commands of a CI runner, are removed from everything printed: names
of files and classes may come from strangers.
"""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from alfs_cli.console import Progress
from alfs_cli.terminal.display import Display, is_live
from alfs_cli.text.plain import plain

if TYPE_CHECKING:
    from rich.console import Console as RichConsole

PLAIN_WIDTH = 100  # characters where stdout is no terminal; rich's 80 would wrap paths
QUIET_SECONDS = 60.0  # between lines of progress where stderr is no terminal
HASH_SIGNS = {"json": "\\u0023", "sarif": "\\u0023", "gitlab": "\\u0023", "junit": "&#35;"}
"""Escapes of `#` in formats for programs, which parse them back to the same text."""


@dataclass(frozen=True)
class Terminal:
    """Stderr as a Console; verbosity -1 prints only warnings, 0 also notes, 1 also details."""

    verbosity: int = 0
    color: str = "auto"
    display: Display = field(default_factory=Display, compare=False, repr=False)

    def note(self, text: str) -> None:
        """Print a message that is not the result on stderr, unless -q is given."""
        if self.verbosity >= 0:
            self._say(text)

    def detail(self, text: str) -> None:
        """Print a message on stderr if -v is given."""
        if self.verbosity > 0:
            self._say(text)

    def warn(self, text: str) -> None:
        """Print a warning on stderr, even with -q."""
        self._say(f"warning: {text}")

    @property
    def is_live(self) -> bool:
        """Whether stages are drawn: stderr is a terminal, and -q is not given."""
        return self.verbosity >= 0 and is_live()

    @contextmanager
    def showing(self, title: str) -> Iterator[None]:
        """Show a spinner with a title while the body runs, in which stages take its place."""
        if not self.is_live or self.display.is_shown:
            yield
            return
        self.display.begin(title, self.rich())
        try:
            yield
        finally:
            self.display.end()

    def rest(self) -> None:
        """Show no more stages: the result follows, or people are waited for."""
        self.display.end()

    @contextmanager
    def progress(self) -> Iterator[Progress]:
        """Yield a function of (task, done, total) that draws a line for each task on stderr.

        Where stderr is no terminal it prints a line each minute; with -q it prints nothing.
        """
        if self.verbosity < 0:
            yield lambda *_: None
            return
        if not self.is_live:
            yield _each_minute(self.note)
            return
        with self.showing("working"), self.display.stages():
            yield self.display.tell

    @contextmanager
    def working(self, task: str) -> Iterator[None]:
        """Show a spinner on stderr while the body runs, for work without measurable progress."""
        with self.showing(task), self.display.stages():
            self.display.tell(task, 0, None)
            yield

    def rich(self) -> "RichConsole":
        """Return a rich console on stderr."""
        from rich.console import Console as RichConsole

        return RichConsole(stderr=True, no_color=self.color == "never" or None)

    def _say(self, text: str) -> None:
        if self.display.is_shown:
            self.display.say(printable(text))
        else:
            print(printable(text), file=sys.stderr, flush=True)


def _each_minute(say: Callable[[str], None]) -> Progress:
    """Return a function that prints progress once a minute, for logs."""
    last = time.monotonic()

    def tell(task: str, done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= QUIET_SECONDS:
            last = now
            say(f"{task}: {done:,} of {total:,}")

    return tell


def printable(text: str) -> str:
    """Return text without control characters, so that a file name cannot steer the terminal."""
    encoding = sys.stderr.encoding or "ascii"
    kept = plain(text, keep="\n\t").encode(encoding, "replace")
    return _without_commands(kept.decode(encoding))


def inert(text: str, format: str) -> str:
    """Return a result without workflow commands, unless its format consists of them.

    The formats have already removed control characters.
    """
    if format == "github":
        return text
    return _without_commands(text, hash_sign=HASH_SIGNS.get(format, " #"))


def _without_commands(text: str, *, hash_sign: str = " #") -> str:
    """Return text without workflow commands where GitHub Actions reads it, else unchanged.

    Commands are lines that begin with `::`, and `##[` anywhere.
    """
    if os.environ.get("GITHUB_ACTIONS") != "true":
        return text
    lines = (
        line.replace("::", ": :", 1) if line.lstrip().startswith("::") else line
        for line in text.replace("##[", f"#{hash_sign}[").split("\n")
    )
    return "\n".join(lines)


def terminal_width(stream: Any) -> int:
    """Return the width of the terminal in characters, or PLAIN_WIDTH where there is none."""
    if not stream.isatty():
        return PLAIN_WIDTH
    try:
        return max(60, os.get_terminal_size(stream.fileno()).columns)
    except OSError:
        return PLAIN_WIDTH


def wants_color(stream: Any) -> bool:
    """Whether a stream shows colours, by NO_COLOR, FORCE_COLOR, TERM and the terminal."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return bool(os.environ.get("FORCE_COLOR")) or bool(stream.isatty())
