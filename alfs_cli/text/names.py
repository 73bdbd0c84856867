"""Lists of names in one text, `a,b,c`, with the quotes of CSV."""

import csv
import io
from collections.abc import Sequence

from alfs_cli.errors import UsageError


def parse_columns(text: str | None) -> tuple[str, ...] | None:
    """Return the distinct names in `a,b,c`, None for None; raises UsageError if there is none.

    >>> parse_columns('width,"a,b"')
    ('width', 'a,b')
    """
    if text is None:
        return None
    cells = next(csv.reader([text], skipinitialspace=True), [])
    names = tuple(dict.fromkeys(cell.strip() for cell in cells if cell.strip()))
    if not names:
        raise UsageError("no column is named", help="for example --feature-columns width,height")
    return names


def joined(names: Sequence[str]) -> str:
    """Return names as one text that `parse_columns` reads.

    >>> joined(["width", "a,b"])
    'width,"a,b"'
    """
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(names)
    return line.getvalue()
