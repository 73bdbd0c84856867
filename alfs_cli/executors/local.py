"""Parallel runs in worker processes of this machine, each with its share of the cores."""

import json
import os
import queue
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from alfs_cli.errors import UsageError
from alfs_cli.executors.python import module_command, search_path
from alfs_cli.executors.queue import Event
from alfs_cli.executors.task import Outcome, Progress, Task
from alfs_cli.storage.memory import num_cores
from alfs_cli.text.numbers import whole_number

STOP_SECONDS = 60.0  # a worker may take to save a checkpoint and exit before it is killed
LOCK = ".lock"
LOCK_SECONDS = 30.0  # wait for workers of a killed sweep, which save a checkpoint and exit
THREAD_LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
EVENTS: dict[str, type[Event]] = {"Outcome": Outcome, "Progress": Progress}


def threads_each(jobs: int) -> int:
    """Return the number of threads of one of `jobs` processes: its share of the cores, >= 1."""
    allowed = whole_number(os.environ.get("OMP_NUM_THREADS", ""))
    cores = min(num_cores(), allowed or num_cores())
    return max(1, min(cores, num_cores() // jobs))


@dataclass
class Worker:
    """A worker process and the id of its current run, None while it is idle."""

    process: "subprocess.Popen[str]"
    run: str | None = None


@dataclass
class LocalExecutor:
    """Up to `slots` worker processes, each of which trains one run after another.

    Their stderr is appended to `log`. `held` are file descriptors that they inherit and keep open.
    They are in sessions of their own, so that Ctrl-C reaches only the sweep.
    """

    slots: int
    threads: int
    log: Path
    held: tuple[int, ...] = ()
    workers: list[Worker] = field(default_factory=list)
    heard: "queue.SimpleQueue[tuple[Worker, Event | None]]" = field(
        default_factory=queue.SimpleQueue
    )
    is_stopping: bool = False

    def start(self, task: Task) -> None:
        """Start a task in an idle worker, or in a new one."""
        worker = next((w for w in self.workers if w.run is None), None) or self._new()
        worker.run = task.run
        with suppress(OSError):  # a worker that died while idle: `wait` reports it, for a retry
            if worker.process.stdin is not None:
                worker.process.stdin.write(json.dumps(asdict(task)) + "\n")
                worker.process.stdin.flush()

    def _new(self) -> Worker:
        settings = {**dict.fromkeys(THREAD_LIMITS, str(self.threads)), **search_path()}
        with self.log.open("a", encoding="utf-8") as log:
            process = subprocess.Popen(
                module_command("alfs_cli.executors.worker"),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                encoding="utf-8",
                env={**os.environ, **settings},
                pass_fds=self.held,
                start_new_session=True,
            )
        worker = Worker(process)
        self.workers.append(worker)
        threading.Thread(target=self._listen, args=(worker,), daemon=True).start()
        return worker

    def _listen(self, worker: Worker) -> None:
        if worker.process.stdout is not None:
            with worker.process.stdout as lines:
                for line in lines:
                    values = json.loads(line)
                    self.heard.put((worker, EVENTS[values.pop("event")](**values)))
        self.heard.put((worker, None))

    def wait(self, seconds: float) -> list[Event]:
        """Return the events of the workers; one that exits during a run is reported as died."""
        events: list[Event] = []
        with suppress(queue.Empty):
            while True:
                worker, event = self.heard.get(timeout=0 if events else seconds)
                event = self._ended(worker) if event is None else event
                if event is None:
                    continue
                if isinstance(event, Outcome):
                    worker.run = None
                events.append(event)
        return events

    def _ended(self, worker: Worker) -> Outcome | None:
        code = worker.process.wait()
        _close_stdin(worker)
        self.workers.remove(worker)
        if worker.run is None:
            return None
        if self.is_stopping:  # it exited before its run began, which has nothing to save
            return Outcome(worker.run, "interrupted")
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        return Outcome(worker.run, "died", f"the worker process {how}")

    def stop(self) -> list[Event]:
        """Stop the workers, which save a checkpoint of a current run; return the last events."""
        self.is_stopping = True
        for worker in self.workers:
            _close_stdin(worker)
        for worker in self.workers:
            try:
                worker.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                worker.process.kill()
        events: list[Event] = []
        while self.workers:
            events += self.wait(1.0)
        return events


def _close_stdin(worker: Worker) -> None:
    if worker.process.stdin is not None:
        with suppress(OSError):  # flushing a task that the worker did not read fails
            worker.process.stdin.close()


@contextmanager
def kept_alone(folder: Path) -> Iterator[tuple[int, ...]]:
    """Lock a folder for this process; yield the file descriptors that hold the lock.

    Workers that inherit them hold the lock too, until they exit. Raises UsageError where another
    process holds it. Without file locks (Windows) nothing is locked.
    """
    try:
        import fcntl
    except ImportError:
        yield ()
        return
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("w") as file:
        deadline = time.monotonic() + LOCK_SECONDS
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise UsageError(
                        f"sweep '{folder.name}' is being run by another process",
                        help="wait for it to end, or stop it",
                    ) from None
                time.sleep(0.2)
        yield (file.fileno(),)
