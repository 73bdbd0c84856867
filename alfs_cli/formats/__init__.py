"""One module per output format, each with `render(report) -> str`."""

from importlib import import_module
from typing import TYPE_CHECKING

from alfs_cli.errors import UsageError, unknown

if TYPE_CHECKING:
    from alfs_cli.formats.blocks import Report

FORMATS: dict[str, str | None] = {
    "text": None,
    "json": None,
    "markdown": None,
    "csv": None,
    "html": None,
    "latex": "compare",
    "fiftyone": "report",
    "concise": "check",
    "sarif": "check",
    "junit": "check",
    "github": "check",
    "gitlab": "check",
}
"""Every format, and the only command that has it, None for all commands."""


def formats_of(command: str) -> tuple[str, ...]:
    """Return the formats that a command has."""
    return tuple(name for name, only in FORMATS.items() if only in (None, command))


def require_format(name: str, command: str) -> str:
    """Return the name; raises UsageError for an unknown format or one that the command lacks."""
    known = formats_of(command)
    if name in known:
        return name
    if name in FORMATS:
        raise UsageError(
            f"format '{name}' is for `alfs {FORMATS[name]}` only",
            help=f"known here: {', '.join(known)}",
        )
    raise unknown("format", name, known)


def render(report: "Report", format: str, *, width: int = 100, color: bool = False) -> str:
    """Return the report as text in a format of FORMATS; only `text` uses `width` and `color`."""
    module = import_module(f"alfs_cli.formats.{format}")
    if format == "text":
        return str(module.render(report, width=width, color=color))
    return str(module.render(report))
