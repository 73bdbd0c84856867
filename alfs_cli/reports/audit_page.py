"""The page of an audit for somebody who doubts it: what was claimed, drawn, answered, and when."""

import hashlib
import shlex
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from alfs_cli.audits.agreement import Agreement, Coefficient
from alfs_cli.audits.claims import Claim
from alfs_cli.audits.judge import NOISE_RATE, Judge, Measured
from alfs_cli.audits.record import CANNOT_TELL, Answer, Record
from alfs_cli.audits.status import Status, document, named
from alfs_cli.formats.blocks import Block, Cell, Column, Curves, Facts, Paragraph, Report, Table
from alfs_cli.reports.audit import claims_table, facts, numbers, promise, verdict
from alfs_cli.text.numbers import percent, ratio

MOST_POINTS = 80  # of a curve
MOST_CURVES = 6
MOST_ROWS = 12  # of bounds that are told in a table
NOBODY = "no name given"


def audit_page(record: Record, now: Status, *, over: str | None, file: Path) -> Report:
    """Return the page of an audit; `file` is its audit.json."""
    said = document(record, now)
    count = len(record.examples)
    first: list[Block] = [
        verdict(now, over, None),
        claims_table(now),
        Facts(tuple(facts(now, said, count)), title="What was answered"),
        Paragraph(promise(now)),
    ]
    blocks = [*first, *over_time(record)]
    blocks += [
        people_table(record),
        *agreement_tables(now),
        Facts(tuple(design(record, now)), title="How the examples were drawn"),
        Facts(tuple(to_verify(record, file)), title="To verify it"),
        answers_table(record),
    ]
    if record.suspects:
        blocks.append(suspects_table(record))
    title = f"Audit of {count:,} labels"
    return Report(title, tuple(blocks), said, data=(numbers(now),), brief=tuple(first))


def over_time(record: Record) -> list[Block]:
    """Return how the bounds drew together, one chart a quantity; levels as a table."""
    claims = list({claim.subject: claim for claim in (NOISE_RATE, *record.plan.claims)}.values())
    charted = [claim for claim in claims if not claim.is_comparison and not claim.is_level]
    told = [claim for claim in claims if claim.is_comparison or claim.is_level]
    history = replayed(record, [*charted, *told])
    found: list[Block] = [
        Curves(
            f"{claim.subject}: bounds over the answers",
            tuple(
                (name, tuple((float(at), bound(one)) for at, one in history[claim.subject]))
                for name, bound in (("at most", _high), ("at least", _low))
            ),
            "draws answered",
            "Where the quantity lies, at any number of answers",
        )
        for claim in charted[:MOST_CURVES]
        if len(history[claim.subject]) > 1
    ]
    return found + [steps_table(claim, history[claim.subject]) for claim in told]


def _low(one: Measured) -> float:
    return one.low


def _high(one: Measured) -> float:
    return min(one.high, 1.0)


