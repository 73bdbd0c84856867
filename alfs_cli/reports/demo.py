"""The report of the demo: the estimate beside the truth, and accuracies with each loss."""

from alfs_cli.demo import Demo, DemoSummary, TextDemo
from alfs_cli.formats.blocks import (
    Block,
    Column,
    Curves,
    Facts,
    Heatmap,
    Paragraph,
    Report,
    Table,
    Verdict,
)
from alfs_cli.reports.estimate import estimate_report, found
from alfs_cli.reports.gallery import texts_of
from alfs_cli.text.numbers import percent, ratio

PICTURES = 48  # suspects shown on the page
TEXTS = 5  # suspects shown in the terminal


def demo_report(demo: Demo) -> Report:
    """Return the summary for the terminal."""
    summary = demo.summary
    blocks: list[Block] = [
        Paragraph(
            f"{summary.n:,} real 8x8 digits; {summary.rate:.0%} of the 2s, 3s, 5s, 6s and 7s got a "
            f"look-alike's label on purpose (2>7 3>8 5<>6 7>1), so the truth is known."
        ),
        _estimate(demo, summary),
        _suspects(summary),
        _recommended(demo),
        _accuracies(summary),
        Facts((("page", summary.page), ("took", f"{summary.seconds:.0f} s"))),
    ]
    return Report("alfs demo", tuple(blocks), summary.document())


def demo_page(demo: Demo) -> Report:
    """Return the page: the summary, the accuracy curves, the estimate with pictures of suspects."""
    estimate = estimate_report(demo.found.estimate, pictures=demo.found.examples.pictures(PICTURES))
    extra: list[Block] = []
    for block in estimate.blocks:
        extra.append(block)
        if isinstance(block, Heatmap):
            extra.append(Heatmap("The truth", block.names, demo.truth.transition))
    blocks = (
        *demo_report(demo).blocks[:-1],
        Curves("Accuracy on true test labels", demo.lines, "epoch", "each curve is one run"),
        *extra,
    )
    return Report("alfs demo: digits with wrong labels", blocks, demo.summary.document())


def text_demo_report(demo: TextDemo) -> Report:
    """Return the summary of the demo on texts for the terminal."""
    summary = demo.summary
    blocks: list[Block] = [
        Paragraph(
            f"{summary.n:,} docstrings of Python's library; {summary.rate:.0%} of them got the "
            "name of another package on purpose, so the truth is known."
        ),
        _estimate(demo, summary),
        _suspects(summary),
    ]
    texts = texts_of(demo.found.table, TEXTS)
    if texts is not None:
        blocks.append(texts)
    blocks.append(Facts((("page", summary.page), ("took", f"{summary.seconds:.0f} s"))))
    return Report("alfs demo --text", tuple(blocks), summary.document())


def text_demo_page(demo: TextDemo) -> Report:
    """Return the page of the demo on texts: the summary, and the estimate with suspects."""
    texts = texts_of(demo.found.table, PICTURES)
    blocks = (
        *text_demo_report(demo).blocks[:3],
        *estimate_report(demo.found.estimate, texts=texts).blocks,
    )
    return Report("alfs demo: texts with wrong labels", blocks, demo.summary.document())


def _estimate(demo: Demo | TextDemo, summary: DemoSummary) -> Table:
    estimate = demo.found.estimate
    rate, level = estimate.noise_rate, estimate.clean_level
    is_sure = estimate.trust.level != "low"
    rows = (
        (
            "noise rate",
            found(rate, percent, is_sure=is_sure),
            percent(summary.noise_rate["true"]),
        ),
        (
            "clean level r",
            found(level, ratio, is_sure=is_sure),
            ratio(summary.clean_level["true"]),
        ),
        ("mean row error of T", percent(summary.row_tv), "0 would be exact"),
    )
    columns = (Column("estimate, from the noisy labels alone"), Column("found"), Column("truth"))
    return Table("", columns, rows, note=f"trust {estimate.trust.level}")


def _suspects(summary: DemoSummary) -> Facts:
    s = summary.suspects
    text = (
        f"{s.listed:,} labels listed as likely wrong, {s.really_wrong:,} of them really wrong "
        f"(precision {percent(s.precision)}, recall {percent(s.recall)})"
    )
    return Facts((("suspects", text),))


def _recommended(demo: Demo) -> Block:
    if demo.advice.status != "certified":
        return Verdict("warn", f"recommendation: {demo.advice.status}", demo.advice.advice)
    best = demo.advice.recommendations[0]
    if best.correction == "none":
        reason = f"{best.why}; certificate {best.certificate} on the estimated T"
        return Verdict("pass", f"recommended: {best.loss}", (reason,))
    return Verdict("pass", f"recommended: {best.loss}, corrected by T", (best.why,))


def _accuracies(summary: DemoSummary) -> Table:
    columns = (Column("loss"), Column(""), Column("test accuracy", "percent"))
    n_test = summary.trained[0].n_test
    rows = tuple((t.loss, t.role, t.test_accuracy) for t in summary.trained)
    return Table(
        "",
        columns,
        rows,
        note=f"last epoch, on the true labels of {n_test} test images; one seed "
        f"({summary.seed}). Ten seeds: benchmarks/demo.py.",
    )
