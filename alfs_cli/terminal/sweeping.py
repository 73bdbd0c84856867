"""Progress of a sweep on stderr: a bar in a terminal, else a line per finished run."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from alfs_cli.terminal.output import Terminal
from alfs_cli.terminal.training import acknowledge

if TYPE_CHECKING:
    from alfs_cli.executors import Outcome, Progress

NAME = "epochs"
STOPPING = "stopping after the steps that run"
Listener = Callable[["Outcome | Progress", int], None]


@contextmanager
def sweep_progress(terminal: Terminal, epochs: Mapping[str, int]) -> Iterator[Listener]:
    """Yield a function to call with each event and attempt; `epochs` are those of each run."""
    from alfs_cli.executors import Progress

    done: set[str] = set()
    at = dict.fromkeys(epochs, 0)
    total = sum(epochs.values())
    with terminal.showing("training"), terminal.display.stages():

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
            if terminal.is_live:
                terminal.display.tell(NAME, sum(at.values()), total)
                terminal.display.describe(NAME, as_=f"{len(done)}/{len(epochs)} runs, epochs")

        yield hear


def on_stop(terminal: Terminal) -> None:
    """Acknowledge a signal; called inside its handler, where nothing may be waited for."""
    if terminal.display.is_shown:
        terminal.display.describe(NAME, as_="stopping", more=STOPPING)
    elif terminal.verbosity >= 0:
        acknowledge(STOPPING)


def _finished(outcome: "Outcome", done: int, total: int) -> str:
    accuracy = outcome.test_accuracy
    tested = "" if accuracy is None else f"  test {100 * accuracy:.1f} %"
    return f"[{done}/{total}] {outcome.run}{tested}  {outcome.train_seconds:.1f} s"
