"""`alfs train`: resumable training, set by options, a recipe or the saved recommendation."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from alfs_cli.options.data import DataOptions, OptionalData
from alfs_cli.options.shared import Invocation, command
from alfs_cli.options.train import NOISE, TRAINING, TrainOptions

if TYPE_CHECKING:
    from alfs_cli.results.run import Run
    from alfs_cli.training.experiment import Experiment


@command
def train(
    invocation: Invocation,
    options: DataOptions,
    *,
    data: OptionalData = None,
    loss: Annotated[
        str | None,
        typer.Option("--loss", help="Loss, such as nce+aul or agce:a=1,q=0.5."),
    ] = None,
    resume: Annotated[
        str | None,
        typer.Option("--resume", metavar="RUN", help="Continue an interrupted run."),
    ] = None,
    noise: Annotated[
        str | None,
        typer.Option(
            "--noise",
            metavar="KIND|FILE",
            help="Inject noise into the training labels: symmetric, asymmetric, pair, block, "
            "instance, or a file with T.",
            rich_help_panel=NOISE,
        ),
    ] = None,
    noise_rate: Annotated[
        float | None,
        typer.Option(
            "--noise-rate",
            metavar="R",
            help="Rate of the noise, from 0 to 1.",
            rich_help_panel=NOISE,
        ),
    ] = None,
    training: TrainOptions,
    nproc: Annotated[
        int | None,
        typer.Option(
            "--nproc",
            min=1,
            metavar="N",
            help="Train on N processes of this machine, one per GPU.",
            rich_help_panel=TRAINING,
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Train a finished run again.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be trained, and train nothing.")
    ] = False,
) -> None:
    """Train a network with a loss that withstands wrong labels.

    The data are by default those of the last `alfs estimate`, and the loss is the one that
    `alfs recommend` put first.
    """
    from alfs_cli.options.training import typed
    from alfs_cli.reports.run import plan_report

    more = {"loss": loss, "noise.kind": noise, "noise.rate": noise_rate, "processes": nproc}
    said = typed(training, data, options, more)
    if resume is not None:
        experiment, folder = _resumed(invocation, resume, said, training, overwrite=overwrite)
    else:
        experiment, folder = _new(invocation, said, training)
    if dry_run:
        invocation.publish(plan_report(experiment.config, folder.as_posix(), experiment.test))
        return
    _train(invocation, experiment, folder, overwrite=overwrite, logger=training.logger)


def _new(
    invocation: Invocation, said: dict[str, Any], training: TrainOptions
) -> "tuple[Experiment, Path]":
    """Return the experiment and the folder of a new run."""
    from alfs_cli.options.training import check_expected, inputs_of, saved_inputs, settle

    settings, expected = settle(invocation, said, training)
    from alfs_cli.training.experiment import plan  # a wrong setting is said before torch is loaded
    from alfs_cli.training.loggers import check_logger

    check_logger(training.logger)
    invocation.refuse_inputs(*inputs_of(settings), *saved_inputs(invocation.out))
    experiment = plan(settings)
    check_expected(expected, experiment.config.fingerprint, training)
    return experiment, invocation.out / "runs" / experiment.config.run_id


def _resumed(
    invocation: Invocation,
    name: str,
    said: dict[str, Any],
    training: TrainOptions,
    *,
    overwrite: bool,
) -> "tuple[Experiment, Path]":
    """Return the experiment and the folder of a run to resume."""
    from alfs_cli.options.training import inputs_of, resumed

    others = {
        "--from": training.recommendation,
        "--recipe": training.recipe,
        "--config": training.config,
    }
    folder, settings = resumed(name, invocation.out, said, others, overwrite=overwrite)
    from alfs_cli.training.experiment import plan
    from alfs_cli.training.loggers import check_logger

    check_logger(training.logger)
    invocation.refuse_inputs(*inputs_of(settings), folder)
    return plan(settings), folder


def _train(
    invocation: Invocation,
    experiment: "Experiment",
    folder: Path,
    *,
    overwrite: bool,
    logger: str,
) -> None:
    from alfs_cli.reports.run import train_report
    from alfs_cli.results.run import RESULT, Run, load_metrics, load_run

    if (folder / RESULT).exists() and not overwrite:
        run = load_run(folder)
        if run.is_finished:
            _refuse_other_data(run, experiment)
            invocation.console.note(
                f"run {folder.name} is there already; --overwrite trains it again"
            )
            invocation.publish(train_report(run, load_metrics(folder)))
            return
    if experiment.config.processes > 1:
        _launch(invocation, experiment, folder, overwrite=overwrite, logger=logger)
        run = load_run(folder)
    else:
        result = _run(invocation, experiment, folder, overwrite=overwrite, logger=logger)
        run = Run(folder, result)
    invocation.publish(train_report(run, load_metrics(folder)))


def _refuse_other_data(run: "Run", experiment: "Experiment") -> None:
    """Raise InputError where the test data or features changed since the run was finished."""
    from alfs_cli.errors import InputError

    trained, test = run.result.train, experiment.test
    if trained is not None and test and trained.test not in (None, experiment.test_fingerprint):
        changed = f"tested on other data than '{test.source}' holds now"
    elif trained is not None and trained.features not in (None, experiment.features):
        changed = "trained on other features than --features holds now"
    else:
        return
    raise InputError(
        f"run '{run.folder.name}' is there already, and was {changed}",
        help="--overwrite trains and tests it again",
    )


def _launch(
    invocation: Invocation,
    experiment: "Experiment",
    folder: Path,
    *,
    overwrite: bool,
    logger: str,
) -> None:
    """Train on several processes; exit with their code where they fail."""
    import os

    from alfs_cli.executors.launcher import launch
    from alfs_cli.executors.task import Task
    from alfs_cli.training.devices import choose_device

    config, device = experiment.config, choose_device(invocation.device)
    _announce(
        invocation,
        experiment,
        folder,
        f"{config.processes} processes, {device}",
        overwrite=overwrite,
    )
    task = Task(
        run=folder.name,
        folder=folder.as_posix(),
        settings=config.settings(),
        device=device.name,
        threads=1,
        working_folder=os.getcwd(),
        cache=(invocation.out / "cache").as_posix(),
        logger=logger,
        anew=overwrite,
    )
    invocation.console.rest()  # the processes show their own progress
    code = launch(task, config.processes, quiet=invocation.console.verbosity < 0)
    if code:
        raise typer.Exit(code)


def _announce(
    invocation: Invocation, experiment: "Experiment", folder: Path, where: str, *, overwrite: bool
) -> bool:
    """Say what will be trained and tested; return whether training resumes a checkpoint."""
    from alfs_cli.data import in_words
    from alfs_cli.reports.run import labels_of
    from alfs_cli.results.run import CHECKPOINT

    data = experiment.parts.train
    for note in data.notes:
        invocation.console.note(note)
    for text in in_words(data.problems):
        invocation.console.warn(text)
    tested = labels_of(experiment.test) if experiment.test else "nothing"
    invocation.console.note(
        f"run {folder.name}: {experiment.config.model} on {where}, {len(data):,} examples"
    )
    invocation.console.note(f"tested on {tested}")
    resume = (folder / CHECKPOINT).exists() and not overwrite
    if resume:
        invocation.console.note("going on from its checkpoint; --overwrite starts anew")
    return resume


def _run(
    invocation: Invocation, experiment: "Experiment", folder: Path, *, overwrite: bool, logger: str
) -> Any:
    """Train with progress on stderr; return its RunResult."""
    from alfs_cli.results.run import EpochMetrics
    from alfs_cli.terminal.training import training_progress
    from alfs_cli.training import train
    from alfs_cli.training.devices import choose_device
    from alfs_cli.training.loggers import logging_to

    config, device = experiment.config, choose_device(invocation.device)
    resume = _announce(invocation, experiment, folder, str(device), overwrite=overwrite)
    size = len(experiment.parts.train)
    with (
        training_progress(invocation.console, config, size) as onlooker,
        logging_to(logger, folder, resume=resume) as log,
    ):

        def hear(metrics: EpochMetrics) -> None:
            onlooker.on_epoch(metrics)
            log(metrics)

        return train(
            experiment,
            folder,
            device,
            resume=resume,
            cache=invocation.out / "cache",
            on_epoch=hear,
            on_step=onlooker.on_step,
            on_note=invocation.console.note,
            watch=onlooker.watch(),
        )
