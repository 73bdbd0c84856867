"""Where the runs of a sweep are trained: EXECUTORS is every way there is.

An executor takes tasks while it has a free slot and tells what became of them; `run_all` keeps its
slots busy and tries a failed run a second time.
"""

from alfs_cli.executors.queue import Executor, run_all
from alfs_cli.executors.task import Outcome, Progress, Task

EXECUTORS = ("local", "ray")

__all__ = ["EXECUTORS", "Executor", "Outcome", "Progress", "Task", "run_all"]
