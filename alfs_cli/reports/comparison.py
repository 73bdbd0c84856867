"""The report of a comparison: losses by mean accuracy, for each data set and noise."""

from collections.abc import Sequence
from dataclasses import asdict
from itertools import groupby
from typing import Any, Literal

from alfs_cli.comparing import (
    Accuracy,
    ComparedLoss,
    Comparison,
    Course,
    OnTrueLabels,
    PaperFigure,
    Regression,
)
from alfs_cli.comparing.paper import REPETITIONS, length_of
from alfs_cli.formats.blocks import Block, Column, Curves, Report, Table, Verdict
from alfs_cli.text.numbers import percent

KEY = (
    "* or bold: best mean; ~ or underlined: not significantly worse (Welch, p >= 0.05); +- is the "
    "standard deviation over n seeds. The last epoch decides; the best epoch was chosen on test."
)
LABELS = {"true": "true labels", "given": "given labels, which may be wrong", None: "?"}
LAST = "last epoch"  # the column that marks are on
DATA = (
    *("loss", "variant", "dataset", "noise", "rate", "labels", "model", "epochs", "n"),
    *("last_mean", "last_std", "best_mean", "best_std", "is_best", "not_worse"),
    *("paper_mean", "paper_std", "paper_delta", "noise_drawn"),
)


def comparison_report(
    comparison: Comparison,
    courses: Sequence[Course] = (),
    *,
    fallen: Sequence[Regression] | None = None,
    baseline: str = "",
) -> Report:
    """Return the report of a comparison; `courses` are accuracies over epochs, for pages.

    `fallen` are the losses that got worse than in the file `baseline`, None without one.
    """
    blocks: list[Block] = [] if fallen is None else [_verdict(fallen, baseline)]
    for _, group in groupby(comparison.rows, key=_setting):
        rows = list(group)
        blocks.append(_table(rows))
        blocks += _curves(rows, courses)
    if comparison.audited is not None:
        blocks = [*audited_tables(comparison.audited), *blocks]
    document: dict[str, Any] = comparison.document()
    if fallen is not None:
        found = [asdict(regression) for regression in fallen]
        document = {**document, "baseline": baseline, "regressions": found}
    return Report("Runs compared", tuple(blocks), document, data=(_data(comparison.rows),))


def _data(rows: Sequence[ComparedLoss]) -> Table:
    """Return all settings in one table, accuracies as fractions."""
    cells = []
    for row in rows:
        flat: dict[str, Any] = asdict(row)
        for group in ("last", "best", "paper"):
            flat |= {f"{group}_{key}": value for key, value in (flat[group] or {}).items()}
        cells.append(tuple(flat.get(name) for name in DATA))
    return Table("Runs compared", tuple(map(Column, DATA)), tuple(cells))


def _setting(row: ComparedLoss) -> tuple[str, str | None, float | None, str | None]:
    return row.dataset, row.noise, row.rate, row.labels


def audited_tables(found: OnTrueLabels) -> list[Block]:
    """Return each run's accuracy on true labels, then which of two runs is better."""
    first = found.runs[0]
    promise = (
        f"By {first.answers:,} answers of the audit {first.audit}: each bound holds at any number "
        f"of answers, with a risk of {percent(first.risk, 0)}, whatever the noise depends on, for "
        "runs that have not learnt from these answers."
    )
    runs = tuple((one.run, one.value, one.low, one.high) for one in found.runs)
    pairs = tuple(
        (
            f"{one.first} - {one.second}",
            _points(one.value),
            f"{_points(one.low)} to {_points(one.high)}",
            f"{one.better} is better" if one.better else "not decided" if one.differ else "equal",
            "none" if one.missing is None else str(one.missing),
        )
        for one in found.pairs
    )
    by_run = (
        Column("run"),
        *(Column(name, "percent") for name in ("value", "at least", "at most")),
    )
    by_pair = (
        Column("difference"),
        Column("points"),
        Column("bounds"),
        Column("verdict"),
        Column("to be decided"),
    )
    return [
        Table("Accuracy on true labels", by_run, runs),
        Table("Which run is better on true labels", by_pair, pairs, note=promise),
    ]


def _points(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:+.1f}"


def _verdict(fallen: Sequence[Regression], baseline: str) -> Verdict:
    if not fallen:
        return Verdict("pass", f"nothing is significantly worse than in {baseline}")
    return Verdict(
        "fail", f"{len(fallen)} worse than in {baseline}", tuple(_fall(f) for f in fallen)
    )


def _fall(fallen: Regression) -> str:
    noise = "" if fallen.noise is None else f", {fallen.noise} {fallen.rate:g}"
    how = "a single run: any fall counts" if fallen.p is None else f"Welch, p = {fallen.p:.2g}"
    return (
        f"{fallen.loss} on {fallen.dataset}{noise}: {percent(fallen.now.mean, 2)}, was "
        f"{percent(fallen.before.mean, 2)} ({how})"
    )


