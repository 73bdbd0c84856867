"""The places of findings as code scanning needs them: a path in the repository and a line."""

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from hashlib import sha256
from pathlib import Path

from alfs_cli.findings.finding import Finding
from alfs_cli.formats.blocks import Report

RANK = {"error": 0, "warning": 1, "note": 2}


@dataclass(frozen=True)
class Repository:
    """The folder that paths are relative to: the git repository, else the current folder."""

    root: str

    @cached_property
    def _inside(self) -> str:
        return os.path.join(self.root, "")

    def relative(self, path: str) -> str:
        """Return the path relative to the root with `/` on every system.

        Symbolic links are followed unless they lead out of the repository, as those of data
        version control do.
        """
        plain, real = os.path.abspath(path), _real(path)
        chosen = real if real.startswith(self._inside) else plain
        try:
            return os.path.relpath(chosen, self.root).replace(os.sep, "/")
        except ValueError:  # another drive
            return Path(chosen).as_uri()


def repository() -> Repository:
    """Return the git repository of the current folder, or that folder."""
    here = Path.cwd().resolve()
    for folder in (here, *here.parents):
        if (folder / ".git").exists():
            return Repository(str(folder))
    return Repository(str(here))


@lru_cache(maxsize=4096)
def _real_folder(folder: str) -> str:
    return os.path.realpath(folder)


def _real(path: str) -> str:
    """Return the path without symbolic links; each folder is looked up only once."""
    plain = os.path.abspath(path)
    try:
        if os.path.islink(plain):
            return os.path.realpath(plain)
        folder, name = os.path.split(plain)
        return os.path.join(_real_folder(folder), name)
    except ValueError:  # no file can have such a name
        return plain


def place_of(finding: Finding, report: Report) -> tuple[str, int]:
    """Return the file and the line to point at; findings on all data point at DATA."""
    path, line = finding.place
    return path or report.source or report.title, line or 1


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings by level; within a level those without score first, then by score."""
    return sorted(
        findings,
        key=lambda found: (RANK[found.level], found.score is not None, -(found.score or 0.0)),
    )


def key_of(finding: Finding) -> str:
    """Return a key that is the same in every run: the fingerprint, else a hash of the message."""
    if finding.fingerprint is not None:
        return finding.fingerprint
    text = f"{finding.rule}\0{finding.path or ''}\0{finding.message}"
    return sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:16]


def keys_of(findings: Sequence[Finding]) -> list[str]:
    """Return a key per finding; of those of a rule with equal keys, the second one ends in `:2`.

    Equal keys are copies under one label: a reader would take them for one finding.
    """
    seen: Counter[tuple[str, str]] = Counter()
    keys = []
    for finding in findings:
        key = key_of(finding)
        seen[finding.rule, key] += 1
        count = seen[finding.rule, key]
        keys.append(key if count == 1 else f"{key}:{count}")
    return keys


def names_of(findings: Sequence[Finding]) -> list[str]:
    """Return a name per finding, its place in words; no two of a rule have the same name."""
    names = [finding.where or finding.message for finding in findings]
    shared = _shared(findings, names)
    names = [
        f"{name} row {finding.row}"
        if shared[finding.rule, name] > 1 and finding.row is not None
        else name
        for finding, name in zip(findings, names, strict=True)
    ]
    shared = _shared(findings, names)
    seen: Counter[tuple[str, str]] = Counter()
    for i, finding in enumerate(findings):
        key = finding.rule, names[i]
        seen[key] += 1
        if shared[key] > 1:
            names[i] += f" ({seen[key]})"
    return names


def _shared(findings: Sequence[Finding], names: Sequence[str]) -> Counter[tuple[str, str]]:
    return Counter((finding.rule, name) for finding, name in zip(findings, names, strict=True))
