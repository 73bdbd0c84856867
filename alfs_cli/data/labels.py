"""Labels as they are written: whole numbers or text, none missing."""

import unicodedata
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alfs_cli.data.dataset import IntArray
from alfs_cli.errors import InputError

RawLabels = NDArray[Any]
"""Labels as written, (N,): int64, or objects that are all str."""


def same_text(text: str) -> str:
    """Return the text in Unicode's composed form, so that equal names are equal.

    Halves of characters, which no encoding can hold, become \\uNNNN.
    """
    if text.isascii():
        return text
    whole = text.encode("utf-8", "backslashreplace").decode("utf-8", "replace")
    return unicodedata.normalize("NFC", whole)


def text_labels(values: Iterable[object]) -> RawLabels:
    """Return names as an object array of composed text, shape (N,)."""
    written = list(values)
    labels = np.empty(len(written), dtype=object)
    labels[:] = [same_text(str(value)) for value in written]
    return labels


def raw_labels(values: NDArray[Any], *, where: str, lenient: bool = False) -> RawLabels:
    """Return an array's labels (N,) as int64 or text.

    Raises InputError for another shape, for numbers that are not whole or below 0, and for labels
    that are missing; the latter two are kept, as below 0 or empty, if `lenient`.
    """
    if values.ndim != 1:
        one_hot = values.ndim == 2 and values.shape[1] > 1
        raise InputError(
            f"{where} have shape {values.shape}, not (N,)",
            help="one-hot or score rows: labels.argmax(axis=1)" if one_hot else "labels.ravel()",
        )
    match values.dtype.kind:
        case "U":
            labels = text_labels(values)
            if not lenient:
                refuse_missing(np.flatnonzero(values == ""), where=where)
            return labels
        case "S":
            text = np.char.decode(values, "utf-8", "backslashreplace")
            return raw_labels(text, where=where, lenient=lenient)
        case "f":
            if lenient:
                values = np.where(np.isnan(values), -1, values)
            refuse_missing(np.flatnonzero(np.isnan(values)), where=where)
            broken = np.flatnonzero(values != np.floor(values))
            if len(broken):
                raise InputError(
                    f"{where}: row {broken[0]} is {values[broken[0]]:g}, not a whole number",
                    help="labels are whole numbers or names",
                )
        case "i" | "u" | "b":
            pass
        case _:
            raise InputError(
                f"{where} are of type {values.dtype}", help="labels are whole numbers or names"
            )
    numbers = values.astype(np.int64)
    below = np.flatnonzero(numbers < 0)
    if len(below) and not lenient:
        raise InputError(
            f"{where}: row {below[0]} is {numbers[below[0]]}, below 0 "
            f"({len(below):,} such rows, ALFS406)",
            help="leave out the examples without a label",
        )
    return numbers


def refuse_missing(rows: IntArray, *, where: str) -> None:
    """Raise InputError if any label is missing, naming the first 0-based rows."""
    if len(rows):
        listed = ", ".join(str(row) for row in rows[:5]) + (", ..." if len(rows) > 5 else "")
        raise InputError(
            f"{len(rows):,} of {where} are missing (rows {listed}; ALFS406)",
            help="fill them in or leave those examples out; a class really called 'NA' is fine",
        )
