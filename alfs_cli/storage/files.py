"""Files that are named to alfs: those that can be read more than once, and end."""

import os
import stat
from pathlib import Path

from alfs_cli.errors import InputError

MAX_TEXT = 1 << 30  # bytes of a document, a list or settings
KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def as_file(path: str | Path) -> Path:
    """Return the path of a file to read or to replace.

    What is not there, or is a folder, is for the reader to say. Raises InputError for a pipe, a
    socket or a device: it may never end, and a file is read more than once.
    """
    try:
        kind = KINDS.get(stat.S_IFMT(os.stat(path).st_mode))
    except (OSError, ValueError):  # no file has such a name
        kind = None
    if kind is not None:
        raise InputError(
            f"'{path}' is {kind}, not a file",
            help="save what it gives as a file, and name that: files are read more than once",
        )
    return Path(path)


def as_text_file(path: str | Path) -> Path:
    """Return the path of a text to read whole; raises InputError above 1 GB too."""
    file = as_file(path)
    try:
        size = os.stat(file).st_size
    except (OSError, ValueError):
        return file
    if size > MAX_TEXT:
        raise InputError(
            f"'{file}' has {size / 1e9:,.1f} GB, and of a file such as this at most "
            f"{MAX_TEXT / 1e9:,.1f} GB are read",
            help="is it another file than you meant?",
        )
    return file
