"""`alfs inspect FILE...`: find images that cannot be read, before they are committed."""

from typing import Annotated

import typer

from alfs_cli.options.shared import Invocation, command


@command
def inspect(
    invocation: Invocation,
    files: Annotated[
        list[str],
        typer.Argument(metavar="FILE", help="Images, or folders of them.", show_default=False),
    ],
) -> None:
    """Fail with exit code 1 if an image is damaged, cut short or too large to be safe.

    It reads only the files, and starts fast; `alfs check` judges labels.
    """
    from alfs_cli.inspecting.pictures import inspect_pictures
    from alfs_cli.reports.inspect import inspection_report

    found = inspect_pictures(files)
    invocation.publish(inspection_report(found))
    if not found.passed:
        raise typer.Exit(1)
