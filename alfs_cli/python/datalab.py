"""The bridge to cleanlab: data from a Datalab, and label issues in the form of one."""

from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np
import pandas as pd

from alfs_cli.data import positions_of
from alfs_cli.errors import InputError, UsageError
from alfs_cli.suspects.scores import listing

if TYPE_CHECKING:
    from cleanlab import Datalab

    from alfs_cli.estimating.estimated import Judged


class DatalabInputs(TypedDict, total=False):
    """Arguments of `estimate` and `check` from a Datalab: `estimate(**from_datalab(lab))`."""

    labels: "pd.Series[Any]"
    features: Any
    pred_probs: Any


def from_datalab(lab: "Datalab", *, features: Any = None, pred_probs: Any = None) -> DatalabInputs:
    """Return arguments of `estimate` and `check`, by name, from a cleanlab Datalab.

    The labels keep the names and the order of its classes. A Datalab stores neither features nor
    probabilities: pass those that `find_issues` was given, (N, D) or (N, K). By default the numeric
    columns of its data set are the features.

    A saved Datalab is a pickle, and reading a pickle runs code in it, so that alfs never reads one:
    pass `Datalab.load(folder)` if you trust the folder.

    Raises InputError where it has no labels of one class per example, or no features.

    >>> import warnings, numpy as np, pandas as pd
    >>> from cleanlab import Datalab
    >>> y = np.arange(60) % 2
    >>> frame = pd.DataFrame({"size": y + 0.1, "label": np.where(y == 0, "small", "large")})
    >>> found = from_datalab(Datalab(frame, label_name="label"))
    >>> list(found["labels"].cat.categories), list(found["features"].columns)
    (['large', 'small'], ['size'])
    """
    if isinstance(lab, str) or not hasattr(lab, "class_names"):
        raise UsageError(
            f"lab is a {type(lab).__name__}, not a Datalab",
            help="of a folder: alfs.from_datalab(Datalab.load(folder))",
        )
    codes = _codes(lab)
    if codes is None:
        raise InputError(
            "this Datalab has no labels of one class per example",
            help="Datalab(data, label_name=...), of the task classification",
        )
    names = pd.Index([str(name) for name in lab.class_names])
    labels = pd.Series(pd.Categorical.from_codes(codes, names, ordered=True), name=lab.label_name)
    found = DatalabInputs(labels=labels)
    if pred_probs is not None:
        found["pred_probs"] = pred_probs
    if features is not None:
        found["features"] = features
    if features is None and pred_probs is None:
        found["features"] = _numeric_columns(lab)
    return found


def _codes(lab: "Datalab") -> Any:
    """Return the class (N,) of each example, None where there is not one class per example."""
    if not lab.has_labels:
        return None
    try:
        codes = np.asarray(lab.labels)
    except ValueError:  # lists of unequal lengths: several classes per example
        return None
    return codes if codes.dtype.kind in "iu" and codes.ndim == 1 else None


def _numeric_columns(lab: "Datalab") -> pd.DataFrame:
    """Return the numeric columns of a Datalab's data set without the label."""
    others = [name for name in lab.data.column_names if name != lab.label_name]
    numbers = [name for name in others if _is_number(lab.data.features[name])]
    if not numbers:
        raise InputError(
            "a Datalab keeps no probabilities, and this one's data have no column of numbers",
            help="give what find_issues was given: from_datalab(lab, pred_probs=...)",
        )
    return pd.DataFrame(lab.data.select_columns(numbers).to_pandas())


def _is_number(feature: Any) -> bool:
    return str(getattr(feature, "dtype", "")).startswith(("int", "uint", "float", "bool"))


def issue_frame(judged: "Judged", threshold: float, index: "pd.Index[Any] | None") -> pd.DataFrame:
    """Return the label issues of all judged examples in Datalab's form, in the data's order."""
    dataset, scores = judged.dataset, judged.scores
    positions = positions_of(dataset)
    names = np.array(dataset.class_names, dtype=object)
    listed = np.zeros(len(dataset), dtype=np.bool_)
    found = listing(scores, dataset.labels, threshold, most=0)
    listed[found.of("proven", "likely")] = True
    order = np.argsort(positions, kind="stable")
    frame = pd.DataFrame(
        {
            "is_label_issue": listed,
            "label_score": 1 - scores.score,
            "given_label": names[dataset.labels],
            "predicted_label": names[scores.suggested],
        }
    ).iloc[order]
    where = pd.Index(positions[order])
    return frame.set_index(where if index is None else index[positions[order]])
