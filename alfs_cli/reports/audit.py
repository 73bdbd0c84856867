"""The report of an audit: each claim, what is known of it, and what would decide it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from alfs_cli.auditing.words import between, known, missing
from alfs_cli.audits.judge import UNDECIDED
from alfs_cli.audits.status import ClaimStatus, Status
from alfs_cli.formats.blocks import (
    Block,
    Column,
    Facts,
    Paragraph,
    Report,
    Table,
    Verdict,
)
from alfs_cli.formats.blocks import Status as Mark
from alfs_cli.text.numbers import percent

SCHEMA = "alfs.audit-verified/1"
MOST_TOLD = 20  # differences of a replay, the most listed


def audit_report(
    now: Status,
    document: Mapping[str, Any],
    *,
    name: str,
    examples: int,
    before: Status | None = None,
    over: str | None = None,
    budget: int | None = None,
) -> Report:
    """Return the report of an audit; `before` is the status before labels were corrected."""
    blocks: list[Block] = [verdict(now, over, budget), claims_table(now)]
    if before is not None:
        blocks.append(before_and_after(before, now))
    blocks.append(Facts(tuple(facts(now, document, examples))))
    blocks.append(Paragraph(promise(now)))
    return Report(f"Audit of {name}", tuple(blocks), document, source=name, data=(numbers(now),))


def verdict(now: Status, over: str | None, budget: int | None) -> Verdict:
    """Return the counts of accepted, rejected and undecided claims, and what would decide more."""
    counts = {
        word: sum(claim.status == word for claim in now.claims)
        for word in ("accepted", "rejected", "undecided")
    }
    text = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
    text = f"{len(now.claims)} claim{'s' if len(now.claims) != 1 else ''}: {text}"
    mark: Mark = "fail" if counts["rejected"] else "warn" if counts["undecided"] else "pass"
    reasons = []
    if counts["undecided"]:
        longest = max(
            (claim.forecast for claim in now.claims if claim.forecast is not None),
            key=lambda forecast: forecast.p50,
            default=None,
        )
        more = missing(longest)
        if more:
            reasons.append(f"{more} would decide all of them")
    if over == "budget":
        reasons.append(f"the budget of {budget:,} answers is spent: a larger --budget goes on")
    if over == "all answered":
        reasons.append("every example is answered")
    if any(is_stuck(claim) for claim in now.claims):
        reasons.append(
            f"what is undecided and has nothing left to ask hangs on the {now.cannot_tell:,} that "
            "nobody could tell"
        )
    return Verdict(mark, text, tuple(reasons))


def is_stuck(claim: ClaimStatus) -> bool:
    """Return whether a claim is undecided and no answer can change that."""
    return claim.status == UNDECIDED and claim.forecast is None


def claims_table(now: Status) -> Table:
    """Return a row for each claim: its status, its interval, and the answers it still needs."""
    rows = tuple(
        (
            claim.text,
            claim.status,
            known(claim),
            claim.answers,
            missing(claim.forecast) or ("nothing left to ask" if is_stuck(claim) else "none"),
        )
        for claim in now.claims
    )
    columns = (
        Column("claim"),
        Column("status"),
        Column("known"),
        Column("answers", "count"),
        Column("to be decided"),
    )
    return Table("", columns, rows)


def numbers(now: Status) -> Table:
    """Return the claims as numbers, for CSV."""
    names = ("claim", "status", "value", "low", "high", "answers", "p10", "p50", "p90")
    rows = tuple(
        (
            claim.text,
            claim.status,
            claim.value,
            claim.low,
            claim.high,
            claim.answers,
            *(
                (None, None, None)
                if claim.forecast is None
                else (claim.forecast.p10, claim.forecast.p50, claim.forecast.p90)
            ),
        )
        for claim in now.claims
    )
    return Table("claims", tuple(map(Column, names)), rows)


def before_and_after(before: Status, now: Status) -> Table:
    """Return the status of each claim before labels were corrected, and now."""
    earlier = {claim.text: claim for claim in before.claims}
    rows: list[tuple[str, ...]] = [
        ("wrong labels", between_of(before), between_of(now)),
    ]
    for claim in now.claims:
        old = earlier.get(claim.text)
        told = "not asked" if old is None else f"{old.status}, {known(old)}"
        rows.append((claim.text, told, f"{claim.status}, {known(claim)}"))
    columns = (Column("what"), Column("before"), Column("now"))
    return Table("Before and after mending", columns, tuple(rows))


def between_of(now: Status) -> str:
    """Return the interval of the noise rate in words."""
    return between(now.noise_rate.low, now.noise_rate.high)


def facts(now: Status, document: Mapping[str, Any], examples: int) -> list[tuple[str, str]]:
    """Return the facts besides the claims: answers, skipped draws, agreement of people."""
    rows = [
        ("wrong labels", between_of(now)),
        ("answers", f"{now.answers:,} of {examples:,} examples"),
        ("can't tell", f"{now.cannot_tell:,}, each counted against every claim"),
    ]
    if now.waiting:
        rows.append(("skipped", f"{now.waiting:,} draws, counted as can't tell until answered"))
    if document["design"]["known"]:
        rows.append(("known before", f"{document['design']['known']:,} examples"))
    if now.changed:
        rows.append(("changed later", f"{now.changed:,}, after the given label was shown"))
    if now.suspects:
        rows.append(
            ("settled besides", f"{now.suspects:,} that were not drawn; they enter no bound")
        )
    if now.repeats.both:
        rows.append(("asked twice", f"{now.repeats.alike} of {now.repeats.both} alike"))
    if now.people is not None:
        rows.append(("two people", f"{now.people.alike} of {now.people.both} alike"))
    differ = [one for one, other in zip(now.either, now.claims, strict=False)
              if one.status != other.status]  # fmt: skip
    rows += [("if either is right", f"{claim.text}: {claim.status}") for claim in differ]
    return rows


def promise(now: Status) -> str:
    """Return the guarantee of the audit and its assumptions."""
    blind = "" if now.blind else " The given labels were shown: these answers are not blind."
    return (
        f"Each claim is decided wrongly with a chance of at most {percent(now.risk, 0)}, and so is "
        "each side of an interval, however often one looks and whatever the noise depends on. "
        f"This assumes that the answers are right, and nothing else.{blind}"
    )


def verified_report(path: Path, different: Sequence[str]) -> Report:
    """Return the report of a replay; `different` lists where it differs from the document."""
    document = {"schema": SCHEMA, "file": str(path), "equal": not different}
    document["different"] = list(different)
    if not different:
        text = "replayed: every draw and every bound is as written"
        return Report(f"Audit {path}", (Verdict("pass", text),), document)
    more = f", and {len(different) - MOST_TOLD} more" if len(different) > MOST_TOLD else ""
    count = f"{len(different)} place{'s' if len(different) != 1 else ''}"
    text = f"a replay differs in {count}{more}"
    found = Verdict("fail", text, tuple(different[:MOST_TOLD]))
    return Report(f"Audit {path}", (found,), document)
