"""`alfs figures`: the paper's figures that need no training, with their numbers."""

from typing import Annotated

import typer

from alfs_cli.errors import UsageError, unknown
from alfs_cli.options.shared import Invocation, command

T_SNE = "alfs predict RUN DATA --features writes the features that it draws by t-SNE"
OF_RUNS = {
    "fig3": "alfs sweep cifar10 --loss ... --noise symmetric:0.8, then alfs report of the sweep",
    "fig5": T_SNE,
    "fig7": T_SNE,
    "fig8": T_SNE,
}
"""Figures of the paper that need hours of training, and the commands that come nearest."""


@command
def figures(
    invocation: Invocation,
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME...", help="fig1, fig2, fig4 or fig6; by default all."),
    ] = None,
) -> None:
    """Draw the paper's figures under --out as PNG and SVG, with the numbers as CSV.

    fig1: calibration curves; fig2: the minimiser of the risk by loss parameter; fig4: the losses;
    fig6: transition matrices. The other figures show trained networks: see `alfs sweep`.
    """
    from alfs_cli.figures import FIGURES, save_all
    from alfs_cli.formats.blocks import Column, Report, Table

    chosen = names or list(FIGURES)
    for name in chosen:
        if name in OF_RUNS:
            raise UsageError(f"{name} of the paper shows trained networks", help=OF_RUNS[name])
        if name not in FIGURES:
            raise unknown("figure", name, FIGURES)
    folder = invocation.out / "figures"
    made = {}
    with invocation.console.progress() as report:
        for done, name in enumerate(chosen, 1):
            made[name] = save_all(name, folder)
            report("figures", done, len(chosen))
    rows = tuple((name, path.as_posix()) for name, paths in made.items() for path in paths)
    document = {
        "schema": "alfs.figures/1",
        "figures": [
            {"name": name, "files": [path.as_posix() for path in paths]}
            for name, paths in made.items()
        ],
    }
    table = Table("Written", (Column("figure"), Column("file")), rows)
    invocation.publish(Report("Figures", (table,), document))
