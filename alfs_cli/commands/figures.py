"""`alfs figures`: the paper's figures that need no training, with their numbers."""

from typing import Annotated

import typer

from alfs_cli.errors import unknown
from alfs_cli.invocation import Invocation, command


@command
def figures(
    invocation: Invocation,
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME...", help="fig1, fig2, fig4, fig6; without any, all."),
    ] = None,
) -> None:
    """Draw the paper's figures under --out as PNG and SVG, with the numbers as CSV.

    fig1 calibration curves, fig2 where the risk is least against the loss's parameter, fig4 the
    losses, fig6 transition matrices. The others show training runs.
    """
    from alfs_cli.figures import FIGURES, save_all
    from alfs_cli.report import Column, Report, Table

    chosen = names or list(FIGURES)
    for name in chosen:
        if name not in FIGURES:
            raise unknown("figure", name, FIGURES)
    folder = invocation.out / "figures"
    made = {}
    with invocation.progress() as report:
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
