"""Files that replace parts of DATA: --labels, --true-labels, --pred-probs and --features."""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from alfs_cli.arrays import Probabilities
from alfs_cli.data.classes import declared_classes
from alfs_cli.data.content import Content
from alfs_cli.data.dataset import DataSpec
from alfs_cli.data.declared import Declared
from alfs_cli.data.feature_columns import Candidates
from alfs_cli.data.labels import RawLabels
from alfs_cli.data.ordering import unknown_order
from alfs_cli.data.readers.arrays import one_row_each
from alfs_cli.data.readers.columns import (
    Order,
    label_order,
    read_features,
    read_labels,
    read_probabilities,
)
from alfs_cli.data.readers.features import matrix_of
from alfs_cli.data.readers.probabilities import normalised
from alfs_cli.errors import InputError, UsageError
from alfs_cli.results.features import is_features_folder
from alfs_cli.text.addresses import shown

GIVEN = "the data"  # the name of data that a program passes in memory


@dataclass(frozen=True, eq=False)
class Overlaid:
    """A reader's content, and what other files put in its place.

    `given` are the given labels, from --labels where that is used. `own` are the labels in DATA,
    from which class names are derived. `columns` name the columns of `pred_probs`, `order` is what
    is declared of the classes.
    """

    content: Content
    given: RawLabels
    own: RawLabels
    true: RawLabels | None
    features: Candidates | None
    pred_probs: Probabilities | None
    columns: tuple[str, ...] | None
    order: Order
    notes: tuple[str, ...] = ()


def overlaid(content: Content, spec: DataSpec) -> Overlaid:
    """Read --labels, --true-labels, --pred-probs and --features, which have a row for each example.

    Raises InputError where one cannot be read, or where they differ in length.
    """
    true, features = content.true_labels, content.features
    said = _said_by_probabilities(content, spec)
    given, order, columns = said.labels, said.order, said.columns
    if spec.labels is not None:
        usual = ("labels", "label")
        given = read_labels(
            spec.labels,
            option="--labels",
            column=spec.label_column,
            usual=usual,
            lenient=spec.lenient,
            declared=declared_in(content, spec),
        )
        beside = label_order(spec.labels, option="--labels", column=spec.label_column, usual=usual)
        named = columns is not None or (spec.pred_probs is None and content.class_names is not None)
        own_order = (
            Declared(content.class_names) if order is None and content.class_names else order
        )
        order = _agreed(own_order, beside, nameless=said.probs is not None and not named)
    if spec.true_labels is not None:
        true = read_labels(
            spec.true_labels,
            option="--true-labels",
            column=spec.true_label_column,
            usual=("true_labels", "true_label", "labels", "label"),
            declared=declared_in(content, spec),
        )
    if spec.features is not None:
        features = features_beside(spec, spec.features)
    given = _or_majority(given, content, spec)
    things = {"labels": given, "true labels": true, "pred_probs": said.probs}
    things["features"] = None if features is None else features.values
    things["texts"] = None if content.texts is None else content.texts.cells
    counts = {"pred_probs" if content.kind == "probabilities" else "the data": content.count}
    counts |= {name: len(thing) for name, thing in things.items() if thing is not None}
    one_row_each(counts)
    if not content.count:
        raise InputError(f"{where_of(spec)} holds no examples", help="is it the right file?")
    own = given if content.labels is None else content.labels
    return Overlaid(content, given, own, true, features, said.probs, columns, order, said.notes)


class _Said(NamedTuple):
    """Probabilities, with labels and classes from DATA, else from --pred-probs."""

    labels: RawLabels | None
    order: Order
    probs: Probabilities | None
    columns: tuple[str, ...] | None = None
    notes: tuple[str, ...] = ()


def _said_by_probabilities(content: Content, spec: DataSpec) -> _Said:
    """Read --pred-probs, or take the probabilities in DATA; their rows are made to sum to 1."""
    given, order, probs = content.labels, content.order, content.pred_probs
    if spec.pred_probs is not None and content.kind == "probabilities":
        return _Said(given, order, probs, content.class_names)
    if spec.pred_probs is not None:
        found = read_probabilities(spec.pred_probs, label_column=spec.label_column)
        labels, named = (found.labels, found.order) if given is None else (given, order)
        return _Said(labels, named, found.probs, found.class_names, found.rounding.notes())
    if probs is None:
        return _Said(given, order, None)
    probs, rounding = normalised(probs, where=f"pred_probs of {where_of(spec)}")
    return _Said(given, order, probs, content.column_names, rounding.notes())


def _or_majority(given: RawLabels | None, content: Content, spec: DataSpec) -> RawLabels:
    """Return the labels, else each example's majority label; raises InputError without either."""
    if spec.label_columns is not None and content.annotations is None:
        raise UsageError(
            f"--label-columns: {where_of(spec)} has no columns", help="name them of a table or .npz"
        )
    if given is None and content.annotations is not None:
        given = content.annotations.majority(where=where_of(spec))
    if given is None:
        raise InputError(
            f"{where_of(spec)} has no labels", help="--labels FILE supplies them, one a row"
        )
    return given


def _agreed(own: Order, beside: Order, *, nameless: bool) -> Order:
    """Return the order of classes that DATA declares, else that of --labels.

    Raises InputError where the two differ and the columns of probabilities have no names.
    """
    if own is None or not own.is_followed:
        return own if beside is None else beside
    if nameless and beside is not None and beside.is_followed and beside.names != own.names:
        why = "DATA and --labels declare their classes in different orders"
        raise unknown_order(own.names, beside.names, why=why)
    return own


def declared_in(content: Content, spec: DataSpec) -> tuple[str, ...]:
    """Return the declared class names: those of --classes, else the data's own list."""
    listed = () if content.order is None else content.order.names
    return declared_classes(spec) or content.class_names or listed


def features_beside(spec: DataSpec, file: str) -> Candidates:
    """Return the columns of a --features file, or of a folder of features, that may be features."""
    if is_features_folder(file):
        return matrix_of(Path(file), spec)
    return read_features(file, asked=spec.feature_columns, excluded=spec.exclude_columns)


def where_of(spec: DataSpec) -> str:
    """Return the name of the data, for messages."""
    name = name_of(spec)
    return name if name == GIVEN else f"'{name}'"


def name_of(spec: DataSpec) -> str:
    """Return what the data set is called."""
    return shown(spec.source or spec.pred_probs or spec.features or GIVEN)
