"""One run of a sweep as a task, and its outcome. torch is imported only to perform a task."""

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
    """A run to train: its id, its folder, its complete settings, its device and threads.

    Relative paths in the settings are relative to `working_folder`. `cache` is the folder for
    decoded pictures that memory cannot hold. With `anew` the run starts from its beginning even if
    there is a checkpoint.
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
    """The event that a run has finished an epoch."""

    run: str
    epoch: int


@dataclass(frozen=True)
class Outcome:
    """The event that a task ended; with status "died" its process exited without an outcome."""

    run: str
    status: Literal["finished", "failed", "interrupted", "died"]
    error: str | None = None
    test_accuracy: float | None = None
    train_seconds: float = 0.0


def perform(task: Task, on_epoch: Callable[[Progress], None]) -> Outcome:
    """Train a run, from its checkpoint if there is one, and return the outcome.

    Errors become an outcome with status "failed"; only KeyboardInterrupt and SystemExit are raised.
    """
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
            f"this version of alfs plans run {task.run} differently",
            help="type the sweep again with this version: finished runs are not trained again",
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
