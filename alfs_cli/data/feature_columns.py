"""Which columns of a table are features, and which leak the given labels.

A row index, an id or a counter shows where an example stands, and rows are often sorted by class. A
column may also repeat the label: as a code, one-hot, or in other units. A model trained on such a
column reproduces the given labels, wrong ones included, so that no error is found. Columns are
therefore judged by what they contain, and by their names where these are clear. A continuous column
is a feature, however well it separates the classes.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alfs_cli.arrays import BoolArray, Features, FloatArray, IntArray
from alfs_cli.data.categories import Category, missing_indicator
from alfs_cli.data.tuning import TUNING
from alfs_cli.errors import InputError, did_you_mean
from alfs_cli.text.names import parse_columns

HEAD = 256  # rows looked at first: they rule out most columns, so that few are read whole
LARGEST_TABLE = 4096  # rows of a table of values by labels, to bound its memory
LISTED = 12  # columns named in a message

NAMELESS = re.compile(r"|unnamed(: ?\d+)?(_level_\d+)?|__index_level_\d+__|level_\d+", re.I)
IDENTIFIER = re.compile(
    r"(.*[\s_.-])?(id|ids|idx|uid|uuid|guid)|index|rowid|row([\s_.-]?(no|number|num|nr))?", re.I
)
CAMEL = re.compile(r".*[a-z](Id|ID|Idx)")


@dataclass(frozen=True)
class Columns:
    """Names of the columns used as features, and (name, reason) of those set aside.

    `leaks` are columns that are used because the user asked for them, although they leak the
    labels. `encoded` are the names of the features where a column of categories became several, and
    `filled` the columns whose missing values the median stands for, with their number. With
    `is_table` the names are the file's own, without it the numbers of an array's columns.
    """

    used: tuple[str, ...]
    aside: tuple[tuple[str, str], ...] = ()
    leaks: tuple[tuple[str, str], ...] = ()
    is_table: bool = True
    encoded: tuple[str, ...] = ()
    filled: tuple[tuple[str, int], ...] = ()

    @property
    def features(self) -> tuple[str, ...]:
        """The name of each feature."""
        return self.encoded or self.used

    @property
    def is_chosen(self) -> bool:
        """Whether these columns must be named to read the same ones from other data."""
        return self.is_table or bool(self.aside or self.leaks)


@dataclass(frozen=True, eq=False)
class Candidates:
    """Numeric columns (N, D) with their names, before they are compared with the labels.

    `categories` are columns of a few values, and `filled` the numeric columns whose missing values
    the median stands for, with a mask (N,) of these. `orders` are (name, reason) of columns that
    follow or count the rows, `aside` of those left out.
    `is_asked` means that the user named the columns. `is_free` means that they are not screened for
    leaks, since a network that is to see them was trained on them. `is_table` is as in `Columns`.
    """

    names: tuple[str, ...]
    values: Features
    orders: tuple[tuple[str, str], ...] = ()
    aside: tuple[tuple[str, str], ...] = ()
    is_asked: bool = False
    is_free: bool = False
    is_table: bool = True
    categories: tuple[Category, ...] = ()
    filled: tuple[tuple[str, BoolArray], ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether there is no column that may be a feature."""
        return not self.names and not self.categories