def replayed(record: Record, claims: Sequence[Claim]) -> dict[str, list[tuple[int, Measured]]]:
    """Return what was known of each subject after some of the draws, the last among them."""
    judge = Judge(record.examples, record.draws.weights, record.plan.claims, record.plan.risk)
    labels = record.sequence()
    step = max(1, len(labels) // MOST_POINTS)
    found: dict[str, list[tuple[int, Measured]]] = defaultdict(list)
    for number, label in enumerate(labels, start=1):
        judge.enter(int(record.draws.order[number - 1]), None if label is None else (label,))
        if number % step == 0 or number == len(labels):
            for claim in claims:
                found[claim.subject].append((number, judge.measured(claim)))
    return found


def steps_table(claim: Claim, history: Sequence[tuple[int, Measured]]) -> Table:
    """Return numbers of answers at which the bounds of a subject changed, the last among them."""
    write = ratio if claim.is_level else percent
    rows: list[tuple[Cell, ...]] = []
    for at, one in history:
        high = "-" if one.high == float("inf") else write(one.high)
        row = (write(one.low), high)
        if not rows or rows[-1][1:] != row:
            rows.append((at, *row))
    kept = range(0, len(rows), -(-len(rows) // MOST_ROWS))
    rows = [rows[at] for at in sorted({*kept, len(rows) - 1} if rows else ())]
    columns = (Column("draws answered", "count"), Column("at least"), Column("at most"))
    return Table(f"{claim.subject}: bounds over the answers", columns, tuple(rows))


def people_table(record: Record) -> Table:
    """Return who answered how much, and how fast."""
    by: dict[str, list[Answer]] = defaultdict(list)
    for drawn in record.drawn.values():
        said = [drawn.counts, *drawn.others.values()]
        for answer in said:
            if answer is not None:
                by[answer.by or NOBODY].append(answer)
    rows: list[tuple[Cell, ...]] = []
    for name, answers in sorted(by.items()):
        seconds = [answer.seconds for answer in answers if answer.seconds is not None]
        unsure = sum(answer.label is None for answer in answers)
        rows.append((name, len(answers), unsure, median(seconds) if seconds else None))
    columns = (
        Column("who"),
        Column("answers", "count"),
        Column("can't tell", "count"),
        Column("median seconds", "number"),
    )
    return Table("Who answered", columns, tuple(rows))


def agreement_tables(now: Status) -> list[Table]:
    """Return how far people agree with themselves and with each other."""
    pairs = (("asked twice", now.repeats), ("two people", now.people))
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (name, found.both, found.alike, coefficient(found.kappa), coefficient(found.ac1))
        for name, found in pairs
        if isinstance(found, Agreement) and found.both
    )
    columns = (
        Column("answers"),
        Column("both", "count"),
        Column("alike", "count"),
        Column("Cohen's kappa"),
        Column("Gwet's AC1"),
    )
    note = "With 95 % intervals by the jackknife over examples; 1 is full agreement, 0 chance's."
    return [Table("Agreement", columns, rows, note=note)] if rows else []


def coefficient(found: Coefficient) -> str:
    """Return a coefficient of agreement with its interval."""
    if found.value is None:
        return "not defined"
    if found.low is None or found.high is None:
        return f"{found.value:.2f}"
    return f"{found.value:.2f} ({found.low:.2f} to {found.high:.2f})"


def design(record: Record, now: Status) -> list[tuple[str, str]]:
    """Return how the draws were made, in words."""
    plan, examples = record.plan, record.examples
    has_scores = examples.noise_levels is not None
    aimed = (
        f"even but for {percent(plan.aimed, 0)} of the draws, which go where the scores say that a "
        "claim is decided soonest"
    )
    rows = [
        ("examples", f"{len(examples):,} of {len(examples.classes):,} classes"),
        ("draws", "one order without replacement, fixed before the first answer by the seed, the "
         "data's fingerprint and the weights; an example that was shown stays drawn"),
        ("weights", aimed if has_scores else "even: there are no scores"),
        ("seed", str(plan.seed)),
        ("risk", f"{percent(plan.risk, 0)} of each claim and each side of an interval"),
        ("blind", "yes: the given label was not shown" if now.blind else "no: it was shown"),
    ]  # fmt: skip
    if examples.known:
        rows.append(("known before", f"{len(examples.known):,} answers of an earlier audit"))
    if plan.continues is not None:
        rows.append(("goes on from", f"the record that ends in {plan.continues}"))
    return rows


def to_verify(record: Record, file: Path) -> list[tuple[str, str]]:
    """Return digests, and the command that recomputes every draw and every bound."""
    log = record.log.path
    digest = hashlib.sha256(log.read_bytes()).hexdigest()
    return [
        ("data", record.plan.data),
        ("examples", record.plan.examples),
        (f"{log.name}, SHA-256", digest),
        ("last line", f"{record.log.sum}, bound to all {record.log.lines:,} lines before it"),
        ("command", f"alfs audit DATA --verify {shlex.quote(file.as_posix())}"),
    ]


def answers_table(record: Record) -> Table:
    """Return every draw: which example, by what chance, given as what, answered what, by whom."""
    examples = record.examples
    rows: list[tuple[Cell, ...]] = []
    for number, drawn in sorted(record.drawn.items()):
        counts, index = drawn.counts, int(record.draws.order[number])
        notes = []
        if drawn.changed is not None:
            notes.append(f"changed to {named(record, drawn.changed.label)} once shown")
        notes += [f"{by or NOBODY}: {named(record, one.label)}" for by, one in drawn.others.items()]
        if drawn.repeated is not None:
            notes.append(f"asked again: {named(record, drawn.repeated.label)}")
        rows.append(
            (
                number,
                index,
                f"{record.probability(number):.3g}",
                examples.classes[examples.given[index]],
                CANNOT_TELL if counts is None else named(record, counts.label),
                "" if counts is None else counts.by,
                None if counts is None else counts.seconds,
                "" if counts is None else counts.content or "",
                "; ".join(notes),
            )
        )
    columns = (
        Column("draw"),
        Column("index"),
        Column("chance"),
        Column("given"),
        Column("answer"),
        Column("who"),
        Column("seconds", "number"),
        Column("shown"),
        Column("besides"),
    )
    note = (
        "index: the place in DATA, from 0; chance: of being drawn then, among those left; shown: "
        "the hash of what was shown."
    )
    return Table("Every answer, in the order of the draws", columns, tuple(rows), note=note)


def suspects_table(record: Record) -> Table:
    """Return answers about examples that somebody chose: they enter no bound."""
    examples = record.examples
    rows = tuple(
        (index, examples.classes[examples.given[index]], named(record, one.label), one.by)
        for index, one in sorted(record.suspects.items())
    )
    columns = (Column("index"), Column("given"), Column("answer"), Column("who"))
    return Table("Answers of no draw, which enter no bound", columns, rows)
