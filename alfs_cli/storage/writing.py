"""Files that are written whole or not at all: a temporary one beside them is renamed into place."""

import errno
import os
import re
import secrets
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path

from alfs_cli.errors import WorkError
from alfs_cli.storage.files import as_file

OURS, ABANDONED_SECONDS = ".alfs-", 60.0  # in the names of temporary files; older are no new ones


def unwritable(path: Path, error: OSError) -> WorkError:
    """Return the error of a file that cannot be written: a full disk, most of the time."""
    return WorkError(
        f"cannot write '{path}': {error.strerror or error}",
        help="make room there and type it again, or take another folder with --out",
    )


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path in the same folder; it becomes `path` if the body succeeds.

    Raises WorkError where the disk is full or the folder cannot be written, InputError where `path`
    is a device or a pipe; then it is as it was before.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        target = as_file(path)
        _clear_abandoned(path.parent.resolve())
        temporary, handle = _begun_beside(target)
    except OSError as error:
        raise unwritable(path, error) from None
    try:
        _lock(handle)  # as long as this process lives and writes
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
    """Make an empty file beside `path`, for the eyes of those for whom `path` will be, and open it.

    They are those that the umask lets, and no more than the file that is there lets.
    """
    temporary = path.with_name(f".{path.name}{OURS}{secrets.token_hex(4)}{path.suffix}")
    mode = 0o666 & (path.stat().st_mode | 0o600) if path.exists() else 0o666
    return temporary, os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode)


def _lock(handle: int) -> bool:
    """Lock an open file; return whether no other process holds it. True without file locks."""
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
    """Remove temporary files of ours that a killed process left in a folder.

    Those that a live process holds, and new ones, stay.
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
    """Remove what a process that was killed while writing one of these files left beside it."""
    for path in paths:
        for temporary in path.parent.glob(f".{path.name}.*"):
            temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write text to a temporary file beside `path` and rename it into place."""
    write_texts([(path, text)])


def write_texts(files: Iterable[tuple[Path, str]]) -> None:
    """Write several files, each by a temporary one beside it; if one cannot be, none is."""
    with ExitStack() as stack:
        for path, text in files:
            temporary = stack.enter_context(replacing(path))
            temporary.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")
