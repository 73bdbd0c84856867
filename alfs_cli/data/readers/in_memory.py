"""Data in a Python program's memory: arrays, lists, tensors, series and frames.

Frames are read like files of tables, arrays like files of arrays. So the same numbers give the same
estimate, whether they were saved first or not.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from alfs_cli.arrays import BoolArray
from alfs_cli.data.content import Content, array_digest
from alfs_cli.data.dataset import DataSpec, LabelledDataset
from alfs_cli.data.declared import Declared
from alfs_cli.data.feature_columns import LISTED, Candidates
from alfs_cli.data.labels import (
    FILL_IN,
    RawLabels,
    raw_labels,
    refuse_missing,
    same_text,
    text_labels,
)
from alfs_cli.data.readers.arrays import array_candidates, checked_features
from alfs_cli.data.readers.columns import PREFIX
from alfs_cli.data.readers.probabilities import normalised
from alfs_cli.data.readers.tables import Table, cell_text
from alfs_cli.data.readers.texts import refuse_no_texts, without_empty
from alfs_cli.data.texts import Texts, digest_of_texts
from alfs_cli.data.trusted import Trusted, trusted_among
from alfs_cli.errors import InputError, UsageError, brief, has

BOOLS = ("false", "true")
OF_FILES = (
    "split", "label-column", "path-column", "text-column", "true-label-column", "label-columns",
    "root",
)  # fmt: skip
LABEL_COLUMNS = ("label", "true_label")  # never features, as in files


@dataclass(frozen=True, eq=False)
class Given:
    """The values that a program passes: arrays, lists, tensors, series or frames, None for nothing.

    `features` are (N, D), `texts`, `labels` and `true_labels` (N,), `pred_probs` (N, K).
    """

    features: Any = None
    labels: Any = None
    true_labels: Any = None
    pred_probs: Any = None
    texts: Any = None

    @property
    def is_empty(self) -> bool:
        """Whether no value was passed."""
        return not self.names()

    def names(self) -> tuple[str, ...]:
        """Return the names of the values that were passed."""
        return tuple(name for name, thing in self._things().items() if thing is not None)

    def _things(self) -> dict[str, Any]:
        return {
            "features": self.features,
            "labels": self.labels,
            "pred_probs": self.pred_probs,
            "texts": self.texts,
            "true_labels": self.true_labels,
        }

    def index(self) -> "pd.Index[Any] | None":
        """Return the index that frames and series share, None where they only count rows from 0.

        Raises InputError where two indices differ, since rows are matched by their order.
        """
        found: dict[str, pd.Index[Any]] = {}
        for name, thing in self._things().items():
            if isinstance(thing, pd.DataFrame | pd.Series):
                counted = pd.RangeIndex(len(thing))
                if not thing.index.equals(counted):
                    found[name] = thing.index
        if not found:
            return None
        (first, index), *rest = found.items()
        for name, other in rest:
            if len(other) == len(index) and not other.equals(index):
                raise InputError(
                    f"{first} and {name} have different indices, so that a row may meet another's",
                    help=f"{name}.loc[{first}.index] puts them in one order; .to_numpy() says that "
                    "the places count",
                )
        return index


def content_of(given: Given, spec: DataSpec) -> Content:
    """Return the content of a data set that consists of what is given alone.

    Raises InputError for another shape or type, and for NaN. Raises UsageError where there are
    neither features nor probabilities, and for options that only concern files.
    """
    is_enough = spec.labels_alone and given.labels is not None
    things = (given.features, given.texts, given.pred_probs)
    if all(thing is None for thing in things) and not is_enough:
        raise UsageError(
            "nothing to judge the labels by",
            help="give data, or features, texts or pred_probs with labels",
        )
    for option in OF_FILES:
        if getattr(spec, option.replace("-", "_")) is not None:
            raise UsageError(
                f"--{option} says how files are read, and there is none",
                help=f"leave --{option} out",
            )
    made = Content("arrays", 0, "")
    if is_enough:
        count = len(as_array(given.labels, name="labels"))
        made = replace(made, count=count, digest=array_digest(np.array(count)))
    if given.features is not None:
        features, groups = _features(given.features, spec)
        codes = (each.codes for each in features.categories)
        count, digest = len(features.values), array_digest(features.values, *codes)
        made = replace(made, count=count, digest=digest, features=features, groups=groups)
    if given.texts is not None:
        texts = texts_of(given.texts)
        digest = sha256(made.digest.encode() + digest_of_texts(texts.cells)).hexdigest()
        made = replace(made, count=len(texts.cells), digest=digest, texts=texts)
        made = without_empty(made, texts, where=None)
    if given.pred_probs is not None:
        probs, names = probabilities_of(given.pred_probs)
        checked, rounding = normalised(probs, where="pred_probs")
        made = replace(
            made,
            kind="probabilities",
            count=len(checked),
            digest=array_digest(checked),
            class_names=names,
            column_names=names,
            pred_probs=checked,
            notes=rounding.notes(),
        )
    return _with_labels(made, given, spec)


def laid_over(content: Content, given: Given, spec: DataSpec) -> Content:
    """Return the content of DATA with the given values in place of its own."""
    if given.features is not None:
        features, groups = _features(given.features, spec)
        content = replace(content, features=features, groups=groups or content.groups)
    if given.texts is not None:
        content = replace(content, texts=texts_of(given.texts))
    if given.pred_probs is not None:
        probs, names = probabilities_of(given.pred_probs)
        content = replace(content, pred_probs=probs, column_names=names)
    return _with_labels(content, given, spec)


def _with_labels(content: Content, given: Given, spec: DataSpec) -> Content:
    own = content.class_names or ()
    if given.labels is not None:
        labels, order = labels_of(given.labels, name="labels", declared=own, lenient=spec.lenient)
        content = replace(content, labels=labels, order=order or content.order, population=None)
    if given.true_labels is not None:
        true, _ = labels_of(given.true_labels, name="true_labels", declared=own)
        content = replace(content, true_labels=true)
    return content


def texts_of(values: Any) -> Texts:
    """Return texts (N,) that a program passes; None and NaN are empty texts.

    Raises InputError for a single text, for anything but texts, and where there is none to judge.
    """
    if isinstance(values, str | bytes):
        raise InputError("texts are one text", help="a list of texts, one for each label")
    series = values if isinstance(values, pd.Series) else pd.Series(list(values), dtype=object)
    missing = np.asarray(series.isna(), dtype=np.bool_)
    cells = np.empty(len(series), dtype=object)
    for row, (value, is_missing) in enumerate(zip(series, missing, strict=True)):
        if not is_missing and not isinstance(value, str):
            raise InputError(
                f"texts hold a {type(value).__name__} (row {row})",
                help="[str(text) for text in texts], where they are texts in another form",
            )
        cells[row] = "" if is_missing else same_text(value)
    refuse_no_texts(cells, where="the list of texts")
    return Texts(cells)


def as_array(values: Any, *, name: str) -> NDArray[Any]:
    """Return values as an array.

    Raises InputError for rows of different lengths, and for sparse matrices.

    >>> as_array([1, 2], name="labels")
    array([1, 2])
    """
    if hasattr(values, "detach") and hasattr(values, "cpu"):  # a tensor, without importing torch
        values = values.detach().cpu()
        values = values.float() if str(values.dtype) == "torch.bfloat16" else values
    elif hasattr(values, "toarray"):
        raise InputError(f"{name} are a sparse matrix", help=f"{name}.toarray()")
    try:
        return np.asarray(values)
    except (ValueError, TypeError) as error:
        raise InputError(
            f"{name} cannot be read as an array: {brief(error)}",
            help="rows of one length are needed",
        ) from None


def _features(values: Any, spec: DataSpec) -> tuple[Candidates, RawLabels | None]:
    """Return the columns (N, D) that may be features, and each row's group (N,), None without any.

    The columns of a frame have their names. Those of an array, and of a frame that only counts its
    columns, have numbers.
    """
    is_table = isinstance(values, pd.DataFrame) and not values.columns.equals(
        pd.RangeIndex(values.shape[1])
    )
    if not is_table:
        if spec.group_column is not None:
            raise UsageError("--group-column: features have no named columns", help="give a frame")
        array = as_array(values, name="features")
        found = array_candidates(
            _as_numbers(array),
            where="features",
            asked=spec.feature_columns,
            excluded=spec.exclude_columns,
        )
        return found, None
    table = _table(values, "features")
    groups, but = None, [*LABEL_COLUMNS]
    if spec.group_column is not None:
        table.require(spec.group_column, option="--group-column")
        groups = table.text(spec.group_column)
        table.refuse_missing(groups, spec.group_column)
        but.append(spec.group_column)
    found = table.numbers(but, asked=spec.feature_columns, excluded=spec.exclude_columns)
    if found.is_empty:
        said = "; ".join(f"'{name}' {reason}" for name, reason in found.aside[:LISTED])
        raise InputError(
            f"features have no numeric column{': ' if said else ''}{said}",
            help="--feature-columns names columns of numbers",
        )
    if found.names:
        checked_features(found.values, where="features")
    return found, groups


def _as_numbers(array: NDArray[Any]) -> NDArray[Any]:
    """Return an array of Python objects as floats, None as NaN; any other array unchanged."""
    if array.dtype != object:
        return array
    try:
        return array.astype(np.float64)
    except (TypeError, ValueError):
        return array


def _table(frame: pd.DataFrame, name: str) -> Table:
    """Return a frame as the table that reading a file of it would give."""
    columns = [_column_name(column) for column in frame.columns]
    twice = next((column for column in columns if columns.count(column) > 1), None)
    if twice is not None:
        raise InputError(
            f"{name} have two columns named '{brief(twice)}'", help="give each column its own name"
        )
    plain = frame.set_axis(columns, axis=1).reset_index(drop=True)
    categories = [c for c in columns if isinstance(plain[c].dtype, pd.CategoricalDtype)]
    plain = plain.astype(dict.fromkeys(categories, object))
    return Table(Path(name), plain, None)


def _column_name(column: Any) -> str:
    return "_".join(map(str, column)) if isinstance(column, tuple) else str(column)


def probabilities_of(
    values: Any, *, name: str = "pred_probs"
) -> tuple[NDArray[Any], tuple[str, ...] | None]:
    """Return probabilities (N, K), and the classes where a frame's columns name them."""
    if not isinstance(values, pd.DataFrame):
        return _as_numbers(as_array(values, name=name)), None
    try:
        array = values.to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError):
        raise InputError(
            f"{name} hold something that is not a number",
            help=f"one column for each class, and no others: {name}.drop(columns=[...])",
        ) from None
    if values.columns.equals(pd.RangeIndex(values.shape[1])):
        return array, None
    names = [same_text(_column_name(column)) for column in values.columns]
    if all(one.startswith(PREFIX) for one in names):
        names = [one.removeprefix(PREFIX) for one in names]
    return array, tuple(names)


