"""The answers of an audit as trusted labels, with their probabilities of being drawn."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from alfs_cli.arrays import FloatArray
from alfs_cli.audits.reading import read_audit, refuse_other_data
from alfs_cli.audits.record import Record
from alfs_cli.data import LabelledDataset, Trusted, positions_of, random_sample
from alfs_cli.errors import InputError

STEPS = 100  # bisection steps, more than double precision needs


def is_audit(path: Path) -> bool:
    """Whether a path of trusted labels names an audit: a .json file or a folder."""
    return path.is_dir() or path.suffix.lower() == ".json"


def trusted_of_audit(path: Path, dataset: LabelledDataset) -> Trusted:
    """Return the blind answers to the draws of an audit, with their inclusion probabilities.

    Labels that were known before the audit have probability 1: they stand only for themselves.
    Raises InputError for an audit of other data, or without any clear answer.
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
    # Audits number examples in the order of DATA.
    place = np.argsort(positions_of(dataset), kind="stable")
    found = random_sample(place[indices], true, chances)
    said = f"{len(indices):,} answers of the audit '{path}' are trusted, weighted by their draws"
    if left := labels.count(None):
        said += f"; {left:,} without a clear answer ('?', or not answered) are left out"
    if record.suspects:
        said += f"; {len(record.suspects):,} that were not drawn are left out"
    return replace(found, notes=(said,))


def inclusion(record: Record, drawn: int) -> FloatArray:
    """Return the probability (N,) that each example is among the first `drawn` draws.

    Weighted draws without replacement are the order of independent exponential times with rates w.
    By time t an example is drawn with probability 1 - exp(-w t); the t used here is the one at
    which these probabilities sum to `drawn`.
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
