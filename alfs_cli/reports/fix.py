"""The report of `alfs fix`: how many labels were changed, and from which class to which."""

from alfs_cli.copies.cleaned import SCHEMA, CleanedTruth, CleaningSummary
from alfs_cli.formats.blocks import Block, Column, Facts, Report, Table, Verdict
from alfs_cli.storage.documents import to_document
from alfs_cli.text.numbers import percent

MAX_CHANGES = 15  # kinds of changes listed
DONE = {
    "drop": "suspects left out",
    "relabel": "suspects given the suggested class",
    "review": "decisions carried out",
}


def fix_report(result: CleaningSummary) -> Report:
    """Return the report: the changes by pairs of classes, and where the copy was written."""
    part = f", split {result.split}" if result.split else ""
    touched = f", scored {result.min_score:g} or more" if result.mode != "review" else ""
    trust = f", trust {result.trust}" if result.trust is not None else ""
    others = f", and {result.other_rows:,} other rows as they were" if result.other_rows else ""
    facts = (
        ("data", f"{result.source}{part}: {result.n:,} examples, {len(result.classes)} classes"),
        ("list", f"{result.issues}: {result.listed:,} labels, {result.decided:,} decided{trust}"),
        ("done", DONE[result.mode] + touched),
        ("written", f"{result.file}: {result.n_after:,} examples{others}"),
    )
    head = f"{result.dropped:,} of {result.n:,} examples dropped, {result.relabelled:,} relabelled"
    blocks: list[Block] = [
        Verdict("info", head, (*_lost(result), *_only_possible(result))),
        Facts(facts),
    ]
    if result.changes:
        blocks.append(_changes(result))
    if result.truth is not None:
        blocks.append(_truth(result.truth))
    return Report(
        title=f"cleaned copy of {result.source}",
        blocks=tuple(blocks),
        document=to_document(SCHEMA, result),
    )


def _lost(result: CleaningSummary) -> tuple[str, ...]:
    """Return a line on classes that lost all their examples."""
    before, after = result.given_counts, result.given_counts_after
    gone = [
        name
        for name, had, has in zip(result.classes, before, after, strict=True)
        if had and not has
    ]
    return (f"no example is left of {', '.join(gone)}",) if gone else ()


def _only_possible(result: CleaningSummary) -> tuple[str, ...]:
    """Return a line on what to do where a list left every label as it is."""
    if result.mode == "review" or result.changes or not result.listed:
        return ()
    return (
        f"none of the {result.listed:,} listed labels is proven or likely wrong at this score: "
        "look at them, fill in the column decision, and use --review",
    )


def _changes(result: CleaningSummary) -> Table:
    rows = tuple(
        (change.given, change.new if change.new is not None else "(dropped)", change.count)
        for change in result.changes[:MAX_CHANGES]
    )
    more = len(result.changes) - MAX_CHANGES
    return Table(
        "what was changed",
        (Column("given"), Column("now"), Column("examples", "count")),
        rows,
        note=f"{more} more kinds of changes" if more > 0 else "",
    )


def _truth(truth: CleanedTruth) -> Table:
    rows = (
        ("wrong labels before", percent(truth.noise_rate_before)),
        ("wrong labels after", percent(truth.noise_rate_after)),
        ("dropped", f"{truth.dropped_wrong:,} wrong, {truth.dropped_right:,} right"),
        (
            "relabelled",
            f"{truth.relabelled_to_right:,} to the true class, "
            f"{truth.relabelled_to_wrong:,} to a wrong one ({truth.spoiled:,} were right before)",
        ),
    )
    return Table(
        "",
        (Column("beside the truth"), Column("")),
        rows,
        "True labels are known here; the list did not see them.",
    )
