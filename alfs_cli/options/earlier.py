"""What an earlier run left at the places a command line names: it goes where this one cannot look.

An upload step that runs whatever happened would else hand in the files of the last green run.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from alfs_cli.storage.marks import bears_mark
from alfs_cli.storage.targets import is_of_a_run

COULD_NOT_LOOK = (2, 3, 101, 130, 143)  # exit codes
CHECK = "check.json"
SAVED = (
    *("estimate.json", "transition.csv", "issues.csv", "issues.parquet"),
    *("recommendation.json", "audit.json", "audit.jsonl"),
)  # under --out, that other commands read
FLAGS = "qv"  # short options without a value, that may stand before -o in one word


@dataclass(frozen=True)
class Earlier:
    """A result that was there before the command ran: its file, which one that was, its format."""

    path: Path
    identity: tuple[int, int, int]
    format: str

    def remove(self) -> None:
        """Remove it, unless it has been written anew since."""
        if _identity(self.path) == self.identity:
            self.path.unlink(missing_ok=True)


def earlier_results(words: Sequence[str], *, usual_out: Path) -> list[Earlier]:
    """Return the results of earlier runs where the words say that this one's shall be written.

    Never a file that is not alfs's by its mark, nor one that the words name as something to read,
    nor a saved result that other commands read. The words may be wrong otherwise.
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
        except (OSError, ValueError):  # no file has such a name
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
    """Yield `-o` and `--out` with their values, and with no option what stands alone."""
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
