"""The options of `alfs sweep`: which runs it trains, and where they run."""

from dataclasses import dataclass
from typing import Annotated

import typer

from alfs_cli.options.train import NOISE

JOBS = "Where it runs"


@dataclass(frozen=True)
class GridFlags:
    """The losses, noises and seeds; every combination of them is a run."""

    loss: Annotated[
        list[str] | None,
        typer.Option("--loss", help="A loss, such as nce+aul or agce:a=1,q=0.5; repeatable."),
    ] = None
    grid: Annotated[
        list[str] | None,
        typer.Option(
            "--grid",
            metavar="LOSS",
            help="Losses with every combination of parameters, in quotes because the shell reads "
            "| too: 'agce:a=0.5|2,q=0.5|2'; repeatable, also beside --loss.",
        ),
    ] = None
    noise: Annotated[
        list[str] | None,
        typer.Option(
            "--noise",
            metavar="KIND:RATE|FILE",
            help="Noise to inject, such as symmetric:0.4, a file with T, or none; repeatable.",
            rich_help_panel=NOISE,
        ),
    ] = None
    seeds: Annotated[
        str | None,
        typer.Option("--seeds", metavar="S,S,...", help="A repetition each; by default 0,1,2."),
    ] = None


@dataclass(frozen=True)
class JobFlags:
    """How many runs are trained at a time, and by what."""

    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs",
            min=1,
            help="Runs at a time; by default one per core, or one per GPU.",
            rich_help_panel=JOBS,
        ),
    ] = None
    executor: Annotated[
        str,
        typer.Option(
            "--executor",
            help="local: processes of this machine; ray: a Ray cluster, the one at RAY_ADDRESS if "
            "that is set.",
            rich_help_panel=JOBS,
        ),
    ] = "local"
