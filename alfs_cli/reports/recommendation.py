"""The report of `alfs recommend`: the status, the losses, and the reasons."""

from collections.abc import Iterable

from alfs_cli.formats.blocks import Block, Column, Facts, Report, Status, Table, Verdict
from alfs_cli.recommending import Recommendations
from alfs_cli.text.numbers import ratio

STATUS: dict[str, Status] = {"certified": "pass", "uncertain": "warn", "impossible": "fail"}


def recommendation_report(
    found: Recommendations, *, explained: Iterable[tuple[str, str]] = ()
) -> Report:
    """Return the report of recommendations; `explained` holds where each number comes from."""
    blocks: list[Block] = [Verdict(STATUS[found.status], _headline(found), found.advice)]
    blocks.append(Facts(_facts(found)))
    if found.recommendations:
        blocks.append(_table(found))
    blocks.append(
        Table(
            "Not certified here",
            (Column("loss"), Column("ratio", "number"), Column("reason")),
            tuple((r.loss, r.asymmetry_ratio, r.reason) for r in found.rejected),
            note="Not certified does not mean inconsistent. A certificate is about the minimiser "
            "of the loss under noise that depends on the true class, not about accuracy: alfs "
            "compare shows accuracies.",
        )
    )
    if rows := tuple(explained):
        blocks.append(Facts(rows, title="Where the numbers come from"))
    return Report("Losses for these labels", tuple(blocks), found.document())


def _headline(found: Recommendations) -> str:
    match found.status:
        case "certified":
            first = found.recommendations[0]
            if first.correction == "none":
                return f"certified: {first.loss}"
            proved = next(r for r in found.recommendations if r.certificate == "proved")
            return f"recommended: {first.loss}, corrected by T; certified without T: {proved.loss}"
        case "impossible":
            return "impossible: the clean label does not lead in every class"
        case _:
            what = "data do" if found.audit is None else "answers do"
            return f"uncertain: the clean label may lead in every class, but the {what} not show it"


def _facts(found: Recommendations) -> tuple[tuple[str, str], ...]:
    level = found.clean_level
    by = "" if found.audit is None else f", audited: {found.audit.answers:,} answers"
    made = found.estimate if found.audit is None else f"{found.estimate}, {found.audit.file}"
    return (
        ("clean level r", f"{ratio(level.value)}, at least {ratio(level.low)}{by}"),
        ("bound 1/r", "none" if found.bound == float("inf") else f"{found.bound:.4f}"),
        ("required ratio", f"{found.required_ratio:.4f} (safety factor {found.safety:g})"),
        ("made from", f"{made}, for learning rate {found.lr:g}, prefer {found.prefer}"),
    )


def _table(found: Recommendations) -> Table:
    columns = (
        Column("#", "count"),
        Column("loss"),
        Column("correction"),
        Column("ratio", "number"),
        Column("margin", "ratio"),
        Column("certificate"),
        Column("escape", "ratio"),
        Column("fit", "number"),
    )
    rows = tuple(
        (i, r.loss, r.correction, r.term_ratio, r.margin, r.certificate, r.escape, r.fit)
        for i, r in enumerate(found.recommendations)
    )
    return Table(
        "Losses, best first",
        columns,
        rows,
        note="ratio: of the asymmetric term; margin: ratio x lower bound of r, robust above 1; "
        "escape: above 1 a class that training has lost comes back, the sooner the larger; fit: "
        "speed of fitting, cross entropy is 1. With correction forward the loss is applied to "
        "T^T p, which no certificate covers (n/a). To train with another: alfs train --from FILE#i",
    )
