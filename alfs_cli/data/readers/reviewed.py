"""issues.csv, read back: as alfs wrote it, or after people reviewed it in a spreadsheet.

A spreadsheet may have changed separators and encoding (see `delimited`), written decimal commas,
and sorted the rows.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from alfs_cli.arrays import BoolArray, FloatArray, IntArray
from alfs_cli.data.dataset import LabelledDataset, positions_of
from alfs_cli.data.labels import is_nothing, same_text
from alfs_cli.data.readers.delimited import rows_of
from alfs_cli.errors import InputError, brief, did_you_mean, has
from alfs_cli.text.cells import unguarded

NEEDED = ("index", "given", "suggested", "suggested_confidence", "score")
UNDECIDED, KEEP, DROP = -3, -2, -1
ACTIONS = {"keep": KEEP, "drop": DROP}
CLASS, ACTION = "class:", "action:"  # prefixes for a word that is both a class and an action
LIKELY = "likely"
ACTED_ON = ("proven", LIKELY)
KINDS = (*ACTED_ON, "possible")
MAX_NAMED = 20  # mistakes listed in a message


@dataclass(frozen=True, eq=False)
class Issues:
    """M rows of issues.csv: `place` (M,) is an example's index in the data set.

    `suggested` (M,) are classes, -1 where the file has none. `suggested_confidence` and `score`
    (M,) are between 0 and 1, NaN where the file has none. `decision` (M,) is KEEP, DROP, UNDECIDED,
    or the class that a person chose. `is_suspect` (M,) is False for rows of the kind `possible`.
    """

    path: Path
    place: IntArray
    suggested: IntArray
    suggested_confidence: FloatArray
    score: FloatArray
    decision: IntArray
    is_suspect: BoolArray

    @property
    def num_decided(self) -> int:
        """The number of rows that a person has decided."""
        return int((self.decision != UNDECIDED).sum())


def read_issues(
    path: Path, dataset: LabelledDataset, *, needed: tuple[str, ...] = NEEDED
) -> Issues:
    """Read an issues.csv of `dataset`, or a table with at least the columns `needed` of it.

    Raises InputError where columns are missing, where rows belong to other data (index, path and
    given label are compared), and for cells that cannot be understood: those are listed together,
    with their lines.
    """
    rows = _rows(path, needed)
    place_of = {int(position): place for place, position in enumerate(positions_of(dataset))}
    class_of = {name: index for index, name in enumerate(dataset.class_names)}
    problems: list[tuple[int, str]] = []
    stale: list[int] = []
    seen: dict[int, int] = {}
    said: list[_Said] = []
    for line, row in rows:
        where = place_of.get(_whole(row["index"]))
        if where is None or not _is_here(row, dataset, where):
            stale.append(line)
            continue
        if where in seen:
            again = f"index {brief(row['index'])} is in line {seen[where]} already"
            problems.append((line, again))
        seen[where] = line
        problems += [(line, problem) for problem in _problems(row, class_of)]
        said.append(_said(row, where, class_of))
    if stale:
        raise InputError(
            f"{len(stale):,} of {len(rows):,} rows of '{path}' are not of these data "
            f"(line {stale[0]}{', ...' if len(stale) > 1 else ''}): index, path or given label "
            "differ",
            help="the labels changed since; run alfs estimate again",
        )
    if problems:
        told = [f"{path}:{line}: {problem}" for line, problem in problems[:MAX_NAMED]]
        if len(problems) > MAX_NAMED:
            told.append(f"and {len(problems) - MAX_NAMED:,} more")
        raise InputError("\n".join(told), help="mend those cells, or leave decisions empty")
    return Issues(
        path,
        np.asarray([row.place for row in said], dtype=np.int64),
        np.asarray([row.suggested for row in said], dtype=np.int64),
        np.asarray([row.confidence for row in said], dtype=np.float64),
        np.asarray([row.score for row in said], dtype=np.float64),
        np.asarray([row.decision for row in said], dtype=np.int64),
        np.asarray([row.is_suspect for row in said], dtype=np.bool_),
    )


class _Said(NamedTuple):
    """The values of one row of `Issues`."""

    place: int
    suggested: int
    confidence: float
    score: float
    decision: int
    is_suspect: bool


def _said(row: dict[str, str], place: int, class_of: dict[str, int]) -> _Said:
    """Return the values of a row; a cell that cannot be understood counts as missing."""
    chosen = _decision(row.get("decision", ""), class_of)
    return _Said(
        place,
        class_of.get(row.get("suggested", ""), -1),
        _number(row.get("suggested_confidence", "")),
        _number(row.get("score", "")),
        UNDECIDED if isinstance(chosen, str) else chosen,
        _kind(row) in ACTED_ON,
    )


def _problems(row: dict[str, str], class_of: dict[str, int]) -> Iterator[str]:
    """Yield a message for each cell of a row that cannot be understood."""
    for column in ("score", "suggested_confidence"):
        if column in row and not 0 <= _number(row[column]) <= 1:
            yield f"{column} '{brief(row[column])}' is not between 0 and 1"
    if "suggested" in row and row["suggested"] not in class_of:
        known = did_you_mean(row["suggested"], class_of)
        yield f"suggested '{brief(row['suggested'])}' is no class{known}"
    chosen = _decision(row.get("decision", ""), class_of)
    if isinstance(chosen, str):
        yield chosen
    if _kind(row) not in ("", *KINDS):
        yield f"kind '{_kind(row)}' is none of {', '.join(KINDS)}"


def _kind(row: dict[str, str]) -> str:
    return row.get("kind", LIKELY).strip()


def is_reviewed(path: Path) -> bool:
    """Say whether a table has a column `decision` and none called `true_label`."""
    columns = [name.strip() for name in _header(path)[1]]
    return "decision" in columns and "true_label" not in columns


def _header(path: Path) -> tuple[Iterator[tuple[int, list[str]]], list[str]]:
    """Return an iterator over the rows of a table, and its header."""
    if not path.exists() and not path.is_symlink():
        raise InputError(f"no such file: '{path}'", help="alfs estimate DATA writes issues.csv")
    rows = rows_of(path)
    return rows, next(rows, (1, []))[1]


def _rows(path: Path, needed: tuple[str, ...]) -> list[tuple[int, dict[str, str]]]:
    """Return the line and the cells by column of each row that is not empty.

    The apostrophes that `safe_cell` puts before formulas are removed.
    """
    found, header = _header(path)
    columns = [name.strip() for name in header]
    missing = [name for name in needed if name not in columns]
    if missing:
        raise InputError(
            f"'{path}' has no column '{missing[0]}' ({has(columns, missing)})",
            help="an issues.csv is needed here, as alfs estimate writes it",
        )
    rows: list[tuple[int, dict[str, str]]] = []
    for line, cells in found:
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) > len(columns) and any(cell.strip() for cell in cells[len(columns) :]):
            raise InputError(
                f"{path}:{line}: {len(cells)} cells, and {len(columns)} columns",
                help="a cell that holds the separator needs quotes",
            )
        padded = [*cells, *[""] * (len(columns) - len(cells))]
        named = zip(columns, padded, strict=False)
        rows.append((line, {name: same_text(unguarded(cell)) for name, cell in named}))
    return rows


def _whole(text: str) -> int:
    value = _number(text)
    return int(value) if value == np.floor(value) else -1


def _number(text: str) -> float:
    """Return the number in a cell, with a decimal point or comma; NaN where there is none."""
    try:
        return float(text.strip().replace(",", "."))
    except ValueError:
        return float("nan")


def _is_here(row: dict[str, str], dataset: LabelledDataset, place: int) -> bool:
    """Say whether the given label and the file name in a row, if any, are the example's."""
    if "given" in row and row["given"] != dataset.class_names[dataset.labels[place]]:
        return False
    shown = row.get("path", "")
    if not shown or dataset.paths is None:
        return True
    return Path(shown).name == Path(same_text(dataset.paths[place])).name


def _decision(text: str, class_of: dict[str, int]) -> int | str:
    """Return the class or action in a cell of `decision`, or a message if it cannot be understood.

    `keep` and `drop` are actions. If a class has such a name, `class:drop` and `action:drop` tell
    the two apart, and the word alone is refused.
    """
    bare = text.strip()
    if not bare:
        return UNDECIDED
    said, _, rest = bare.partition(":")
    named = class_of.get(text, class_of.get(bare))
    word = bare.casefold()
    if word in ACTIONS:
        if all(name.casefold() != word for name in class_of):
            return ACTIONS[word]
        return f"decision '{bare}' is a class as well: write '{CLASS}{word}' or '{ACTION}{word}'"
    if named is not None:
        return named
    if f"{said.casefold()}:" == ACTION and rest.strip().casefold() in ACTIONS:
        return ACTIONS[rest.strip().casefold()]
    if is_nothing(bare):
        return UNDECIDED
    if f"{said.casefold()}:" == CLASS:
        named = class_of.get(rest, class_of.get(rest.strip()))
    known = did_you_mean(bare, [*ACTIONS, *class_of])
    return (
        f"decision '{brief(text)}' is neither keep, drop nor a class{known}"
        if named is None
        else named
    )
