"""Executors, which train the runs of a sweep: on this machine or on a Ray cluster.

An executor takes a task for each free slot and reports events. `run_all` keeps the slots busy and
tries a failed run a second time. EXECUTORS lists the names.
"""

from alfs_cli.executors.queue import Executor, run_all
from alfs_cli.executors.task import Outcome, Progress, Task

EXECUTORS = ("local", "ray")

__all__ = ["EXECUTORS", "Executor", "Outcome", "Progress", "Task", "run_all"]
