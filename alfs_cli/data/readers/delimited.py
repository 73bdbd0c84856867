"""CSV and TSV as spreadsheets save them: separator, decimal comma and encoding vary by country."""

import codecs
import csv
import io
import re
import warnings
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from alfs_cli.arrays import IntArray
from alfs_cli.data.labels import same_text
from alfs_cli.data.placeholders import refuse_placeholder
from alfs_cli.data.readers.tuning import TUNING
from alfs_cli.errors import InputError, brief
from alfs_cli.storage.files import as_file

USUAL = {".csv": ",", ".tsv": "\t"}
NAMES = {",": "','", ";": "';'", "\t": "a tab", "|": "'|'"}
HEAD_BYTES = 1 << 16  # bytes read to find out how a file is written
THERE = "see that it is there and yours to read"
SAMPLE_ROWS = 200  # rows that must agree on the separator
UTF8 = "utf-8-sig"
MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"), (codecs.BOM_UTF8, UTF8),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip
SEP_LINE = re.compile(r'"?sep=(.)"?[ \t]*(\r\n|\r|\n|$)', re.IGNORECASE)
DECIMAL_COMMA = r"\s*[+-]?(?:\d{1,3}(?:\.\d{3})+|\d*),\d+(?:[eE][+-]?\d+)?\s*"


@dataclass(frozen=True)
class Form:
    """How a file is written; `before` is the number of lines above the header."""

    encoding: str
    separator: str
    before: int


def form_of(path: Path) -> Form:
    """Return how a file is written, from its byte-order mark, a line `sep=;`, and its first rows.

    The separator is the one that gives all rows as many cells as the first. Where none does, it is
    the usual one for the suffix. Raises InputError where several do, and where the file is no text.
    """
    refuse_placeholder(as_file(path))
    if path.exists() and not path.is_file():
        raise InputError(f"'{path}' is no file", help="name a file")
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except FileNotFoundError:
        raise InputError(f"no such file: '{path}'", help=THERE) from None
    except OSError as error:
        raise InputError(f"cannot read '{path}': {error.strerror or error}", help=THERE) from None
    encoding = _encoding(head)
    is_whole = len(head) < HEAD_BYTES
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(head, final=is_whole)
    except UnicodeDecodeError:
        raise not_text(path, encoding) from None
    said = SEP_LINE.match(text)
    if said is not None:
        return Form(encoding, said[1], 1)
    usual = USUAL.get(path.suffix.lower(), ",")
    return Form(encoding, _separator(text, usual, is_whole=is_whole, path=path), 0)


