"""Ctrl-C and SIGTERM as requests to stop: recorded at once, acted on between two steps."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Literal

from alfs_cli.errors import stop


@dataclass
class StopSignal:
    """The signal received last; None if there was none."""

    signal: Literal["SIGINT", "SIGTERM"] | None = None


@contextmanager
def stop_signal(on_first: Callable[[], None] = lambda: None) -> Iterator[StopSignal]:
    """Record SIGINT and SIGTERM while the body runs; a second Ctrl-C stops at once.

    `on_first` is called with the first one, inside the handler: it must not wait for anything.
    A second SIGINT does not stop at once if another program has set its own handler for it: a
    launcher may send it more than once. Outside the main thread signals are not handled.
    """
    heard = StopSignal()
    if threading.current_thread() is not threading.main_thread():
        yield heard
        return

    def note(number: int, frame: FrameType | None) -> None:
        again = heard.signal == "SIGINT" and number == signal.SIGINT
        if again and before[signal.SIGINT] is signal.default_int_handler:
            raise KeyboardInterrupt
        if again and before[signal.SIGINT] is stop:
            stop(number, frame)
        if heard.signal is None:
            on_first()
        heard.signal = "SIGINT" if number == signal.SIGINT else "SIGTERM"

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield heard
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
