"""Removal of an earlier run's result files where this run could not judge anything.

A CI step that uploads results whatever happened would otherwise upload those of the last run that
succeeded.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from alfs_cli.storage.marks import bears_mark
from alfs_cli.storage.targets import is_of_a_run

COULD_NOT_LOOK = (2, 3, 101, 130, 143)  # exit codes of runs that judged nothing
CHECK = "check.json"
SAVED = (
    *("estimate.json", "transition.csv", "issues.csv", "issues.parquet"),
    *("recommendation.json", "audit.json", "audit.jsonl"),
)  # results under --out that other commands read: they are never removed
FLAGS = "qv"  # short options without a value, which may precede -o in one word, as in -qo


@dataclass(frozen=True)
class Earlier:
    """A result file that existed before the command ran.

    `identity` is its device, inode and modification time: a file written since has another.
    """

    path: Path
    identity: tuple[int, int, int]
    format: str

    def remove(self) -> None:
        """Remove the file, unless it was written since."""
        if _identity(self.path) == self.identity:
            self.path.unlink(missing_ok=True)


def earlier_results(words: Sequence[str], *, usual_out: Path) -> list[Earlier]:
    """Return the earlier results at the paths that a command line names for its own.

    Left out are files without the mark of alfs, files that the words name as inputs, and saved
    results that other commands read. The words may otherwise be wrong.
    """
    outputs, out, others = _parsed(words)
    out = out or usual_out
    if words and words[0] == "check":
        outputs.append(("json", str(out / CHECK)))
    found = []
    for format, name in outputs:
        try:
            path = Path(os.path.realpath(name))
            is_named = any(_is_same(path, other) for other in others)
            is_kept = _is_saved(path, out)
            identity = _identity(path) if path.is_file() else None
        except (OSError, ValueError):  # no file can have such a name
            continue
        if identity and not is_named and not is_kept and bears_mark(path, format):
            found.append(Earlier(path, identity, format))
    return found


def _identity(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_mtime_ns


def _is_same(path: Path, other: str) -> bool:
    try:
        return os.path.samefile(path, other)
    except (OSError, ValueError):
        return False


def _is_saved(path: Path, out: Path) -> bool:
    if path.name in SAVED and _is_same(path.parent, str(out)):
        return True
    return is_of_a_run(path)


def _parsed(words: Sequence[str]) -> tuple[list[tuple[str, str]], Path | None, list[str]]:
    """Return (format, path) of each -o, the folder of --out, and all other words and values."""
    outputs: list[tuple[str, str]] = []
    others: list[str] = []
    out: Path | None = None
    for option, value in _options(words):
        if option == "-o":
            format, equals, name = value.partition("=")
            if equals and name:
                outputs.append((format, name))
        elif option == "--out":
            out = Path(value)
        else:
            others.append(value)
    return outputs, out, others


def _options(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield (option, value) of each `-o` and `--out`, and ("", word) of everything else."""
    rest = iter(words)
    for word in rest:
        name, equals, value = word.partition("=")
        if word == "--":
            yield from (("", other) for other in rest)
        elif name in ("--output", "--out"):
            yield ("-o" if name == "--output" else name), value if equals else next(rest, "")
        elif word.startswith("-") and not word.startswith("--"):
            short = word[1:].lstrip(FLAGS)
            if short.startswith("o"):
                yield "-o", short[1:] or next(rest, "")
            else:
                yield "", short[1:]
        else:
            yield "", value if word.startswith("--") else word
