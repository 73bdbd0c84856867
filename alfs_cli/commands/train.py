"""`alfs train`: robust training, resumable, from what the other commands left or from a recipe."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from alfs_cli.commands.data_options import DataOptions, OptionalData
from alfs_cli.invocation import Invocation, command

if TYPE_CHECKING:
    from alfs_cli.training.experiment import Experiment

TRAINING = "Training"
NOISE = "Injected noise"
TESTING = "Testing"
MOST_PROBLEMS = 5  # told one by one


@command
def train(
    invocation: Invocation,
    options: DataOptions,
    data: OptionalData = None,
    loss: Annotated[
        str | None,
        typer.Option("--loss", help="Loss, such as nce+aul or agce:a=1,q=0.5."),
    ] = None,
    recommendation: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="FILE[#i]", help="Take the i-th loss of a recommendation.json."
        ),
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option("--recipe", metavar="NAME|PATH", help="Settings of a recipe, data included."),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option("--config", metavar="FILE", help="Repeat the run of a config.yaml."),
    ] = None,
    resume: Annotated[
        str | None,
        typer.Option("--resume", metavar="RUN", help="Go on with an interrupted run."),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            help="linear, mlp, cnn4, cnn8, resnet18, resnet34, resnet50 or torchvision:NAME; "
            "without it by the data.",
            rich_help_panel=TRAINING,
        ),
    ] = None,
    correction: Annotated[
        str | None,
        typer.Option(
            "--correction",
            metavar="none|forward",
            help="Train on what T makes of the prediction; T from the estimate.",
            rich_help_panel=TRAINING,
        ),
    ] = None,
    transition: Annotated[
        str | None,
        typer.Option(
            "--transition",
            metavar="FILE",
            help="T to correct by, .csv, .npy or estimate.json, instead of the estimate's.",
            rich_help_panel=TRAINING,
        ),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(
            "--epochs",
            min=1,
            help="Without it 120 for colour images from 32 px, else 50.",
            rich_help_panel=TRAINING,
        ),
    ] = None,
    batch_size: Annotated[
        int | None,
        typer.Option("--batch-size", min=2, help="128 without it.", rich_help_panel=TRAINING),
    ] = None,
    lr: Annotated[
        float | None,
        typer.Option(
            "--lr", help="First learning rate; 0.01 without it.", rich_help_panel=TRAINING
        ),
    ] = None,
    weight_decay: Annotated[
        float | None,
        typer.Option(
            "--weight-decay", help="1e-3 for cnn4, else 1e-4, without it.", rich_help_panel=TRAINING
        ),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Any setting of a recipe, such as optimizer.momentum=0.8; repeatable.",
            rich_help_panel=TRAINING,
        ),
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
        typer.Option("--noise-rate", metavar="R", help="From 0 to 1.", rich_help_panel=NOISE),
    ] = None,
    noise_seed: Annotated[
        int | None,
        typer.Option(
            "--noise-seed", help="Without it the noise follows --seed.", rich_help_panel=NOISE
        ),
    ] = None,
    test: Annotated[
        str | None,
        typer.Option("--test", metavar="DATA2", help="Data to test on.", rich_help_panel=TESTING),
    ] = None,
    holdout: Annotated[
        float | None,
        typer.Option(
            "--holdout",
            help="Share of each class to test on where there is no test split; 0.2 without it.",
            rich_help_panel=TESTING,
        ),
    ] = None,
    test_labels_are_true: Annotated[
        bool,
        typer.Option(
            "--test-labels-are-true",
            help="Say that the test labels can be relied on.",
            rich_help_panel=TESTING,
        ),
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Train again what has been trained.")
    ] = False,
    allow_stale: Annotated[
        bool,
        typer.Option("--allow-stale", help="Take a recommendation that is for other data."),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be trained, and train nothing.")
    ] = False,
) -> None:
    """Train a network with a loss that withstands wrong labels.

    Without DATA, the data that `alfs estimate` saw last; without a loss, the one that
    `alfs recommend` put first.
    """
    from alfs_cli.commands.train_settings import named, resumed, settle
    from alfs_cli.reports.run import plan_report
    from alfs_cli.training.experiment import plan

    said = named(
        {
            "dataset.source": data,
            **{f"dataset.{name}": value for name, value in options.named().items()},
            "loss": loss,
            "correction": correction,
            "transition.file": transition,
            "model": model,
            "epochs": epochs,
            "batch_size": batch_size,
            "optimizer.lr": lr,
            "optimizer.weight_decay": weight_decay,
            "noise.kind": noise,
            "noise.rate": noise_rate,
            "noise.seed": noise_seed,
            "test.source": test,
            "test.root": options.root if test else None,
            "holdout": holdout,
            "test_labels_are_true": test_labels_are_true or None,
        },
        set_ or (),
    )
    if resume is not None:
        others = {"--from": recommendation, "--recipe": recipe, "--config": config}
        folder, settings = resumed(resume, invocation.out, said, others, overwrite=overwrite)
        experiment = plan(settings)
    else:
        settings, expected = settle(invocation, said, recommendation, recipe, config)
        experiment = plan(settings)
        for fingerprint, error in expected:
            if fingerprint != experiment.config.fingerprint and not allow_stale:
                raise error
        folder = invocation.out / "runs" / experiment.config.run_id
    if dry_run:
        invocation.publish(plan_report(experiment.config, folder.as_posix(), experiment.test))
        return
    _train(invocation, experiment, folder, overwrite=overwrite)


def _train(
    invocation: Invocation, experiment: "Experiment", folder: Path, *, overwrite: bool
) -> None:
    from alfs_cli.reports.run import train_report
    from alfs_cli.runs import RESULT, Run, load_metrics, load_run

    if (folder / RESULT).exists() and not overwrite:
        run = load_run(folder)
        if run.is_finished:
            invocation.note(f"run {folder.name} is there already; --overwrite trains it again")
            invocation.publish(train_report(run, load_metrics(folder)))
            return
    result = _run(invocation, experiment, folder, overwrite=overwrite)
    invocation.publish(train_report(Run(folder, result), load_metrics(folder)))


def _run(invocation: Invocation, experiment: "Experiment", folder: Path, *, overwrite: bool) -> Any:
    """Train with progress on stderr; return the result."""
    from alfs_cli.commands.train_progress import training_progress
    from alfs_cli.reports.run import labels_of
    from alfs_cli.runs import CHECKPOINT
    from alfs_cli.training import train
    from alfs_cli.training.devices import choose_device

    config, device = experiment.config, choose_device(invocation.device)
    data = experiment.parts.train
    for note in data.notes:
        invocation.note(note)
    for problem in data.problems[:MOST_PROBLEMS]:
        invocation.warn(f"{problem.message} ({problem.rule})")
    if len(data.problems) > MOST_PROBLEMS:
        invocation.warn(f"and {len(data.problems) - MOST_PROBLEMS} more; `alfs check` lists them")
    tested = labels_of(experiment.test) if experiment.test else "nothing"
    size = len(data)
    invocation.note(f"run {folder.name}: {config.model} on {device}, {size:,} examples")
    invocation.note(f"tested on {tested}")
    resume = (folder / CHECKPOINT).exists() and not overwrite
    if resume:
        invocation.note("going on from its checkpoint; --overwrite starts anew")
    with training_progress(invocation, config, size) as (on_epoch, on_step):
        return train(
            experiment,
            folder,
            device,
            resume=resume,
            cache=invocation.out / "cache",
            on_epoch=on_epoch,
            on_step=on_step,
            on_note=invocation.note,
        )
