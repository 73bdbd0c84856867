"""`alfs evaluate`: how well a run's network predicts its test data or other data."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from alfs_cli.errors import UsageError
from alfs_cli.options.data import DataOptions, OptionalData
from alfs_cli.options.shared import Invocation, command

Run = Annotated[str, typer.Argument(metavar="RUN", help="A run's folder, or its id.")]


@command
def evaluate(
    invocation: Invocation,
    *,
    run: Run,
    options: DataOptions,
    data: OptionalData = None,
    test_labels_are_true: Annotated[
        bool,
        typer.Option(
            "--test-labels-are-true", help="Declare the given labels to be the true ones."
        ),
    ] = False,
    audit: Annotated[
        Path | None,
        typer.Option(
            "--audit",
            metavar="FILE",
            help="An audit.json of DATA: the accuracy on true labels, with bounds that hold "
            "whatever the noise depends on.",
        ),
    ] = None,
) -> None:
    """Evaluate a trained network: accuracy, also per class, calibration, confusion matrix.

    Without DATA, on the run's own test data.
    """
    if data is None and audit is not None:
        raise UsageError(
            "--audit needs the data that were audited",
            help=f"alfs evaluate {shlex.quote(run)} DATA --audit {shlex.quote(str(audit))}",
        )
    from alfs_cli.predicting.evaluation import OtherData
    from alfs_cli.predicting.evaluation import evaluate as judge
    from alfs_cli.reports.run import evaluation_report
    from alfs_cli.results.run import find_run

    folder = find_run(run, invocation.out)
    invocation.refuse_inputs(folder, *(() if audit is None else (audit,)))
    other = None
    if data is not None:
        other = OtherData(options.spec(data), are_true=test_labels_are_true, audit=audit)
    elif any(option is not None for option in options.named().values()):
        raise UsageError("options of data are given without DATA", help=f"alfs evaluate {run} DATA")
    evaluation = judge(
        folder,
        other,
        device=invocation.device,
        cache=invocation.out / "cache",
        console=invocation.console,
    )
    invocation.publish(evaluation_report(evaluation))
