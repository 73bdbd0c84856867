"""Cells of a table that a spreadsheet shows: they steer nothing, and come back as they were."""

from typing import Any

from alfs_cli.text.plain import escaped, unescaped

FORMULA = ("=", "+", "-", "@", "\t")  # what a spreadsheet may run


def safe_cell(cell: Any) -> Any:
    r"""Return a cell that steers nothing: text that looks like a formula gets a `'`.

    Characters that are not printable are written out, `\x1b` for ESC.
    """
    if isinstance(cell, str):
        text = escaped(cell)
        return "'" + text if text[:1] in FORMULA else text
    if cell is None or cell != cell:  # NaN is not known
        return ""
    return cell


def unguarded(text: str) -> str:
    """Return the text that `safe_cell` made this from."""
    return unescaped(text[1:] if text[:1] == "'" and text[1:2] in FORMULA else text)
