"""The options of training that `alfs train` and `alfs sweep` share."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

TRAINING = "Training"
NOISE = "Injected noise"
TESTING = "Testing"


@dataclass(frozen=True)
class TrainOptions:
    """Everything that decides a run except its data, loss, noise and seed."""

    recommendation: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="FILE[#i]",
            help="Train with loss i, counted from 0, of a recommendation.json.",
        ),
    ] = None
    recipe: Annotated[
        str | None,
        typer.Option("--recipe", metavar="NAME|PATH", help="Settings of a recipe, data included."),
    ] = None
    config: Annotated[
        Path | None,
        typer.Option("--config", metavar="FILE", help="Repeat the run of a config.yaml."),
    ] = None
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            help="linear, mlp, cnn4, cnn8, resnet18, resnet34, resnet50 or torchvision:NAME; "
            "by default it follows the data.",
            rich_help_panel=TRAINING,
        ),
    ] = None
    correction: Annotated[
        str | None,
        typer.Option(
            "--correction",
            metavar="none|forward",
            help="forward: multiply predictions by T of the estimate before the loss.",
            rich_help_panel=TRAINING,
        ),
    ] = None
    transition: Annotated[
        str | None,
        typer.Option(
            "--transition",
            metavar="FILE",
            help="T of the correction (.csv, .npy or estimate.json) instead of the estimate's.",
            rich_help_panel=TRAINING,
        ),
    ] = None
    epochs: Annotated[
        int | None,
        typer.Option(
            "--epochs",
            min=1,
            help="By default 120 for colour images of 32 pixels or more, else 50.",
            rich_help_panel=TRAINING,
        ),
    ] = None
    batch_size: Annotated[
        int | None,
        typer.Option("--batch-size", min=2, help="By default 128.", rich_help_panel=TRAINING),
    ] = None
    lr: Annotated[
        float | None,
        typer.Option(
            "--lr", help="First learning rate; by default 0.01.", rich_help_panel=TRAINING
        ),
    ] = None
    weight_decay: Annotated[
        float | None,
        typer.Option(
            "--weight-decay", help="By default 1e-3 for cnn4, else 1e-4.", rich_help_panel=TRAINING
        ),
    ] = None
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Any setting of a recipe, such as optimizer.momentum=0.8; repeatable.",
            rich_help_panel=TRAINING,
        ),
    ] = None
    noise_seed: Annotated[
        int | None,
        typer.Option(
            "--noise-seed",
            help="Seed of the noise; by default that of --seed.",
            rich_help_panel=NOISE,
        ),
    ] = None
    test: Annotated[
        str | None,
        typer.Option("--test", metavar="DATA2", help="Data to test on.", rich_help_panel=TESTING),
    ] = None
    holdout: Annotated[
        float | None,
        typer.Option(
            "--holdout",
            help="Share of each class to test on where there is no test split; by default 0.2.",
            rich_help_panel=TESTING,
        ),
    ] = None
    test_labels_are_true: Annotated[
        bool,
        typer.Option(
            "--test-labels-are-true",
            help="Declare the test labels to be the true ones.",
            rich_help_panel=TESTING,
        ),
    ] = False
    allow_stale: Annotated[
        bool,
        typer.Option(
            "--allow-stale", help="Accept saved results of other data or of an older estimate."
        ),
    ] = False
    logger: Annotated[
        str,
        typer.Option(
            "--logger",
            help="none, tensorboard, mlflow or wandb: where metrics go besides metrics.jsonl.",
            rich_help_panel=TRAINING,
        ),
    ] = "none"
