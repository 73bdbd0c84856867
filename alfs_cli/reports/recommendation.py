"""What a person reads of recommendations: possible or not, which losses, and why."""

from alfs_cli.recommend import Recommendations
from alfs_cli.report import Block, Column, Facts, Report, Status, Table, Verdict, ratio

STATUS: dict[str, Status] = {"certified": "pass", "uncertain": "warn", "impossible": "fail"}


def recommendation_report(found: Recommendations, *, explain: bool = False) -> Report:
    """Return the report of recommendations; `explain` fills the formulas in."""
    blocks: list[Block] = [Verdict(STATUS[found.status], _headline(found), found.advice)]
    blocks.append(Facts(_facts(found)))
    if found.recommendations:
        blocks.append(_table(found))
    blocks.append(
        Table(
            "Not certified here",
            (Column("loss"), Column("ratio", "number"), Column("reason")),
            tuple((r.loss, r.asymmetry_ratio, r.reason) for r in found.rejected),
            note="Not certified is not inconsistent. A certificate speaks of the loss's minimiser "
            "under noise that depends on the true class, not of accuracy: alfs compare shows what "
            "a loss bought.",
        )
    )
    if explain:
        blocks.append(Facts(_explained(found), title="Where the numbers come from"))
    return Report("Losses for these labels", tuple(blocks), found.document())


def _headline(found: Recommendations) -> str:
    match found.status:
        case "certified":
            return f"certified: {found.recommendations[0].loss}"
        case "impossible":
            return "impossible: the clean label does not lead in every class"
        case _:
            return "uncertain: the clean label may lead in every class, the data does not show it"


def _facts(found: Recommendations) -> tuple[tuple[str, str], ...]:
    level = found.clean_level
    return (
        ("clean level r", f"{ratio(level.value)}, at least {ratio(level.low)}"),
        ("bound 1/r", "none" if found.bound == float("inf") else f"{found.bound:.4f}"),
        ("required ratio", f"{found.required_ratio:.4f} (safety factor {found.safety:g})"),
        ("made from", f"{found.estimate}, for learning rate {found.lr:g}, prefer {found.prefer}"),
    )


def _table(found: Recommendations) -> Table:
    columns = (
        Column("#", "count"),
        Column("loss"),
        Column("ratio", "number"),
        Column("margin", "ratio"),
        Column("certificate"),
        Column("fit", "number"),
    )
    rows = tuple(
        (i, r.loss, r.term_ratio, r.margin, r.certificate, r.fit)
        for i, r in enumerate(found.recommendations)
    )
    return Table(
        "Losses, best first",
        columns,
        rows,
        note="ratio of the asymmetric term; margin = ratio x lower bound of r, above 1 is robust; "
        "fit = speed of fitting beside cross entropy. Take another: alfs train --from FILE#i",
    )


def _explained(found: Recommendations) -> tuple[tuple[str, str], ...]:
    low = found.clean_level.low
    rows = [
        (
            "r",
            "min over classes of T[i,i] / max T[i,j]: how far the clean label leads the most "
            f"frequent wrong one; {found.clean_level.value:.4g} here, {low:.4g} at worst",
        ),
        (
            "required",
            f"min(1, safety / r) = min(1, {found.safety:g} / {low:.4g}) = "
            f"{found.required_ratio:.4g}",
        ),
    ]
    rows += [(r.loss, r.why) for r in found.recommendations]
    return tuple(rows)
