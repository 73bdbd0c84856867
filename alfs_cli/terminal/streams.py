"""The standard streams, so that what becomes of them never changes an exit code.

A reader that goes away early (`alfs ... | head -1`) and a stream that was closed from the first
(`>&-`) say nothing about the data: what is written there is lost, and the command goes on. A full
disk behind stdout is another matter, as a result is lost that somebody asked for.
"""

import errno
import io
import os
import sys
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

GONE = (errno.EPIPE, errno.EBADF, errno.ECONNRESET)
STREAMS = ("stdin", "stdout", "stderr")


class _Output(io.FileIO):
    """A file descriptor whose reader may be gone; `is_spare` where any error may be passed over."""

    def __init__(self, descriptor: int, *, is_spare: bool) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self.is_spare = is_spare

    def write(self, data: "ReadableBuffer", /) -> int | None:  # type: ignore[override]
        """Write, or lose, the bytes."""
        try:
            return super().write(data)
        except OSError as error:
            if not self.is_spare and error.errno not in GONE:
                raise
            return memoryview(data).nbytes


def settle_streams() -> None:
    """Let stdout and stderr outlive their readers, and open what was closed on /dev/null.

    Otherwise the next file that is opened would get a closed stream's number, and take what a
    library or a child process prints.
    """
    for name in STREAMS:
        if getattr(sys, name) is None:
            descriptor = os.open(os.devnull, os.O_RDWR)
            os.set_inheritable(descriptor, True)
            setattr(sys, name, os.fdopen(descriptor, "r" if name == "stdin" else "w"))
    if os.name == "posix":
        sys.stdout = _outliving(sys.stdout, is_spare=False)
        sys.stderr = _outliving(sys.stderr, is_spare=True)


def _outliving(stream: TextIO, *, is_spare: bool) -> TextIO:
    """Return a stream to the same place; one that is no plain file of Python's stays as it is."""
    if type(stream) is not io.TextIOWrapper or isinstance(stream.buffer, io.BytesIO):
        return stream
    try:
        stream.flush()
        raw = _Output(stream.fileno(), is_spare=is_spare)
    except OSError:  # a closed one, or a folder
        return stream
    if isinstance(getattr(stream.buffer, "raw", stream.buffer), _Output):
        return stream
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )
