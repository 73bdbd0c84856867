"""issues.csv as it comes back: as alfs wrote it, or reviewed by people and saved by a spreadsheet.

A spreadsheet may have put a byte-order mark before it, semicolons or tabs between cells, commas
into numbers, CRLF at the ends of lines, and rows into another order.
"""

import csv
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from alfs_cli.data.dataset import LabelledDataset, positions_of
from alfs_cli.data.labels import same_text
from alfs_cli.documents import unguarded
from alfs_cli.errors import InputError, did_you_mean

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]

NEEDED = ("index", "given", "suggested", "suggested_confidence", "score")
UNDECIDED, KEEP, DROP = -3, -2, -1
ACTIONS = {"keep": KEEP, "drop": DROP}
CLASS, ACTION = "class:", "action:"  # said before a word that could be either
LIKELY = "likely"
ACTED_ON = ("proven", LIKELY)
KINDS = (*ACTED_ON, "possible")
MAX_NAMED = 20
SEPARATORS = ",;\t"


@dataclass(frozen=True, eq=False)
class Issues:
    """Rows of issues.csv: the place in the data set of each, what was suggested and decided.

    `decision` (M,) is KEEP, DROP, UNDECIDED, or the class that a person chose. `is_suspect` (M,) is
    False for what the column `kind` calls merely possible.
    """

    path: Path
    place: IntArray
    suggested: IntArray
    suggested_confidence: FloatArray
    score: FloatArray
    decision: IntArray
    is_suspect: NDArray[np.bool_]

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
    place, suggested, decision, is_suspect = [], [], [], []
    numbers: list[tuple[float, float]] = []
    for line, row in rows:
        where = place_of.get(_whole(row["index"]))
        likely = class_of.get(row.get("suggested", ""))
        if where is None or not _is_here(row, dataset, where):
            stale.append(line)
            continue
        if where in seen:
            problems.append((line, f"index {row['index']} is in line {seen[where]} already"))
        seen[where] = line
        found = []
        for column in ("score", "suggested_confidence"):
            value = _number(row.get(column, ""))
            if column in row and not 0 <= value <= 1:
                problems.append((line, f"{column} '{row[column]}' is not between 0 and 1"))
            found.append(value)
        if likely is None and "suggested" in row:
            known = did_you_mean(row["suggested"], class_of)
            problems.append((line, f"suggested '{row['suggested']}' is no class{known}"))
        chosen = _decision(row.get("decision", ""), class_of)
        if isinstance(chosen, str):
            problems.append((line, chosen))
        kind = row.get("kind", LIKELY).strip()
        if kind not in ("", *KINDS):
            problems.append((line, f"kind '{kind}' is none of {', '.join(KINDS)}"))
        place.append(where)
        suggested.append(-1 if likely is None else likely)
        numbers.append((found[0], found[1]))
        decision.append(UNDECIDED if isinstance(chosen, str) else chosen)
        is_suspect.append(kind in ACTED_ON)
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
        np.asarray(is_suspect, dtype=np.bool_),
    )


def is_reviewed(path: Path) -> bool:
    """Say whether a table has a column `decision`, and no `true_label`."""
    head, separator = _head(_text(path))
    columns = [name.strip().strip('"') for name in head.split(separator)]
    return "decision" in columns and "true_label" not in columns


def _head(text: str) -> tuple[str, str]:
    """Return the first line and what separates its cells."""
    head = text.split("\n", 1)[0]
    return head, max(SEPARATORS, key=head.count)


def _text(path: Path) -> str:
    """Return a file's text, its lines ended alike."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise InputError(
            f"no such file: '{path}'", help="alfs estimate DATA writes issues.csv"
        ) from None
    except UnicodeDecodeError:
        raise InputError(
            f"'{path}' is not UTF-8 text",
            help="save it again from the spreadsheet as 'CSV UTF-8'",
        ) from None
    except OSError as error:
        raise InputError(f"cannot read '{path}': {error.strerror or error}") from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _rows(path: Path, needed: tuple[str, ...]) -> list[tuple[int, dict[str, str]]]:
    """Return each row that is not empty with its line: cells by column, without their guards."""
    text = _text(path)
    _, separator = _head(text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    rows: list[tuple[int, dict[str, str]]] = []
    try:
        columns = [name.strip() for name in next(reader, [])]
        missing = [name for name in needed if name not in columns]
        if missing:
            raise InputError(
                f"'{path}' has no column '{missing[0]}' (has: {', '.join(columns[:20])})",
                help="an issues.csv is needed here, as alfs estimate writes it",
            )
        before = reader.line_num
        for cells in reader:
            line, before = before + 1, reader.line_num
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
    except csv.Error as error:
        raise InputError(f"cannot read '{path}': line {reader.line_num}: {error}") from None
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


def _decision(text: str, class_of: dict[str, int]) -> int | str:
    """Return what a cell decides, or what is wrong with it.

    `keep` and `drop` are no classes, unless a class is called so: then `class:drop` and
    `action:drop` tell them apart, and the bare word is refused.
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
    if f"{said.casefold()}:" == CLASS:
        named = class_of.get(rest, class_of.get(rest.strip()))
    known = did_you_mean(bare, [*ACTIONS, *class_of])
    return f"decision '{text}' is neither keep, drop nor a class{known}" if named is None else named