def labels_of(
    values: Any, *, name: str, declared: Collection[str] = (), lenient: bool = False
) -> tuple[RawLabels, Declared | None]:
    """Return labels (N,) as whole numbers or text, and the classes that their type declares.

    The order of categories counts where it is declared, or differs from sorting; false comes before
    true. Raises InputError, which names the first rows, for missing labels. With `lenient` these
    are kept, as -1 or the empty text.
    """
    if not isinstance(values, pd.Series):
        array = values if isinstance(values, pd.Categorical) else as_array(values, name=name)
        if array.ndim != 1:
            return raw_labels(np.asarray(array), where=name), None  # raises for such a shape
        values = pd.Series(array)
    series = values.reset_index(drop=True)
    missing = np.asarray(series.isna(), dtype=np.bool_)
    if missing.any() and not lenient:
        _refuse_missing_values(values, missing, name)
    if isinstance(series.dtype, pd.CategoricalDtype):
        return _categories(series, name=name, lenient=lenient)
    there = series[~missing].infer_objects()
    order = Declared(BOOLS) if pd.api.types.is_bool_dtype(there.dtype) else None
    if pd.api.types.is_numeric_dtype(there.dtype):
        numbers = _as_numbers((there.astype(np.int64) if order else there).to_numpy())
        if missing.any():
            numbers = np.full(len(series), -1.0)
            numbers[~missing] = there.to_numpy(dtype=np.float64)
        return raw_labels(numbers, where=name, lenient=lenient), order
    cells = text_labels(cell_text(value) for value in series)
    if not lenient:
        refuse_missing(cells, where=name, declared=declared)
    return cells, None


