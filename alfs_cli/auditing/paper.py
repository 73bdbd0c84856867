"""Answers in from sheets, and the next draws out to one: what happens without a page."""

from collections.abc import Sequence
from pathlib import Path

from alfs_cli.auditing.answers import Said, enter
from alfs_cli.auditing.exhibits import Exhibits
from alfs_cli.auditing.label_studio import is_tasks, read_export, write_tasks
from alfs_cli.auditing.session import bare
from alfs_cli.auditing.sheet import read_sheet, refuse_unread, write_sheet
from alfs_cli.audits.record import DOCUMENT, EXAMPLES, LOG, Record
from alfs_cli.audits.status import status, verify
from alfs_cli.console import Console
from alfs_cli.errors import InputError, UsageError


def said_in(path: Path, *, who: str | None = None) -> list[Said]:
    """Return the answers of a sheet or of a Label Studio export."""
    return read_export(path, who=who) if is_tasks(path) else read_sheet(path, who=who)


def read_answers(
    record: Record, shows: Exhibits, paths: Sequence[Path], who: str | None, console: Console
) -> None:
    """Enter the answers of all sheets and say how many; a mistake in one sheet enters none."""
    sayings = [said for path in paths for said in said_in(path, who=who)]
    read = enter(record, shows, sayings)
    names = ", ".join(f"'{path}'" for path in paths)
    parts = [f"{read.new:,} new"]
    parts += [f"{read.changed:,} changed"] if read.changed else []
    parts += [f"{read.same:,} read before"] if read.same else []
    if read.own:
        parts.append(f"{read.own:,} of examples not drawn: they settle those labels only")
    console.note(f"read answers from {names}: {', '.join(parts)}")


def write_next(
    record: Record,
    shows: Exhibits,
    path: Path,
    size: int,
    budget: int | None,
    console: Console,
) -> None:
    """Write the next examples to a sheet, unless no more answers are needed.

    Raises UsageError where something is there that would be lost.
    """
    if path.exists():
        refuse_lost(record, shows, path)
    if budget is not None:
        size = min(size, budget - record.answers)
    is_decided = status(record, with_forecast=False).is_decided
    tasks = [] if is_decided or size <= 0 else record.batch(size)
    if not tasks:
        console.note(f"note: no more answers are needed: '{path}' is not written")
        return
    write = write_tasks if is_tasks(path) else write_sheet
    written = write(record, shows, tasks, path)
    beside = f", pictures in {written.pictures}/" if written.pictures else ""
    console.note(
        f"wrote {written.rows:,} examples to {path}{beside}; the possible answers are in "
        f"{written.classes}"
    )
    console.note(
        'next: fill in true_label (a class, or ? for "can\'t tell"), then the same command with '
        f"--read {path} in place of --sheet"
    )


def refuse_lost(record: Record, shows: Exhibits, path: Path) -> None:
    """Raise UsageError where a file is no sheet, or one whose answers were not read."""
    if is_tasks(path):
        raise UsageError(f"'{path}' is there already", help="name another file, or remove that one")
    try:
        sayings = said_in(path)
    except InputError as error:
        raise UsageError(
            f"'{path}' is there already, and is not a sheet of an audit",
            help=error.help or "name another file",
        ) from None
    refuse_unread(path, record, shows, sayings)


def replayed(path: Path, shows: Exhibits) -> list[str]:
    """Return what a replay of an audit.json, or of its folder, finds that differs.

    Raises InputError where a file of the audit is missing.
    """
    folder = path if path.is_dir() else path.parent
    if not path.is_dir() and path.name != DOCUMENT:
        raise UsageError(
            f"--verify '{path}' is no {DOCUMENT}", help=f"--verify {folder / DOCUMENT}"
        )
    for name in (DOCUMENT, LOG, EXAMPLES):
        if not (folder / name).is_file():
            raise InputError(
                f"no such file: '{folder / name}'",
                help=f"{DOCUMENT}, {LOG} and {EXAMPLES} of an audit belong together",
            )
    try:
        return verify(folder, bare(shows))
    except InputError as error:
        return [str(error)]
