"""Calls compared fairly on a machine that others use too: each in its own process, by turns.

What one of them sets for its process (threads, how memory is kept) does not touch the others.
"""

import multiprocessing
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection

Call = Callable[[], object]
GO, STOP = "go", "stop"  # what is said to a process


@dataclass(frozen=True)
class Taken:
    """Median seconds of a call by the clock, and of processor time in all threads."""

    seconds: float
    cpu_seconds: float


def turns(
    makers: dict[str, Callable[[], Call]], repeats: int, *, calls: int = 1, threads: int | None = 1
) -> dict[str, Taken]:
    """Return what a call takes of each that the makers make; they take turns of so many calls.

    A maker is run in the process of its call, and must be picklable; `threads` is torch's number.
    """
    context = multiprocessing.get_context("spawn")
    workers, ends = [], {}
    for name, maker in makers.items():
        ends[name], there = context.Pipe()
        worker = context.Process(target=_serve, args=(there, maker, calls, threads), daemon=True)
        worker.start()
        there.close()  # so that one that fails is heard of
        workers.append(worker)
        ends[name].recv()  # it is made, and was called once
    took: dict[str, list[tuple[float, float]]] = {name: [] for name in makers}
    for _ in range(repeats):
        for name, end in ends.items():
            end.send(GO)
            took[name].append(end.recv())
    for end in ends.values():
        end.send(STOP)
    for worker in workers:
        worker.join()
    return {
        name: Taken(*(statistics.median(column) for column in zip(*pairs, strict=True)))
        for name, pairs in took.items()
    }


def _serve(here: Connection, maker: Callable[[], Call], calls: int, threads: int | None) -> None:
    import torch

    if threads is not None:
        torch.set_num_threads(threads)
    call = maker()
    call()
    here.send(GO)
    while here.recv() == GO:
        began, cpu = time.perf_counter(), time.process_time()
        for _ in range(calls):
            call()
        here.send(((time.perf_counter() - began) / calls, (time.process_time() - cpu) / calls))
