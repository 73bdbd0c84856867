"""What an audit knows now, as values and as `audit.json`, and whether a replay says the same."""

import json
import math
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from alfs_cli.audits.agreement import Agreement, agreement
from alfs_cli.audits.forecast import Forecast, forecast
from alfs_cli.audits.judge import REJECTED, UNDECIDED, Judge, Measured
from alfs_cli.audits.plan import SCHEMA
from alfs_cli.audits.population import Population
from alfs_cli.audits.record import CANNOT_TELL, DOCUMENT, LOG, Record, resume
from alfs_cli.errors import InputError
from alfs_cli.storage.documents import render_document

CLOSE = 1e-9  # how far numbers of a replay on another machine may be off, relatively


@dataclass(frozen=True)
class ClaimStatus:
    """One claim: `text`, accepted, rejected or undecided, and what is known of its quantity."""

    text: str
    number: float | None
    status: str
    value: float | None
    low: float
    high: float | None  # None: not bounded from above
    answers: int
    forecast: Forecast | None


@dataclass(frozen=True)
class Status:
    """All that is known: hold an interval against `risk` on each side, at all times."""

    risk: float
    answers: int
    cannot_tell: int
    waiting: int  # drawn, not answered, and followed by answers: they count as "can't tell"
    blind: bool
    claims: tuple[ClaimStatus, ...]
    noise_rate: Measured
    changed: int
    suspects: int
    repeats: Agreement
    people: Agreement | None  # the first person and any other, where two answered the same
    either: tuple[ClaimStatus, ...]  # where they differ: what holds if either is right

    @property
    def is_decided(self) -> bool:
        """Whether no claim is undecided."""
        return all(claim.status != UNDECIDED for claim in self.claims)

    @property
    def is_rejected(self) -> bool:
        """Whether a claim is rejected."""
        return any(claim.status == REJECTED for claim in self.claims)


def status(record: Record, *, with_forecast: bool = True) -> Status:
    """Return what the record says now."""
    judge = record.judge()
    sequence = record.sequence()
    counted = [d.counts for d in record.drawn.values() if d.counts is not None]
    repeats = [d for d in record.drawn.values() if d.repeated is not None and d.counts is not None]
    seconds = [
        (d.counts.label, other.label)
        for d in record.drawn.values()
        if d.counts is not None
        for other in d.others.values()
    ]
    differ = any(a != b for a, b in seconds)
    return Status(
        risk=record.plan.risk,
        answers=len(counted),
        cannot_tell=sum(answer.label is None for answer in counted),
        waiting=len(sequence) - len(counted),
        blind=not record.plan.show_given,
        claims=claim_statuses(judge, with_forecast=with_forecast),
        noise_rate=judge.noise_rate(),
        changed=sum(d.changed is not None for d in record.drawn.values()),
        suspects=len(record.suspects),
        repeats=agreement(
            [d.counts.label for d in repeats if d.counts],
            [d.repeated.label for d in repeats if d.repeated],
        ),
        people=agreement(*zip(*seconds, strict=True)) if seconds else None,
        either=claim_statuses(record.either(), with_forecast=False) if differ else (),
    )


def claim_statuses(judge: Judge, *, with_forecast: bool) -> tuple[ClaimStatus, ...]:
    """Return what is known of each claim of a judge."""
    found = []
    for claim in judge.claims:
        known = judge.measured(claim)
        found.append(
            ClaimStatus(
                text=str(claim),
                number=claim.number,
                status=judge.verdict(claim),
                value=known.value,
                low=known.low,
                high=known.high if math.isfinite(known.high) else None,
                answers=known.answers,
                forecast=forecast(judge, claim) if with_forecast else None,
            )
        )
    return tuple(found)


