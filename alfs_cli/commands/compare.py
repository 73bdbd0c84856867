"""`alfs compare RUN...`: the accuracy of each loss over seeds, side by side."""

from pathlib import Path
from typing import Annotated

import typer

from alfs_cli.options.shared import Invocation, command


@command
def compare(
    invocation: Invocation,
    *,
    runs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="RUN... | SWEEP",
            help="Runs or sweeps by folder or id, or folders of runs; by default all runs "
            "under --out.",
            show_default=False,
        ),
    ] = None,
    paper: Annotated[
        bool,
        typer.Option(
            "--paper",
            help="Show the paper's accuracies too, where data, noise and loss are the same.",
        ),
    ] = False,
    baseline: Annotated[
        Path | None,
        typer.Option(
            "--fail-on-regression",
            metavar="BASELINE.json",
            help="Exit 1 where a loss is significantly worse than in this saved comparison.",
        ),
    ] = None,
) -> None:
    """Compare runs: mean and standard deviation over seeds; the best losses are marked.

    A loss is marked unless it is significantly worse than the best one.
    """
    from alfs_cli.comparing import compare as side_by_side
    from alfs_cli.comparing import courses, find_runs, regressions
    from alfs_cli.reports.comparison import comparison_report

    found = find_runs(runs or (), invocation.out)
    invocation.refuse_inputs(*(run.folder for run in found))
    comparison = side_by_side(found, with_paper=paper)
    fallen = None if baseline is None else regressions(comparison, baseline)
    name = "" if baseline is None else baseline.as_posix()
    invocation.publish(comparison_report(comparison, courses(found), fallen=fallen, baseline=name))
    if fallen:
        raise typer.Exit(1)
