"""Kills of workers on Ray that this process started, as a machine that fails would kill them."""

import os
import signal
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path

WORKING = b"ray::Worker.do"  # what Ray calls the process of an actor that works


def workers_of(parent):
    """Return the processes below `parent` that work on an item."""
    parents, working = {}, []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with suppress(OSError, IndexError, ValueError):
            pid = int(entry.name)
            parents[pid] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            if (entry / "cmdline").read_bytes().startswith(WORKING):
                working.append(pid)

    def is_below(pid):
        while pid in parents and pid != parent:
            pid = parents[pid]
        return pid == parent

    return [pid for pid in working if is_below(pid)]


@contextmanager
def killed(count, *, between=0.3):
    """Kill `count` workers of this process, one after another; yield the list of those killed."""
    gone, stop = [], threading.Event()

    def kill():
        while len(gone) < count and not stop.is_set():
            some = [pid for pid in workers_of(os.getpid()) if pid not in gone]
            if some:
                with suppress(OSError):
                    os.kill(some[0], signal.SIGKILL)
                    gone.append(some[0])
            time.sleep(between)

    thread = threading.Thread(target=kill, daemon=True)
    thread.start()
    try:
        yield gone
    finally:
        stop.set()
        thread.join()
