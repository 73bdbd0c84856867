"""Texts as examples: their column, their digests, and their beginnings for a list or a message."""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

from alfs_cli.data.labels import RawLabels
from alfs_cli.text.plain import plain

EMPTY = "ALFS408"  # the rule of a text without a word


@dataclass(frozen=True, eq=False)
class Texts:
    """The texts of N examples; `column` is the name of their column, None without a table.

    `others` are further columns of text, which are not judged. `is_asked` means that the user
    named the column.
    """

    cells: RawLabels
    column: str | None = None
    others: tuple[str, ...] = ()
    is_asked: bool = False


def digest_of_texts(cells: Iterable[str]) -> bytes:
    """Return the SHA-256 of texts in their order."""
    total = sha256()
    for cell in cells:
        total.update(text_digest(cell))
    return total.digest()


def text_digest(cell: str) -> bytes:
    """Return the SHA-256 of a text, the same where only white space differs."""
    return sha256(" ".join(cell.split()).encode("utf-8", "surrogateescape")).digest()


def excerpt(text: str, most: int) -> str:
    r"""Return the beginning of a text on one line, at most so many characters, safe to show.

    >>> excerpt("first line\nsecond line", 16)
    'first line se...'
    """
    line = plain(" ".join(text.split()))
    return line if len(line) <= most else line[: most - 3].rstrip() + "..."