def _encoding(head: bytes) -> str:
    """Return the encoding of a file, by its byte-order mark, else by NULs in every other byte."""
    for mark, name in MARKS:
        if head.startswith(mark):
            return name
    half = max(1, len(head) // 2)
    if head[1::2].count(0) > TUNING.utf16_zeros * half:
        return "utf-16-le"
    return "utf-16-be" if head[::2].count(0) > TUNING.utf16_zeros * half else UTF8


def _separator(text: str, usual: str, *, is_whole: bool, path: Path) -> str:
    widths: dict[str, int] = {}
    even: dict[str, int] = {}
    for separator in NAMES:
        rows = _sample(text, separator, is_whole=is_whole)
        if rows and len(rows[0]) > 1:
            widths[separator] = len(rows[0])
            if all(len(row) == len(rows[0]) for row in rows):
                even[separator] = len(rows[0])
    if not widths:
        return usual
    if not even and usual in widths:
        return usual
    fitting = even or widths
    widest = [name for name, width in fitting.items() if width == max(fitting.values())]
    if len(widest) > 1:
        raise InputError(
            f"'{path}' can be read with {' and with '.join(NAMES[name] for name in widest)} "
            f"between its cells",
            help="a first line says which, for example sep=; (or rename the columns)",
        )
    return widest[0]


def _sample(text: str, separator: str, *, is_whole: bool) -> list[list[str]]:
    """Return the first rows that are not empty, without a last one that may be cut short."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    rows: list[list[str]] = []
    try:
        for row in reader:
            if row:
                rows.append(row)
            if len(rows) > SAMPLE_ROWS:
                return rows[:SAMPLE_ROWS]
    except csv.Error:
        return rows
    return rows if is_whole or len(rows) < 2 else rows[:-1]


def not_text(path: Path, encoding: str) -> InputError:
    """Return the error for a file whose bytes are not text in `encoding`."""
    if encoding != UTF8:
        return InputError(
            f"'{path}' begins like {encoding.upper()} text, but is not",
            help="is it cut short? save it again, as 'CSV UTF-8'",
        )
    return InputError(
        f"'{path}' is not UTF-8 text",
        help=f"save it again as 'CSV UTF-8', or: iconv -f cp1252 -t utf-8 '{path}' > "
        f"utf8{path.suffix}",
    )


def read_frame(path: Path, form: Form, text: Collection[str]) -> pd.DataFrame:
    """Return the table in a file; columns of numbers become numbers, decimal commas included.

    Columns named in `text` keep every character. Raises InputError, which names the line, where the
    file cannot be parsed.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            warnings.simplefilter("ignore", pd.errors.DtypeWarning)
            frame = _parsed(path, form, {name: str for name in text}, skip_blank_lines=True)
            if len(frame.columns) == 1:
                frame = _with_blank_lines(frame, _parsed(path, form, str, skip_blank_lines=False))
    except UnicodeError:
        raise not_text(path, form.encoding) from None
    except pd.errors.EmptyDataError:
        raise InputError(f"'{path}' is empty", help="the first line names the columns") from None
    except (pd.errors.ParserError, pd.errors.ParserWarning, ValueError) as error:
        reason = brief(str(error).removeprefix("Error tokenizing data. ").strip())
        raise InputError(
            f"cannot read '{path}': {reason}",
            help="a cell that holds the separator needs quotes",
        ) from None
    except OSError as error:
        raise InputError(f"cannot read '{path}': {error.strerror}", help=THERE) from None
    frame.columns = [same_text(str(name)) for name in frame.columns]
    twins = frame.columns[frame.columns.duplicated()]
    if len(twins):
        raise InputError(f"'{path}' has two columns '{brief(twins[0])}'", help="rename or drop one")
    return frame if form.separator == "," else _with_decimal_commas(frame, path, text)


def _parsed(path: Path, form: Form, dtype: Any, *, skip_blank_lines: bool) -> pd.DataFrame:
    return pd.read_csv(
        path,
        sep=form.separator,
        skiprows=form.before,
        dtype=dtype,
        keep_default_na=False,
        na_values=[],
        index_col=False,
        skip_blank_lines=skip_blank_lines,
        encoding=form.encoding,
        low_memory=False,
    )


def _with_blank_lines(frame: pd.DataFrame, whole: pd.DataFrame) -> pd.DataFrame:
    """Return a table of one column in which a blank line between others is an empty row."""
    if list(whole.columns) != list(frame.columns):  # the blank lines are above the header
        return frame
    filled = np.flatnonzero(whole.iloc[:, 0].str.strip() != "")
    count = int(filled[-1]) + 1 if len(filled) else 0
    return whole.iloc[:count] if count > len(frame) else frame


def _with_decimal_commas(frame: pd.DataFrame, path: Path, text: Collection[str]) -> pd.DataFrame:
    """Return the table with `1,5` and `1.234,5` as numbers.

    Raises InputError where other numbers have a decimal point, since `1.234` is then ambiguous.
    """
    with_comma, with_point = [], []
    for name in frame.columns:
        values = frame[name]
        if name in text:
            continue
        if pd.api.types.is_float_dtype(values):
            with_point += [name] if (values % 1 != 0).any() else []
        elif not pd.api.types.is_numeric_dtype(values):
            cells = values.astype(str)
            has_comma = cells.str.fullmatch(DECIMAL_COMMA)
            if not has_comma.any():
                continue
            with_comma.append(name)
            others = cells[~has_comma]
            if others.str.fullmatch(r"\s*[+-]?\d*\.\d+\s*").any():
                with_point.append(name)
            plain = cells.str.replace(".", "", regex=False).str.replace(",", ".", regex=False)
            mended = cells.where(~has_comma, plain)
            numbers = pd.to_numeric(mended, errors="coerce")
            frame[name] = mended if numbers.isna().any() else numbers
    if with_comma and with_point:
        raise InputError(
            f"numbers of '{path}' are written in two ways: column '{brief(with_comma[0])}' with a "
            f"decimal comma, column '{brief(with_point[0])}' with a point",
            help="save it with one of the two",
        )
    return frame


def line_numbers(path: Path, form: Form, count: int) -> IntArray | None:
    """Return the 1-based line on which each of `count` rows starts, (count,).

    Quoted cells may contain line breaks. None where Python's csv module finds other rows than
    pandas did.
    """
    first = form.before + 2
    if form.encoding == UTF8:
        content = path.read_bytes()
        plain = b'"' not in content and b"\r" not in content.replace(b"\r\n", b"")
        if plain and b"\n\n" not in content and b"\n\r\n" not in content and content[:1] != b"\n":
            return np.arange(first, count + first)
    starts: list[int] = []
    previous = 0
    try:
        with path.open(encoding=form.encoding, newline="") as file:
            reader = csv.reader(file, delimiter=form.separator)
            for row in reader:
                if row:
                    starts.append(previous + 1)
                previous = reader.line_num
    except (csv.Error, UnicodeError):
        return None
    starts = starts[form.before :]
    return np.asarray(starts[1:], dtype=np.int64) if len(starts) == count + 1 else None


def rows_of(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the 1-based first line and the cells of each row, the header included.

    Raises InputError where the file is missing, is no text, or cannot be parsed.
    """
    form = form_of(path)
    try:
        text = path.read_text(encoding=form.encoding)  # turns \r\n and \r into \n
    except UnicodeError:
        raise not_text(path, form.encoding) from None
    except OSError as error:
        raise InputError(f"cannot read '{path}': {error.strerror or error}", help=THERE) from None
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=form.separator)
    before = 0
    try:
        for row in reader:
            line, before = before + 1, reader.line_num
            if line > form.before:
                yield line, row
    except csv.Error as error:
        raise InputError(
            f"cannot read '{path}': line {reader.line_num}: {error}",
            help="a cell that holds quotes or line breaks needs quotes around it",
        ) from None
