"""Tables with labels as written and numbers of lines; each kind of file has a reader of its own."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd

from alfs_cli.arrays import BoolArray, FloatArray, IntArray
from alfs_cli.data.categories import Category, category_of, days_of
from alfs_cli.data.declared import Declared
from alfs_cli.data.feature_columns import Candidates, orders_among, wanted
from alfs_cli.data.labels import (
    FILL_IN,
    RawLabels,
    as_written,
    is_nothing,
    missing_labels,
    same_text,
)
from alfs_cli.data.placeholders import refuse_placeholder
from alfs_cli.data.readers import function
from alfs_cli.data.readers.delimited import THERE, USUAL, form_of, line_numbers, read_frame
from alfs_cli.data.readers.tuning import TUNING
from alfs_cli.errors import InputError, brief, did_you_mean, has
from alfs_cli.storage.files import as_file
from alfs_cli.storage.memory import refuse_too_large

SEPARATORS = USUAL
SYNONYMS = {
    "label": ("label", "labels", "class", "category", "target", "y", "species"),
    "path": ("path", "file_name", "image", "filename", "file", "img"),
    "index": ("index", "id", "row"),
}
TABLE_SUFFIXES = (".csv", ".tsv", ".parquet", ".jsonl")  # of tables that are nothing else
TABLES = {
    ".parquet": "columnar:read_parquet",
    ".jsonl": "records:read_json_lines",
    ".json": "json_forms:read_json",
    ".xml": "cvat:read_cvat",
    ".tar": "webdataset:read_samples",
    "": "folders:read_listed",
}
"""The functions (path) -> Table that read what is no text with a separator; "" is a folder."""


@dataclass(frozen=True, eq=False)
class Table:
    """The N rows of a file; `lines` (N,) are their 1-based lines, None for Parquet.

    `pictures` are the columns of pictures, which stay in the file because memory may not hold them.
    `index_columns` are those that pandas wrote as the table's index. `orders` is what the file
    declares of the classes of its columns. `is_as_written` is False where rows are put together
    from several places of the file, so that its text has other rows. `base` is the folder that
    paths are relative to, where that is not the file's own.
    """

    path: Path
    frame: pd.DataFrame
    lines: IntArray | None
    pictures: tuple[str, ...] = ()
    index_columns: tuple[str, ...] = ()
    orders: Mapping[str, Declared] = field(default_factory=dict)
    is_as_written: bool = True
    base: Path | None = None

    @property
    def folder(self) -> Path:
        """The folder that paths in the table are relative to."""
        return self.path.parent if self.base is None else self.base

    @property
    def columns(self) -> list[str]:
        """The names of the columns in memory."""
        return list(self.frame.columns)

    def require(self, column: str, *, option: str) -> None:
        """Raise InputError where there is no such column, with the columns that there are.

        A one-hot code of the labels is named as such.
        """
        if column in self.columns:
            return
        wanted = (column, *SYNONYMS.get(column, ()))
        known = did_you_mean(column, self.columns)
        message = (
            f"'{self.path}' has no column '{brief(column)}'{known} ({has(self.columns, wanted)})"
        )
        one_hot = self.one_hot() if "label" in column else ()
        if one_hot:
            names = ", ".join(repr(brief(name)) for name in one_hot[:5])
            names += ", ..." if len(one_hot) > 5 else ""
            raise InputError(
                f"{message}: columns {names} look one-hot, with one 1 in each row",
                help="one column of names is needed: in pandas table[[...]].idxmax(axis=1), with "
                "those columns in the brackets",
            )
        first = next((name for name in self.columns if name.casefold() in wanted), None)
        marks = self.marks() if "label" in column else []
        help = f"{option} NAME says which"
        if first:
            help = f"{option} '{first}', if that is the one"
        elif len(marks) > 1:
            help = (
                f"{help}; of a column of 0 and 1 for each class (several labels an example) one is "
                f"judged at a time: {option} {brief(marks[0])}"
            )
        raise InputError(message, help=help)

    def marks(self) -> list[str]:
        """Return the columns that hold nothing but 0 and 1."""
        return [
            name
            for name in self.columns
            if (values := pd.to_numeric(self.frame[name], errors="coerce")).isin((0, 1)).all()
            and len(values)
        ]

    def one_hot(self) -> tuple[str, ...]:
        """Return the columns of 0 and 1 if every row has exactly one 1 in them, () otherwise."""
        names = self.marks()
        if len(names) < 2:
            return ()
        sums = sum(pd.to_numeric(self.frame[name]).to_numpy(dtype=np.int64) for name in names)
        return tuple(names) if (np.asarray(sums) == 1).all() else ()

    def text(self, column: str) -> RawLabels:
        """Return a column as text in composed form (N,); a missing cell is the empty text.

        Raises InputError for a cell that holds a list, an object, or bytes that are no text.
        """
        values = self.frame[column].to_numpy(dtype=object)
        for row, value in enumerate(values):
            if isinstance(value, list | dict | np.ndarray):
                raise InputError(
                    f"{self.places(np.asarray([row]))} of '{self.path}': {brief(column)} is not "
                    f"one value but {'a list' if not isinstance(value, dict) else 'an object'}",
                    help="a cell holds one text or number; each example has one label",
                )
            if isinstance(value, bytes) and not _is_text(value):
                raise InputError(
                    f"{self.places(np.asarray([row]))} of '{self.path}': {brief(column)} holds "
                    f"{len(value):,} bytes that are no text",
                    help="labels are text; --path-column names a column of pictures",
                )
        cells = np.empty(len(values), dtype=object)
        cells[:] = [cell_text(value) for value in values]
        return self.orders[column].named(cells) if column in self.orders else cells

    def exact(self, column: str) -> RawLabels:
        """Return a column as text (N,), not composed, as paths need it; a missing cell is empty."""
        cells = self.text(column)
        for row, value in enumerate(self.frame[column]):
            if isinstance(value, str):
                cells[row] = value
        return cells

    def labels(self, column: str, *, declared: Collection[str] = ()) -> RawLabels:
        """Return a column of names (N,); raises InputError, with the lines, where one is missing.

        A word in `declared` is a class, even if it is a word for a missing value.
        """
        cells = self.text(column)
        self.refuse_missing(cells, column, declared=declared)
        return cells

    def refuse_missing(
        self, cells: RawLabels, column: str, *, declared: Collection[str] = ()
    ) -> None:
        """Raise InputError, with the first lines, where one of the cells (N,) is missing."""
        names = self.orders[column].names if column in self.orders else ()
        rows = np.flatnonzero(missing_labels(cells, declared=(*declared, *names)))
        if not len(rows):
            return
        written = as_written(cells[rows])
        state = f"a missing {brief(column)}{written}," if written else f"an empty {brief(column)}"
        are = "row has" if len(rows) == 1 else "rows have"
        raise InputError(
            f"{len(rows):,} {are} {state} in '{self.path}' ({self.places(rows)}; ALFS406)",
            help=FILL_IN,
        )

    def places(self, rows: IntArray) -> str:
        """Return a text that names the first few rows, by line where the file has lines."""
        first = rows[:5] if self.lines is None else self.lines[rows[:5]]
        word = "row" if self.lines is None else "line"
        more = ", ..." if len(rows) > 5 else ""
        return f"{word}{'s' if len(rows) > 1 else ''} {', '.join(map(str, first))}{more}"

    def numbers(
        self,
        but: Collection[str],
        *,
        asked: str | None = None,
        excluded: str | None = None,
        with_categories: bool = True,
    ) -> Candidates:
        """Return the columns other than `but` that may be features: numbers and categories.

        `asked` and `excluded` are the values of --feature-columns and --exclude-columns. Raises
        InputError where a column has both numbers and, in fewer cells, something else, and where
        one that was asked for is neither numeric nor of a few values.
        """
        where = f"'{self.path}'"
        others = [name for name in self.columns if name not in but]
        names, aside = wanted(
            others, asked=asked, excluded=excluded, where=where, index_columns=self.index_columns
        )
        made = _Made(len(self.frame))
        for name in names:
            reason = self._add(made, name, is_asked=asked is not None, encode=with_categories)
            if reason is not None and asked is not None:
                raise InputError(
                    f"column '{name}' of {where} {reason} (--feature-columns)",
                    help="name columns of numbers, dates or a few values",
                )
            aside = aside if reason is None else (*aside, (name, reason))
        return made.candidates(aside, is_asked=asked is not None)

    def _add(self, made: "_Made", name: str, *, is_asked: bool, encode: bool) -> str | None:
        """Add a column to those that may be features, or return why it is none."""
        values = self.frame[name]
        if self._is_numeric(name):
            made.add_numbers(name, _as_numbers(values))
            return None
        days = days_of(values) if encode else None
        if days is not None and not is_asked:
            return "holds dates, which --feature-columns takes as days"
        if days is not None:
            made.add_numbers(name, days)
            return None
        if not encode or not self.holds_text(name):
            return "holds no numbers"
        found = category_of(name, self.text(name))
        if isinstance(found, str):
            return found
        made.categories.append(found)
        return None

    def _is_numeric(self, column: str) -> bool:
        values = self.frame[column]
        if values.dtype.kind in "mM":  # times, which pandas would turn into nanoseconds
            return False
        if pd.api.types.is_numeric_dtype(values):
            return bool(len(values) == 0 or values.notna().any())
        there = ~_is_missing(values)
        broken = np.asarray(pd.to_numeric(values, errors="coerce").isna(), dtype=np.bool_) & there
        if there.any() and not broken.any():
            return True
        if there.any() and broken.sum() <= TUNING.broken_cells * there.sum():
            raise InputError(
                f"column '{brief(column)}' of '{self.path}' is not a number in {broken.sum():,} of "
                f"{len(values):,} rows ({self.places(np.flatnonzero(broken))})",
                help="fill those cells in, or leave the rows or the column out; --text-column "
                f"{brief(column)} takes it as text",
            )
        return not len(values)

    def holds_text(self, column: str) -> bool:
        """Return whether a column holds text in some rows, and in the others text or nothing."""
        values = self.frame[column]
        if pd.api.types.is_numeric_dtype(values) or values.dtype.kind in "mM":
            return False
        cells = values[values.notna()]
        return any(isinstance(cell, str) and cell for cell in cells) and all(
            isinstance(cell, str) for cell in cells
        )

    def take(self, rows: IntArray) -> "Table":
        """Return the table of the rows at `rows` (n,)."""
        lines = None if self.lines is None else self.lines[rows]
        return replace(self, frame=self.frame.iloc[rows], lines=lines)


class _Made:
    """The columns of N rows that may be features, collected one after another."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.columns: dict[str, FloatArray] = {}
        self.gaps: dict[str, BoolArray] = {}
        self.categories: list[Category] = []

    def add_numbers(self, name: str, column: FloatArray) -> None:
        """Add a column of numbers (N,); the median stands for missing ones."""
        is_missing = np.isnan(column)
        if is_missing.any():
            self.gaps[name] = is_missing
            column = np.where(is_missing, np.median(column[~is_missing]), column)
        self.columns[name] = column

    def candidates(self, aside: tuple[tuple[str, str], ...], *, is_asked: bool) -> Candidates:
        """Return them; columns that follow or count the rows are told."""
        values = np.empty((self.count, len(self.columns)), dtype=np.float32)
        orders: list[tuple[str, str]] = []
        with np.errstate(over="ignore"):
            for index, (name, column) in enumerate(self.columns.items()):
                values[:, index] = column
                orders += orders_among([name], [column])
        return Candidates(
            tuple(self.columns),
            values,
            tuple(orders),
            aside,
            is_asked,
            categories=tuple(self.categories),
            filled=tuple(self.gaps.items()),
        )


