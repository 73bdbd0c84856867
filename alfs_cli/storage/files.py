"""Checks of files before they are read: no pipes or devices, and no texts that are too large."""

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
    """Return the path of a file to read or replace; raises InputError for a pipe or a device.

    Those may never end, and files are read more than once. Missing files and folders are not
    refused here, but where they are opened.
    """
    try:
        kind = KINDS.get(stat.S_IFMT(os.stat(path).st_mode))
    except (OSError, ValueError):  # a missing file, or a name that no file can have
        kind = None
    if kind is not None:
        raise InputError(
            f"'{path}' is {kind}, not a file",
            help="save what it gives as a file, and name that: files are read more than once",
        )
    return Path(path)


def as_text_file(path: str | Path) -> Path:
    """Return the path of a text to read whole; raises InputError as `as_file`, and above 1 GB."""
    file = as_file(path)
    try:
        size = os.stat(file).st_size
    except (OSError, ValueError):
        return file
    if size > MAX_TEXT:
        raise InputError(
            f"'{file}' has {size / 1e9:,.1f} GB, and a file of this kind may have at most "
            f"{MAX_TEXT / 1e9:,.1f} GB",
            help="is it the right file?",
        )
    return file
