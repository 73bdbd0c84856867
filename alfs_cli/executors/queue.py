"""The tasks of a sweep, one after another into the free slots of an executor."""

from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

from alfs_cli.executors.task import Outcome, Progress, Task

MOST_ATTEMPTS = 2
POLL_SECONDS = 0.2

Event = Outcome | Progress


class Executor(Protocol):
    """Something that trains up to `slots` runs at once, each with so many threads."""

    slots: int
    threads: int

    def start(self, task: Task) -> None:
        """Begin a task in a free slot."""
        ...

    def wait(self, seconds: float) -> list[Event]:
        """Return what happened, waiting at most so long for something to."""
        ...

    def stop(self) -> list[Event]:
        """Let every run save a checkpoint and stop; return what happened meanwhile."""
        ...


def run_all(
    tasks: Sequence[Task],
    executor: Executor,
    *,
    on_event: Callable[[Event, int], None],
    is_stopped: Callable[[], bool],
) -> dict[str, Outcome]:
    """Train every task and return the outcomes by run, those not begun left out.

    A run that fails is tried once more: from its beginning, or, where its process died, from its
    checkpoint. `on_event` hears of every event and the attempt it belongs to. When `is_stopped`
    says so, the runs at hand save a checkpoint and no more are begun.
    """
    waiting = deque(tasks)
    by_run = {task.run: task for task in tasks}
    attempts: Counter[str] = Counter()
    running: set[str] = set()
    outcomes: dict[str, Outcome] = {}

    def hear(event: Event) -> None:
        on_event(event, attempts[event.run])
        if isinstance(event, Progress):
            return
        running.discard(event.run)
        outcomes[event.run] = event
        if event.status in ("failed", "died") and attempts[event.run] < MOST_ATTEMPTS:
            waiting.append(replace(by_run[event.run], anew=event.status == "failed"))

    while (waiting or running) and not is_stopped():
        while waiting and len(running) < executor.slots:
            task = waiting.popleft()
            attempts[task.run] += 1
            running.add(task.run)
            executor.start(task)
        for event in executor.wait(POLL_SECONDS):
            hear(event)
    for event in executor.stop():
        hear(event)
    return outcomes
