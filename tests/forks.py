"""Processes that are copies of this one: they have imported already what they need.

A process of Python's own takes seconds to import torch, many times what most tests are about. A
copy is as real for signals, locks, pipes and kills. What is about a start itself (where modules are
looked for, the environment, what is imported) needs a process of its own.
"""

import gc
import os
import signal
import subprocess
import sys
import traceback
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from alfs_cli import __main__ as program
from alfs_cli.executors import worker


def forked(
    function: Callable[[], Any],
    *,
    env: Mapping[str, str] | None = None,
    pass_fds: Sequence[int] = (),
    **options: Any,
) -> subprocess.Popen:
    """Call a function in a copy of this process; the options are those of Popen.

    It exits as the program would whose last line is the call. Like any process that Popen starts it
    holds no file of this one but its streams and `pass_fds`.
    """

    def instead_of_exec() -> None:
        _leave_files({0, 1, 2, *pass_fds})
        _hear_signals_as_at_a_start()
        gc.enable()
        if env is not None:
            os.environ.clear()
            os.environ.update(env)
        os._exit(_ended(function))

    with warnings.catch_warnings():
        # from Python 3.12 on: of threads here, which a copy has not and whose locks it leaves alone
        warnings.filterwarnings("ignore", message=".*multi-threaded", category=DeprecationWarning)
        return subprocess.Popen([sys.executable], preexec_fn=instead_of_exec, **options)


def forked_alfs(*words: object, **options: Any) -> subprocess.Popen:
    """Run a command line of `alfs` in a copy of this process."""

    def run() -> None:
        sys.argv = ["alfs", *map(str, words)]
        program.main()

    return forked(run, **options)


def forked_worker(command: Sequence[str], **options: Any) -> subprocess.Popen:
    """Start a worker of a sweep as a copy of this process; called as Popen is."""
    assert command[-1] == worker.__name__
    return forked(worker.main, **options)


def _leave_files(kept: set[int]) -> None:
    """Let go of every file but these; their numbers stay taken, for objects here still own them."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for name in os.listdir("/dev/fd"):
        if int(name) not in kept:
            os.dup2(nothing, int(name))


def _hear_signals_as_at_a_start() -> None:
    for number in signal.valid_signals():
        if callable(signal.getsignal(number)):
            signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)


def _ended(function: Callable[[], Any]) -> int:
    """Call a function with the streams of this process; return the exit code it comes to."""
    sys.stdin, sys.stdout = open(0, closefd=False), open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, closefd=False)  # noqa: SIM115
    sys.stdout.reconfigure(write_through="PYTHONUNBUFFERED" in os.environ)
    code: Any = 0
    try:
        function()
    except SystemExit as end:
        code = end.code or 0
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return code if isinstance(code, int) else 1
