"""Suppressed findings: by rule, by path, or by a line of alfs-ignore.csv.

A line holds a path (a pattern, `**` for any folders) or a finding's fingerprint, a rule or a prefix
of rules, a reason, and its last valid day.
"""

import csv
import fnmatch
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path

from alfs_cli.errors import AlfsError, InputError, did_you_mean
from alfs_cli.findings.finding import Finding
from alfs_cli.findings.rules import Selection, matching
from alfs_cli.storage.files import as_text_file
from alfs_cli.text.cells import unguarded

USUAL = "alfs-ignore.csv"
COLUMNS = ("id_or_path", "rule", "reason", "expires")
NOTHING = re.compile("(?!)")  # matches no name


@dataclass(frozen=True)
class Line:
    """A line of the ignore file; `where` names it, `base` is the folder that paths start from."""

    id_or_path: str
    rule: str
    where: str
    base: str
    expired: bool = False

    def covers(self, finding: Finding) -> bool:
        """Whether the line names a finding, expired or not."""
        if not any(rule.id == finding.rule for rule in matching(self.rule)):
            return False
        return self.id_or_path == finding.fingerprint or lies_in(
            finding, self.id_or_path, self.base
        )

    def describe(self) -> str:
        """Return the line as text for messages."""
        return f"{self.where}: {self.id_or_path} {self.rule}"


@dataclass(frozen=True)
class Suppressions:
    """Everything that suppresses findings, except the baseline."""

    rules: Selection = field(default_factory=Selection)
    by_path: tuple[tuple[str, tuple[str, ...]], ...] = ()
    base: str = "."
    lines: tuple[Line, ...] = ()


@dataclass(frozen=True)
class Sorted:
    """The findings kept, how many were ignored, and the lines that are unused or expired."""

    kept: tuple[Finding, ...]
    ignored: int = 0
    stale: tuple[str, ...] = field(default=())


def sort_out(findings: Iterable[Finding], suppressions: Suppressions) -> Sorted:
    """Split findings into kept and ignored; those of rules that are not selected are neither."""
    rules = suppressions.rules
    kept: list[Finding] = []
    ignored = 0
    used: set[Line] = set()
    for finding in findings:
        if not rules.selects(finding.rule):
            continue
        covering = [line for line in suppressions.lines if line.covers(finding)]
        used.update(covering)
        by_path = any(
            lies_in(finding, pattern, suppressions.base)
            and Selection(ignore=words).ignores(finding.rule)
            for pattern, words in suppressions.by_path
        )
        if rules.ignores(finding.rule) or by_path or any(not line.expired for line in covering):
            ignored += 1
        else:
            kept.append(finding)
    stale = [
        f"{line.describe()} ({'expired' if line.expired else 'unused'})"
        for line in suppressions.lines
        if line.expired
        or (line not in used and any(rules.has(rule.id) for rule in matching(line.rule)))
    ]
    return Sorted(tuple(kept), ignored, tuple(stale))


def read_lines(path: Path, *, today: date | None = None) -> tuple[Line, ...]:
    """Read an ignore file; raises one InputError with every mistake in it."""
    day = datetime.now(UTC).date() if today is None else today
    try:
        with as_text_file(path).open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            header = next(reader, [])
            rows = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except FileNotFoundError:
        raise InputError(
            f"no such file: '{path}' (--ignore-file)", help=f"its columns are {', '.join(COLUMNS)}"
        ) from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(
            f"cannot read '{path}': {error}",
            help="check that it is a file that you may read, or name another: --ignore-file FILE",
        ) from None
    names = [name.strip() for name in header]
    wrong = [name for name in names if name not in COLUMNS]
    if wrong or not {"id_or_path", "rule"} <= set(names):
        first = f"unknown column '{wrong[0]}'{did_you_mean(wrong[0], COLUMNS)}" if wrong else ""
        raise InputError(
            f"{path}:1: {first or 'a column is missing'}",
            help=f"the first line names the columns: {','.join(COLUMNS)}",
        )
    errors: list[str] = []
    lines = [
        line
        for number, row in rows
        if (line := _line(dict(zip(names, row, strict=False)), path, number, day, errors))
    ]
    if errors:
        raise InputError("\n".join(errors), help=f"a line is {','.join(COLUMNS)}")
    return tuple(lines)


def _line(
    cells: dict[str, str], path: Path, number: int, today: date, errors: list[str]
) -> Line | None:
    where = f"{path}:{number}"
    target, rule = unguarded(cells.get("id_or_path", "").strip()), cells.get("rule", "").strip()
    written = cells.get("expires", "").strip()
    try:
        matching(rule)
    except AlfsError as error:
        errors.append(f"{where}: {error}")
    if not target:
        errors.append(f"{where}: id_or_path is empty")
    try:
        expires = date.fromisoformat(written) if written else None
    except ValueError:
        errors.append(f"{where}: expires is '{written}', not a date such as 2027-03-31")
        return None
    expired = expires is not None and expires < today
    return Line(target, rule, where, os.path.dirname(path) or ".", expired)


def lies_in(finding: Finding, pattern: str, base: str) -> bool:
    """Whether a finding's file, or the manifest that lists it, matches a pattern from `base`."""
    paths = [path for path in (finding.path, finding.manifest) if path is not None]
    parts = _parts(pattern)
    return any(_matches(form.split("/"), parts) for path in paths for form in _forms(path, base))


def _forms(path: str, base: str) -> Sequence[str]:
    try:
        relative = os.path.relpath(path, base)
    except ValueError:  # another drive
        relative = path
    return os.path.normpath(path).replace(os.sep, "/"), relative.replace(os.sep, "/")


Part = re.Pattern[str] | None
"""The pattern of one name in a path; None is `**`, which matches any number of names."""


@cache
def _parts(pattern: str) -> tuple[Part, ...]:
    """Return the parts of a path pattern, one per name; `**` matches any number of folders.

    `*` and `?` match within one name, every other character matches itself. The expressions of
    fnmatch never backtrack over a `*` that was passed, so that a hostile pattern cannot be slow.
    """
    names = os.path.normpath(pattern).replace(os.sep, "/").split("/")
    names += ["**"] * pattern.endswith("/")
    names += ["*"] * (names[-1] == "**")  # a folder's pattern matches only what lies in it
    return tuple(
        None if name == "**" else re.compile(fnmatch.translate(name.replace("[", "[[]")))
        for name in names
    )


def _matches(names: Sequence[str], parts: Sequence[Part]) -> bool:
    """Whether the names of a path match all parts of a pattern.

    On a mismatch the last `**` takes one more name; an earlier one never needs to.
    """
    place = part = begin = 0
    after: int | None = None
    while place < len(names):
        expected = parts[part] if part < len(parts) else NOTHING
        if expected is None:
            part += 1
            after, begin = part, place
        elif expected.match(names[place]):
            place, part = place + 1, part + 1
        elif after is not None:
            begin += 1
            place, part = begin, after
        else:
            return False
    return part == len(parts)