def _refuse_missing_values(values: "pd.Series[Any]", missing: BoolArray, name: str) -> None:
    """Raise InputError, with the first rows and their index, for labels that are None or NaN."""
    rows = np.flatnonzero(missing)
    places = [
        str(row) if values.index[row] == row else f"{row} (index {values.index[row]!r})"
        for row in rows[:5]
    ]
    more = ", ..." if len(rows) > 5 else ""
    raise InputError(
        f"{len(rows):,} of {name} are missing (row{'s' if len(rows) > 1 else ''} "
        f"{', '.join(places)}{more}; ALFS406): None or NaN",
        help=FILL_IN,
    )


def _categories(
    series: "pd.Series[Any]", *, name: str, lenient: bool
) -> tuple[RawLabels, Declared]:
    categories = tuple(same_text(cell_text(value)) for value in series.cat.categories)
    if len(set(categories)) < len(categories):
        raise InputError(
            f"categories of {name} are the same as text: {', '.join(map(brief, categories[:10]))}",
            help="give each category a name of its own",
        )
    named = np.array([*categories, ""], dtype=object)
    cells = named[series.cat.codes.to_numpy()]
    if not lenient:
        refuse_missing(cells, where=name, declared=categories)
    is_arranged = list(categories) != sorted(categories)
    return cells, Declared(categories, is_order=bool(series.cat.ordered) or is_arranged)


