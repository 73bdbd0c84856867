"""Runs as tasks of a Ray cluster: the user's, or one started here for the time of the sweep."""

import logging
import os
import signal
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from dataclasses import dataclass, field
from typing import Any

from alfs_cli.errors import STOPS, Stopped, UsageError, signals_answered_as_before
from alfs_cli.executors.local import threads_each
from alfs_cli.executors.python import HOME, search_path
from alfs_cli.executors.queue import Event
from alfs_cli.executors.task import Outcome, Task, perform
from alfs_cli.storage.memory import num_cores

STOP_SECONDS = 60.0  # tasks may take to save a checkpoint and end


@contextmanager
def _from_home() -> Iterator[None]:
    """Change to the folder of the alfs package, where Ray's workers then search for modules."""
    os.environ |= search_path()
    with chdir(HOME):
        yield


def joined(num_cpus: int) -> Any:
    """Join the cluster at RAY_ADDRESS, or start one of `num_cpus` here; return the module `ray`.

    Raises UsageError where Ray is not installed or the cluster cannot be joined.
    """
    os.environ.setdefault("RAY_DISABLE_FAILURE_SIGNAL_HANDLER", "1")  # it aborts on SIGTERM
    try:
        import ray
    except ImportError:
        raise UsageError(
            "--executor ray needs Ray, which is not installed",
            help="pip install 'alfs-cli[ray]', or --executor local",
        ) from None
    address = os.environ.get("RAY_ADDRESS")
    options: dict[str, Any] = {"address": address or "local"}
    if not address:
        options |= {"num_cpus": num_cpus, "include_dashboard": False}
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        with _from_home(), signals_answered_as_before():
            ray.init(**options, log_to_driver=False, logging_level=logging.ERROR)
    except SystemExit as ended:  # Ray's own answer to SIGTERM while it starts
        if ended.code != signal.SIGTERM:
            raise
        raise Stopped(STOPS[signal.SIGTERM], exit_code=128 + signal.SIGTERM) from None
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        first = str(error).splitlines()[0]
        raise UsageError(
            f"no Ray cluster at '{options['address']}': {first}",
            help="unset RAY_ADDRESS to start one here, or --executor local",
        ) from None
    return ray


def _perform(task: Task) -> Outcome:
    return perform(task, lambda _: None)


@dataclass
class RayExecutor:
    """Up to `slots` tasks at once, each with `threads` CPUs and a share of a GPU.

    alfs, the data and the output folder must have the same path on every machine of the cluster.
    """

    ray: Any
    slots: int
    threads: int
    gpus_each: float
    running: dict[Any, str] = field(default_factory=dict)

    @classmethod
    def join(cls, jobs: int | None, num_runs: int, *, uses_gpus: bool) -> "RayExecutor":
        """Join the cluster at RAY_ADDRESS, or start one on this machine.

        Raises UsageError where Ray is not installed or the cluster cannot be joined.
        """
        ray = joined(max(num_cores(), jobs or 1))
        address = os.environ.get("RAY_ADDRESS")
        resources: dict[str, float] = ray.cluster_resources()
        cpus, gpus = int(resources.get("CPU", 1)), resources.get("GPU", 0.0)
        slots = min(num_runs, jobs or max(1, int(gpus) if uses_gpus and gpus else cpus))
        threads = max(1, cpus // slots) if address else threads_each(slots)
        share = min(1.0, gpus / slots) if uses_gpus else 0.0
        return cls(ray, slots, threads, share)

    def start(self, task: Task) -> None:
        """Submit a task to the cluster."""
        remote = self.ray.remote(num_cpus=self.threads, num_gpus=self.gpus_each, max_retries=0)(
            _perform
        )
        self.running[remote.remote(task)] = task.run

    def wait(self, seconds: float) -> list[Event]:
        """Return the outcomes of tasks that ended."""
        ready, _ = (
            self.ray.wait(list(self.running), num_returns=len(self.running), timeout=seconds)
            if self.running
            else ([], [])
        )
        return [self._outcome(reference) for reference in ready]

    def _outcome(self, reference: Any) -> Outcome:
        run = self.running.pop(reference)
        try:
            outcome: Outcome = self.ray.get(reference)
        except self.ray.exceptions.TaskCancelledError:
            return Outcome(run, "interrupted")
        except self.ray.exceptions.RayError as error:
            return Outcome(run, "died", f"Ray: {str(error).splitlines()[0]}")
        return outcome

    def stop(self) -> list[Event]:
        """Ask the tasks to save a checkpoint and end, leave the cluster, return the last events."""
        for reference in self.running:
            self.ray.cancel(reference, force=False)
        events: list[Event] = []
        if self.running:
            events = self.wait(STOP_SECONDS)
        self.ray.shutdown()
        return events
