"""The memory and the cores that this process may use."""

import os
from pathlib import Path

from alfs_cli.errors import InputError

MAX_THREADS = 16  # however many cores there are
MEMINFO = Path("/proc/meminfo")


def num_cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def threads() -> int:
    """Return the number of threads to read files, decode images and compute digests with."""
    return min(MAX_THREADS, num_cores())


def available_bytes() -> int | None:
    """Return the bytes of free memory, None where the system does not say, as outside Linux."""
    try:
        for line in MEMINFO.read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (OSError, ValueError):
        return None


def refuse_too_large(
    size: int,
    *,
    where: str,
    help: str = "store it in parts, or as .npy files, which are read in place",
) -> None:
    """Raise InputError where `size` bytes are more than the free memory.

    `where` says in the message what needs them.
    """
    available = available_bytes()
    if available is not None and size > available:
        raise InputError(
            f"{where} takes {size / 1e9:,.1f} GB, and {available / 1e9:,.1f} GB of memory are free",
            help=help,
        )