def trusted_of(values: Any, dataset: LabelledDataset, index: "pd.Index[Any] | None") -> Trusted:
    """Return the true labels that a program passes: {index: label}, a series, or a frame.

    A frame has the columns `index` (0-based positions) and `true_label`, as a file would. A mapping
    or series names examples by the `index` of the data, or by position where that is None. Raises
    InputError for an example that the data do not have.
    """
    if isinstance(values, pd.DataFrame):
        for column in ("index", "true_label"):
            if column not in values.columns:
                raise InputError(
                    f"trusted has no column '{column}' "
                    f"({has([str(name) for name in values.columns], (column,))})",
                    help="a frame has index and true_label; {index: label} does as well",
                )
        places, true = values["index"], values["true_label"]
        positions, _ = labels_of(places, name="index of trusted")
        return _trusted(dataset, positions, true)
    if not isinstance(values, Mapping | pd.Series):
        raise UsageError(
            f"trusted is a {type(values).__name__}",
            help="a file, {index: label}, a series, or a frame with index and true_label",
        )
    keys = list(values.keys())
    labels = pd.Series(list(values.values) if isinstance(values, pd.Series) else [*values.values()])
    if index is None:
        return _trusted(dataset, _positions(keys), labels)
    if not index.is_unique:
        raise InputError(
            "the index of the data names a row twice, so that trusted labels are ambiguous",
            help="give a frame with index (0-based positions) and true_label",
        )
    found = index.get_indexer(pd.Index(keys))
    if (found < 0).any():
        key = keys[int(np.flatnonzero(found < 0)[0])]
        raise InputError(
            f"trusted names {brief(repr(key))}, which is not in the index of the data",
            help="the keys are those of the index of features or labels",
        )
    return _trusted(dataset, found.astype(np.int64), labels)


def _positions(keys: Sequence[Any]) -> RawLabels:
    places = np.asarray(keys)
    if places.dtype.kind not in "iu" or places.ndim != 1:
        raise InputError(
            "trusted names examples by something other than their 0-based positions",
            help="the data have no index of their own: {0: 'cat', 7: 'dog'}",
        )
    return places.astype(np.int64)


def _trusted(dataset: LabelledDataset, index: RawLabels, labels: "pd.Series[Any]") -> Trusted:
    true, _ = labels_of(labels, name="labels of trusted", declared=dataset.class_names)
    return trusted_among(dataset, index, true, where="trusted")