IN_WORDS = (
    "model",
    "epochs",
    "noise drawn",
)  # columns that are left out where rows share the value


def _heading(row: ComparedLoss, shared: Sequence[str]) -> str:
    noise = f"{row.noise} noise {row.rate:g}" if row.noise is not None else "no noise injected"
    told = {"model": row.model, "epochs": f"{row.epochs} epochs"}
    beside = "".join(f", {words}" for name, words in told.items() if name in shared)
    return f"{row.dataset}, {noise}{beside}: test accuracy (%) on {LABELS[row.labels]}"


def _table(rows: list[ComparedLoss]) -> Table:
    """Return the table of a setting; beside the paper's figures what all rows share is in words.

    There is no room for all columns: headings would be cut in the middle of words.
    """
    has_paper = any(row.paper is not None or row.paper_missing for row in rows)
    columns: list[tuple[Column, list[str | int]]] = [
        (Column("loss"), [row.name for row in rows]),
        (Column("model"), [row.model for row in rows]),
        (Column("epochs", "count"), [row.epochs for row in rows]),
        (Column("n", "count"), [row.n for row in rows]),
        (Column(LAST, "number"), [plus_minus(row.last) for row in rows]),
        (Column("best epoch, chosen on test", "number"), [plus_minus(row.best) for row in rows]),
    ]
    note = KEY
    if has_paper:
        theirs = [_paper(row.paper, row.paper_missing) for row in rows]
        columns += [
            (Column("noise drawn"), [row.noise_drawn or "-" for row in rows]),
            (Column("paper", "number"), [figure for figure, _ in theirs]),
            (Column("points", "number"), [difference for _, difference in theirs]),
        ]
        note += _about_paper(rows[0])
    shared = [
        column.name
        for column, values in columns
        if has_paper and column.name in IN_WORDS and len(set(values)) == 1
    ]
    if "noise drawn" in shared and rows[0].noise_drawn:
        note += f" Noise drawn: {rows[0].noise_drawn}."
    columns = [pair for pair in columns if pair[0].name not in shared]
    heads = tuple(column for column, _ in columns)
    at = [column.name for column in heads].index(LAST)
    marks: dict[tuple[int, int], Literal["best", "not-worse"]] = {}
    for i, row in enumerate(rows):
        if row.is_best and len(rows) > 1:
            marks[(i, at)] = "best"
        elif row.not_worse and len(rows) > 1:
            marks[(i, at)] = "not-worse"
    cells = tuple(zip(*(values for _, values in columns), strict=True))
    return Table(_heading(rows[0], shared), heads, cells, note=note, marks=marks)


def _paper(figure: PaperFigure | None, missing: str | None) -> tuple[str, str]:
    if figure is None:
        return missing or "-", "-"
    difference = f"{100 * figure.delta:+.2f}" if figure.delta is not None else missing or "-"
    return plus_minus(Accuracy(figure.mean, figure.std)), difference


def _about_paper(row: ComparedLoss) -> str:
    """Return the source of the paper's accuracies, and how its runs differ from these."""
    text = f" Paper: Zhou et al., ICML 2021, last epoch, n = {REPETITIONS}"
    length = length_of(row.dataset)
    if length is not None:
        text += f", {length} epochs"
    return (
        f"{text}, one draw of the noise (--set like=public-code draws it so). Points: the "
        "difference, of runs with its length, noise and settings alone."
    )


def _curves(rows: list[ComparedLoss], courses: Sequence[Course]) -> list[Block]:
    """Return the accuracies over epochs of one setting as a chart, the best loss first."""
    order = {row.name: place for place, row in reversed(list(enumerate(rows)))}
    chosen = [c for c in courses if c.setting == _setting(rows[0]) and len(c.points) > 1]
    if not chosen:
        return []
    chosen.sort(key=lambda course: order.get(course.name, len(order)))
    return [
        Curves(
            "Test accuracy over epochs",
            tuple((course.name, course.points) for course in chosen),
            "epoch",
            "Test accuracy, mean over seeds; the band is one standard deviation either way.",
            bands=tuple(course.band for course in chosen),
        )
    ]


def plus_minus(accuracy: Accuracy) -> str:
    """Return an accuracy in per cent, with its standard deviation unless it is of a single run.

    >>> plus_minus(Accuracy(0.9312, 0.003)), plus_minus(Accuracy(0.9312, None))
    ('93.12 +- 0.30', '93.12')
    """
    mean = f"{100 * accuracy.mean:.2f}"
    return mean if accuracy.std is None else f"{mean} +- {100 * accuracy.std:.2f}"
