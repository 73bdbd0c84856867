"""What the machine has: memory, asked before anything is unpacked, and cores."""

import os
from pathlib import Path

from alfs_cli.errors import InputError

MAX_THREADS = 16
MEMINFO = Path("/proc/meminfo")


def num_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def threads() -> int:
    """Return how many threads read files, decode images and make digests."""
    return min(MAX_THREADS, num_cores())


def available_bytes() -> int | None:
    """Return the bytes of memory that are free to use, None where the system does not say."""
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
    """Raise InputError where `size` bytes are more than memory has left."""
    available = available_bytes()
    if available is not None and size > available:
        raise InputError(
            f"{where} takes {size / 1e9:,.1f} GB, and {available / 1e9:,.1f} GB of memory are free",
            help=help,
        )
