"""A lock on the folder of a run, so that only one process trains there."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alfs_cli.errors import UsageError

LOCK = "lock"


@contextmanager
def one_trainer(folder: Path) -> Iterator[None]:
    """Lock the folder of a run while the context is open, or until this process ends.

    Raises UsageError where another process holds the lock. On file systems without locks nothing is
    locked.
    """
    from filelock import FileLock, Timeout

    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise UsageError(
            f"run '{folder.name}' is being trained by another process",
            help="wait for it to end, or stop it; the same command then goes on with it",
        ) from None
    except (OSError, NotImplementedError):
        yield
        return
    try:
        yield
    finally:
        (folder / LOCK).unlink(missing_ok=True)  # before the release: no process waits for it
        lock.release()
