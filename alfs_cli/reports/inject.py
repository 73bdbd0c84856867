"""The report of `alfs inject`: how many labels were flipped, and from which class to which."""

from alfs_cli.copies.noisy import SCHEMA, CopySummary
from alfs_cli.formats.blocks import Column, Facts, Report, Table, Verdict
from alfs_cli.storage.documents import to_document
from alfs_cli.text.numbers import percent, ratio


def inject_report(result: CopySummary) -> Report:
    """Return the report: what was flipped and where it was written."""
    part = f", split {result.split}" if result.split else ""
    facts = (
        ("data", f"{result.source}{part}: {result.n:,} examples, {len(result.classes)} classes"),
        ("noise", f"{result.noise}, {result.draw} draw, seed {result.seed}"),
        ("noise rate", f"{percent(result.realised_rate)} (T: {percent(result.noise_rate)})"),
        (
            "clean level",
            f"{ratio(result.realised_clean_level)} (T: {ratio(result.clean_level)})",
        ),
        ("written", result.file),
        *((("T", result.transition_file),) if result.transition_file else ()),
    )
    flips = sorted(
        (
            (-count, result.classes[i], result.classes[j], count / max(1, sum(row)))
            for i, row in enumerate(result.counts)
            for j, count in enumerate(row)
            if i != j and count
        ),
    )
    rows = tuple((true, given, -count, share) for count, true, given, share in flips[:10])
    table = Table(
        title="most frequent flips",
        columns=(
            Column("true"),
            Column("given"),
            Column("examples", "count"),
            Column("of the class", "percent"),
        ),
        rows=rows,
        note="" if len(flips) <= 10 else f"{len(flips) - 10} more kinds of flips",
    )
    return Report(
        title=f"noisy copy of {result.source}",
        blocks=(
            Verdict("info", f"{result.flipped:,} of {result.n:,} labels flipped"),
            Facts(facts),
            *((table,) if rows else ()),
        ),
        document=to_document(SCHEMA, result),
    )
