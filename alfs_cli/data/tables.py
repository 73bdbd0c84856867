"""Rows of text, Parquet or JSON lines, with labels kept as they were written and line numbers."""

import csv
import json
import warnings
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from alfs_cli.data.dataset import IntArray
from alfs_cli.data.labels import RawLabels, same_text
from alfs_cli.data.memory import refuse_too_large
from alfs_cli.errors import InputError, did_you_mean

SEPARATORS = {".csv": ",", ".tsv": "\t"}
MOSTLY = 0.5
CELL_BYTES = 8  # at least, once read
TABLE_SUFFIXES = (".csv", ".tsv", ".parquet", ".jsonl")


@dataclass(frozen=True, eq=False)
class Table:
    """The rows of a file; `lines` (N,) are their 1-based lines, None in Parquet."""

    path: Path
    frame: pd.DataFrame
    lines: IntArray | None

    @property
    def columns(self) -> list[str]:
        """Names of the columns."""
        return list(self.frame.columns)

    def require(self, column: str, *, option: str) -> None:
        """Raise InputError where there is no such column, naming those there are."""
        if column not in self.columns:
            raise InputError(
                f"'{self.path}' has no column '{column}'{did_you_mean(column, self.columns)} "
                f"(has: {', '.join(self.columns[:20])})",
                help=f"{option} names another column",
            )

    def text(self, column: str) -> RawLabels:
        """Return a column as composed text, objects (N,); a missing cell is the empty text."""
        values = self.frame[column].to_numpy(dtype=object)
        for row, value in enumerate(values):
            if isinstance(value, list | dict | np.ndarray):
                raise InputError(
                    f"{self.places(np.asarray([row]))} of '{self.path}': {column} is not one value",
                    help="a cell holds one text or number; alfs audits single-label data",
                )
        cells = np.empty(len(values), dtype=object)
        cells[:] = [_as_text(value) for value in values]
        return cells

    def exact(self, column: str) -> RawLabels:
        """Return a column of texts as they are, objects (N,); a missing cell is the empty text."""
        cells = self.text(column)
        for row, value in enumerate(self.frame[column]):
            if isinstance(value, str):
                cells[row] = value
        return cells

    def labels(self, column: str) -> RawLabels:
        """Return a column of names; raises InputError naming the lines where one is missing."""
        cells = self.text(column)
        self.refuse_empty(cells, what=f"an empty {column}", rule="ALFS406")
        return cells

    def refuse_empty(self, cells: RawLabels, *, what: str, rule: str) -> None:
        """Raise InputError where a cell is empty, naming the first lines."""
        rows = np.flatnonzero(cells == "")
        if len(rows):
            are = "row has" if len(rows) == 1 else "rows have"
            raise InputError(
                f"{len(rows):,} {are} {what} in '{self.path}' ({self.places(rows)}; {rule})",
                help="fill in or remove those rows; a class really called 'NA' is fine",
            )

    def places(self, rows: IntArray) -> str:
        """Name the first of some rows by line, as far as the file has lines."""
        first = rows[:5] if self.lines is None else self.lines[rows[:5]]
        word = "row" if self.lines is None else "line"
        more = ", ..." if len(rows) > 5 else ""
        return f"{word}{'s' if len(rows) > 1 else ''} {', '.join(map(str, first))}{more}"

    def numbers(self, but: Collection[str]) -> tuple[tuple[str, ...], NDArray[np.float32]]:
        """Return the numeric columns other than `but`: names (D,), values (N, D).

        Raises InputError where most cells of a column are numbers and some are not.
        """
        others = [name for name in self.columns if name not in but]
        names = tuple(name for name in others if self._is_numeric(name))
        values = np.empty((len(self.frame), len(names)), dtype=np.float32)
        with np.errstate(over="ignore"):
            for index, name in enumerate(names):
                values[:, index] = self.frame[name].to_numpy(dtype=np.float64, na_value=np.nan)
        return names, values

    def _is_numeric(self, column: str) -> bool:
        values = self.frame[column]
        if pd.api.types.is_numeric_dtype(values):
            return True
        broken = np.asarray(pd.to_numeric(values, errors="coerce").isna(), dtype=np.bool_)
        if len(broken) and broken.mean() <= MOSTLY:
            raise InputError(
                f"column '{column}' of '{self.path}' is not a number in {broken.sum():,} of "
                f"{len(values):,} rows ({self.places(np.flatnonzero(broken))})",
                help="fill those cells in, or leave the rows or the column out",
            )
        return False

    def take(self, rows: IntArray) -> "Table":
        """Return some of the rows."""
        lines = None if self.lines is None else self.lines[rows]
        return Table(self.path, self.frame.iloc[rows], lines)


def read_table(path: Path, *, text: Collection[str]) -> Table:
    """Read .csv, .tsv, .parquet or .jsonl; the columns named in `text` keep every character.

    Raises InputError where the file cannot be read as what its suffix says, naming the line.
    """
    suffix = path.suffix.lower()
    if not path.is_file():
        raise InputError(f"no such file: '{path}'")
    if suffix == ".parquet":
        return Table(path, _read_parquet(path), None)
    if suffix == ".jsonl":
        return _read_jsonl(path)
    return _read_delimited(path, SEPARATORS[suffix], text)


