"""Atomic writes: a temporary file in the same folder is renamed into place when it is complete."""

import errno
import os
import re
import secrets
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path

from alfs_cli.errors import UsageError, WorkError
from alfs_cli.storage.files import as_file
from alfs_cli.text.addresses import NO_ADDRESS, address_taken, shown

OURS = ".alfs-"  # in the name of every temporary file
ABANDONED_SECONDS = 60.0  # the least age of a temporary file that is removed


def unwritable(path: Path, error: OSError) -> WorkError:
    """Return the error for a file that cannot be written, mostly because the disk is full."""
    return WorkError(
        f"cannot write '{path}': {error.strerror or error}",
        help="free some space there and run the command again, or name another folder with --out",
    )


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path in the same folder, which is renamed to `path` if the body succeeds.

    Raises WorkError where the disk is full or the folder cannot be written, InputError where `path`
    is a device or a pipe. The file at `path` does not change then.
    """
    if (address := address_taken(path)) is not None:
        raise UsageError(f"'{shown(address)}' is no path here", help=NO_ADDRESS)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        target = as_file(path)
        _clear_abandoned(path.parent.resolve())
        temporary, handle = _begun_beside(target)
    except OSError as error:
        raise unwritable(path, error) from None
    try:
        _lock(handle)  # until the file is complete, or this process ends
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.replace(path)
    except OSError as error:
        raise unwritable(path, error) from None
    finally:
        os.close(handle)
        temporary.unlink(missing_ok=True)


def _begun_beside(path: Path) -> tuple[Path, int]:
    """Create and open an empty file beside `path`, with the permissions that `path` will have.

    These are the permissions that the umask allows, and those of the file at `path` if there is
    one.
    """
    temporary = path.with_name(f".{path.name}{OURS}{secrets.token_hex(4)}{path.suffix}")
    mode = 0o666 & (path.stat().st_mode | 0o600) if path.exists() else 0o666
    return temporary, os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode)


def _lock(handle: int) -> bool:
    """Lock an open file; return False if another process holds the lock.

    True on systems without file locks.
    """
    try:
        import fcntl
    except ImportError:
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in (errno.EWOULDBLOCK, errno.EACCES)
    return True


@cache
def _clear_abandoned(folder: Path) -> None:
    """Remove the temporary files that killed processes of alfs left in a folder.

    Files that are locked by a process, or new, are kept.
    """
    pattern = re.compile(r"\..+" + re.escape(OURS) + r"[a-z0-9_]{8}(\.\w+)?")
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if pattern.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                _remove_abandoned(entry)


def _remove_abandoned(entry: "os.DirEntry[str]") -> None:
    with suppress(OSError):
        if time.time() - entry.stat(follow_symlinks=False).st_mtime < ABANDONED_SECONDS:
            return
        handle = os.open(entry.path, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))
        try:
            if _lock(handle):
                os.unlink(entry.path)
        finally:
            os.close(handle)


def remove_leftovers(paths: Iterable[Path]) -> None:
    """Remove the temporary files that a process, killed while writing one of `paths`, left."""
    for path in paths:
        for temporary in path.parent.glob(f".{path.name}.*"):
            temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write text to a temporary file beside `path` and rename it into place."""
    write_texts([(path, text)])


def write_texts(files: Iterable[tuple[Path, str]]) -> None:
    """Write several files, each by renaming a temporary one; if one cannot be written, none is."""
    with ExitStack() as stack:
        for path, text in files:
            temporary = stack.enter_context(replacing(path))
            temporary.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")
