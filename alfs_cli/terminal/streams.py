"""Standard streams whose closing does not change the exit code.

A reader may exit early (`alfs ... | head -1`), or a stream may be closed from the start (`>&-`).
That says nothing about the data: output to it is dropped, and the command continues. A full disk
behind stdout is an error, as the result is lost.
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
    """A file descriptor whose reader may be gone; `is_spare` ignores every other error too."""

    def __init__(self, descriptor: int, *, is_spare: bool) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self.is_spare = is_spare

    def write(self, data: "ReadableBuffer", /) -> int | None:  # type: ignore[override]
        """Write the bytes, or drop them where the reader is gone."""
        try:
            return super().write(data)
        except OSError as error:
            if not self.is_spare and error.errno not in GONE:
                raise
            return memoryview(data).nbytes


def settle_streams() -> None:
    """Let stdout and stderr outlive their readers, and open closed streams on /dev/null.

    Otherwise the next opened file would get the descriptor of the closed stream, and libraries and
    child processes would print into that file.
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
    """Return a stream that outlives its reader; streams that Python did not open stay unchanged."""
    if type(stream) is not io.TextIOWrapper or isinstance(stream.buffer, io.BytesIO):
        return stream
    try:
        stream.flush()
        raw = _Output(stream.fileno(), is_spare=is_spare)
    except OSError:  # the stream is closed, or a folder
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
