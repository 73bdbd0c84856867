"""Progress of a sweep on stderr: a bar in a terminal, else a line per finished run."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from alfs_cli.terminal.output import Terminal

if TYPE_CHECKING:
    from alfs_cli.executors import Outcome, Progress

Listener = Callable[["Outcome | Progress", int], None]


@contextmanager
def sweep_progress(terminal: Terminal, epochs: Mapping[str, int]) -> Iterator[Listener]:
    """Yield a function to call with each event and attempt; `epochs` are those of each run."""
    from alfs_cli.executors import Progress

    done: set[str] = set()
    at = dict.fromkeys(epochs, 0)
    with _bar(terminal, sum(epochs.values())) as show:

        def hear(event: "Outcome | Progress", attempt: int) -> None:
            if isinstance(event, Progress):
                at[event.run] = event.epoch
            elif event.status == "finished":
                at[event.run] = epochs[event.run]
                done.add(event.run)
                terminal.note(_finished(event, len(done), len(epochs)))
            elif event.status != "interrupted":
                at[event.run] = 0
                again = "; trying it again" if attempt == 1 else ""
                terminal.warn(f"{event.run} failed: {event.error}{again}")
            show(sum(at.values()), f"{len(done)}/{len(epochs)} runs")

        yield hear


def _finished(outcome: "Outcome", done: int, total: int) -> str:
    accuracy = outcome.test_accuracy
    tested = "" if accuracy is None else f"  test {100 * accuracy:.1f} %"
    return f"[{done}/{total}] {outcome.run}{tested}  {outcome.train_seconds:.1f} s"


@contextmanager
def _bar(terminal: Terminal, num_epochs: int) -> Iterator[Callable[[int, str], None]]:
    if terminal.verbosity < 0 or not sys.stderr.isatty():
        yield lambda *_: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as Remaining

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Remaining())
    with Progress(*columns, console=terminal.rich(), transient=True) as bars:
        task = bars.add_task("epochs", total=num_epochs)
        yield lambda done, text: bars.update(task, completed=done, description=f"{text}, epochs")
