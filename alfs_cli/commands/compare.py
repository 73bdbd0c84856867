"""`alfs compare RUN...`: what each loss bought."""

from typing import Annotated

import typer

from alfs_cli.invocation import Invocation, command


@command
def compare(
    invocation: Invocation,
    runs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="RUN...",
            help="Runs by folder or id, or folders of runs; without any, all under --out.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Compare runs: mean and standard deviation over seeds, best and not-worse marked."""
    from alfs_cli.compare import compare as side_by_side
    from alfs_cli.compare import curves, find_runs
    from alfs_cli.reports.comparison import comparison_report

    found = find_runs(runs or (), invocation.out)
    invocation.publish(comparison_report(side_by_side(found), curves(found)))
