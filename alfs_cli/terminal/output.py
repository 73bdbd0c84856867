"""The terminal a command runs in: notes, warnings and progress on stderr.

What is printed steers neither the terminal nor a runner that reads it.
"""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from alfs_cli.console import Progress
from alfs_cli.text.plain import plain

if TYPE_CHECKING:
    from rich.console import Console as RichConsole
    from rich.progress import TaskID

PLAIN_WIDTH = 100  # where stdout is no terminal; rich's 80 would wrap paths
QUIET_SECONDS = 60.0  # between lines of progress where there is no terminal
HASH_SIGNS = {"json": "\\u0023", "sarif": "\\u0023", "gitlab": "\\u0023", "junit": "&#35;"}
"""How formats that a program reads write a `#`, so that what it reads stays the same."""


@dataclass(frozen=True)
class Terminal:
    """Stderr as a Console: -1 says warnings only, 0 notes as well, 1 details too."""

    verbosity: int = 0
    color: str = "auto"

    def note(self, text: str) -> None:
        """Say something that is not the result, on stderr; `-q` silences it."""
        if self.verbosity >= 0:
            _to_stderr(text)

    def detail(self, text: str) -> None:
        """Say something that only `-v` shows."""
        if self.verbosity > 0:
            _to_stderr(text)

    def warn(self, text: str) -> None:
        """Say on stderr what the user should know even under `-q`."""
        _to_stderr(f"warning: {text}")

    @contextmanager
    def progress(self) -> Iterator[Progress]:
        """Draw bars on stderr while the body runs; call what is yielded with (task, done, total).

        Where stderr is no terminal a line a minute tells how far it is; under `-q` nothing does.
        """
        if self.verbosity < 0:
            yield lambda *_: None
            return
        if not sys.stderr.isatty():
            yield _each_minute(self.note)
            return
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bars

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        with Bars(*columns, TimeRemainingColumn(), console=self.rich(), transient=True) as bars:
            handles: dict[str, TaskID] = {}

            def tell(task: str, done: int, total: int) -> None:
                if task not in handles:
                    handles[task] = bars.add_task(task)
                bars.update(handles[task], completed=done, total=total)

            yield tell

    @contextmanager
    def working(self, task: str) -> Iterator[None]:
        """Turn a spinner on stderr while the body runs, for work that no bar can measure."""
        if self.verbosity < 0 or not sys.stderr.isatty():
            yield
            return
        with self.rich().status(task):
            yield

    def rich(self) -> "RichConsole":
        """Return a rich console on stderr."""
        from rich.console import Console as RichConsole

        return RichConsole(stderr=True, no_color=self.color == "never")


def _each_minute(say: Callable[[str], None]) -> Progress:
    """Return what tells of progress, but once a minute: a log is no place for a bar."""
    last = time.monotonic()

    def tell(task: str, done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= QUIET_SECONDS:
            last = now
            say(f"{task}: {done:,} of {total:,}")

    return tell


def _to_stderr(text: str) -> None:
    print(printable(text), file=sys.stderr, flush=True)


def printable(text: str) -> str:
    """Return text without control characters, so that a file name cannot steer the terminal."""
    encoding = sys.stderr.encoding or "ascii"
    kept = plain(text, keep="\n\t").encode(encoding, "replace")
    return _without_commands(kept.decode(encoding))


def inert(text: str, format: str) -> str:
    """Return a result so that no name in it can steer what reads this program's output.

    The formats see to what steers a terminal. Under GitHub Actions only the format made of commands
    to the runner may give any.
    """
    if format == "github":
        return text
    return _without_commands(text, hash_sign=HASH_SIGNS.get(format, " #"))


def _without_commands(text: str, *, hash_sign: str = " #") -> str:
    """Return text without commands to the runner of GitHub Actions, where that reads it.

    They are lines that begin with `::`, and `##[` anywhere.
    """
    if os.environ.get("GITHUB_ACTIONS") != "true":
        return text
    lines = (
        line.replace("::", ": :", 1) if line.lstrip().startswith("::") else line
        for line in text.replace("##[", f"#{hash_sign}[").split("\n")
    )
    return "\n".join(lines)


def terminal_width(stream: Any) -> int:
    """Return the columns of the terminal, or a fixed width where there is none."""
    if not stream.isatty():
        return PLAIN_WIDTH
    try:
        return max(60, os.get_terminal_size(stream.fileno()).columns)
    except OSError:
        return PLAIN_WIDTH


def wants_color(stream: Any) -> bool:
    """Say whether a stream shows colours, as NO_COLOR, FORCE_COLOR and TERM have it."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return bool(os.environ.get("FORCE_COLOR")) or bool(stream.isatty())
