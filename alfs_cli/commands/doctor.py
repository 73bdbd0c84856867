"""`alfs doctor`: what is installed, or what a data set is and what can be done with it."""

from pathlib import Path
from typing import Annotated

import typer

from alfs_cli.options.data import DataOptions, PredProbs
from alfs_cli.options.shared import Invocation, command


@command
def doctor(
    invocation: Invocation,
    *,
    options: DataOptions,
    data: Annotated[
        str | None,
        typer.Argument(
            metavar="DATA",
            help="Data in any form that alfs reads, or a result that it saved.",
            show_default=False,
        ),
    ] = None,
    pred_probs: PredProbs = None,
) -> None:
    """Say what alfs runs on; with DATA, what they are, what can be done with them and what next.

    Without DATA: versions, devices, what is missing and how to mend it.
    """
    if data is not None or pred_probs is not None:
        from alfs_cli.inspecting.form import form_of, saved_form
        from alfs_cli.reports.doctor import form_report

        form = None if data is None else saved_form(Path(data))
        form = form or form_of(options.spec(data, pred_probs=pred_probs))
        invocation.publish(form_report(form))
        return
    from alfs_cli.doctor import examine
    from alfs_cli.reports.doctor import doctor_report

    found = examine()
    invocation.publish(doctor_report(found))
    if not found.is_well:
        raise typer.Exit(1)
