"""issues.csv as it comes back: as alfs wrote it, or reviewed by people and saved by a spreadsheet.

A spreadsheet may have written it in its own way (`delimited`), with commas in numbers, and put rows
into another order.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from alfs_cli.data.dataset import LabelledDataset, positions_of
from alfs_cli.data.delimited import rows_of
from alfs_cli.data.labels import is_nothing, same_text
from alfs_cli.documents import unguarded
from alfs_cli.errors import InputError, brief, did_you_mean, has

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]

NEEDED = ("index", "given", "suggested", "suggested_confidence", "score")
UNDECIDED, KEEP, DROP = -3, -2, -1
MAX_NAMED = 20


@dataclass(frozen=True, eq=False)
class Issues:
    """Rows of issues.csv: the place in the data set of each, what was suggested and decided.

    `decision` (M,) is KEEP, DROP, UNDECIDED, or the class that a person chose.
    """

    path: Path
    place: IntArray
    suggested: IntArray
    suggested_confidence: FloatArray
    score: FloatArray
    decision: IntArray

    @property
    def num_decided(self) -> int:
        """How many rows a person has decided."""
        return int((self.decision != UNDECIDED).sum())


def read_issues(
    path: Path, dataset: LabelledDataset, *, needed: tuple[str, ...] = NEEDED
) -> Issues:
    """Read issues.csv of `dataset`, or a table with at least the columns `needed` of it.

    What a column that is not there would say is -1, or NaN. Raises InputError where it is no such
    file, where its rows are not of these data (index, path and given label are compared), and for
    values that mean nothing: all at once, with their lines.
    """
    rows = _rows(path, needed)
    place_of = {int(position): place for place, position in enumerate(positions_of(dataset))}
    class_of = {name: index for index, name in enumerate(dataset.class_names)}
    problems: list[tuple[int, str]] = []
    stale: list[int] = []
    seen: dict[int, int] = {}
    place, suggested, decision = [], [], []
    numbers: list[tuple[float, float]] = []
    for line, row in rows:
        where = place_of.get(_whole(row["index"]))
        likely = class_of.get(row.get("suggested", ""))
        if where is None or not _is_here(row, dataset, where):
            stale.append(line)
            continue
        if where in seen:
            again = f"index {brief(row['index'])} is in line {seen[where]} already"
            problems.append((line, again))
        seen[where] = line
        found = []
        for column in ("score", "suggested_confidence"):
            value = _number(row.get(column, ""))
            if column in row and not 0 <= value <= 1:
                problems.append((line, f"{column} '{brief(row[column])}' is not between 0 and 1"))
            found.append(value)
        if likely is None and "suggested" in row:
            known = did_you_mean(row["suggested"], class_of)
            problems.append((line, f"suggested '{brief(row['suggested'])}' is no class{known}"))
        chosen = _decision(row.get("decision", ""), class_of)
        if chosen is None:
            text = row["decision"]
            known = did_you_mean(text, ["keep", "drop", *class_of])
            what = f"decision '{brief(text)}' is neither keep, drop nor a class{known}"
            problems.append((line, what))
        place.append(where)
        suggested.append(-1 if likely is None else likely)
        numbers.append((found[0], found[1]))
        decision.append(UNDECIDED if chosen is None else chosen)
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
    score, confidence = np.asarray(numbers, dtype=np.float64).reshape(-1, 2).T
    return Issues(
        path,
        np.asarray(place, dtype=np.int64),
        np.asarray(suggested, dtype=np.int64),
        confidence,
        score,
        np.asarray(decision, dtype=np.int64),
    )


def is_reviewed(path: Path) -> bool:
    """Say whether a table has a column `decision`, and no `true_label`."""
    columns = [name.strip() for name in _header(path)[1]]
    return "decision" in columns and "true_label" not in columns


def _header(path: Path) -> tuple[Iterator[tuple[int, list[str]]], list[str]]:
    """Return the rows of a table after its first, and that one."""
    if not path.exists() and not path.is_symlink():
        raise InputError(f"no such file: '{path}'", help="alfs estimate DATA writes issues.csv")
    rows = rows_of(path)
    return rows, next(rows, (1, []))[1]


def _rows(path: Path, needed: tuple[str, ...]) -> list[tuple[int, dict[str, str]]]:
    """Return each row that is not empty with its line: cells by column, without their guards."""
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
    """Return the number in a cell, NaN where there is none; decimal commas are points."""
    try:
        return float(text.strip().replace(",", "."))
    except ValueError:
        return float("nan")


def _is_here(row: dict[str, str], dataset: LabelledDataset, place: int) -> bool:
    """Return whether label and file, where the row names them, are the example's."""
    if "given" in row and row["given"] != dataset.class_names[dataset.labels[place]]:
        return False
    shown = row.get("path", "")
    if not shown or dataset.paths is None:
        return True
    return Path(shown).name == Path(same_text(dataset.paths[place])).name


def _decision(text: str, class_of: dict[str, int]) -> int | None:
    """Return what a cell decides, None where it means nothing; keep and drop are no classes."""
    bare = text.strip()
    word = bare.casefold()
    if not bare:
        return UNDECIDED
    if word in ("keep", "drop"):
        return KEEP if word == "keep" else DROP
    chosen = class_of.get(text, class_of.get(bare))
    return UNDECIDED if chosen is None and is_nothing(bare) else chosen
