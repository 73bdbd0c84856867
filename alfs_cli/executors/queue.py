"""The queue of a sweep: starts its tasks as slots of an executor become free."""

from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

from alfs_cli.executors.task import Outcome, Progress, Task

MOST_ATTEMPTS = 2  # of a run
POLL_SECONDS = 0.2  # between looks at `is_stopped`

Event = Outcome | Progress


class Executor(Protocol):
    """Something that trains up to `slots` runs at once, each on `threads` threads."""

    slots: int
    threads: int

    def start(self, task: Task) -> None:
        """Start a task in a free slot."""
        ...

    def wait(self, seconds: float) -> list[Event]:
        """Return new events, after waiting at most `seconds` for the first one."""
        ...

    def stop(self) -> list[Event]:
        """Let every run save a checkpoint and stop; return the events until then."""
        ...


def run_all(
    tasks: Sequence[Task],
    executor: Executor,
    *,
    on_event: Callable[[Event, int], None],
    is_stopped: Callable[[], bool],
) -> dict[str, Outcome]:
    """Train every task and return the outcomes by run, without those that did not start.

    A run that fails is tried once more: from its beginning, or from its checkpoint if its process
    died. `on_event` is called with every event and the number of the attempt. When `is_stopped`
    returns True, the current runs save a checkpoint and no more are started.
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
