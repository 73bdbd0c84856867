"""Where the metrics of a run go besides metrics.jsonl: LOGGERS is every place there is."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from alfs_cli.errors import UsageError, unknown
from alfs_cli.results.run import METRICS, EpochMetrics, load_metrics

LOGGERS = ("none", "tensorboard")
EVENTS = "tensorboard"  # the folder of events inside a run's

OnEpoch = Callable[[EpochMetrics], None]


def check_logger(name: str) -> str:
    """Return the name; raises UsageError where there is none such, or it is not installed."""
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
    """Yield what is to hear of each epoch of the run in `folder`.

    The events of a run that goes on are written anew from its metrics.jsonl, so that no epoch is
    there twice.
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