def _is_missing(values: "pd.Series[str]") -> BoolArray:
    """Return a mask (N,) of cells that are None, NaN, empty or a word for a missing value."""
    gone = np.asarray(values.isna(), dtype=np.bool_)
    texts = [isinstance(cell, str) and is_nothing(cell) for cell in values]
    return gone | np.asarray(texts, dtype=np.bool_)


def _as_numbers(values: "pd.Series[str]") -> FloatArray:
    numbers = pd.to_numeric(values, errors="coerce")
    return np.asarray(numbers.to_numpy(dtype=np.float64, na_value=np.nan), dtype=np.float64)


def read_table(path: Path, *, text: Collection[str], pictures: bool = False) -> Table:
    """Return the table in a file, or in a folder of files that are one table.

    Columns named in `text` keep every character. Columns of pictures stay in the file with
    `pictures`, and are refused without. Raises InputError, which names the line, where the file is
    not what its suffix says.
    """
    suffix = "" if path.is_dir() else as_file(path).suffix.lower()
    refuse_placeholder(path)
    if not path.exists() or (suffix and not path.is_file()):
        raise InputError(f"no such file: '{path}'", help=THERE)
    if suffix in TABLES:
        table: Table = function(TABLES[suffix])(path)
        if table.pictures and not pictures:
            raise InputError(
                f"column '{brief(table.pictures[0])}' of '{path}' holds pictures, which alfs "
                "cannot copy into another file",
                help="save the pictures as files, and list them in a manifest of paths and labels",
            )
        return table
    refuse_too_large(path.stat().st_size, where=f"'{path}'", help="store it in parts")
    form = form_of(path)
    frame = read_frame(path, form, text)
    return Table(path, frame, line_numbers(path, form, len(frame)))


def _is_text(value: bytes) -> bool:
    try:
        return "\0" not in value.decode("utf-8")
    except UnicodeDecodeError:
        return False


def cell_text(value: object) -> str:
    """Return a cell as text in composed form; None and NaN are the empty text.

    >>> cell_text(2.0), cell_text(True), cell_text(None)
    ('2', 'true', '')
    """
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
