"""Labels as they were written: whole numbers or text, and which of them are missing."""

import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from alfs_cli.arrays import BoolArray
from alfs_cli.errors import InputError, brief

RawLabels = NDArray[Any]
"""Labels as written, (N,): int64, or objects that are all str."""


def same_text(text: str) -> str:
    r"""Return the text in Unicode's composed form (NFC), so that names that look equal are equal.

    Lone surrogates, which no encoding can hold, become \uNNNN.
    """
    if text.isascii():
        return text
    whole = text.encode("utf-8", "backslashreplace").decode("utf-8", "replace")
    return unicodedata.normalize("NFC", whole)


def text_labels(values: Iterable[object]) -> RawLabels:
    """Return values as text in composed form, an array (N,) of objects."""
    written = list(values)
    labels = np.empty(len(written), dtype=object)
    labels[:] = [same_text(str(value)) for value in written]
    return labels


# What pandas, numpy and spreadsheets write for a missing value; no class is called so.
MISSING = ("nan", "-nan", "<na>", "nat", "#n/a", "#na", "#n/a n/a", "1.#ind", "1.#qnan")
# Words for a missing value that may also be class names: "none" is a class of wafer maps, "null" of
# gestures.
PERHAPS_MISSING = ("na", "n/a", "none", "null", "nil", "-", "--", "?", ".")
FILL_IN = (
    "fill them in or leave those examples out; if a class bears such a name, --classes with all "
    "names says so; a class really called 'NA' is fine"
)
ONE_EACH = "one label for each example"
INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\u00ad"))


def raw_labels(
    values: NDArray[Any], *, where: str, lenient: bool = False, declared: Collection[str] = ()
) -> RawLabels:
    """Return an array's labels (N,) as int64 or text.

    Raises InputError for another shape or type, for numbers that are not whole, and for missing
    labels (`missing_labels`). With `lenient` missing labels are kept: text as written, NaN as -1.
    """
    if values.ndim != 1:
        raise InputError(
            f"{where} have shape {values.shape}, not (N,)", help=_one_a_row(np.asarray(values))
        )
    match values.dtype.kind:
        case "U":
            labels = text_labels(values)
        case "S":
            labels = text_labels(np.char.decode(values, "utf-8", "backslashreplace"))
        case "f":
            values = np.where(np.isnan(values), -1, values)
            broken = np.flatnonzero(values != np.floor(values))
            if len(broken):
                raise InputError(
                    f"{where}: row {broken[0]} is {values[broken[0]]:g}, not a whole number",
                    help="labels are whole numbers or names",
                )
            labels = values.astype(np.int64)
        case "i" | "u" | "b":
            labels = values.astype(np.int64)
        case _:
            raise InputError(
                f"{where} are of type {values.dtype}", help="labels are whole numbers or names"
            )
    if not lenient:
        refuse_missing(labels, where=where, declared=declared)
    return labels


def _one_a_row(values: NDArray[Any]) -> str:
    """Return the help for labels in an array of two dimensions or more."""
    if values.ndim != 2 or values.shape[1] < 2 or values.dtype.kind not in "fiub":
        return "labels.ravel()" if values.size == max(values.shape, default=0) else ONE_EACH
    if not np.isin(values, (0, 1)).all():
        return "rows of scores: labels.argmax(axis=1)"
    if (values.sum(axis=1) == 1).all():
        return "one-hot rows: labels.argmax(axis=1)"
    return (
        "rows with several 1s are several labels an example, and each has one here: leave those "
        "examples out, or audit each column as a data set of its own (labels[:, 0])"
    )


def missing_labels(labels: RawLabels, *, declared: Collection[str] = ()) -> BoolArray:
    """Return a mask (N,) of missing labels: below 0, white space, or a word for a missing value.

    A word in `declared` is a class, whatever the word.
    """
    if labels.dtype != object:
        return np.asarray(labels < 0, dtype=np.bool_)
    codes, uniques = pd.factorize(labels)
    gone = [word not in declared and is_nothing(word) for word in uniques]
    return np.asarray(np.asarray(gone, dtype=np.bool_)[codes], dtype=np.bool_)


def is_nothing(word: str) -> bool:
    """Say whether a text is white space or a word for a missing value.

    >>> is_nothing("NaN"), is_nothing("cat")
    (True, False)
    """
    bare = word.translate(INVISIBLE).strip().casefold()
    return not bare or bare in MISSING


def odd_words(names: Sequence[str], *, declared: Collection[str] = ()) -> list[str]:
    """Return the names that may be words for a missing label, except those in `declared`."""
    return [
        name
        for name in names
        if name not in declared and (name.strip().casefold() in PERHAPS_MISSING or is_nothing(name))
    ]


def refuse_missing(labels: RawLabels, *, where: str, declared: Collection[str] = ()) -> None:
    """Raise InputError, which names the first 0-based rows, if any label (N,) is missing."""
    rows = np.flatnonzero(missing_labels(labels, declared=declared))
    if len(rows):
        listed = ", ".join(str(row) for row in rows[:5]) + (", ..." if len(rows) > 5 else "")
        raise InputError(
            f"{len(rows):,} of {where} are missing (row{'s' if len(rows) > 1 else ''} {listed}; "
            f"ALFS406){as_written(labels[rows])}",
            help=FILL_IN,
        )


def as_written(labels: RawLabels) -> str:
    """Return a clause that says how missing labels are written, "" for empty ones."""
    if labels.dtype != object:
        return ": below 0, or NaN"
    words = [word for word in dict.fromkeys(labels) if word]
    return f", written {' and '.join(repr(brief(word)) for word in words[:3])}" if words else ""


def refuse_several(names: Iterable[str], *, where: str) -> None:
    """Raise InputError where labels are lists of labels: `cat,dog` beside `cat` and `dog,bird`.

    A name with a separator is a class where its parts do not occur in other labels.
    """
    texts = {name for name in names if name}
    lists = [name for name in texts if name[0] + name[-1] == "[]" and len(name) > 2]
    if len(lists) > len(texts) / 2:
        raise _several(min(lists), "is written as a list", where)
    for separator in ",|;":
        parts = {
            name: [part.strip() for part in name.split(separator)]
            for name in texts
            if separator in name
        }
        seen = Counter(part for cut in parts.values() for part in set(cut))
        seen.update(name.strip() for name in texts if name not in parts)
        for name in sorted(parts):
            if all(part and seen[part] > 1 for part in parts[name]) and len(set(parts[name])) > 1:
                raise _several(name, f"holds several, between '{separator}'", where)


def _several(label: str, what: str, where: str) -> InputError:
    return InputError(
        f"label '{brief(label)}' of {where} {what}: each example has one label here (single-label "
        "data)",
        help="audit a column 0/1 for each class, one at a time, or keep the examples with one "
        "label; if these are class names, --classes FILE names them, one on each line",
    )
