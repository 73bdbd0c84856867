"""The log of an audit: one event a line, synced before it counts, each line bound to those before.

A line is JSON with a field `sum`, the SHA-256 (16 digits) of the sum before it and of the line's
other fields. A last line without its end was being written when its writer died: it was never
acknowledged, and is dropped. Anything else that does not add up was edited, and is refused.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alfs_cli.errors import InputError, WorkError

Event = dict[str, Any]
PATIENCE = 20  # seconds to wait for another writer's line


@dataclass
class Log:
    """A file of events that several processes may append to; `offset` is how far it was read."""

    path: Path
    offset: int = 0
    lines: int = 0
    sum: str = ""

    def read(self) -> list[Event]:
        """Return the events appended since the last time, by anybody.

        Raises InputError where a line was edited, and names it.
        """
        try:
            with self.path.open("rb") as file:
                file.seek(self.offset)
                fresh = file.read()
        except FileNotFoundError:
            return []
        whole = fresh[: fresh.rfind(b"\n") + 1]
        events = [self._checked(line) for line in whole.splitlines()]
        self.offset += len(whole)
        return events

    def append(self, event: Event) -> list[Event]:
        """Write an event and sync it; return what came since the last read, it the last.

        Raises WorkError where it cannot be written.
        """
        with self.locked():
            return [*self.read(), *self._write(event)]

    def begin(self, event: Event) -> bool:
        """Write the first event, unless there is a log already; say whether it was written."""
        with self.locked():
            if self.read():
                return False
            self._write(event)
            return True

    def _write(self, event: Event) -> list[Event]:
        total = chained(self.sum, event)
        line = json.dumps({**event, "sum": total}, ensure_ascii=True).encode() + b"\n"
        try:
            with self.path.open("r+b" if self.path.exists() else "x+b") as file:
                file.truncate(self.offset)  # what a dead writer left of a line
                file.seek(self.offset)
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise WorkError(
                f"'{self.path}' cannot be written: {error.strerror or error}",
                help="nothing answered before is lost; mend it and give the same command again",
            ) from error
        self.sum, self.offset, self.lines = total, self.offset + len(line), self.lines + 1
        return [event]

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other writers out; where the file system has no locks, nothing is kept."""
        from filelock import FileLock, Timeout

        lock = FileLock(self.path.with_name(self.path.name + ".lock"), timeout=PATIENCE)
        try:
            lock.acquire()
        except Timeout:
            raise WorkError(
                f"'{self.path}' is being written by another process, for {PATIENCE} seconds",
                help="stop the other process, and give the same command again",
            ) from None
        except (OSError, NotImplementedError):
            yield
            return
        try:
            yield
        finally:
            lock.release()

    def _checked(self, line: bytes) -> Event:
        self.lines += 1
        try:
            event = json.loads(line)
            total = event.pop("sum")
            is_right = total == chained(self.sum, event)
        except (ValueError, AttributeError, KeyError, TypeError):
            is_right = False
        if not is_right:
            raise InputError(
                f"{self.path}:{self.lines}: this line, or one before it, was changed by hand",
                help="put back the file as it was written, or start a new audit with another --out",
            )
        self.sum = total
        return dict(event)


def chained(before: str, event: Event) -> str:
    """Return the sum (16 hex digits) of an event and of all before it."""
    text = json.dumps(event, ensure_ascii=True, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(f"{before}|{text}".encode()).hexdigest()[:16]
