"""Probabilities of a model that did not see the labels, put beside the examples of a data set."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from alfs_cli.arrays import Probabilities
from alfs_cli.data.dataset import LabelledDataset, positions_of
from alfs_cli.data.matching import confusion_of, in_class_order
from alfs_cli.data.readers.columns import read_probabilities
from alfs_cli.data.readers.in_memory import probabilities_of
from alfs_cli.data.readers.probabilities import normalised
from alfs_cli.data.row_order import moved_rows, refuse_disorder
from alfs_cli.errors import InputError

WHAT = "prior_probs"


def with_prior(
    dataset: LabelledDataset,
    given: Any,
    *,
    columns_as_given: bool = False,
    rows_as_given: bool = False,
) -> LabelledDataset:
    """Return the data set with `prior_probs` (N, K): a file of them, an array or a frame.

    Rows are in the order of DATA, columns in class order or named. Raises InputError where they do
    not fit the data, and where columns look permuted or rows out of step, but for
    `columns_as_given` and `rows_as_given`.
    """
    probs, names, notes = _read(given)
    where = f"{WHAT} of '{given}'" if isinstance(given, str | Path) else WHAT
    if names is None and probs.shape[1] != dataset.num_classes:
        raise InputError(
            f"{where} have {probs.shape[1]} columns, the data {dataset.num_classes} classes",
            help="one column for each class is needed, in class order or named p_<class>",
        )
    if names is not None:
        probs = in_class_order(probs, names, dataset.class_names, what=where)
    places = positions_of(dataset)
    least = int(places.max(initial=-1)) + 1
    most = max(least, len(dataset) + len(dataset.problems))  # some rows may have been left out
    if not least <= len(probs) <= most:
        raise InputError(
            f"{where} have {len(probs):,} rows, the data {len(dataset):,} examples",
            help="one row for each example is needed, in the order of DATA",
        )
    picked = np.asarray(probs[places], dtype=np.float64)
    doubt = refuse_disorder(
        confusion_of(picked, dataset.labels),
        dataset.class_names,
        moved_rows(picked.argmax(axis=1), dataset.labels, places),
        columns_as_given=columns_as_given,
        rows_as_given=rows_as_given,
    )
    said = (*notes, *((doubt,) if doubt is not None else ()))
    return replace(dataset, prior_probs=picked, notes=(*dataset.notes, *said))


def _read(given: Any) -> tuple[Probabilities, tuple[str, ...] | None, tuple[str, ...]]:
    """Return probabilities whose rows sum to 1, the names of their columns, and notes."""
    if isinstance(given, str | Path):
        found = read_probabilities(str(given), what=WHAT)
        return found.probs, found.class_names, found.rounding.notes()
    array, names = probabilities_of(given, name=WHAT)
    probs, rounding = normalised(array, where=WHAT)
    return probs, names, rounding.notes()
