"""Cells that are safe to open in a spreadsheet, and can be read back unchanged."""

from typing import Any

from alfs_cli.text.plain import escaped, unescaped

FORMULA = ("=", "+", "-", "@", "\t")  # beginnings of what a spreadsheet may run as a formula


def safe_cell(cell: Any) -> Any:
    r"""Return a cell that a spreadsheet does not run: `'` is put before text like a formula.

    Characters that are not printable are escaped, as `\x1b` for ESC. None and NaN become "".

    >>> safe_cell("=1+1")
    "'=1+1"
    """
    if isinstance(cell, str):
        text = escaped(cell)
        return "'" + text if text[:1] in FORMULA else text
    if cell is None or cell != cell:  # NaN
        return ""
    return cell


def unguarded(text: str) -> str:
    """Return the text from which `safe_cell` made this cell.

    >>> unguarded("'=1+1")
    '=1+1'
    """
    return unescaped(text[1:] if text[:1] == "'" and text[1:2] in FORMULA else text)
