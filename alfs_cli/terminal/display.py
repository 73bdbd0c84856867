"""The lines at the bottom of a terminal that show what is being done, and for how much longer.

A stage has a line of its own while it runs: a spinner, its name and, where its size is known, a bar
and the time left. When it ends and took a while, a line with its seconds stays above. Everything
else that is printed meanwhile goes above these lines too.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console as RichConsole
    from rich.progress import Progress as Bars
    from rich.progress import ProgressColumn, TaskID

SECONDS_TO_STAY = 1.0  # a stage that took as long leaves a line
WIDE = 72  # characters from which a bar is drawn at its full width
BESIDE_THE_NAME = (30, 64)  # characters: spinner, bar, time left and so on, and room for `^C`
BAR_WIDTHS = (12, 30)  # of a bar in a narrow and in a wide terminal


@dataclass
class Stage:
    """A running stage: the task of its line, when it began, and how much of it there is."""

    task: "TaskID"
    began: float = field(default_factory=time.monotonic)
    total: int | None = None


class Display:
    """The running stages of one command; it shows nothing until `begin`, nor after `end`."""

    def __init__(self) -> None:
        self._bars: Bars | None = None
        self._opening: TaskID | None = None
        self._stages: dict[str, Stage] = {}

    @property
    def is_shown(self) -> bool:
        """Whether the lines are on the screen."""
        return self._bars is not None

    def begin(self, title: str, console: "RichConsole") -> None:
        """Show a spinner with a title; it gives way to the stages."""
        self._bars = _bars(console)
        self._opening = self._bars.add_task(title, total=None)
        self._bars.start()

    def end(self) -> None:
        """Remove the lines from the screen for good."""
        if self._bars is not None:
            bars, self._bars = self._bars, None
            bars.stop()
        self._stages.clear()

    def say(self, text: str) -> None:
        """Print a text above the lines, however long its own lines are."""
        from rich.text import Text

        if self._bars is not None:
            self._bars.console.print(Text(text), soft_wrap=True, highlight=False)

    def tell(self, name: str, done: int, total: int | None) -> None:
        """Show how much of a stage is done; it begins with the first call, ends with the total."""
        if self._bars is None:
            return
        stage = self._stages.get(name)
        if stage is None:
            stage = self._stages[name] = Stage(self._bars.add_task(name, total=total))
            self._show_opening()
        stage.total = total
        self._bars.update(stage.task, completed=done, total=total)
        if total is not None and done >= total:
            self.finish(name)

    def describe(self, name: str, *, as_: str | None = None, more: str | None = None) -> None:
        """Show a stage by another name, or a line of text under it."""
        if self._bars is not None and name in self._stages:
            task = self._stages[name].task
            self._bars.update(task, description=as_)
            if more is not None:
                self._bars.update(task, more=more)

    def finish(self, name: str, *, is_kept: bool = True) -> None:
        """End a stage; a line about it stays if it took a while."""
        stage = self._stages.pop(name, None)
        if stage is None or self._bars is None:
            return
        self._bars.remove_task(stage.task)
        self._show_opening()
        seconds = time.monotonic() - stage.began
        if is_kept and seconds >= SECONDS_TO_STAY:
            size = f", {stage.total:,}" if stage.total is not None else ""
            self.say(f"  {name}{size}: {duration(seconds)}")

    @contextmanager
    def stages(self) -> Iterator[None]:
        """End what has begun in the body when it ends; of a body that fails nothing stays."""
        before = set(self._stages)
        is_whole = False
        try:
            yield
            is_whole = True
        finally:
            for name in [name for name in self._stages if name not in before]:
                self.finish(name, is_kept=is_whole)

    def _show_opening(self) -> None:
        if self._bars is not None and self._opening is not None:
            self._bars.update(self._opening, visible=not self._stages)


def duration(seconds: float) -> str:
    """Return a time in words that are short.

    >>> duration(3.14), duration(75), duration(7500)
    ('3.1 s', '1 min 15 s', '2 h 5 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    if seconds < 3600:
        return f"{int(seconds // 60)} min {int(seconds % 60)} s"
    return f"{minutes // 60} h {minutes % 60} min"


def _bars(console: "RichConsole") -> "Bars":
    """Return the lines: a row of columns a stage, and under it what is said of it."""
    from rich.console import Group
    from rich.progress import Progress
    from rich.text import Text

    class Lines(Progress):
        def get_renderables(self) -> Any:
            shown = [task for task in self.tasks if task.visible]
            said = [str(task.fields["more"]) for task in shown if task.fields.get("more")]
            rows = [Text(f"  {text}"[: console.width - 4], no_wrap=True) for text in said]
            yield Group(self.make_tasks_table(shown), *rows)

    return Lines(
        *_columns(console.width, is_plain=not console.encoding.startswith("utf")),
        console=console,
        transient=True,
        redirect_stdout=False,
    )


def _columns(screen: int, *, is_plain: bool) -> "list[ProgressColumn]":
    """Return spinner, name, bar, how many and the time left, each where it is known.

    A line is shorter than the screen: the terminal writes `^C` behind it.
    """
    from rich.progress import ProgressColumn, SpinnerColumn, Task
    from rich.progress_bar import ProgressBar
    from rich.table import Column
    from rich.text import Text

    is_narrow = screen < WIDE

    class Name(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(str(task.description), no_wrap=True, overflow="ellipsis")

    class Bar(ProgressColumn):
        def render(self, task: Task) -> Any:
            if task.total is None:
                return ""
            width = BAR_WIDTHS[not is_narrow]
            return ProgressBar(total=task.total, completed=task.completed, width=width)

    class Count(ProgressColumn):
        def render(self, task: Task) -> Text:
            is_shown = task.total is not None and not is_narrow
            size = f"{int(task.completed):,}/{int(task.total or 0):,}"
            return Text(size if is_shown else "", style="dim")

    class Left(ProgressColumn):
        max_refresh = 0.5

        def render(self, task: Task) -> Text:
            if task.total is None:
                spent = task.elapsed or 0.0
                return Text(clock(spent) if spent >= 2 else "", style="dim")
            left = task.time_remaining
            return Text("" if left is None else f"{clock(left)} left", style="dim")

    name = Name(Column(no_wrap=True, max_width=max(8, screen - BESIDE_THE_NAME[not is_narrow])))
    return [SpinnerColumn("line" if is_plain else "dots"), name, Bar(), Count(), Left()]


def clock(seconds: float) -> str:
    """Return a time as a clock shows it.

    >>> clock(75), clock(7500)
    ('1:15', '2:05:00')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def is_live() -> bool:
    """Whether stderr is a terminal on which lines can be redrawn."""
    import os

    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
