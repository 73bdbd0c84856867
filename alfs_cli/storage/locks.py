"""One process a run: a folder that is being trained in is kept from every other."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alfs_cli.errors import UsageError

LOCK = "lock"


@contextmanager
def one_trainer(folder: Path) -> Iterator[None]:
    """Keep the folder of a run to this process; the lock ends with it, however it ends.

    Raises UsageError where another process trains there. On file systems without locks nothing is
    kept.
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
        (folder / LOCK).unlink(missing_ok=True)  # while it is held: nobody waits for it
        lock.release()
