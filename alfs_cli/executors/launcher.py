"""Start the processes of one run by torch's elastic launcher, and return their exit code."""

import json
import logging
import os
import tempfile
import uuid
from dataclasses import asdict
from pathlib import Path

from alfs_cli.errors import UsageError, WorkError, signals_answered_as_before
from alfs_cli.executors.python import module_command, search_path
from alfs_cli.executors.task import Task
from alfs_cli.storage.memory import num_cores

MEMBER = "alfs_cli.member"


def launch(task: Task, num_processes: int, *, quiet: bool) -> int:
    """Train a run on several processes of this machine, and return the exit code.

    Raises UsageError where the loss has a state per example or there are fewer GPUs than processes,
    WorkError where a process died.
    """
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    if any(task.settings.get(key) is not None for key in ("elr", "nlnl")):
        raise UsageError(
            "this loss keeps a state for each example, which several processes cannot share",
            help="leave --nproc out",
        )
    _check_devices(task.device, num_processes)
    os.environ |= search_path()
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, num_cores() // num_processes)))
    with tempfile.TemporaryDirectory(prefix="alfs-nproc-") as scratch:
        file = Path(scratch) / "task.json"
        file.write_text(json.dumps({**asdict(task), "quiet": quiet}), encoding="utf-8")
        try:
            with signals_answered_as_before():
                return _launched(file, num_processes)
        except ChildFailedError as error:
            rank, failure = error.get_first_failure()
            if 0 < failure.exitcode < 256 and failure.exitcode != 1:
                return int(failure.exitcode)
            how = f"signal {-failure.exitcode}" if failure.exitcode < 0 else "an error"
            raise WorkError(
                f"process {rank + 1} of {num_processes} ended by {how}",
                help=f"go on with: alfs train --resume {task.folder}",
            ) from None


def _launched(file: Path, num_processes: int) -> int:
    from torch.distributed.elastic.multiprocessing.api import DefaultLogsSpecs, SignalException
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    program, *words = module_command(MEMBER)
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=num_processes,
        run_id=uuid.uuid4().hex,
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        max_restarts=0,
        monitor_interval=0.1,
        logs_specs=DefaultLogsSpecs(log_dir=str(file.parent)),
    )
    logging.disable()  # the first process prints all messages; the launcher's would repeat them
    try:
        elastic_launch(config, program)(*words, str(file))
    except SignalException as error:
        return 128 + int(error.sigval)
    finally:
        logging.disable(logging.NOTSET)
    return 0


def _check_devices(device: str, num_processes: int) -> None:
    if not device.startswith("cuda"):
        return
    import torch

    if num_processes > torch.cuda.device_count():
        raise UsageError(
            f"--nproc {num_processes}: there are {torch.cuda.device_count()} CUDA devices",
            help="start at most one process for each device, or use --device cpu",
        )
