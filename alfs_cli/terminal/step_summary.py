"""The step summary of GitHub Actions, kept far below the size at which GitHub drops it.

The action's comment on a pull request shows the same page.
"""

import os
from collections.abc import Callable
from pathlib import Path

from alfs_cli.formats import render
from alfs_cli.formats.blocks import Report
from alfs_cli.formats.markdown import APART

MAX_BYTES = 64_000  # of a page; GitHub refuses comments of more than 65,536 characters
MAX_STEP_BYTES = 1_000_000  # of all pages of a step; GitHub drops more than 1 MiB
COMMENT = "<!-- alfs check -->\n"
CUT = "\n\n... cut here: the summary of a step has to stay small.\n"


def append_step_summary(report: Report, *, warn: Callable[[str], None]) -> None:
    """Append the report as Markdown to $GITHUB_STEP_SUMMARY, if GitHub Actions runs the command.

    Where that fails, `warn` is told; the verdict stands without it.
    """
    name = os.environ.get("GITHUB_STEP_SUMMARY")
    if os.environ.get("GITHUB_ACTIONS") != "true" or not name:
        return
    text = shortened(render(report, "markdown"))
    path = Path(name)
    try:
        if path.exists() and path.stat().st_size > MAX_STEP_BYTES - MAX_BYTES:
            warn("the summary of this step is full; nothing was added to it")
            return
        with path.open("a", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
            file.write(text)
    except OSError as error:
        warn(f"cannot write the step summary '{name}': {error.strerror}")


def shortened(text: str) -> str:
    """Return the text, or as many of its first lines as fit in MAX_BYTES of UTF-8."""
    content = text.encode("utf-8", "backslashreplace")
    if len(content) <= MAX_BYTES:
        return text
    kept = content[: MAX_BYTES - len(CUT)].rpartition(b"\n")[0]
    return kept.decode("utf-8", "ignore") + CUT


def comment_from(page: str) -> str:
    """Return the page as a comment on a pull request: marked, short, and without mentions.

    A class may be named like a person, and `@name` in a comment would notify them. The page of alfs
    mentions nobody, but it may have been changed since.
    """
    return COMMENT + shortened(page.replace("@", f"@{APART}").replace(APART + APART, APART))
