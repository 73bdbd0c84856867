"""Answers that people wrote down elsewhere, checked as a whole before any enters the record."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

import numpy as np

from alfs_cli.auditing.exhibits import Exhibits
from alfs_cli.audits.record import Answer, Record, Task, label_of
from alfs_cli.data import positions_of
from alfs_cli.data.labels import same_text
from alfs_cli.errors import InputError, UsageError, brief
from alfs_cli.text.numbers import whole_number

MOST_NAMED = 20
KEY_DIGITS = 6
COPIED = re.compile(r"(?:^|[/\\])([0-9]{5,})\.png$")  # the name of a picture beside a sheet
MEND = "mend those cells, or leave them empty, and read it again"


@dataclass(frozen=True)
class Said:
    """One answer as it was written: where, of what, which class in words, by whom.

    `draw` is the mark of the draw, empty where the row has none; `index` the example's place in
    the order of DATA, as text. `path` and `cells` are what was shown beside it, where that is told.
    """

    where: str
    draw: str
    index: str
    text: str
    by: str
    seconds: float | None = None
    path: str = ""
    cells: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Read:
    """How many answers were new, changed, or read before; `own` are about undrawn examples."""

    new: int = 0
    changed: int = 0
    same: int = 0
    own: int = 0


def mark_of(record: Record, number: int) -> str:
    """Return what a draw is known by on paper: its number and the audit's key, as `a3fc81d:17`."""
    return f"a{key_of(record)}:{number}"


def key_of(record: Record) -> str:
    """Return by what the draws of this audit are told from those of others."""
    plan = record.plan
    words = f"{record.draws.key}|{plan.examples}|{[str(claim) for claim in plan.claims]}"
    return sha256(words.encode()).hexdigest()[:KEY_DIGITS]


@dataclass(frozen=True)
class Entry:
    """An answer as it will enter the record; no task: it settles an example, and no more."""

    said: Said
    task: Task | None
    index: int
    label: int | None


def enter(record: Record, shows: Exhibits, sayings: Sequence[Said]) -> Read:
    """Write the answers to the record; raises one InputError for all that are wrong, and none is.

    What is there already in the same words by the same person is passed over.
    """
    entries = checked(record, shows, sayings)
    counts = dict.fromkeys(("new", "changed", "same", "own"), 0)
    for entry in entries:
        by, before = entry.said.by, before_of(record, entry)
        if before is not None and before.label == entry.label:
            counts["same"] += 1
            continue
        if entry.task is None:
            record.suspect(entry.index, entry.label, by=by)
            counts["own"] += 1
            continue
        content = shows.content(entry.index)
        record.answer(entry.task, entry.label, by=by, seconds=entry.said.seconds, content=content)
        counts["new" if before is None else "changed"] += 1
    return Read(**counts)


def before_of(record: Record, entry: Entry) -> Answer | None:
    """Return what this person said of it before."""
    if entry.task is None:
        return record.suspects.get(entry.index)
    return record.said(entry.task.number, entry.said.by)


def checked(record: Record, shows: Exhibits, sayings: Sequence[Said]) -> list[Entry]:
    """Return the answers as they will enter; raises one InputError that names all mistakes."""
    positions = positions_of(shows.dataset)
    place_of = {int(position): place for place, position in enumerate(positions)}
    numbers = np.full(len(record.examples), -1, dtype=np.int64)
    numbers[record.draws.order] = np.arange(len(record.draws.order))
    soon = {task.number for task in record.batch(len(sayings))}
    foreign = [said for said in sayings if is_foreign(record, said)]
    wrong: list[str] = []
    found: list[Entry] = []
    seen: dict[tuple[int, str], Entry] = {}
    for said in sayings:
        try:
            label = class_of(said, record.examples.classes)
            position = whole_number(said.index.strip().removesuffix(".0"))
            place = -1 if position is None else place_of.get(position, -1)
            entry = entry_of(record, said, place, label, numbers, soon)
        except UsageError as error:
            wrong.append(str(error))
            continue
        twin = seen.get((entry.index, said.by))
        if twin is not None and twin.label != label:
            wrong.append(f"{said.where}: example {said.index} has another answer at "
                         f"{twin.said.where}")  # fmt: skip
        elif twin is None:
            seen[(entry.index, said.by)] = entry
            found.append(entry)
    if len(foreign) == len(sayings) > 0:
        raise InputError(
            f"{foreign[0].where}: a sheet of another audit, all {len(foreign):,} answers of it",
            help="read it with the --out of the audit that wrote it",
        )
    wrong += misplaced(shows, found)
    if wrong:
        more = [f"and {len(wrong) - MOST_NAMED:,} more"] if len(wrong) > MOST_NAMED else []
        raise InputError("\n".join([*wrong[:MOST_NAMED], *more]), help=MEND)
    return found


