"""The options of `alfs sweep`: which runs it trains, and where they run."""

from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Annotated, Any

import typer

from alfs_cli.errors import UsageError, together, unknown
from alfs_cli.options.shared import Invocation
from alfs_cli.options.train import NOISE
from alfs_cli.text.numbers import MOST_SEED, whole_number

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
class Varied:
    """Losses as texts, noises and seeds of a sweep.

    A noise is a kind and a rate, a file with T and None, or None for clean labels.
    """

    losses: tuple[str, ...]
    noises: tuple[tuple[str, float | None] | None, ...]
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