def reason_by_name(name: str, index_columns: Sequence[str] = ()) -> str | None:
    """Return why a column of this name is no feature, None where it may be one.

    >>> reason_by_name("patient_id")
    'is named as an id'
    """
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
    """Return the names of the columns to read as features, and (name, reason) of those left out.

    `asked` and `excluded` are the values of --feature-columns and --exclude-columns. `are_names` is
    False for the numbers of an array's columns. Raises InputError for a column that is not there.
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
    """Return (name, reason) of the columns (N,) that follow the order of the rows or count them."""
    found = []
    for name, column in zip(names, columns, strict=True):
        reason = order_in(column)
        if reason is not None:
            found.append((name, reason))
    return tuple(found)


def order_in(column: NDArray[Any]) -> str | None:
    """Return why a column (N,) follows or counts the rows, None where it does not.

    Such columns are: numbers that never fall, or never rise, from row to row; whole numbers that
    fill a range in even steps; whole numbers that never repeat, although random ones from their
    range would.

    >>> order_in(np.arange(100.0))
    'rises with the rows'
    """
    head = np.asarray(column[:HEAD], dtype=np.float64)
    if len(column) < TUNING.fewest_rows or not _may_be_order(head):
        return None
    numbers = np.asarray(column, dtype=np.float64)
    if not np.isfinite(numbers).all():
        return None
    is_whole = bool((numbers == np.floor(numbers)).all())
    values, counts = np.unique(numbers, return_counts=True)
    if len(values) < TUNING.fewest_rows:
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
    """Return why distinct whole numbers (V,) with `counts` (V,) count the rows, None if not."""
    gaps, N = np.diff(values), int(counts.sum())
    if (gaps == gaps[0]).all() and (counts == counts[0]).all():
        return "counts the rows" if counts[0] == 1 else "counts groups of rows"
    span = float(values[-1] - values[0]) / float(np.gcd.reduce(gaps.astype(np.int64))) + 1
    if len(values) == N and N * (N - 1) / (2 * span) >= TUNING.surprising_pairs:
        return "numbers each row once, as an id"
    return None


def answer_in(column: NDArray[Any], labels: IntArray) -> str | None:
    """Return how a column (N,) of few values repeats the given labels (N,), None if it does not.

    A column does where each label has one value, or each value one label, except in two rows of a
    thousand. With more values than a code of the labels would have, it does only where it holds
    whole numbers and no row is an exception.
    """
    if len(labels) < TUNING.fewest_rows or not _may_be_code(_sampled(column), _sampled(labels)):
        return None
    codes = _codes(np.asarray(column, dtype=np.float64))
    if codes is None or codes.max() >= LARGEST_TABLE:
        return None
    K, V = int(labels.max()) + 1, int(codes.max()) + 1
    table = np.zeros((V, K), dtype=np.int64)
    np.add.at(table, (codes, labels), 1)
    table = table[:, table.sum(axis=0) >= TUNING.code_label_examples]
    table = table[table.sum(axis=1) > 0]
    N, present = int(table.sum()), table.shape[1]
    if present < 2 or len(table) < 2:
        return None
    allowed = TUNING.code_errors * N
    if N - table.max(axis=0).sum() <= allowed and len(np.unique(table.argmax(axis=0))) > 1:
        return "holds the label again" if len(table) >= present else "holds part of the label"
    if len(np.unique(table.argmax(axis=1))) < 2:
        return None
    errors, repeats = N - table.max(axis=1).sum(), N / len(table)
    is_small = len(table) <= max(TUNING.code_values, 2 * present)
    if is_small and repeats >= TUNING.code_repeats and errors <= allowed:
        return "has values that belong to one label each"
    is_whole = bool((column == np.floor(column)).all())
    is_large = len(table) > TUNING.whole_code_values or repeats < TUNING.whole_code_repeats
    if is_whole and not is_large and not errors:
        return "has values that belong to one label each"
    return None


def _sampled(column: NDArray[Any]) -> FloatArray:
    return np.asarray(column[:: max(1, len(column) // HEAD)][:HEAD], dtype=np.float64)


def _may_be_code(sample: FloatArray, labels: FloatArray) -> bool:
    """Return whether a sample of rows holds few values, or no more values than labels (n,)."""
    values = np.unique(sample)
    gaps = np.diff(values)
    apart = int((gaps > _tolerance(values)).sum())
    return apart < max(HEAD // 4, len(np.unique(labels)))


def _tolerance(values: FloatArray) -> float:
    """Return up to which difference two values count as equal; whole numbers differ by 1."""
    span = TUNING.equal_values * float(values.max() - values.min())
    return min(span, 0.5) if (values == np.floor(values)).all() else span


def _codes(column: FloatArray) -> IntArray | None:
    """Return the number of each row's value (N,), nearly equal values being one.

    None for a constant column, and where nearly equal values form a chain, as measurements do.
    """
    span = float(column.max() - column.min())
    if span == 0 or not np.isfinite(span):
        return None
    order = np.argsort(column, kind="stable")
    ordered, tolerance = column[order], _tolerance(column)
    numbers = np.cumsum(np.diff(ordered, prepend=ordered[0]) > tolerance)
    firsts = np.flatnonzero(np.diff(numbers, prepend=-1))
    lasts = np.append(firsts[1:], len(ordered)) - 1
    if (ordered[lasts] - ordered[firsts] > tolerance).any():
        return None
    codes = np.empty(len(column), dtype=np.int64)
    codes[order] = numbers
    return codes


def screened(found: Candidates, labels: IntArray, known: BoolArray) -> tuple[Features, Columns]:
    """Return the features (N, D) without the columns that leak the labels, and what was decided.

    `known` (N,) is a mask of the labels (N,) that are not missing. Columns that the user asked for
    stay, and are listed as leaks.
    """
    suspicious = {} if found.is_free else _suspicious(found, labels, known)
    everything = (*found.names, *(category.name for category in found.categories))
    pairs = tuple((name, suspicious[name]) for name in everything if name in suspicious)
    left_out = set() if found.is_asked else set(suspicious)
    values, features = _encoded(found, left_out)
    used = tuple(name for name in everything if name not in left_out)
    filled = tuple(
        (name, int(is_missing.sum())) for name, is_missing in found.filled if name in used
    )
    return values, Columns(
        used,
        found.aside if found.is_asked else (*found.aside, *pairs),
        pairs if found.is_asked else (),
        found.is_table,
        encoded=() if features == used else features,
        filled=filled,
    )


def _suspicious(found: Candidates, labels: IntArray, known: BoolArray) -> dict[str, str]:
    """Return why columns leak the labels, by name: those that do."""
    suspicious = dict(found.orders)
    rows = slice(None) if known.all() else np.flatnonzero(known)
    given = labels[rows]
    for place, name in enumerate(found.names):
        reason = None if name in suspicious else answer_in(found.values[rows, place], given)
        if reason is not None:
            suspicious[name] = reason
    for name, is_missing in found.filled:
        if name not in suspicious and answer_in(is_missing[rows].astype(float), given):
            suspicious[name] = "is missing where the label says"
    for category in found.categories:
        reason = answer_in(category.codes[rows].astype(float), given)
        for level, indicator in zip(category.names(), category.indicators().T, strict=True):
            if reason is None and answer_in(indicator[rows], given) is not None:
                reason = f"tells part of the label, where it is '{level.partition('=')[2]}'"
        if reason is not None:
            suspicious[category.name] = reason
    return suspicious


def _encoded(found: Candidates, left_out: Collection[str]) -> tuple[Features, tuple[str, ...]]:
    """Return the features (N, D) of all columns but some, with a name for each.

    After the numbers stand the indicators of their missing values, then those of categories.
    """
    kept = [name not in left_out for name in found.names]
    values = found.values if all(kept) else found.values[:, np.asarray(kept, dtype=np.bool_)]
    names = [name for name in found.names if name not in left_out]
    more = [missing_indicator(name, gaps) for name, gaps in found.filled if name not in left_out]
    more += [category for category in found.categories if category.name not in left_out]
    if not more:
        return values, tuple(names)
    parts = [values, *(category.indicators() for category in more)]
    return np.concatenate(parts, axis=1), (*names, *(n for each in more for n in each.names()))


def nothing_left(columns: Columns, *, where: str) -> InputError:
    """Return the error for data of which every column was set aside."""
    named = "; ".join(f"'{name}' {reason}" for name, reason in columns.aside[:LISTED])
    return InputError(
        f"no feature is left in {where}: {named}",
        help="--feature-columns A,B,C uses columns whatever they contain",
    )


def only(found: Candidates, names: Sequence[str], *, where: str) -> Candidates:
    """Return the columns of these names, in this order, without screening them for leaks.

    Raises InputError where one is missing. `names` are the features that a network was trained on;
    a value of a category that does not occur here is a column of zeros.
    """
    if tuple(names) == found.names and not found.filled:
        return as_they_are(replace(found, categories=()))
    values, there = _encoded(found, ())
    place = {name: index for index, name in enumerate(there)}
    columns = {*found.names, *(each.name for each in found.categories), *dict(found.aside)}
    chosen = np.zeros((len(values), len(names)), dtype=np.float32)
    for index, name in enumerate(names):
        if name in place:
            chosen[:, index] = values[:, place[name]]
        elif name.rpartition("=")[0] not in columns:
            raise InputError(
                f"{where} has no numeric column '{name}', which was trained on",
                help=f"it has: {_listed(there)}",
            )
    return as_they_are(
        replace(found, names=tuple(names), values=chosen, aside=(), categories=(), filled=())
    )


def numbers_alone(found: Candidates) -> Candidates:
    """Return the columns of numbers, as networks take them; the median is in place of gaps."""
    aside = [
        (category.name, "is a category, and networks take numbers") for category in found.categories
    ]
    return replace(found, aside=(*found.aside, *aside), categories=(), filled=())


def as_they_are(found: Candidates) -> Candidates:
    """Return the same columns, not to be screened for leaks."""
    return replace(found, is_free=True)


def in_words(columns: Columns) -> tuple[str, ...]:
    """Return notes on the columns: which are used, which are not and why, and which leak."""
    said = []
    noun = "columns" if columns.is_table else "columns of the features"
    if columns.is_table and columns.used:
        many = len(columns.encoded)
        more = f" ({many} features: categories have one for each value)" if many else ""
        said.append(f"columns used as features: {_listed(columns.used)}{more}")
    if columns.filled:
        named = "; ".join(f"{_quoted(name)} in {n:,} rows" for name, n in columns.filled[:LISTED])
        said.append(f"missing values, taken as the median: {named}")
    if columns.aside:
        named = "; ".join(f"{_quoted(name)} {reason}" for name, reason in columns.aside[:LISTED])
        more = f"; and {len(columns.aside) - LISTED} more" if len(columns.aside) > LISTED else ""
        said.append(f"{noun} not used: {named}{more}")
    if columns.leaks:
        named = "; ".join(f"{_quoted(name)} {reason}" for name, reason in columns.leaks[:LISTED])
        said.append(f"{noun} used although they may leak the labels: {named}")
    return tuple(said)


def _quoted(name: str) -> str:
    return f"'{name}'"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - LISTED:,} more" if len(names) > LISTED else ""
    return ", ".join(_quoted(name) for name in names[:LISTED]) + more
