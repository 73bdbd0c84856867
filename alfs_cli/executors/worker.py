"""A worker process that trains the runs it is given: `python -m alfs_cli.executors.worker`.

Each line on stdin is a task as JSON; each line on stdout is an event as JSON. When stdin ends,
because the parent closed it or died, the current run saves a checkpoint and the process exits.
"""

import json
import os
import queue
import signal
import sys
import threading
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from alfs_cli.executors.task import Outcome, Progress, Task, perform


def main() -> None:
    """Train the tasks from stdin until it ends."""
    events = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # keeps prints of libraries out of events
    tasks: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(tasks,), daemon=True).start()
    while (task := tasks.get()) is not None:
        _tell(events, perform(task, lambda progress: _tell(events, progress)))


def _read(tasks: "queue.SimpleQueue[Task | None]") -> None:
    for line in sys.stdin:
        tasks.put(Task(**json.loads(line)))
    tasks.put(None)
    os.kill(os.getpid(), signal.SIGTERM)  # the training loop saves a checkpoint first


def _tell(events: Any, event: Outcome | Progress) -> None:
    with suppress(OSError):  # the parent has closed the pipe or died
        events.write(json.dumps({"event": type(event).__name__, **asdict(event)}) + "\n")
        events.flush()


if __name__ == "__main__":
    main()
