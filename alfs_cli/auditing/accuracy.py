"""How good runs are on true labels, by the answers of an audit of the same data.

The intervals hold at all times, whatever the labels' noise depends on. They rest on the draws: a
run must not have learnt from these answers, for then it is right where somebody has looked.
"""

from collections.abc import Mapping
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np

from alfs_cli.arrays import IntArray
from alfs_cli.audits.claims import Claim
from alfs_cli.audits.forecast import forecast
from alfs_cli.audits.judge import ACCEPTED, UNDECIDED
from alfs_cli.audits.reading import judge_of, refuse_other_data
from alfs_cli.audits.record import Record
from alfs_cli.data import LabelledDataset
from alfs_cli.errors import InputError, UsageError, brief, has
from alfs_cli.findings.finding import Missing
from alfs_cli.results.evaluation import Difference, TrueAccuracy

MOST_RUNS = 6  # of which all pairs are compared
HALF = 0.5


def true_accuracy(record: Record, run: str, predicted: IntArray, *, file: Path) -> TrueAccuracy:
    """Return a run's accuracy on true labels; `predicted` (N,) is by the audit's classes."""
    claim = Claim("accuracy", (run,), ">=", HALF)
    examples = replace(record.examples, predictions={run: predicted})
    known = judge_of(record, (claim,), examples).measured(claim)
    return TrueAccuracy(
        run=run,
        audit=file.as_posix(),
        answers=record.answers,
        risk=record.plan.risk,
        value=known.value,
        low=known.low,
        high=known.high,
    )


def differences(record: Record, predictions: Mapping[str, IntArray]) -> tuple[Difference, ...]:
    """Return for each pair of runs whether one is better on true labels, and by how much."""
    return tuple(_difference(record, predictions, pair) for pair in combinations(predictions, 2))


def refuse_many(runs: int) -> None:
    """Raise UsageError for more runs than are compared by pairs, or for a single one."""
    if not 2 <= runs <= MOST_RUNS:
        raise UsageError(
            f"an audit compares 2 to {MOST_RUNS} runs, each with each, not {runs}",
            help="name them: alfs compare RUN RUN --audit FILE --data DATA",
        )


def _difference(
    record: Record, predictions: Mapping[str, IntArray], pair: tuple[str, str]
) -> Difference:
    first, second = pair
    if np.array_equal(predictions[first], predictions[second]):
        return Difference(first, second, 0.0, 0.0, 0.0, differ=0, better=None)
    claims = tuple(Claim("accuracy", names, ">", 0.0) for names in (pair, pair[::-1]))
    judge = judge_of(record, claims, replace(record.examples, predictions=predictions))
    known = judge.measured(claims[0])
    better = next((c.names[0] for c in claims if judge.verdict(c) == ACCEPTED), None)
    is_open = better is None and judge.left > 0 and judge.verdict(claims[0]) == UNDECIDED
    found = forecast(judge, claims[0]) if is_open else None
    return Difference(
        first,
        second,
        known.value,
        known.low,
        known.high,
        differ=int((predictions[first] != predictions[second]).sum()),
        better=better,
        missing=None if found is None else Missing(found.p10, found.p50, found.p90),
    )


def by_classes(predicted: IntArray, of: tuple[str, ...], record: Record, run: str) -> IntArray:
    """Return predictions (N,) of a run's classes `of` as numbers of the audit's classes.

    Raises InputError where the run knows a class that the audit does not.
    """
    classes = record.examples.classes
    strange = [name for name in of if name not in classes]
    if strange:
        raise InputError(
            f"run '{run}' knows a class '{brief(strange[0])}' that the audit has not",
            help=has(classes, strange[:1]),
        )
    return np.array([classes.index(name) for name in of])[predicted]


def refuse_other(record: Record, dataset: LabelledDataset, file: Path) -> None:
    """Raise InputError where an audit is of other data, or of these read in another order."""
    refuse_other_data(record, dataset.fingerprint, file)
    audited = np.array(record.examples.classes, dtype=object)[record.examples.given]
    given = np.array(dataset.class_names, dtype=object)[dataset.labels]
    if len(given) != len(audited) or not (given == audited).all():
        raise InputError(
            f"'{file}' is an audit of these data read in another way",
            help="read them by the options that the audit was begun with: --split, --label-column",
        )
