"""Messages for Python callers: options that they name become parameters.

The core also serves the command line, and its messages name options as they are typed: `--folds 5`.
A Python caller reads `folds=5`.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from alfs_cli.console import Quiet
from alfs_cli.errors import AlfsError, UsageError, brief
from alfs_cli.settings.layers import Key

RENAMED = {"classes": "class_names", "bootstrap": "resamples"}
"""Options whose parameter has another name."""

PARAMETERS = frozenset({
    "features", "labels", "pred-probs", "prior-probs", "true-labels", "classes", "trusted",
    "evidence", "method", "encoder", "encoder-size", "folds", "confidence", "bootstrap",
    "max-examples", "issue-threshold", "seed", "device", "split", "label-column", "path-column",
    "text-column", "true-label-column", "label-columns", "feature-columns", "exclude-columns",
    "group-column", "root", "safety", "lr", "prefer", "losses", "max-noise-rate",
    "max-class-noise-rate", "min-clean-level", "max-pair-rate", "min-trust", "max-new-issues",
    "gate-on", "select", "ignore", "baseline",
})  # fmt: skip
"""Options with a value that are parameters of a public function."""

FLAGS = frozenset({
    "download", "local", "all-scores", "in-sample-ok", "columns-as-given", "rows-as-given",
    "strict-baseline", "require-dominance",
})  # fmt: skip
"""Options without a value that are parameters, True or False."""

VALUE = r"""(?: (?P<value>FILE\|A,B,C|[A-Z](?:,[A-Z])*\b(?!')|[A-Z]{2,}\b|[0-9][\w.]*|'[^']*'))?"""
OPTION = re.compile(r"--(?P<no>no-)?(?P<name>[a-z][a-z-]*[a-z])" + VALUE)
WORD = re.compile(
    r"--(?P<name>evidence|method|encoder|gate-on|min-trust|prefer) (?P<word>[a-z][\w-]*)"
)
WORDS = frozenset({
    "pred-probs", "features", "encoder", "pixels", "network", "annotators", "confident",
    "joint-ml", "hoc", "knn", "anchor", "dual-t", "gold", "auto", "text",
})  # fmt: skip
"""The values of --evidence and --method that messages name."""


def for_programs(text: str) -> str:
    """Return a message with its options replaced by parameters.

    >>> for_programs("--folds is 1, not between 2 and 100: for example --folds 5")
    'folds is 1, not between 2 and 100: for example folds=5'
    >>> for_programs("--evidence pixels would take the images; --in-sample-ok if they are not")
    'evidence="pixels" would take the images; in_sample_ok=True if they are not'
    """
    return OPTION.sub(_parameter, WORD.sub(_with_word, text))


def _with_word(found: re.Match[str]) -> str:
    if found["word"] not in WORDS:
        return found[0]
    return f'{found["name"].replace("-", "_")}="{found["word"]}"'


def _parameter(found: re.Match[str]) -> str:
    name, value = found["name"], found["value"]
    if name in FLAGS:
        kept = "" if value is None else f" {value}"
        return f"{name.replace('-', '_')}={'False' if found['no'] else 'True'}{kept}"
    if name not in PARAMETERS:
        return found[0]
    parameter = RENAMED.get(name, name.replace("-", "_"))
    return parameter if value is None else f"{parameter}={value}"


@contextmanager
def told_to_programs() -> Iterator[None]:
    """Let errors of alfs name parameters, and add their help line to the traceback."""
    try:
        yield
    except AlfsError as error:
        error.args = (for_programs(str(error)), *error.args[1:])
        if error.help is not None:
            error.help = for_programs(error.help)
            note = f"help: {error.help}"
            if note not in getattr(error, "__notes__", ()):
                error.add_note(note)
        raise


class Listener(Quiet):
    """A console that keeps notes, and turns warnings into those of Python."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        """Keep a note."""
        self.notes.append(for_programs(text.removeprefix("note: ")))

    def warn(self, text: str) -> None:
        """Warn as Python does, at the line that called into alfs."""
        super().warn(for_programs(text))


def checked(values: Mapping[str, Any], keys: Mapping[str, Key]) -> dict[str, Any]:
    """Return values as the keys of the same names read and check them; None stays None.

    Raises UsageError for the first value out of range.
    """
    found: dict[str, Any] = {}
    for name, value in values.items():
        is_numpy = type(value).__module__ == "numpy" and hasattr(value, "item")
        plain = value.item() if is_numpy else value
        try:
            found[name] = None if plain is None else keys[name].read(plain)
        except ValueError as error:
            usual = keys[name].default
            raise UsageError(
                f"{name} is {brief(repr(plain))}: {error}",
                help="leave it out" if usual is None else f"{name}={usual!r} is usual",
            ) from None
    return found
