"""One run of a sweep as a task, and what becomes of it. No torch until a task is done."""

import os
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from alfs_cli.errors import AlfsError, Interrupted
from alfs_cli.text.plain import escaped


@dataclass(frozen=True)
class Task:
    """A run to train: its complete settings, where it lives, and what it may use.

    Paths in the settings are as they were typed in `working_folder`; `cache` holds decoded pictures
    that memory does not. With `anew` a checkpoint that
    is there is not gone on from.
    """

    run: str
    folder: str
    settings: dict[str, Any]
    device: str
    threads: int
    working_folder: str
    cache: str
    logger: str = "none"
    anew: bool = False


@dataclass(frozen=True)
class Progress:
    """A run has finished an epoch."""

    run: str
    epoch: int


@dataclass(frozen=True)
class Outcome:
    """How a task ended; `died` is the process's death, of which it could not tell itself."""

    run: str
    status: Literal["finished", "failed", "interrupted", "died"]
    error: str | None = None
    test_accuracy: float | None = None
    train_seconds: float = 0.0


def perform(task: Task, on_epoch: Callable[[Progress], None]) -> Outcome:
    """Train a run, going on from its checkpoint; nothing is raised but what ends a process."""
    try:
        return _trained(task, on_epoch)
    except Interrupted:
        return Outcome(task.run, "interrupted")
    except AlfsError as error:
        return Outcome(task.run, "failed", str(error))
    except Exception as error:
        print(escaped(traceback.format_exc()), file=sys.stderr)
        first = (str(error).splitlines() or [""])[0]
        return Outcome(task.run, "failed", f"{type(error).__name__}: {first}")


def _trained(task: Task, on_epoch: Callable[[Progress], None]) -> Outcome:
    import torch

    from alfs_cli.errors import InputError
    from alfs_cli.results.run import CHECKPOINT, EpochMetrics
    from alfs_cli.training import plan, train
    from alfs_cli.training.devices import choose_device
    from alfs_cli.training.loggers import logging_to

    os.chdir(task.working_folder)
    torch.set_num_threads(task.threads)
    experiment = plan(task.settings)
    if experiment.config.run_id != task.run:
        raise InputError(
            f"run {task.run} is planned otherwise by this version of alfs",
            help="type the sweep again with this version: what is finished is not trained again",
        )
    folder = Path(task.folder)
    resume = not task.anew and (folder / CHECKPOINT).exists()
    with logging_to(task.logger, folder, resume=resume) as log:

        def hear(metrics: EpochMetrics) -> None:
            log(metrics)
            on_epoch(Progress(task.run, metrics.epoch))

        result = train(
            experiment,
            folder,
            choose_device(task.device),
            resume=resume,
            cache=Path(task.cache),
            on_epoch=hear,
        )
    accuracy = result.test_accuracy
    return Outcome(
        task.run,
        "finished",
        test_accuracy=None if accuracy is None else accuracy.last,
        train_seconds=result.train_seconds,
    )
