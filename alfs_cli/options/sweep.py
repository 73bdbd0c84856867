"""The options of `alfs sweep`: which runs it trains, and where they run."""

from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Annotated, Any

import typer

from alfs_cli.errors import UsageError, together, unknown
from alfs_cli.options.shared import Invocation
from alfs_cli.options.train import NOISE, TrainOptions
from alfs_cli.text.numbers import MOST_SEED, whole_number

if TYPE_CHECKING:
    from alfs_cli.comparing.paper import Cell, Noise
    from alfs_cli.executors.planning import NoiseChoice

JOBS = "Where it runs"
PAPER = "A table of the paper"


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

    def varied(self, invocation: Invocation) -> "Varied":
        """Return what they name; raise one UsageError with every mistake in them."""
        single, grids, noise = self.loss or [], self.grid or [], self.noise or []
        read: list[Any] = together(
            (
                *(partial(_loss, text) for text in single),
                *(partial(_grid, text) for text in grids),
                *(partial(_noise, text) for text in noise),
                partial(_seeds, self.seeds, invocation),
            )
        )
        cells = read[len(single) : len(single) + len(grids)]
        for text, losses in zip(grids, cells, strict=True):
            count = "1 loss" if len(losses) == 1 else f"{len(losses)} losses"
            invocation.console.note(f"grid '{text}': {count}")
        names = dict.fromkeys([*read[: len(single)], *chain.from_iterable(cells)])
        return Varied(tuple(names), tuple(read[len(single) + len(grids) : -1]), read[-1])


@dataclass(frozen=True)
class PaperFlags:
    """A table of the paper, and which of its rows; --noise selects among its columns."""

    paper: Annotated[
        str | None,
        typer.Option(
            "--paper",
            metavar="TABLE",
            help="The runs of table1, table2, table6 or table7 of the paper, each as its recipe "
            "says; --noise selects columns.",
            rich_help_panel=PAPER,
        ),
    ] = None
    paper_data: Annotated[
        str | None,
        typer.Option(
            "--data",
            metavar="NAME",
            help="Which data set of the table: mnist, cifar10 or cifar100.",
            rich_help_panel=PAPER,
        ),
    ] = None
    losses: Annotated[
        str | None,
        typer.Option(
            "--losses",
            metavar="NAME,...",
            help="Which rows of the table, such as agce,nce+agce; by default all.",
            rich_help_panel=PAPER,
        ),
    ] = None

    def check(self, data: str | None, grid: GridFlags, training: TrainOptions) -> None:
        """Raise UsageError where options contradict each other; `data` is the typed DATA."""
        if self.paper is None:
            if self.losses is not None:
                raise UsageError(
                    "--losses selects rows of a table of the paper, and none is named",
                    help="--paper table6, or --loss NAME for each loss of a sweep of your own",
                )
            if self.paper_data is not None:
                raise UsageError(
                    "--data names the data set of a table of the paper, and none is named",
                    help=f"alfs sweep {self.paper_data} --loss NAME, or --paper table6",
                )
            return
        others = {
            "--loss": grid.loss,
            "--grid": grid.grid,
            "--recipe": training.recipe,
            "--config": training.config,
            "--from": training.recommendation,
        }
        if data is not None and self.paper_data is not None:
            others["DATA"] = data
        given = [option for option, value in others.items() if value is not None]
        if given:
            help = "--losses NAME,... selects rows of the table" if given[0] == "--loss" else None
            raise UsageError(
                f"--paper and {given[0]} are both given",
                help=help or f"leave {given[0]} out: the table says what is trained",
            )

    def cells(self, data: str | None, varied: "Varied") -> "tuple[Cell, ...]":
        """Return the cells that are asked for; raises UsageError for what the table has not."""
        from alfs_cli.comparing.paper import cells, data_of
        from alfs_cli.settings.values import as_words

        table, source = self.paper or "", self.paper_data or data
        known = data_of(table)
        if source is None:
            raise UsageError(
                f"{table} has runs on {', '.join(known)}; none is named",
                help=f"alfs sweep --paper {table} --data {known[0]}",
            )
        return cells(
            table, source, losses=as_words(self.losses or ""), noises=_of_table(varied.noises)
        )


def _of_table(noises: "tuple[NoiseChoice, ...]") -> "list[Noise | None]":
    """Return noises with a rate; raises UsageError for a T from a file, which no table has."""
    found: list[Noise | None] = []
    for noise in noises:
        kind, rate = noise or ("", None)
        if noise is not None and rate is None:
            raise UsageError(
                f"no table of the paper is of the noise in '{kind}'",
                help="--noise KIND:RATE selects columns, such as symmetric:0.8",
            )
        found.append(None if rate is None else (kind, rate))
    return found


@dataclass(frozen=True)
class Varied:
    """Losses as texts, noises and seeds of a sweep.

    A noise is a kind and a rate, a file with T and None, or None for clean labels.
    """

    losses: tuple[str, ...]
    noises: "tuple[NoiseChoice, ...]"
    seeds: tuple[int, ...]


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


def _seeds(text: str | None, invocation: Invocation) -> tuple[int, ...]:
    if text is None:
        return (invocation.seed,) if invocation.has_seed else (0, 1, 2)
    if invocation.has_seed:
        raise UsageError("--seed and --seeds are both given", help="leave one of them out")
    seeds = [whole_number(word.strip(), most_digits=20) for word in text.split(",")]
    known = [seed for seed in seeds if seed is not None and seed <= MOST_SEED]
    if len(known) < len(seeds):
        raise UsageError(
            f"--seeds '{text[:100]}' are not whole numbers below 2^64",
            help="for example --seeds 0,1,2",
        )
    return tuple(dict.fromkeys(known))


def _loss(text: str) -> str:
    from alfs_cli.losses import parse_loss

    return str(parse_loss(text))


def _grid(text: str) -> list[str]:
    from alfs_cli.losses.grid import parse_grid

    return [str(loss) for loss in parse_grid(text)]


def _noise(text: str) -> tuple[str, float | None] | None:
    """Return kind and rate of KIND:RATE, or a file with T and None, or None for `none`."""
    from alfs_cli.noise import INSTANCE, NOISE_KINDS
    from alfs_cli.settings.training import is_file, read_setting

    kind, colon, rate = text.partition(":")
    if text == "none":
        return None
    if not colon and is_file(text):
        return text, None
    if kind not in (*NOISE_KINDS, INSTANCE):
        raise unknown("kind of noise", kind, [*NOISE_KINDS, INSTANCE, "none", "a file with T"])
    example = f"for example --noise {kind}:0.4"
    if not colon:
        raise UsageError(f"--noise '{text}' lacks its rate", help=example)
    try:
        return kind, read_setting("noise.rate", rate)
    except UsageError as error:
        text = str(error).replace("noise.rate", f"--noise {kind}: the rate")
        raise UsageError(text, help=example) from None
