"""Regressions: losses whose accuracy fell since a comparison that was saved earlier."""

from dataclasses import dataclass
from pathlib import Path

from alfs_cli.comparing.comparison import (
    SCHEMA,
    SIGNIFICANCE,
    Accuracy,
    ComparedLoss,
    Comparison,
    welch,
)
from alfs_cli.errors import InputError
from alfs_cli.storage.documents import from_document, read_document

Key = tuple[object, ...]


@dataclass(frozen=True)
class Regression:
    """A loss whose mean last-epoch accuracy fell, with the p-value of Welch's test.

    With a single run on either side no test is possible: p is None, and any fall counts.
    """

    loss: str
    dataset: str
    noise: str | None
    rate: float | None
    before: Accuracy
    now: Accuracy
    p: float | None


def regressions(comparison: Comparison, baseline: Path) -> tuple[Regression, ...]:
    """Return the losses that fell against a saved `alfs.compare/1` document, by Welch's test.

    Raises InputError where the baseline cannot be read or has rows without runs here: a row that
    was not compared must not pass.
    """
    document = read_document(baseline, SCHEMA)
    before = from_document(document, Comparison, where=str(baseline), is_strict=True)
    for i, row in enumerate(before.rows):
        if not 0 <= row.last.mean <= 1 or row.n < 1 or not (row.last.std or 0) >= 0:
            raise InputError(
                f"{baseline}: rows.{i}: not a mean and standard deviation of accuracies",
                help="write a new one with -o json=BASELINE.json",
            )
    now = {_key(row): row for row in comparison.rows}
    missing = [row for row in before.rows if _key(row) not in now]
    if missing or not before.rows:
        what = f"{len(missing)} of its rows have no runs here" if missing else "it has no rows"
        first = f", first {_name(missing[0])}" if missing else ""
        raise InputError(
            f"{baseline}: {what}{first}",
            help="compare the same runs again, or write a new one with -o json=BASELINE.json",
        )
    found = (_fall(row, now[_key(row)]) for row in before.rows)
    return tuple(regression for regression in found if regression is not None)


def _key(row: ComparedLoss) -> Key:
    return row.dataset, row.noise, row.rate, row.labels, row.name, row.model, row.epochs


def _name(row: ComparedLoss) -> str:
    noise = f", {row.noise} {row.rate:g}" if row.noise is not None else ""
    return f"'{row.name}' on {row.dataset}{noise}, {row.model}, {row.epochs} epochs"


def _fall(before: ComparedLoss, now: ComparedLoss) -> Regression | None:
    if now.last.mean >= before.last.mean:
        return None
    p = welch((now.last, now.n), (before.last, before.n))
    if p is not None and p >= SIGNIFICANCE:
        return None
    return Regression(now.name, now.dataset, now.noise, now.rate, before.last, now.last, p)
