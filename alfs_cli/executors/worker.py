"""A process that trains the runs it is told to: `python -m alfs_cli.executors.worker`.

A task a line of JSON comes in on stdin, events a line each go out on stdout. When stdin ends,
because the parent closed it or died, the run at hand saves a checkpoint and the process ends.
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
    """Train until stdin ends."""
    events = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what libraries print is no event
    tasks: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(tasks,), daemon=True).start()
    while (task := tasks.get()) is not None:
        _tell(events, perform(task, lambda progress: _tell(events, progress)))


def _read(tasks: "queue.SimpleQueue[Task | None]") -> None:
    for line in sys.stdin:
        tasks.put(Task(**json.loads(line)))
    tasks.put(None)
    os.kill(os.getpid(), signal.SIGTERM)  # heard by the training loop, which saves first


def _tell(events: Any, event: Outcome | Progress) -> None:
    with suppress(OSError):  # nobody listens any more
        events.write(json.dumps({"event": type(event).__name__, **asdict(event)}) + "\n")
        events.flush()


if __name__ == "__main__":
    main()
