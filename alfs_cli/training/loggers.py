"""Loggers that receive the metrics of a run besides metrics.jsonl; LOGGERS lists their names."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from alfs_cli.errors import UsageError, unknown
from alfs_cli.results.run import METRICS, EpochMetrics, load_metrics

LOGGERS = ("none", "tensorboard")
EVENTS = "tensorboard"  # the folder of event files in a run directory

OnEpoch = Callable[[EpochMetrics], None]


def check_logger(name: str) -> str:
    """Return the name of a logger; raises UsageError where it is unknown or not installed."""
    if name not in LOGGERS:
        raise unknown("logger", name, LOGGERS)
    if name == "tensorboard":
        try:
            import tensorboard  # noqa: F401
        except ImportError:
            raise UsageError(
                "--logger tensorboard needs TensorBoard, which is not installed",
                help="pip install 'alfs-cli[tensorboard]', or --logger none",
            ) from None
    return name


@contextmanager
def logging_to(name: str, folder: Path, *, resume: bool) -> Iterator[OnEpoch]:
    """Yield a function that logs the metrics of an epoch of the run in `folder`.

    When a run is resumed, the events of its earlier epochs are written again from metrics.jsonl, so
    that no epoch is logged twice.
    """
    if name == "none":
        yield lambda _: None
        return
    from torch.utils.tensorboard import SummaryWriter

    shutil.rmtree(folder / EVENTS, ignore_errors=True)
    before = load_metrics(folder) if resume and (folder / METRICS).exists() else ()
    with SummaryWriter(folder / EVENTS) as writer:

        def write(metrics: EpochMetrics) -> None:
            scalars = {
                "loss": metrics.loss,
                "accuracy/train": metrics.train_accuracy,
                "accuracy/test": metrics.test_accuracy,
                "lr": metrics.lr,
                "seconds": metrics.seconds,
            }
            for tag, value in scalars.items():
                if value is not None:
                    writer.add_scalar(tag, value, metrics.epoch)
            writer.flush()

        for metrics in before:
            write(metrics)
        yield write
