"""Which numeric columns are features, and which would give the answer away.

A row index, an id or a counter tells the place of an example, and rows often stand in class order;
a column may also hold the label again, as its code, one-hot or in other units. Whatever is trained
on such a column repeats the given labels, wrong ones included, and reads them as right. So what a
column *contains* decides, and its name where that says enough. A continuous column is a feature
however well it separates the classes.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alfs_cli.arrays import BoolArray, Features, FloatArray, IntArray
from alfs_cli.errors import InputError, did_you_mean
from alfs_cli.text.names import parse_columns

LEAST = 20  # rows below which an order may be chance
HEAD = 256  # rows that most columns show on that they are no order and no code
SURPRISE = 12.0  # expected pairs of equal numbers, e^-12, where there are none
REPEATS = 5  # rows a value of a code has on average
LARGEST_CODE = 10  # values, or twice as many as there are labels
MANY, OFTEN = 64, 20  # values of whole numbers that miss no row, and rows each has on average
LARGEST_TABLE = 4096  # values beyond which a column is no code
SAME = 1e-3  # of a column's range: values that lie closer are one
SLIPS = 0.002  # of the rows, which a code may miss
LISTED = 12  # columns that a message names
FEW = 3  # examples of a label below which it proves nothing

NAMELESS = re.compile(r"|unnamed(: ?\d+)?(_level_\d+)?|__index_level_\d+__|level_\d+", re.I)
IDENTIFIER = re.compile(
    r"(.*[\s_.-])?(id|ids|idx|uid|uuid|guid)|index|rowid|row([\s_.-]?(no|number|num|nr))?", re.I
)
CAMEL = re.compile(r".*[a-z](Id|ID|Idx)")


@dataclass(frozen=True)
class Columns:
    """Names of the columns used as features, and of those that are not, each with the reason.

    `leaks` are columns in use because they were asked for, although they hold the answer.
    `is_table` says that the names are the file's own, not the numbers of an array's columns.
    """

    used: tuple[str, ...]
    aside: tuple[tuple[str, str], ...] = ()
    leaks: tuple[tuple[str, str], ...] = ()
    is_table: bool = True

    @property
    def is_chosen(self) -> bool:
        """Whether other data need to be told which columns these are."""
        return self.is_table or bool(self.aside or self.leaks)


@dataclass(frozen=True, eq=False)
class Candidates:
    """Numeric columns (N, D) by name, before the labels are looked at.

    `is_asked` says that the user named them, `is_free` that they may hold the answer, for a network
    is to see them that was trained on such. `is_table` says that their names are the file's, not
    their numbers. `orders` are columns whose numbers follow the rows or count them.
    """

    names: tuple[str, ...]
    values: Features
    orders: tuple[tuple[str, str], ...] = ()
    aside: tuple[tuple[str, str], ...] = ()
    is_asked: bool = False
    is_free: bool = False
    is_table: bool = True


def reason_by_name(name: str, index_columns: Sequence[str] = ()) -> str | None:
    """Return why a column of this name is no feature, None where it may be one."""
    if name in index_columns:
        return "the index of the table"
    if NAMELESS.fullmatch(name.strip()):
        return "has no name of its own, as a row index"
    if IDENTIFIER.fullmatch(name.strip()) or CAMEL.fullmatch(name.strip()):
        return "is named as an id"
    return None


def wanted(
    names: Sequence[str],
    *,
    asked: str | None,
    excluded: str | None,
    where: str,
    index_columns: Sequence[str] = (),
    are_names: bool = True,
) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """Return which columns to read as features, by name, and those left out with the reason.

    Raises InputError for a column that was named and is not there.
    """
    include, leave = parse_columns(asked), parse_columns(excluded) or ()
    for option, typed in (("--feature-columns", include or ()), ("--exclude-columns", leave)):
        for name in typed:
            if name not in names:
                raise InputError(
                    f"{where} has no column '{name}' ({option}){did_you_mean(name, names)}",
                    help=f"it has {len(names):,} columns: {_listed(names)}"
                    if are_names
                    else f"its columns are numbered 0 to {len(names) - 1}",
                )
    chosen, aside = [], []
    for name in include or names:
        if name in leave:
            aside.append((name, "excluded"))
        elif include is None and are_names and (reason := reason_by_name(name, index_columns)):
            aside.append((name, reason))
        else:
            chosen.append(name)
    return tuple(chosen), tuple(aside)


def orders_among(
    names: Sequence[str], columns: Iterable[NDArray[Any]]
) -> tuple[tuple[str, str], ...]:
    """Return the columns (N,) that tell the order of the rows or count them, with the reason."""
    found = []
    for name, column in zip(names, columns, strict=True):
        reason = order_in(column)
        if reason is not None:
            found.append((name, reason))
    return tuple(found)


def order_in(column: NDArray[Any]) -> str | None:
    """Return why a column (N,) is an order or a count of the rows, None where it is not.

    Numbers that never fall or never rise from row to row; whole numbers that fill a range in even
    steps; whole numbers that never repeat, although as many draws from their range would.
    """
    if len(column) < LEAST or not _may_be_order(np.asarray(column[:HEAD], dtype=np.float64)):
        return None
    numbers = np.asarray(column, dtype=np.float64)
    if not np.isfinite(numbers).all():
        return None
    is_whole = bool((numbers == np.floor(numbers)).all())
    values, counts = np.unique(numbers, return_counts=True)
    if len(values) < LEAST:
        return None
    steps = np.diff(numbers)
    rises, falls = bool((steps >= 0).all()), bool((steps <= 0).all())
    if (is_whole or len(values) == len(numbers)) and (rises or falls):
        return "rises with the rows" if rises else "falls with the rows"
    return _count_in(values, counts) if is_whole else None


def _may_be_order(head: FloatArray) -> bool:
    steps = np.diff(head)
    return bool((head == np.floor(head)).all() or (steps >= 0).all() or (steps <= 0).all())


def _count_in(values: FloatArray, counts: IntArray) -> str | None:
    """Return why whole numbers (V,), each seen so often (V,), count the rows; None: they do not."""
    gaps, N = np.diff(values), int(counts.sum())
    if (gaps == gaps[0]).all() and (counts == counts[0]).all():
        return "counts the rows" if counts[0] == 1 else "counts groups of rows"
    span = float(values[-1] - values[0]) / float(np.gcd.reduce(gaps.astype(np.int64))) + 1
    if len(values) == N and N * (N - 1) / (2 * span) >= SURPRISE:
        return "numbers each row once, as an id"
    return None


def answer_in(column: NDArray[Any], labels: IntArray) -> str | None:
    """Return how a column (N,) of few values tells the given labels (N,), None where it does not.

    Either each label has one value or each value has one label, but for two rows in a thousand;
    of more values than a code of the labels has, whole numbers alone are taken for one, and where
    not one row speaks against it.
    """
    if len(labels) < LEAST or not _may_be_code(_sampled(column)):
        return None
    codes = _codes(np.asarray(column, dtype=np.float64))
    if codes is None or codes.max() >= LARGEST_TABLE:
        return None
    K, V = int(labels.max()) + 1, int(codes.max()) + 1
    table = np.zeros((V, K), dtype=np.int64)
    np.add.at(table, (codes, labels), 1)
    table = table[:, table.sum(axis=0) >= FEW]
    table = table[table.sum(axis=1) > 0]
    N, present = int(table.sum()), table.shape[1]
    if present < 2 or len(table) < 2:
        return None
    slips = SLIPS * N
    if N - table.max(axis=0).sum() <= slips and len(np.unique(table.argmax(axis=0))) > 1:
        return "holds the label again" if len(table) >= present else "holds part of the label"
    if len(np.unique(table.argmax(axis=1))) < 2:
        return None
    missed, each = N - table.max(axis=1).sum(), N / len(table)
    is_code = len(table) <= max(LARGEST_CODE, 2 * present) and each >= REPEATS and missed <= slips
    is_whole = bool((column == np.floor(column)).all())
    if is_code or (is_whole and len(table) <= MANY and each >= OFTEN and not missed):
        return "has values that belong to one label each"
    return None


def _sampled(column: NDArray[Any]) -> FloatArray:
    return np.asarray(column[:: max(1, len(column) // HEAD)][:HEAD], dtype=np.float64)


def _may_be_code(sample: FloatArray) -> bool:
    values = np.unique(sample)
    gaps = np.diff(values)
    return bool((gaps > SAME * (values[-1] - values[0])).sum() < HEAD // 4)


def _codes(column: FloatArray) -> IntArray | None:
    """Return the number of each row's value (N,), values that nearly coincide being one.

    None where there is one value, and where they spread as a measurement does.
    """
    span = float(column.max() - column.min())
    if span == 0 or not np.isfinite(span):
        return None
    order = np.argsort(column, kind="stable")
    ordered = column[order]
    numbers = np.cumsum(np.diff(ordered, prepend=ordered[0]) > SAME * span)
    firsts = np.flatnonzero(np.diff(numbers, prepend=-1))
    lasts = np.append(firsts[1:], len(ordered)) - 1
    if (ordered[lasts] - ordered[firsts] > SAME * span).any():
        return None
    codes = np.empty(len(column), dtype=np.int64)
    codes[order] = numbers
    return codes


def screened(found: Candidates, labels: IntArray, known: BoolArray) -> tuple[Features, Columns]:
    """Return the features (N, D) without the columns that give the answer away.

    `known` (N,) says which labels (N,) are there. Columns that were asked for stay, and are told as
    leaks.
    """
    if found.is_free:
        return found.values, Columns(found.names, found.aside, is_table=found.is_table)
    suspicious = dict(found.orders)
    rows = slice(None) if known.all() else np.flatnonzero(known)
    given = labels[rows]
    for place, name in enumerate(found.names):
        reason = None if name in suspicious else answer_in(found.values[rows, place], given)
        if reason is not None:
            suspicious[name] = reason
    pairs = tuple((name, suspicious[name]) for name in found.names if name in suspicious)
    if found.is_asked or not pairs:
        return found.values, Columns(found.names, found.aside, pairs, found.is_table)
    kept = np.asarray([name not in suspicious for name in found.names])
    used = tuple(name for name in found.names if name not in suspicious)
    return found.values[:, kept], Columns(used, (*found.aside, *pairs), is_table=found.is_table)


def nothing_left(columns: Columns, *, where: str) -> InputError:
    """Return the error for data of whose columns none is left to judge by."""
    named = "; ".join(f"'{name}' {reason}" for name, reason in columns.aside[:LISTED])
    return InputError(
        f"no feature is left in {where}: {named}",
        help="--feature-columns A,B,C takes columns in spite of what they hold",
    )


def only(found: Candidates, names: Sequence[str], *, where: str) -> Candidates:
    """Return the columns of these names, in this order: those a network was trained on.

    Raises InputError where one is missing.
    """
    missing = [name for name in names if name not in found.names]
    if missing:
        raise InputError(
            f"{where} has no numeric column '{missing[0]}', which was trained on",
            help=f"it has: {_listed(found.names)}",
        )
    if tuple(names) == found.names:
        return as_they_are(found)
    places = [found.names.index(name) for name in names]
    chosen = replace(found, names=tuple(names), values=found.values[:, places], aside=())
    return as_they_are(chosen)


def as_they_are(found: Candidates) -> Candidates:
    """Return the columns as ones that are not looked into."""
    return replace(found, is_free=True)


def in_words(columns: Columns) -> tuple[str, ...]:
    """Return what is to be said of the columns: used, not used and why, used in spite of that."""
    said = []
    noun = "columns" if columns.is_table else "columns of the features"
    if columns.is_table and columns.used:
        said.append(f"columns used as features: {_listed(columns.used)}")
    if columns.aside:
        named = "; ".join(f"{_quoted(name)} {reason}" for name, reason in columns.aside[:LISTED])
        more = f"; and {len(columns.aside) - LISTED} more" if len(columns.aside) > LISTED else ""
        said.append(f"{noun} not used: {named}{more}")
    if columns.leaks:
        named = "; ".join(f"{_quoted(name)} {reason}" for name, reason in columns.leaks[:LISTED])
        said.append(f"{noun} used although they may hold the answer: {named}")
    return tuple(said)


def _quoted(name: str) -> str:
    return f"'{name}'"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - LISTED:,} more" if len(names) > LISTED else ""
    return ", ".join(_quoted(name) for name in names[:LISTED]) + more
