"""Loggers that receive the metrics of a run besides metrics.jsonl; LOGGERS lists them.

Each writes where its own settings say. Without such settings it writes into files below `--out`
and reaches no server.
"""

import logging
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from alfs_cli.errors import UsageError, WorkError, brief, unknown
from alfs_cli.results.run import CONFIG, METRICS, EpochMetrics, load_config, load_metrics

EVENTS = "tensorboard"  # the folder of TensorBoard's event files in a run directory
MLFLOW = "mlflow.db"  # MLflow's store below --out, where MLFLOW_TRACKING_URI names no other
WANDB = "wandb"  # the folder of Weights & Biases in a run directory
PROJECT = "alfs"  # the experiment or project of the runs
RUN = "alfs.run"  # a tag of MLflow's runs: the name of the run directory
MOST_CHARACTERS = 500  # of a parameter that MLflow stores

OnEpoch = Callable[[EpochMetrics], None]
Scalars = dict[str, float]
Write = Callable[[Scalars, int], None]


@contextmanager
def _tensorboard(folder: Path) -> Iterator[Write]:
    """Write event files into the run directory, in place of those of an earlier start."""
    from torch.utils.tensorboard import SummaryWriter

    shutil.rmtree(folder / EVENTS, ignore_errors=True)
    with SummaryWriter(folder / EVENTS) as writer:

        def write(scalars: Scalars, epoch: int) -> None:
            for tag, value in scalars.items():
                writer.add_scalar(tag, value, epoch)
            writer.flush()

        yield write


@contextmanager
def _mlflow(folder: Path) -> Iterator[Write]:
    """Write a run of the experiment `alfs`, in place of an earlier one of the same name."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    logging.getLogger("mlflow").setLevel(logging.WARNING)
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Param

    store = f"sqlite:///{(folder.parents[1] / MLFLOW).absolute().as_posix()}"
    client = MlflowClient(tracking_uri=os.environ.get("MLFLOW_TRACKING_URI") or store)
    experiment = _experiment(client)
    for run in client.search_runs([experiment], f"tags.`{RUN}` = '{folder.name}'"):
        client.delete_run(run.info.run_id)
    run_id = client.create_run(
        experiment, run_name=folder.name, tags={RUN: folder.name}
    ).info.run_id
    is_new = True

    def write(scalars: Scalars, epoch: int) -> None:
        nonlocal is_new
        settings = _settings(folder) if is_new else {}
        is_new = False
        client.log_batch(
            run_id,
            metrics=[Metric(tag, value, 0, epoch) for tag, value in scalars.items()],
            params=[Param(key, str(value)[:MOST_CHARACTERS]) for key, value in settings.items()],
        )

    try:
        yield write
    except BaseException:
        client.set_terminated(run_id, "FAILED")
        raise
    client.set_terminated(run_id)


def _experiment(client: Any) -> str:
    """Return the id of the experiment, made where there is none; another run may make it too."""
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(PROJECT)
    if found is None:
        try:
            return str(client.create_experiment(PROJECT))
        except MlflowException:
            found = client.get_experiment_by_name(PROJECT)
            if found is None:
                raise
    return str(found.experiment_id)


@contextmanager
def _wandb(folder: Path) -> Iterator[Write]:
    """Write a run offline into the run directory, or where WANDB_MODE says."""
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
    import wandb

    shutil.rmtree(folder / WANDB, ignore_errors=True)
    run = wandb.init(
        project=os.environ.get("WANDB_PROJECT", PROJECT),
        name=folder.name,
        dir=folder,
        mode=os.environ.get("WANDB_MODE", "offline"),
        settings=wandb.Settings(silent=True, console="off", disable_git=True),
    )
    is_new = True

    def write(scalars: Scalars, epoch: int) -> None:
        nonlocal is_new
        if is_new:
            run.config.update(_settings(folder))
            is_new = False
        run.log(scalars, step=epoch)

    try:
        yield write
    except BaseException:
        run.finish(exit_code=1)
        raise
    run.finish()


def _settings(folder: Path) -> dict[str, object]:
    """Return the settings of a run, those inside of others by names with dots."""
    if not (folder / CONFIG).exists():
        return {}
    return dict(_flat(load_config(folder).settings()))


def _flat(settings: Mapping[str, object], before: str = "") -> Iterator[tuple[str, object]]:
    for key, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{key}.")
        elif value is not None:
            yield f"{before}{key}", value


@dataclass(frozen=True)
class Logger:
    """A package that keeps metrics: how it is imported, what brings it, and how it is opened."""

    package: str
    extra: str
    title: str
    opened: Callable[[Path], AbstractContextManager[Write]]


LOGGERS = {
    "tensorboard": Logger("tensorboard", "tensorboard", "TensorBoard", _tensorboard),
    "mlflow": Logger("mlflow", "mlflow", "MLflow", _mlflow),
    "wandb": Logger("wandb", "wandb", "Weights & Biases", _wandb),
}
NONE = "none"


def check_logger(name: str) -> str:
    """Return the name of a logger; raises UsageError where it is unknown or not installed."""
    if name == NONE:
        return name
    if name not in LOGGERS:
        raise unknown("logger", name, (NONE, *LOGGERS))
    logger = LOGGERS[name]
    try:
        import_module(logger.package)
    except ImportError:
        raise UsageError(
            f"--logger {name} needs {logger.title}, which is not installed",
            help=f"pip install 'alfs-cli[{logger.extra}]', or --logger none",
        ) from None
    return name


@contextmanager
def logging_to(name: str, folder: Path, *, resume: bool) -> Iterator[OnEpoch]:
    """Yield a function that logs the metrics of an epoch of the run in `folder`.

    When a run is resumed, its earlier epochs are written again from metrics.jsonl, so that no epoch
    is logged twice. Raises WorkError where the logger cannot be opened.
    """
    if name == NONE:
        yield lambda _: None
        return
    logger = LOGGERS[name]
    before = load_metrics(folder) if resume and (folder / METRICS).exists() else ()
    with ExitStack() as stack:
        try:
            write = stack.enter_context(logger.opened(folder))
        except Exception as error:
            raise WorkError(
                f"{logger.title} cannot be opened: {brief(error)}",
                help=f"see to the settings of {logger.title} in the environment, or --logger none",
            ) from error
        for metrics in before:
            write(_scalars(metrics), metrics.epoch)
        yield lambda metrics: write(_scalars(metrics), metrics.epoch)


def _scalars(metrics: EpochMetrics) -> Scalars:
    """Return the numbers of an epoch by tag, without those that are not measured."""
    numbers = {
        "loss": metrics.loss,
        "accuracy/train": metrics.train_accuracy,
        "accuracy/test": metrics.test_accuracy,
        "lr": metrics.lr,
        "seconds": metrics.seconds,
    }
    return {tag: value for tag, value in numbers.items() if value is not None}
