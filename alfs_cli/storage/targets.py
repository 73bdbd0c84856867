"""Checks that a command does not overwrite a file that it reads.

Paths are compared as files, whatever their spelling, so that symbolic and hard links are found.
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from glob import glob, has_magic
from itertools import count
from pathlib import Path
from shutil import copyfile
from typing import Any

from alfs_cli.errors import UsageError
from alfs_cli.storage.marks import bears_mark

OUT = "alfs-out"
"""The usual folder of saved results."""

DOCUMENTS = ("estimate.json", "recommendation.json", "check.json", "audit.json")
"""The files by which a folder of saved results with another name is known."""

SUSPECTS = "issues.csv"
_ESTIMATE = ("estimate.json", "transition.csv", SUSPECTS, "issues.parquet")
SAVES = {
    "estimate": _ESTIMATE,
    "merge": _ESTIMATE,
    "recommend": ("recommendation.json",),
    "check": ("check.json",),
}
"""The files that each command always writes under --out."""


OF_A_RUN = ("config.yaml", "sweep.json")  # files by which the folder of a run or sweep is known


class Writes:
    """Marks, in the annotation of an option, a value that is a file to be written."""


class Kept:
    """Marks an option whose file is copied first, if it is the issues.csv to be overwritten."""


@dataclass(frozen=True)
class Target:
    """A file to be written, in `format`; `said` is what messages say of it."""

    said: str
    path: Path
    format: str = ""


def refuse_inputs(targets: Iterable[Target], inputs: Iterable[Any]) -> None:
    """Raise UsageError where a target is an input, or lies in an input folder and is not alfs' own.

    Inputs are values of options: files, folders, glob patterns, and lists of them. Values that are
    no paths are ignored.
    """
    there = [target for target in targets if target.path.exists()]
    if not there:
        return
    for value in _flat(inputs):
        for target in there:
            if _is_within(target, value):
                raise _refused(target)


def holds_results(folder: str) -> bool:
    """Say whether a folder is one of saved results, which are no data though they hold pictures.

    >>> holds_results("photos/alfs-out"), holds_results("photos/cat")
    (True, False)
    """
    if os.path.basename(folder) == OUT:
        return True
    return any(bears_mark(Path(folder, name), "json") for name in DOCUMENTS)


def keep_decisions(file: Path, out: Path) -> Path | None:
    """Copy an issues.csv with people's decisions, `file`, before a new one in `out` overwrites it.

    Returns the path of the copy, None where `file` is not the issues.csv in `out`.
    """
    listed = out / SUSPECTS
    try:
        if not os.path.samefile(file, listed):
            return None
    except OSError:
        return None
    names = (f"issues.reviewed{'' if n == 1 else f'-{n}'}.csv" for n in count(1))
    copy = next(out / name for name in names if not (out / name).exists())
    copyfile(listed, copy)
    return copy


def refuse_same(target: Target, source: str | None) -> None:
    """Raise UsageError where a target is the file `source`, which is read."""
    is_there = source is not None and target.path.exists() and os.path.exists(source)
    if is_there and os.path.samefile(target.path, str(source)):
        raise _refused(target)


def refuse_listed(targets: Iterable[Target], paths: Iterable[str]) -> None:
    """Raise UsageError where a target is one of the files at `paths`, which DATA lists."""
    there = {os.path.realpath(target.path): target for target in targets if target.path.exists()}
    if not there:
        return
    for path in paths:
        if target := there.get(os.path.abspath(path)):
            raise _refused(target)


def _refused(target: Target) -> UsageError:
    return UsageError(
        f"{target.said} would write over '{target.path}', which is read",
        help="name another file: the input is never written over",
    )


def _flat(inputs: Iterable[Any]) -> Iterator[str]:
    for value in inputs:
        if isinstance(value, str | Path):
            yield str(value)
            if has_magic(str(value)):
                yield from glob(str(value))
        elif isinstance(value, list | tuple):
            yield from _flat(value)


def _is_within(target: Target, value: str) -> bool:
    try:
        if os.path.samefile(target.path, value):
            return True
        if not os.path.isdir(value):
            return False
        top, path = Path(os.path.realpath(value)), Path(os.path.realpath(target.path))
        between = path.relative_to(top).parents
    except (OSError, ValueError):
        return False
    if is_of_a_run(target.path):
        return True
    if bears_mark(target.path, target.format):
        return False
    return not any(holds_results(str(top / each)) for each in between if each.name)


def is_of_a_run(path: Path) -> bool:
    """Say whether a file lies in the folder of a run or a sweep."""
    return any((path.parent / name).exists() for name in OF_A_RUN)
