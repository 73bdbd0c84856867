"""`alfs doctor`: versions, devices, what is missing and how to install it."""

import typer

from alfs_cli.options.shared import Invocation, command


@command
def doctor(invocation: Invocation) -> None:
    """Say what alfs runs on: versions, devices, what is missing and how to mend it."""
    from alfs_cli.doctor import examine
    from alfs_cli.reports.doctor import doctor_report

    found = examine()
    invocation.publish(doctor_report(found))
    if not found.is_well:
        raise typer.Exit(1)
