"""Several names in one word: `a,b,c`, as CSV quotes them."""

import csv
import io
from collections.abc import Sequence

from alfs_cli.errors import UsageError


def parse_columns(text: str | None) -> tuple[str, ...] | None:
    """Return the names in `a,b,c`, None where nothing was typed."""
    if text is None:
        return None
    cells = next(csv.reader([text], skipinitialspace=True), [])
    names = tuple(dict.fromkeys(cell.strip() for cell in cells if cell.strip()))
    if not names:
        raise UsageError("no column is named", help="for example --feature-columns width,height")
    return names


def joined(names: Sequence[str]) -> str:
    """Return names as `parse_columns` reads them."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(names)
    return line.getvalue()
