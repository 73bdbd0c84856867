"""Who is asked what: the tasks that pages hold, their answers, and what is known after each.

Several pages share one record under one lock. A page holds two tasks: the one that a person looks
at, and the next one, whose picture it loads ahead. No other page is given these. A page that sends
nothing for two minutes is taken to be closed, and its tasks are free.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from threading import Lock

from alfs_cli.auditing.exhibits import Exhibits
from alfs_cli.auditing.neighbours import near_of
from alfs_cli.auditing.words import over
from alfs_cli.audits.forecast import forecast
from alfs_cli.audits.record import Record, Task
from alfs_cli.audits.status import Status, save_document, status
from alfs_cli.errors import UsageError

GONE_SECONDS = 120.0  # without a word from a page: what it holds is free
SAVE_SECONDS = 10.0  # between two writings of audit.json, which the log can make anew
SOON = 1000  # draws ahead: none of these is shown with its label beside another, or half of all


@dataclass
class Visitor:
    """A page: whom it is of, which tasks it holds, when it was last heard of."""

    by: str = ""
    holds: list[Task] = field(default_factory=list)
    heard: float = 0.0


@dataclass(frozen=True)
class Revealed:
    """What somebody said of a draw, and the examples most like it, nearest first."""

    task: Task
    label: int | None
    near: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Known:
    """What is known after so many events, and why nothing more is asked, if nothing is."""

    events: int
    now: Status
    over: str | None


class Desk:
    """Hands out tasks of a record, takes answers in, and says what they say."""

    def __init__(
        self,
        record: Record,
        shows: Exhibits,
        *,
        budget: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.record, self.shows, self.budget, self.clock = record, shows, budget, clock
        self.visitors: dict[str, Visitor] = {}
        self.near = near_of(record.folder, record.plan.examples, len(record.examples))
        self._lock, self._counting = Lock(), Lock()
        self._known: Known | None = None
        self._saved = clock()

    def begin(self, page: str, by: str) -> None:
        """A page was opened or loaded anew: what it held before is free."""
        with self._lock:
            self.visitors[page] = Visitor(by, [], self.clock())

    def leave(self, page: str) -> None:
        """A page was closed."""
        with self._lock:
            self.visitors.pop(page, None)

    def next_task(self, page: str, by: str, *, second: bool = False) -> Task | None:
        """Return what a page is to ask next, None where there is nothing left for it.

        With `second`, what another person has answered and this one has not.
        """
        with self._lock:
            self.record.refresh()
            visitor = self._heard(page, by)
            taken = [task for other in self.visitors.values() for task in other.holds]
            if second:
                task = self.record.second_task(by, taken=taken)
            elif self._is_over(len(taken)):
                task = None
            else:
                task = self.record.next_task(by, taken=taken)
            if task is not None:
                visitor.holds.append(task)
            return task

    def answer(
        self, page: str, by: str, task: Task, label: int | None, seconds: float | None
    ) -> None:
        """Write an answer down; it is on the disk when this returns.

        Raises UsageError for a task that is none of this audit's, WorkError where the disk refuses.
        """
        content = self.shows.content(task.index)
        with self._lock:
            visitor = self._heard(page, by)
            self.record.answer(task, label, by=by, seconds=seconds, content=content)
            visitor.holds = [h for h in visitor.holds if h != task and not self._is_answered(h)]

    def _is_answered(self, task: Task) -> bool:
        """Say whether a task was taken back and then left as it was."""
        drawn = self.record.drawn.get(task.number)
        return not task.is_repeat and drawn is not None and drawn.counts is not None

    def undo(self, page: str, by: str, *, before: int | None = None) -> Task | None:
        """Return the last draw that this person answered, to be answered anew.

        `before` is the one that was taken back last: then it is the one before that.
        """
        with self._lock:
            visitor = self._heard(page, by)
            task = self.record.undo(by=by, before=before)
            if task is not None and task not in visitor.holds:
                visitor.holds.insert(0, task)
            return task

    def reveal(self, number: int, by: str) -> Revealed:
        """Show what a draw was given; from now on a change of its answer enters no bound.

        Raises UsageError where this person has not answered it.
        """
        with self._lock:
            self.record.refresh()
            task = self.task(number, is_repeat=False)
            drawn = self.record.drawn.get(number)
            near = drawn.beside if drawn and drawn.shown_to else self._near(task)
            self.record.shown(number, by=by, beside=near)
            answer = self.record.said(number, by)
            return Revealed(task, None if answer is None else answer.label, near)

    def _near(self, task: Task) -> tuple[int, ...]:
        """Return the examples nearest to a draw's, but none that is soon asked about."""
        if self.near is None:
            return ()
        ahead = min(SOON, len(self.record.draws.order) // 2)
        return tuple(self.near.of(task.index, [soon.index for soon in self.record.batch(ahead)]))

    def neighbour(self, number: int, at: int) -> int:
        """Return an example that was shown beside a draw; raises UsageError where none was."""
        drawn = self.record.drawn.get(number)
        near = () if drawn is None else drawn.beside
        if not 0 <= at < len(near):
            raise UsageError(f"draw {number} has no neighbour {at}", help="reload the page")
        return near[at]

    def task(self, number: int, *, is_repeat: bool) -> Task:
        """Return a task by its number; raises UsageError where there is none."""
        if not 0 <= number < len(self.record.draws.order):
            raise UsageError(f"no draw {number}", help="reload the page")
        return replace(self.record.task(number), is_repeat=is_repeat)

    def heard(self, page: str) -> None:
        """A page asked for something: it is not gone."""
        with self._lock:
            if page in self.visitors:
                self.visitors[page].heard = self.clock()

    def known(self) -> Known:
        """Return what is known now, with forecasts; others can answer meanwhile."""
        with self._counting:
            with self._lock:
                self.record.refresh()
                events = self.record.log.lines
                if self._known is not None and self._known.events == events:
                    return self._known
                now = status(self.record, with_forecast=False)
                judge = self.record.judge()
            claims = [
                replace(said, forecast=forecast(judge, claim))
                for said, claim in zip(now.claims, judge.claims, strict=True)
            ]
            now = replace(now, claims=tuple(claims))
            left = len(self.record.draws.order) - now.answers
            self._known = Known(events, now, over(now, self.budget, left))
            self._save_now_and_then(self._known)
            return self._known

    def over_since(self) -> int | None:
        """Return after how many events nothing more was asked; None while something is."""
        known = self._known
        if known is None or known.over is None or known.events != self.record.log.lines:
            return None
        return known.events

    def close(self) -> Status:
        """Write audit.json, and return what is known at the end."""
        known = self.known()
        with self._lock:
            save_document(self.record, known.now)
        return known.now

    def _save_now_and_then(self, known: Known) -> None:
        if self.clock() - self._saved < SAVE_SECONDS:
            return
        with self._lock:
            if self.record.log.lines == known.events:
                save_document(self.record, known.now)
                self._saved = self.clock()

    def _heard(self, page: str, by: str) -> Visitor:
        """Return a page's visitor; those who said nothing for long are forgotten."""
        now = self.clock()
        for name in [n for n, v in self.visitors.items() if now - v.heard > GONE_SECONDS]:
            if name != page:
                del self.visitors[name]
        visitor = self.visitors.setdefault(page, Visitor())
        visitor.by, visitor.heard = by, now
        return visitor

    def _is_over(self, held: int) -> bool:
        if self._known is not None and self._known.over is not None:
            return self._known.events == self.record.log.lines
        return self.budget is not None and self.record.answers + held >= self.budget
