"""`alfs compare RUN...`: the accuracy of each loss over seeds, side by side."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from alfs_cli.errors import UsageError
from alfs_cli.options.data import DataOptions
from alfs_cli.options.shared import Invocation, command

if TYPE_CHECKING:
    from alfs_cli.comparing import OnTrueLabels
    from alfs_cli.data import DataSpec
    from alfs_cli.results.run import Run


@command
def compare(
    invocation: Invocation,
    *,
    options: DataOptions,
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
    audit: Annotated[
        Path | None,
        typer.Option(
            "--audit",
            metavar="FILE",
            help="An audit.json: which of two runs is right more often, on true labels of --data.",
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option("--data", metavar="DATA", help="The data that were audited."),
    ] = None,
) -> None:
    """Compare runs: mean and standard deviation over seeds; the best losses are marked.

    A loss is marked unless it is significantly worse than the best one.
    """
    from dataclasses import replace

    from alfs_cli.comparing import compare as side_by_side
    from alfs_cli.comparing import courses, find_runs, regressions
    from alfs_cli.reports.comparison import comparison_report

    if (audit is None) != (data is None):
        raise UsageError(
            "--audit and --data go together", help="alfs compare RUN RUN --audit FILE --data DATA"
        )
    found = find_runs(runs or (), invocation.out)
    invocation.refuse_inputs(*(run.folder for run in found), *(() if audit is None else (audit,)))
    comparison = side_by_side(found, with_paper=paper)
    if audit is not None:
        spec = options.spec(data)
        comparison = replace(comparison, audited=_on_true_labels(invocation, found, spec, audit))
    fallen = None if baseline is None else regressions(comparison, baseline)
    name = "" if baseline is None else baseline.as_posix()
    invocation.publish(comparison_report(comparison, courses(found), fallen=fallen, baseline=name))
    if fallen:
        raise typer.Exit(1)


def _on_true_labels(
    invocation: Invocation, runs: "tuple[Run, ...]", spec: "DataSpec", path: Path
) -> "OnTrueLabels":
    """Return how good each run is on true labels, and which of two is better."""
    from alfs_cli.auditing.accuracy import differences, refuse_many, refuse_other, true_accuracy
    from alfs_cli.auditing.predictions import predictions_of
    from alfs_cli.audits.reading import read_audit
    from alfs_cli.comparing import OnTrueLabels

    refuse_many(len(runs))
    record = read_audit(path)
    predictions = {
        run.folder.name: predictions_of(
            str(run.folder),
            spec,
            record.examples.classes,
            out=invocation.out,
            device=invocation.device,
            console=invocation.console,
            check=lambda dataset: refuse_other(record, dataset, path),
        )
        for run in runs
    }
    return OnTrueLabels(
        tuple(true_accuracy(record, name, run, file=path) for name, run in predictions.items()),
        differences(record, predictions),
    )
