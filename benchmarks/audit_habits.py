"""Audits on the real record, answered as people may answer: for benchmarks/audit.py.

Examples are on the table some at a time, as on a sheet or on several pages, and whoever answers
picks the order, or comes back to what they said. What the record knows is looked at after every
single answer, and held against the truth.
"""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from audit_cases import Case

from alfs_cli.audits.claims import Claim, parse
from alfs_cli.audits.judge import REJECTED
from alfs_cli.audits.record import Record, start

TABLE = 10  # examples on the table at once


def wrong_first(record: Record, case: Case) -> Iterator[None]:
    """Answer what is wrong before what is right, so that the noise seems more than it is."""
    yield from in_order(record, case, first_wrong=True)


def right_first(record: Record, case: Case) -> Iterator[None]:
    """Answer what is right before what is wrong, so that the noise seems less than it is."""
    yield from in_order(record, case, first_wrong=False)


def in_order(record: Record, case: Case, *, first_wrong: bool) -> Iterator[None]:
    """Answer each table in an order that goes by whether the given label is wrong."""
    while tasks := record.batch(TABLE):
        is_wrong = {task: case.given[task.index] != case.true[task.index] for task in tasks}
        for task in sorted(tasks, key=lambda task: is_wrong[task] != first_wrong):
            record.answer(task, int(case.true[task.index]))
            yield


def told_later(record: Record, case: Case) -> Iterator[None]:
    """Say "?" to all on the table, then take back one after another, what is wrong first."""
    while tasks := record.batch(TABLE):
        for task in tasks:
            record.answer(task, None)
            yield
        for task in sorted(tasks, key=lambda t: case.given[t.index] == case.true[t.index]):
            record.answer(task, int(case.true[task.index]))
            yield


def given_in(record: Record, case: Case) -> Iterator[None]:
    """Answer rightly; once the given label is shown, change every answer to it."""
    while tasks := record.batch(1):
        task = tasks[0]
        record.answer(task, int(case.true[task.index]))
        yield
        record.shown(task.number)
        record.answer(task, int(case.given[task.index]))
        yield


HABITS: dict[str, Callable[[Record, Case], Iterator[None]]] = {
    "wrong ones answered first": wrong_first,
    "right ones answered first": right_first,
    "? at first, told later": told_later,
    "changed to the given label once shown": given_in,
}


def ever_wrong(
    case: Case, habit: str, about: list[tuple[str, float, float]], audits: int
) -> np.ndarray:
    """Return whether an audit ever said more, and less, than the truth (audits, quantities, 2).

    `about` has a quantity's text and two numbers: both "<= the first" and ">= the second" are true.
    """
    claims = [
        parse(f"{text} {side} {number!r}")
        for text, most, least in about
        for side, number in (("<=", most), (">=", least))
    ]
    with tempfile.TemporaryDirectory(dir=quick_place()) as place:
        found = [
            one_audit(case, HABITS[habit], claims, Path(place) / str(seed), seed)
            for seed in range(audits)
        ]
    return np.array(found).reshape(audits, len(about), 2)


def one_audit(
    case: Case,
    habit: Callable[[Record, Case], Iterator[None]],
    claims: list[Claim],
    folder: Path,
    seed: int,
) -> list[bool]:
    """Return which of these true claims were ever rejected in one audit to the last example."""
    record = start(folder, case.population(), claims, seed=seed)
    rejected = np.zeros(len(claims), dtype=bool)
    for _ in habit(record, case):
        judge = record.judge()
        rejected |= [judge.verdict(claim) == REJECTED for claim in claims]
    return rejected.tolist()


def quick_place() -> str | None:
    """Return a folder in memory where there is one: every answer is synced to the disk."""
    memory = Path("/dev/shm")
    return str(memory) if memory.is_dir() else None


def truths(case: Case) -> list[tuple[str, float, float]]:
    """Return what is held against the truth: a mean and a ratio, each a number twice."""
    first = int(np.bincount(case.true).argmax())
    noise = float((case.given[case.true == first] != first).mean())
    return [
        ("noise-rate", case.rate, case.rate),
        (f"class-noise:c{first}", noise, noise),
    ]
