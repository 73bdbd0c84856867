"""What a person reads of a comparison: losses by mean accuracy, per data set and noise."""

from itertools import groupby
from typing import Literal

from alfs_cli.compare import Accuracy, ComparedLoss, Comparison
from alfs_cli.report import Block, Column, Curves, Report, Table

Lines = tuple[tuple[str, tuple[tuple[float, float], ...]], ...]
KEY = (
    "* best mean; ~ not significantly worse than it (Welch, p >= 0.05). Last epoch decides; best "
    "epoch was chosen on the test data."
)


def comparison_report(comparison: Comparison, lines: Lines = ()) -> Report:
    """Return the report of a comparison; `lines` are accuracies over epochs, for pages."""
    blocks: list[Block] = [_table(list(rows)) for _, rows in groupby(comparison.rows, key=_heading)]
    if any(len(points) > 1 for _, points in lines):
        blocks.append(
            Curves("Test accuracy over epochs", lines, "epoch", "test accuracy, mean over seeds")
        )
    return Report("Runs compared", tuple(blocks), comparison.document())


def _heading(row: ComparedLoss) -> str:
    noise = f"{row.noise} noise {row.rate:g}" if row.noise is not None else "no noise injected"
    labels = {"true": "true labels", "given": "given labels, which may be wrong", None: "?"}
    return f"{row.dataset}, {noise}: test accuracy (%) on {labels[row.labels]}"


def _table(rows: list[ComparedLoss]) -> Table:
    columns = (
        Column("loss"),
        Column("model"),
        Column("epochs", "count"),
        Column("n", "count"),
        Column("last epoch", "number"),
        Column("best epoch", "number"),
    )
    marks: dict[tuple[int, int], Literal["best", "not-worse"]] = {}
    for i, row in enumerate(rows):
        if row.is_best and len(rows) > 1:
            marks[(i, 4)] = "best"
        elif row.not_worse and len(rows) > 1:
            marks[(i, 4)] = "not-worse"
    cells = tuple(
        (row.loss, row.model, row.epochs, row.n, _plus_minus(row.last), _plus_minus(row.best))
        for row in rows
    )
    return Table(_heading(rows[0]), columns, cells, note=KEY, marks=marks)


def _plus_minus(accuracy: Accuracy) -> str:
    mean = f"{100 * accuracy.mean:.2f}"
    return mean if accuracy.std is None else f"{mean} +- {100 * accuracy.std:.2f}"
