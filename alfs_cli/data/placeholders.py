"""Placeholders that version control leaves for large files: pointers and dangling links.

Git LFS leaves a text of three lines, git-annex a link or a line with the file's key, and DVC a link
into its cache.
"""

import os
from collections.abc import Iterable
from pathlib import Path

from alfs_cli.errors import InputError

LFS = (b"version https://git-lfs.github.com/", b"version https://hawser.github.com/")
ANNEX = b"/annex/objects/"
ENOUGH = 64  # bytes that tell a pointer
OPEN_FLAGS = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
FETCH = {
    "git-lfs": "git lfs pull fetches what pointers stand for (in GitHub's checkout: lfs: true)",
    "git-annex": "git annex get . fetches the files",
    "dvc": "dvc pull fetches the files",
    "link": "fetch the files that the links lead to, or mend the links",
}


def tool_of(path: str | Path) -> str | None:
    """Return the tool that left a placeholder here, a key of FETCH; None for any other file."""
    try:
        if os.path.islink(path) and not os.path.exists(path):
            target = os.readlink(path)
            if "annex" in target:
                return "git-annex"
            return "dvc" if "dvc" in target else "link"
        if not os.path.isfile(path):
            return None
        file = os.open(path, OPEN_FLAGS)
        try:
            head = os.read(file, ENOUGH)
        finally:
            os.close(file)
    except (OSError, ValueError):
        return None
    if head.startswith(LFS):
        return "git-lfs"
    return "git-annex" if head.startswith(ANNEX) else None


def what_lies_there(path: str | Path) -> str | None:
    """Return a clause for a message, `is a pointer of Git LFS, ...`; None for no placeholder."""
    tool = tool_of(path)
    if tool is None:
        return None
    if tool == "git-lfs":
        return "is a pointer of Git LFS, not the file itself"
    if not os.path.islink(path):
        return "is a pointer of git-annex, not the file itself"
    owner = {"git-annex": " (of git-annex)", "dvc": " (of DVC)"}.get(tool, "")
    return f"is a dangling link{owner}: what it leads to is not there"


def how_to_fetch(paths: Iterable[str | Path]) -> str | None:
    """Return how to fetch the first file that is a placeholder, None where none is one."""
    return next((FETCH[tool] for tool in map(tool_of, paths) if tool is not None), None)


def refuse_placeholder(path: str | Path) -> None:
    """Raise InputError where a file is a placeholder."""
    said = what_lies_there(path)
    if said is not None:
        raise InputError(f"'{path}' {said}", help=how_to_fetch([path]))