def misplaced(shows: Exhibits, entries: Sequence[Entry]) -> list[str]:
    """Return what is wrong with answers that stand beside another example than they name.

    A spreadsheet that sorted some columns and not the others leaves such rows. A cell that was
    written in another way, as spreadsheets do, is no such thing: it has to be another example's.
    Without a draw what is shown must be the example's own, for the sheet may be of other data.
    """
    owners: dict[tuple[str, ...], int] = {}
    for entry in entries:
        owners.setdefault(_shown(shows, entry.index, entry.said.cells), entry.index)
    other_pictures = _of_other_pictures(shows, entries)
    wrong = []
    for entry in entries:
        said = entry.said
        names = [name for name, _ in shows.cells(entry.index) if name in said.cells]
        own = _shown(shows, entry.index, names)
        told = tuple(said.cells[name] for name in names)
        alike = [is_same_cell(a, b) for a, b in zip(own, told, strict=True)]
        is_other = not all(alike) and owners.get(told, entry.index) != entry.index
        is_unlike = bool(alike) and not any(alike) and not said.draw
        if is_other or is_unlike or said.where in other_pictures:
            what = said.path or next(iter(told), "")
            wrong.append(f"{said.where}: the row names example {shows.row(entry.index)} and shows "
                         f"'{brief(what)}', of another one")  # fmt: skip
    return wrong


def _shown(shows: Exhibits, place: int, names: Collection[str]) -> tuple[str, ...]:
    return tuple(same_text(cell) for name, cell in shows.cells(place) if name in names)


def is_same_cell(a: str, b: str) -> bool:
    """Return whether two cells are the same text or number, with a decimal point or comma.

    >>> is_same_cell("1.50", "1,5"), is_same_cell("1", "one")
    (True, False)
    """
    if a.strip() == b.strip():
        return True
    try:
        return float(a.replace(",", ".")) == float(b.replace(",", "."))
    except ValueError:
        return False


def _of_other_pictures(shows: Exhibits, entries: Sequence[Entry]) -> set[str]:
    """Return where paths are another example's, or copied pictures' of another draw."""
    paths = shows.dataset.paths
    if shows.tells or paths is None:
        numbers = [COPIED.search(entry.said.path) for entry in entries]
        return {
            entry.said.where
            for entry, copied in zip(entries, numbers, strict=True)
            if copied and entry.task is not None and int(copied[1]) != entry.task.number
        }
    unlike = [
        entry for entry in entries if entry.said.path not in ("", same_text(paths[entry.index]))
    ]
    known = {same_text(path) for path in paths} if unlike else set()
    return {
        entry.said.where
        for entry in unlike
        if entry.said.path in known
        or not (entry.said.draw or _name(entry.said.path) == _name(paths[entry.index]))
    }


def _name(path: str) -> str:
    return same_text(path).replace("\\", "/").rpartition("/")[2]


def is_foreign(record: Record, said: Said) -> bool:
    """Return whether an answer is to a draw of another audit."""
    return bool(said.draw) and said.draw.strip().partition(":")[0] != f"a{key_of(record)}"


def entry_of(
    record: Record,
    said: Said,
    place: int,
    label: int | None,
    numbers: "np.ndarray[tuple[int, ...], np.dtype[np.int64]]",
    soon: set[int],
) -> Entry:
    """Return the entry of one answer; raises UsageError where it is of no draw of this audit."""
    if said.draw:
        number = whole_number(said.draw.strip().partition(":")[2])
        if is_foreign(record, said):
            raise wrong_at(said, f"draw '{brief(said.draw)}' is of another audit")
        if number is None or number >= len(record.draws.order):
            raise wrong_at(said, f"draw '{brief(said.draw)}' is none of this audit")
        task = record.task(number)
        if said.index and task.index != place:
            raise wrong_at(said, f"draw '{said.draw}' is not of index '{brief(said.index)}'")
        return Entry(said, task, task.index, label)
    if place < 0:
        last = len(record.examples) - 1
        raise wrong_at(said, f"index '{brief(said.index)}' is no example from 0 to {last:,}")
    number = int(numbers[place])
    is_asked = number >= 0 and (number in soon or number in record.drawn)
    return Entry(said, record.task(number) if is_asked else None, place, label)


def wrong_at(said: Said, what: str) -> UsageError:
    """Return the error of what was said in a place."""
    return UsageError(f"{said.where}: {what}", help=MEND)


def class_of(said: Said, classes: Sequence[str]) -> int | None:
    """Return the class that is meant; a spreadsheet may have written `CAT` or `True`."""
    written = {name.strip() for name in classes}
    plain = said.text.strip()
    if plain not in written:
        alike = [name for name in classes if name.strip().casefold() == plain.casefold()]
        if len(alike) == 1:
            return list(classes).index(alike[0])
    return label_of(said.text, classes, said.where)
