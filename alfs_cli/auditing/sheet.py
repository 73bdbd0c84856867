"""The next draws as a table to fill in, and the table as it comes back from any spreadsheet.

Columns: `index`, the place in DATA; `draw`, by which a row is known again; the picture's `path`, or
the row's own cells as `data.NAME`; `true_label`, empty. Where paths would tell the given label the
pictures are copied beside the sheet under names that do not.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from alfs_cli.auditing.answers import Said, checked, mark_of
from alfs_cli.auditing.exhibits import Exhibits
from alfs_cli.audits.record import CANNOT_TELL, Record, Task
from alfs_cli.data.labels import same_text
from alfs_cli.data.readers.delimited import rows_of
from alfs_cli.errors import AlfsError, InputError, UsageError, has
from alfs_cli.storage.writing import replacing, write_text
from alfs_cli.text.cells import safe_cell, unguarded

INDEX, DRAW, PATH, TRUE, GIVEN, BY = "index", "draw", "path", "true_label", "given", "by"
CELL = "data."
PICTURE = 1024  # px, of a copied picture
BYTE_ORDER_MARK = "\ufeff"  # Excel takes a file without one for Windows-1252


@dataclass(frozen=True)
class Written:
    """What was written: how many rows, the file of class names, the folder of pictures."""

    rows: int
    classes: Path
    pictures: Path | None


def write_sheet(record: Record, shows: Exhibits, tasks: Sequence[Task], path: Path) -> Written:
    """Write draws to a sheet, and the names of the classes to a file beside it."""
    folder = None
    if shows.are_pictures and (shows.tells or shows.dataset.paths is None):
        folder = copied_pictures(shows, tasks, path.with_name(f"{path.stem}-pictures"))
    names = columns_of(record, shows)
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([safe_cell(name) for name in names])
    for task in tasks:
        row = row_of(record, shows, task, folder)
        writer.writerow([safe_cell(row.get(name, "")) for name in names])
    write_text(path, BYTE_ORDER_MARK + stream.getvalue())
    return Written(len(tasks), write_classes(record, path), folder)


def columns_of(record: Record, shows: Exhibits) -> list[str]:
    """Return the columns of a sheet, the one to fill in last."""
    own = [PATH] if shows.are_pictures else [CELL + name for name, _ in shows.cells(0)]
    given = [GIVEN] if record.plan.show_given else []
    return [INDEX, DRAW, *own, *given, TRUE]


def row_of(record: Record, shows: Exhibits, task: Task, folder: Path | None) -> dict[str, str]:
    """Return a draw as cells by column; the place in DATA is that of the file as it lies there."""
    dataset = shows.dataset
    row = {INDEX: str(shows.row(task.index)), DRAW: mark_of(record, task.number)}
    if folder is not None:
        row[PATH] = f"{folder.name}/{picture_name(task)}"
    elif shows.are_pictures and dataset.paths is not None:
        row[PATH] = dataset.paths[task.index]
    row |= {CELL + name: cell for name, cell in shows.cells(task.index)}
    if record.plan.show_given:
        row[GIVEN] = dataset.class_names[dataset.labels[task.index]]
    return row


def picture_name(task: Task) -> str:
    """Return the file name of a copied picture: the number of its draw, which tells nothing."""
    return f"{task.number:05d}.png"


def copied_pictures(shows: Exhibits, tasks: Sequence[Task], folder: Path) -> Path:
    """Copy the pictures of draws as PNG, under the numbers of their draws."""
    folder.mkdir(parents=True, exist_ok=True)
    for task in tasks:
        png = shows.picture(task.index, PICTURE)
        if png is None:
            continue
        with replacing(folder / picture_name(task)) as temporary:
            temporary.write_bytes(png)
    return folder


def write_classes(record: Record, path: Path) -> Path:
    """Write what may stand in `true_label`, a word a line."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([TRUE])
    writer.writerows([[safe_cell(name)] for name in (*record.examples.classes, CANNOT_TELL)])
    found = path.with_name(f"{path.stem}.classes.csv")
    write_text(found, BYTE_ORDER_MARK + stream.getvalue())
    return found


def read_sheet(path: Path, *, who: str | None = None) -> list[Said]:
    """Return the answers of a sheet; rows without one are passed over.

    Who answered is its column `by`, else `who`, else its name. Raises InputError where it is no
    such table.
    """
    rows = list(table_rows(path))
    if not rows:
        return []
    columns = rows[0][1]
    if TRUE not in columns or not {INDEX, DRAW} & set(columns):
        missing = TRUE if TRUE not in columns else INDEX
        raise InputError(
            f"'{path}' has no column '{missing}' ({has(columns, [missing])})",
            help=f"a sheet that `alfs audit --sheet` wrote is needed here, with {TRUE} filled in",
        )
    found = []
    for line, cells in rows[1:]:
        row = dict(zip(columns, cells, strict=False))
        text = row.get(TRUE, "")
        if text.strip():
            by = row.get(BY, "").strip() or who or path.stem
            where = f"{path}:{line}"
            draw, index = row.get(DRAW, "").strip(), row.get(INDEX, "").strip()
            shown = {
                name.removeprefix(CELL): cell for name, cell in row.items() if name.startswith(CELL)
            }
            path_shown = row.get(PATH, "").strip()
            found.append(Said(where, draw, index, text, by, path=path_shown, cells=shown))
    return found


def table_rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the names of the columns, then each row that is not empty, with its line."""
    width = 0
    for line, cells in rows_of(path):
        if not any(cell.strip() for cell in cells):
            continue
        plain = [same_text(unguarded(cell)) for cell in cells]
        if width == 0:
            width = len(plain)
            yield line, [name.strip() for name in plain]
            continue
        if any(cell.strip() for cell in plain[width:]):
            raise InputError(
                f"{path}:{line}: {len(plain)} cells, and {width} columns",
                help="a cell that holds the separator needs quotes",
            )
        yield line, plain[:width]


def refuse_unread(path: Path, record: Record, shows: Exhibits, sayings: list[Said]) -> None:
    """Raise UsageError where a sheet that is there holds answers which the record has not."""
    try:
        entries = checked(record, shows, sayings)
    except AlfsError as error:
        raise UsageError(
            f"'{path}' is there already, and cannot be read: {str(error).splitlines()[0]}",
            help="name another file, or remove that one",
        ) from None
    unread = 0
    for entry in entries:
        drawn = None if entry.task is None else record.drawn.get(entry.task.number)
        given = [] if drawn is None else [drawn.counts, drawn.changed, *drawn.others.values()]
        answers = [one.label for one in [*given, record.suspects.get(entry.index)] if one]
        unread += entry.label not in answers
    if unread:
        raise UsageError(
            f"'{path}' holds {unread:,} answers that were not read yet",
            help=f"--read {path} takes them in, and --sheet {path} beside it writes the next draws",
        )
