"""The record of an audit: what was asked and answered, from which everything else is derived.

audit.jsonl   the log: the plan, then each answer as it comes
audit.npz     the examples as they were: labels, levels of the scores, predictions, columns
audit.json    what is known now; can be written anew from the two others at any time

The plan fixes the order of the draws. The blind answer of the first person to a draw enters the
bounds. That person may change it until they see its given label, as that of this example or of one
shown beside another; a later change is kept beside it and only mends the label. Answers of others
to the same draw measure how far people agree, answers to repeats how far a person agrees with
themselves. Answers about suspects settle labels and enter no bound.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from alfs_cli.arrays import IntArray
from alfs_cli.audits.claims import Claim, known
from alfs_cli.audits.draws import Draws, draws
from alfs_cli.audits.judge import Judge
from alfs_cli.audits.log import Event, Log
from alfs_cli.audits.plan import SCHEMA, Plan, header, plan_from, weights_of
from alfs_cli.audits.population import Population, load, save
from alfs_cli.errors import InputError, UsageError, brief, did_you_mean, has

LOG, DOCUMENT, EXAMPLES = "audit.jsonl", "audit.json", "audit.npz"
CANNOT_TELL = "?"
STEP = 8  # draws between two judges that are kept, so that a change need not replay all
KEPT = 3


@dataclass(frozen=True)
class Task:
    """An example to be asked about: draw `number` (from 0), or its repeat."""

    number: int
    index: int
    is_repeat: bool = False


@dataclass(frozen=True)
class Answer:
    """What somebody said of a draw; label None is "can't tell"."""

    label: int | None
    by: str = ""
    seconds: float | None = None
    blind: bool = True
    content: str | None = None  # the hash of what was shown


@dataclass
class Drawn:
    """All that was said of one draw."""

    counts: Answer | None = None  # the first person's last blind answer
    others: dict[str, Answer] = field(default_factory=dict)
    changed: Answer | None = None  # after the given label was shown
    repeated: Answer | None = None
    shown_to: set[str] = field(default_factory=set)
    beside: tuple[int, ...] = ()  # examples whose given labels were shown with it


class Record:
    """An audit that is going on: tasks out, answers in, and what they say."""

    def __init__(self, folder: Path, plan: Plan, examples: Population, log: Log) -> None:
        self.folder, self.plan, self.examples, self.log = folder, plan, examples, log
        weights = weights_of(examples, plan)
        self.draws: Draws = draws(examples, weights, plan.seed)
        by_draw = weights[self.draws.order]
        self._left = by_draw[::-1].cumsum()[::-1]  # weights of what is left before each draw
        self.drawn: dict[int, Drawn] = {}
        self.suspects: dict[int, Answer] = {}
        self._seen: set[tuple[int, str]] = set()  # draws whose given label somebody saw elsewhere
        self._changes: list[tuple[int, str]] = []  # blind answers in their order, for undo
        self._judges = [(0, Judge(examples, weights, plan.claims, plan.risk))]
        self._entered: list[int | None] = []
        self._numbers: IntArray | None = None

    # ---- asking -------------------------------------------------------------------------------

    @property
    def answers(self) -> int:
        """How many draws are answered, "can't tell" among them."""
        return sum(d.counts is not None for d in self.drawn.values())

    def next_task(self, by: str = "", *, taken: Collection[Task] = ()) -> Task | None:
        """Return what to ask next: the first draw open, or a repeat that is due; None at the end.

        `taken` are tasks that others are looking at now.
        """
        busy = set(taken)
        for number in range(len(self.draws.order)):
            task = self.task(number)
            if self._of(number).counts is None:
                if task not in busy:
                    return task
                continue
            again = self.draws.repeat_after(number)
            if again is None:
                continue
            repeat = Task(again, self.task(again).index, is_repeat=True)
            first = self._of(again)
            is_due = first.counts is not None and first.counts.by == by and first.repeated is None
            is_due = is_due and not self.has_seen(again, by)
            if is_due and repeat not in busy:
                return repeat
        return None

    def second_task(self, by: str, *, taken: Collection[Task] = ()) -> Task | None:
        """Return the first draw that another has answered and this person has not."""
        for number in sorted(self.drawn):
            drawn, task = self.drawn[number], self.task(number)
            is_others = drawn.counts is not None and drawn.counts.by != by
            if is_others and by not in drawn.others and task not in taken:
                return task
        return None

    def batch(self, size: int) -> list[Task]:
        """Return the next draws that are not answered, for a sheet; no repeats among them."""
        found: list[Task] = []
        for number in range(len(self.draws.order)):
            if len(found) == size:
                break
            if self._of(number).counts is None:
                found.append(self.task(number))
        return found

    def task(self, number: int) -> Task:
        """Return what a draw asks."""
        return Task(number, int(self.draws.order[number]))

    def _of(self, number: int) -> Drawn:
        drawn = self.drawn.get(number)
        return Drawn() if drawn is None else drawn

    # ---- answering ----------------------------------------------------------------------------

    def answer(
        self,
        task: Task,
        label: int | None,
        *,
        by: str = "",
        seconds: float | None = None,
        content: str | None = None,
    ) -> None:
        """Write an answer to the log; it is safe on the disk when this returns.

        label None is "can't tell"; content, the hash of what was shown. Raises UsageError for no
        class and for no draw of this audit, WorkError where the disk refuses.
        """
        self._check(task, label)
        event: Event = {
            "event": "repeat" if task.is_repeat else "answer",
            "draw": task.number,
            "index": task.index,
            "answer": self._name(label),
            "by": by,
            "seconds": seconds,
        }
        self._append(event if content is None else {**event, "content": content})

    def shown(self, number: int, *, by: str = "", beside: Sequence[int] = ()) -> None:
        """Write that the given label of a draw was shown: from now on a change enters no bound.

        `beside` are the examples whose given labels were shown with it: of those drawn before, too,
        and of those drawn later an answer is not blind. Raises UsageError where this person has not
        answered that draw, for then the label would tell.
        """
        self.refresh()
        if not self.has_answered(number, by):
            raise UsageError(
                f"draw {number} is not answered yet", help="answer it, then look at what was given"
            )
        if by not in self._of(number).shown_to:
            event: Event = {"event": "shown", "draw": number, "by": by}
            self._append({**event, "beside": list(beside)} if beside else event)

    def has_answered(self, number: int, by: str) -> bool:
        """Return whether this person has answered a draw."""
        return self.said(number, by) is not None

    def said(self, number: int, by: str) -> Answer | None:
        """Return what this person says of a draw now, None where they have not answered it."""
        drawn = self._of(number)
        if drawn.changed is not None and drawn.changed.by == by:
            return drawn.changed
        if drawn.counts is not None and drawn.counts.by == by:
            return drawn.counts
        return drawn.others.get(by)

    def has_seen(self, number: int, by: str) -> bool:
        """Return whether this person was shown the given label of a draw."""
        return by in self._of(number).shown_to or (number, by) in self._seen

    def undo(self, *, by: str = "", before: int | None = None) -> Task | None:
        """Return the last draw this person answered, to be answered again; None if there is none.

        `before` is a draw of theirs: then it is the one they answered before that. Nothing is
        written: the next answer to it takes the place of the last, as long as it is blind, and is
        kept beside it otherwise. The draw stays.
        """
        self.refresh()
        own = list(dict.fromkeys(n for n, who in reversed(self._changes) if who == by))
        if before in own:
            own = own[own.index(before) + 1 :]
        return self.task(own[0]) if own else None

    def suspect(self, index: int, label: int | None, *, by: str = "") -> None:
        """Write the answer to an example that somebody chose to look at: it enters no bound."""
        if not 0 <= index < len(self.examples):
            raise UsageError(f"no example {index}", help=f"there are {len(self.examples):,}")
        self._check(None, label)
        self._append({"event": "suspect", "index": index, "answer": self._name(label), "by": by})

    def refresh(self) -> None:
        """Take in what other processes have written meanwhile."""
        for event in self.log.read():
            self._apply(event)

    def _append(self, event: Event) -> None:
        for each in self.log.append(event):
            self._apply(each)

    def _check(self, task: Task | None, label: int | None) -> None:
        if label is not None and not 0 <= label < len(self.examples.classes):
            raise UsageError(
                f"answer {label} is none of the {len(self.examples.classes)} classes",
                help=f"answer a class, or '{CANNOT_TELL}'",
            )
        if task is None:
            return
        number = task.number
        if not 0 <= number < len(self.draws.order) or self.draws.order[number] != task.index:
            raise UsageError(
                f"example {task.index} is not draw {number} of this audit",
                help="answer what this audit asks; is it a sheet of another one?",
            )

    def _name(self, label: int | None) -> str | None:
        return None if label is None else self.examples.classes[label]

    def _apply(self, event: Event) -> None:
        kind, by = event["event"], event.get("by", "")
        name = event.get("answer")
        label = None if name is None else self.examples.classes.index(name)
        if kind == "suspect":
            self.suspects[event["index"]] = Answer(label, by, blind=False)
            return
        number = event["draw"]
        drawn = self.drawn.setdefault(number, Drawn())
        if kind == "shown":
            drawn.shown_to.add(by)
            drawn.beside = tuple(event.get("beside", drawn.beside))
            others = map(self._number_of, drawn.beside)
            self._seen.update((other, by) for other in others if other is not None)
            return
        blind = not self.plan.show_given and not self.has_seen(number, by)
        answer = Answer(label, by, event.get("seconds"), blind, event.get("content"))
        if kind == "repeat":
            drawn.repeated = answer
        elif self.has_seen(number, by) and self.has_answered(number, by):
            drawn.changed = answer
        elif drawn.counts is None or drawn.counts.by == by:
            drawn.counts = answer
            self._changes.append((number, by))
        else:
            drawn.others[by] = answer

    def _number_of(self, index: int) -> int | None:
        """Return which draw an example is, None for one that was known beforehand."""
        if self._numbers is None:
            self._numbers = np.full(len(self.examples), -1, dtype=np.int64)
            self._numbers[self.draws.order] = np.arange(len(self.draws.order))
        number = int(self._numbers[index])
        return None if number < 0 else number

    # ---- what it says -------------------------------------------------------------------------

    def judge(self) -> Judge:
        """Return the judge of all draws up to the last one answered.

        A draw among them that is not answered counts as "can't tell"; that lowers every wealth on
        every path, also if it is answered later.
        """
        labels = self.sequence()
        same = 0
        for before, now in zip(self._entered, labels, strict=False):
            if before != now:
                break
            same += 1
        while len(self._judges) > 1 and self._judges[-1][0] > same:
            self._judges.pop()
        at, judge = self._judges[-1]
        judge = judge.copy()
        for number in range(at, len(labels)):
            self._enter(judge, number, labels[number])
            if (number + 1) % STEP == 0 and number >= len(labels) - KEPT * STEP:
                self._judges.append((number + 1, judge.copy()))
        self._entered = labels
        if len(self._judges) > KEPT + 1:  # the first is the start
            self._judges = [self._judges[0], *self._judges[-KEPT:]]
        return judge

    def sequence(self) -> list[int | None]:
        """Return what counts of each draw up to the last one answered; None is "can't tell"."""
        last = max((n for n, d in self.drawn.items() if d.counts is not None), default=-1)
        found: list[int | None] = []
        for number in range(last + 1):
            counts = self._of(number).counts
            found.append(None if counts is None else counts.label)
        return found

    def either(self) -> Judge:
        """Return the judge for whom every answer that somebody gave blindly may be right."""
        judge = self._judges[0][1].copy()
        for number, label in enumerate(self.sequence()):
            drawn = self._of(number)
            said = {label, *(answer.label for answer in drawn.others.values())}
            possible = (
                None if None in said else tuple(sorted(one for one in said if one is not None))
            )
            judge.enter(int(self.draws.order[number]), possible)
        return judge

    def _enter(self, judge: Judge, number: int, label: int | None) -> None:
        judge.enter(int(self.draws.order[number]), None if label is None else (label,))

    def settled(self) -> dict[int, int]:
        """Return the true label of every example that has a clear answer, the latest of each."""
        found = {
            index: answer.label
            for index, answer in self.suspects.items()
            if answer.label is not None
        }
        for number, drawn in self.drawn.items():
            answer = drawn.changed or drawn.counts
            if answer is not None and answer.label is not None:
                found[int(self.draws.order[number])] = answer.label
        return found

    def probability(self, number: int) -> float:
        """Return the chance that this example had of being drawn then, of those left."""
        weight = self.draws.weights[self.draws.order[number]]
        return float(weight / self._left[number])


def start(
    folder: Path,
    examples: Population,
    claims: Sequence[Claim],
    *,
    seed: int = 0,
    risk: float = 0.05,
    show_given: bool = False,
    continues: str | None = None,
) -> Record:
    """Begin an audit in a folder; raises UsageError where there is one, or a claim cannot be."""
    if not 0 < risk < 0.5:
        raise UsageError(f"a risk of {risk} is not between 0 and 0.5", help="as --risk 0.05")
    if CANNOT_TELL in map(str.strip, examples.classes):
        raise InputError(
            f"a class is called '{CANNOT_TELL}', which is how an answer says \"can't tell\"",
            help="give that class another name, or leave those examples out if they have no label",
        )
    runs = tuple(examples.predictions)
    checked = tuple(known(claim, examples.classes, runs) for claim in claims)
    if Log(folder / LOG).read():
        raise begun(folder)
    plan = Plan(
        data=examples.fingerprint,
        examples=examples.digest(),
        seed=seed,
        risk=risk,
        claims=checked,
        show_given=show_given,
        continues=continues,
    )
    log = Log(folder / LOG)
    record = Record(folder, plan, examples, log)  # before anything is written: claims may be wrong
    folder.mkdir(parents=True, exist_ok=True)
    save(examples, folder / EXAMPLES)
    if not log.begin(header(plan)):
        raise begun(folder)
    return record


def begun(folder: Path) -> UsageError:
    """Return the error of an audit that is to start where one is."""
    return UsageError(
        f"'{folder / LOG}' is there already",
        help="the same command goes on with it; another --out starts another audit",
    )


def resume(folder: Path, examples: Population | None = None) -> Record:
    """Go on with the audit of a folder; with `examples`, only if they are the same.

    Raises InputError where there is none, where a line was changed, or the data is another.
    """
    log = Log(folder / LOG)
    events = log.read()
    if not events or events[0].get("schema") != SCHEMA:
        raise InputError(
            f"'{folder / LOG}' is not the log of an audit", help="alfs audit DATA begins one"
        )
    plan = plan_from(events[0], folder / LOG)
    stored = load(folder / EXAMPLES)
    if stored.digest() != plan.examples:
        raise InputError(
            f"'{folder / EXAMPLES}' is not what the audit began with",
            help="put back the file as it was written, or start a new audit with another --out",
        )
    if examples is not None:
        check_same(examples, stored, folder)
    record = Record(folder, plan, stored, log)
    for event in events[1:]:
        record._apply(event)
    return record


def check_same(examples: Population, stored: Population, folder: Path) -> None:
    """Raise InputError where the data is not that of the audit; scores may have been made anew."""
    data = examples.fingerprint == stored.fingerprint.partition(CONTINUES)[0]
    if data and np.array_equal(examples.given, stored.given) and examples.classes == stored.classes:
        return
    raise InputError(
        f"the audit in '{folder}' is of other data than this",
        help="audit the data as it was, or go on with --continue after labels were mended",
    )


CONTINUES = "|continues "


def continued(
    old: Record, examples: Population, places: Mapping[int, int] | None = None
) -> Population:
    """Return mended data with the old audit's answers as a known part; the draws are fresh.

    `places` gives the index in the new data by the old one; without, they are the same.
    """
    found: dict[int, tuple[int, ...] | None] = {}
    for number, drawn in old.drawn.items():
        if drawn.counts is None:
            continue
        index = int(old.draws.order[number])
        new = index if places is None else places.get(index)
        if new is None:
            continue
        label = drawn.counts.label
        name = None if label is None else old.examples.classes[label]
        if name is not None and name not in examples.classes:
            raise InputError(
                f"class '{brief(name)}' of the old audit is not in the new data",
                help=has(examples.classes, [name]),
            )
        found[new] = None if name is None else (examples.classes.index(name),)
    for index, possible in old.examples.known.items():
        new = index if places is None else places.get(index)
        if new is not None and new not in found:
            found[new] = possible
    return Population(
        given=examples.given,
        classes=examples.classes,
        fingerprint=f"{examples.fingerprint}{CONTINUES}{old.log.sum}",
        noise_levels=examples.noise_levels,
        class_levels=examples.class_levels,
        predictions=examples.predictions,
        columns=examples.columns,
        known=found,
    )


def label_of(text: str, classes: Sequence[str], where: str) -> int | None:
    """Return the class that an answer's text names, None for "?".

    Spaces around either are passed over, unless classes differ in them alone. Raises UsageError,
    with the place and the nearest class.
    """
    plain = text.strip()
    if plain == CANNOT_TELL:
        return None
    for name in (text, plain):
        if name in classes:
            return list(classes).index(name)
    meant = [number for number, name in enumerate(classes) if name.strip() == plain]
    if len(meant) == 1:
        return meant[0]
    raise UsageError(
        f"{where}: '{brief(plain)}' is not one of the {len(classes)} classes"
        f"{did_you_mean(plain, classes)}",
        help=f'write a class, or {CANNOT_TELL} for "can\'t tell"; ' + has(classes, [plain]),
    )
