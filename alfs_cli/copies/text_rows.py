"""Text tables, split into cells without loss: joined again, they give the same bytes.

A CSV reader keeps only the meaning of cells. A copy that differs in a few cells must also keep how
the others were written: quotes, spaces, `1.50`, line ends, blank lines and a byte-order mark.
"""

import codecs
import re
from dataclasses import dataclass
from pathlib import Path

from alfs_cli.errors import InputError

SEPARATORS = (",", ";", "\t", "|")
BOMS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
BOM = "\ufeff"
LINE_END = re.compile(r"\r\n|\r|\n")
NAMED_SEPARATOR = re.compile(r"sep=(.)(?:\r\n|\r|\n)")  # a first line for spreadsheets


@dataclass(frozen=True)
class Record:
    """One row as written: its cells with their quotes, and its line end."""

    cells: tuple[str, ...]
    end: str


@dataclass(frozen=True)
class TextRows:
    """A delimited file: the text before the header (a byte-order mark, `sep=;`), header and rows.

    `rows` includes blank lines: row k of the table is `rows[places[k]]`.
    """

    encoding: str
    separator: str
    head: str
    names: Record
    rows: tuple[Record, ...]
    places: tuple[int, ...]

    def text(self, record: Record) -> str:
        """Return the text of a row, with its line end."""
        return self.separator.join(record.cells) + record.end


def read_text_rows(path: Path, *, columns: int, count: int) -> TextRows:
    """Split a file into cells; `columns` and `count` are the numbers that its reader found.

    Raises InputError where no separator gives as many columns and rows.
    """
    text, encoding = _decoded(path.read_bytes())
    head = BOM if text.startswith(BOM) else ""
    text = text[len(head) :]
    named = NAMED_SEPARATOR.match(text)
    if named is not None:
        head, text = head + named.group(), text[named.end() :]
    usual = ("\t", *SEPARATORS) if path.suffix.lower() == ".tsv" else SEPARATORS
    for separator in (named.group(1),) if named is not None else usual:
        lines = _records(text, separator)
        full = [i for i, line in enumerate(lines) if not _is_blank(line, separator)]
        if len(full) != count + 1 or len(lines[full[0]].cells) != columns:
            continue
        first = full[0]
        before = "".join(separator.join(line.cells) + line.end for line in lines[:first])
        places = tuple(place - first - 1 for place in full[1:])
        rows = tuple(lines[first + 1 :])
        return TextRows(encoding, separator, head + before, lines[first], rows, places)
    raise InputError(
        f"the text of '{path}' does not split into the {count:,} rows that were read, so that a "
        "copy cannot keep the rest unchanged",
        help="save it as plain CSV first",
    )


def plain(cell: str) -> str:
    """Return the content of a written cell, without its quotes.

    >>> plain('"a, b"')
    'a, b'
    """
    if not cell.startswith('"'):
        return cell
    close = re.match(r'"((?:[^"]|"")*)"', cell)
    if close is None:
        return cell
    return close.group(1).replace('""', '"') + cell[close.end() :]


def written(text: str, separator: str, *, like: str = "") -> str:
    """Return a text as a cell, in quotes where it needs them or the cell `like` has them.

    >>> written("a,b", ",")
    '"a,b"'
    """
    needs = any(c in text for c in (separator, '"', "\r", "\n")) or text != text.strip()
    if needs or like.startswith('"'):
        return '"' + text.replace('"', '""') + '"'
    return text


def _decoded(content: bytes) -> tuple[str, str]:
    encoding = next((name for mark, name in BOMS.items() if content.startswith(mark)), "utf-8")
    return content.decode(
        encoding, "surrogateescape" if encoding == "utf-8" else "strict"
    ), encoding


def encoded(text: str, encoding: str) -> bytes:
    """Return the bytes of a text in its file's encoding; undecodable bytes are restored."""
    return text.encode(encoding, "surrogateescape" if encoding == "utf-8" else "strict")


def _records(text: str, separator: str) -> list[Record]:
    """Return the rows of a text; a line break within quotes does not end a row."""
    if '"' not in text:
        return [Record(tuple(line.split(separator)), end) for line, end in _lines(text)]
    sep = re.escape(separator)
    cell = re.compile(rf'((?>"(?:[^"]++|"")*+"[^{sep}\r\n]*+|[^{sep}\r\n]*+))({sep}|\r\n|\r|\n|\Z)')
    records: list[Record] = []
    cells: list[str] = []
    for found in cell.finditer(text):
        if found.start() == len(text) and not cells:
            break
        cells.append(found.group(1))
        if found.group(2) != separator:
            records.append(Record(tuple(cells), found.group(2)))
            cells = []
    return records


def _lines(text: str) -> list[tuple[str, str]]:
    lines, at = [], 0
    for end in LINE_END.finditer(text):
        lines.append((text[at : end.start()], end.group()))
        at = end.end()
    return [*lines, (text[at:], "")] if at < len(text) else lines


def _is_blank(record: Record, separator: str) -> bool:
    return len(record.cells) == 1 and not record.cells[0].strip(" " if separator == "\t" else " \t")