def document(record: Record, now: Status | None = None) -> dict[str, Any]:
    """Return `audit.json` (schema "alfs.audit/1"): a function of the log and the examples."""
    now = status(record) if now is None else now
    plan = record.plan
    return {
        "schema": SCHEMA,
        "data": plan.data,
        "examples": plan.examples,
        "seed": plan.seed,
        "risk": plan.risk,
        "design": {
            "aimed": plan.aimed,
            "show_given": plan.show_given,
            "scores": record.examples.noise_levels is not None,
            "known": len(record.examples.known),
            "continues": plan.continues,
        },
        "claims": [asdict(claim) for claim in now.claims],
        "answers": now.answers,
        "cannot_tell": now.cannot_tell,
        "waiting": now.waiting,
        "noise_rate": {
            "value": now.noise_rate.value,
            "low": now.noise_rate.low,
            "high": now.noise_rate.high,
        },
        "repeats": asdict(now.repeats),
        "people": None if now.people is None else asdict(now.people),
        "either": [asdict(claim) for claim in now.either],
        "draws": [draw_line(record, number) for number in sorted(record.drawn)],
        "suspects": [
            {"index": index, "answer": named(record, answer.label), "by": answer.by}
            for index, answer in sorted(record.suspects.items())
        ],
        "log": LOG,
    }


def draw_line(record: Record, number: int) -> dict[str, Any]:
    """Return a draw as audit.json lists it."""
    drawn = record.drawn[number]
    counts = drawn.counts
    line: dict[str, Any] = {
        "draw": number,
        "index": int(record.draws.order[number]),
        "probability": record.probability(number),
        "blind": counts is not None and counts.blind,
        "answer": None if counts is None else named(record, counts.label),
        "by": "" if counts is None else counts.by,
        "seconds": None if counts is None else counts.seconds,
        "content": None if counts is None else counts.content,
    }
    if drawn.changed is not None:
        line["changed"] = named(record, drawn.changed.label)
    if drawn.others:
        line["others"] = {by: named(record, one.label) for by, one in sorted(drawn.others.items())}
    if drawn.repeated is not None:
        line["repeated"] = named(record, drawn.repeated.label)
    return line


def named(record: Record, label: int | None) -> str:
    """Return an answer in words."""
    return CANNOT_TELL if label is None else record.examples.classes[label]


def save_document(record: Record, now: Status | None = None) -> Path:
    """Write `audit.json` anew, whole or not at all; return its path."""
    path = record.folder / DOCUMENT
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    with partial.open("w", encoding="utf-8", newline="\n") as file:
        file.write(render_document(document(record, now)))
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    return path


def verify(folder: Path, examples: Population | None = None) -> list[str]:
    """Replay every draw and every bound; return what differs from `audit.json`, nothing if equal.

    Raises InputError where a file is missing or was changed by hand.
    """
    record = resume(folder, examples)
    path = folder / DOCUMENT
    try:
        written = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"'{path}' cannot be read: {error}", help="`alfs audit` writes it anew from the log"
        ) from error
    return differences(written, json.loads(json.dumps(document(record))), "")


def differences(written: object, replayed: object, where: str) -> list[str]:
    """Return the places at which two documents differ, numbers by more than rounding."""
    if isinstance(written, dict) and isinstance(replayed, dict):
        return [
            line
            for key in dict.fromkeys([*written, *replayed])
            for line in differences(
                written.get(key, "nothing"),
                replayed.get(key, "nothing"),
                f"{where}.{key}".lstrip("."),
            )
        ]
    if isinstance(written, list) and isinstance(replayed, list):
        return lists_differ(written, replayed, where)
    are_numbers = all(type(one) in (int, float) for one in (written, replayed))
    if are_numbers and math.isclose(written, replayed, rel_tol=CLOSE, abs_tol=CLOSE):  # type: ignore[arg-type]
        return []
    return [] if written == replayed else [f"{where}: written {written!r}, replayed {replayed!r}"]


def lists_differ(written: Sequence[object], replayed: Sequence[object], where: str) -> list[str]:
    """Return the places at which two lists differ."""
    if len(written) != len(replayed):
        return [f"{where}: {len(written)} written, {len(replayed)} replayed"]
    return [
        line
        for at, (one, other) in enumerate(zip(written, replayed, strict=True))
        for line in differences(one, other, f"{where}[{at}]")
    ]