def _as_text(value: object) -> str:
    if isinstance(value, str):
        return same_text(value)
    if isinstance(value, bool | np.bool_):
        return str(bool(value)).lower()
    if value is None or value is pd.NA or value != value:
        return ""
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    if isinstance(value, bytes):
        return same_text(value.decode("utf-8", "backslashreplace"))
    return same_text(str(value))


def _read_parquet(path: Path) -> pd.DataFrame:
    import pyarrow
    import pyarrow.parquet

    try:
        about = pyarrow.parquet.read_metadata(path)
        refuse_too_large(
            about.num_rows * about.num_columns * CELL_BYTES,
            where=f"'{path}' of {about.num_rows:,} rows and {about.num_columns:,} columns",
            help="store it in parts",
        )
        table = pyarrow.parquet.read_table(path)
        columns = {
            name: (
                column.cast(column.type.value_type)
                if pyarrow.types.is_dictionary(column.type)
                else column
            ).to_pandas()
            for name, column in zip(table.column_names, table.columns, strict=True)
        }
    except (OSError, ValueError, OverflowError, pyarrow.ArrowException) as error:
        raise InputError(f"cannot read '{path}' as Parquet: {error}") from None
    except MemoryError:
        raise InputError(f"'{path}' claims more than memory holds", help="is it damaged?") from None
    return pd.DataFrame(columns)


def _read_jsonl(path: Path) -> Table:
    rows: list[dict[str, Any]] = []
    lines: list[int] = []
    number = 0
    try:
        with path.open(encoding="utf-8-sig") as file:
            for number, line in enumerate(file, start=1):
                if not line.strip():
                    continue
                row = json.loads(line)
                if not isinstance(row, dict):
                    raise InputError(f"{path}:{number}: not a JSON object")
                rows.append(row)
                lines.append(number)
    except UnicodeDecodeError:
        raise _not_utf8(path) from None
    except OSError as error:
        raise InputError(f"cannot read '{path}': {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        reason = error.msg.lower() if isinstance(error, json.JSONDecodeError) else "too deep"
        reason = reason if isinstance(error, json.JSONDecodeError | RecursionError) else "too long"
        raise InputError(f"{path}:{number}: not valid JSON: {reason}") from None
    names = {name: None for row in rows for name in row}
    frame = pd.DataFrame({name: _column([row.get(name) for row in rows]) for name in names})
    return Table(path, frame, np.asarray(lines, dtype=np.int64))


def _column(values: list[Any]) -> Any:
    """Return JSON values as numbers where all are, else as objects that stay as they are."""
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return np.asarray(values)
    return pd.Series(values, dtype=object)


def _read_delimited(path: Path, separator: str, text: Collection[str]) -> Table:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            warnings.simplefilter("ignore", pd.errors.DtypeWarning)
            frame = pd.read_csv(
                path,
                sep=separator,
                dtype={name: str for name in text},
                keep_default_na=False,
                na_values=[],
                index_col=False,
                skip_blank_lines=True,
                encoding="utf-8-sig",
                low_memory=False,
            )
    except UnicodeDecodeError:
        raise _not_utf8(path) from None
    except pd.errors.EmptyDataError:
        raise InputError(f"'{path}' is empty", help="the first line names the columns") from None
    except (pd.errors.ParserError, pd.errors.ParserWarning, ValueError) as error:
        raise InputError(
            f"cannot read '{path}': {str(error).removeprefix('Error tokenizing data. ').strip()}",
            help="a cell that holds the separator needs quotes",
        ) from None
    except OSError as error:
        raise InputError(f"cannot read '{path}': {error.strerror}") from None
    frame.columns = [same_text(str(name)) for name in frame.columns]
    _refuse_twins(frame, path)
    return Table(path, frame, _line_numbers(path, separator, len(frame)))


def _refuse_twins(frame: pd.DataFrame, path: Path) -> None:
    """Raise InputError where two columns have one name, up to how Unicode writes it."""
    twins = frame.columns[frame.columns.duplicated()]
    if len(twins):
        raise InputError(f"'{path}' has two columns '{twins[0]}'", help="rename or drop one")


def _line_numbers(path: Path, separator: str, count: int) -> IntArray | None:
    """Return the 1-based line on which each row starts; quoted cells may hold line breaks.

    None where the rows of the csv module are not those that were read.
    """
    content = path.read_bytes()
    plain = b'"' not in content and b"\r" not in content.replace(b"\r\n", b"")
    if plain and b"\n\n" not in content and b"\n\r\n" not in content and content[:1] != b"\n":
        return np.arange(2, count + 2)
    starts: list[int] = []
    previous = 0
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, delimiter=separator)
            for row in reader:
                if row:
                    starts.append(previous + 1)
                previous = reader.line_num
    except csv.Error:
        return None
    return np.asarray(starts[1:], dtype=np.int64) if len(starts) == count + 1 else None


def _not_utf8(path: Path) -> InputError:
    return InputError(
        f"'{path}' is not UTF-8 text", help=f"iconv -f latin1 -t utf-8 '{path}' > utf8{path.suffix}"
    )
