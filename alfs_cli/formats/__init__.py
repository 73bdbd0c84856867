"""One module per output format, each with `render(report) -> str`."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from alfs_cli.report import Report

FORMATS = ("text", "json", "markdown", "csv", "html", "latex")


def render(report: "Report", format: str, *, width: int = 100, color: bool = False) -> str:
    """Return the report in a format of FORMATS; only text looks at `width` and `color`."""
    module = import_module(f"alfs_cli.formats.{format}")
    if format == "text":
        return str(module.render(report, width=width, color=color))
    return str(module.render(report))
