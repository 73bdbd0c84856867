"""The answers of an audit as trusted labels, with the chances by which they were drawn."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from alfs_cli.arrays import FloatArray
from alfs_cli.audits.reading import read_audit, refuse_other_data
from alfs_cli.audits.record import Record
from alfs_cli.data import LabelledDataset, Trusted, positions_of, random_sample
from alfs_cli.errors import InputError

STEPS = 100  # of bisection


def is_audit(path: Path) -> bool:
    """Say whether a file of trusted labels is named as an audit is: its .json or its folder."""
    return path.is_dir() or path.suffix.lower() == ".json"


def trusted_of_audit(path: Path, dataset: LabelledDataset) -> Trusted:
    """Return the blind answers to the draws; what was known beforehand stands for itself.

    Raises InputError where it is an audit of other data, or has no clear answer.
    """
    record = read_audit(path)
    refuse_other_data(record, dataset.fingerprint, path)
    labels = record.sequence()
    indices, true = [], []
    for number, label in enumerate(labels):
        if label is not None:
            indices.append(int(record.draws.order[number]))
            true.append(label)
    known = {i: one[0] for i, one in record.examples.known.items() if one and len(one) == 1}
    chances = np.append(inclusion(record, len(labels))[indices], np.ones(len(known)))
    indices, true = [*indices, *known], [*true, *known.values()]
    if not indices:
        raise InputError(f"'{path}' has no clear answer", help="answer some of the draws first")
    place = np.argsort(positions_of(dataset), kind="stable")  # by the order of DATA, as audited
    found = random_sample(place[indices], true, chances)
    said = f"{len(indices):,} answers of the audit '{path}' are trusted, weighted by their draws"
    if left := labels.count(None):
        said += f"; {left:,} without a clear answer ('?', or not answered) are left out"
    if record.suspects:
        said += f"; {len(record.suspects):,} of no draw say nothing of the others and are left out"
    return replace(found, notes=(said,))


def inclusion(record: Record, drawn: int) -> FloatArray:
    """Return how likely each example (N,) was to be among so many draws.

    Each has a clock that rings after an exponential time of rate w; those that rang by a time t are
    drawn, 1 - exp(-w t) of them, at the t that makes so many.
    """
    weights = record.draws.weights * record.examples.open.astype(np.float64)
    if drawn >= len(record.draws.order):
        return np.ones(len(weights))
    low, high = 0.0, 1.0 / max(float(weights[weights > 0].min()), 1e-9) * 1e3
    for _ in range(STEPS):
        middle = (low + high) / 2
        is_short = -np.expm1(-weights * middle).sum() < drawn
        low, high = (middle, high) if is_short else (low, middle)
    return np.asarray(-np.expm1(-weights * high))
