"""What a reader hands on: examples in DATA order, their labels still as they were written."""

import hashlib
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from alfs_cli.data.annotations import Annotations
from alfs_cli.data.dataset import Images, IntArray, Probabilities, Problem
from alfs_cli.errors import InputError

RawLabels = NDArray[Any]
"""Labels as written, (N,): int64, or objects that are all str."""

WHOLE_BYTES = 1 << 28
BLOCK_BYTES = 1 << 14
NUM_BLOCKS = 1 << 12


@dataclass(frozen=True, eq=False)
class Content:
    """One row an example, before classes are put in order and labels numbered.

    `digest` is of the examples without their labels. `class_names` are the names the data itself
    declares (whole-number labels index them); `found_classes` those that exist, even if empty.
    `readable` (N,) is False for examples that are left out in the end.
    """

    kind: str
    count: int
    digest: str
    labels: RawLabels | None = None
    class_names: tuple[str, ...] | None = None
    found_classes: tuple[str, ...] = ()
    true_labels: RawLabels | None = None
    annotations: "Annotations | None" = None
    images: Images | None = None
    features: NDArray[np.float32] | None = None
    pred_probs: Probabilities | None = None
    population: NDArray[np.float64] | None = None
    population_names: tuple[str, ...] | None = None
    readable: NDArray[np.bool_] | None = None
    paths: tuple[str, ...] | None = None
    lines: IntArray | None = None
    manifest: str | None = None
    split: str | None = None
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()


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


def array_digest(*arrays: NDArray[Any] | None) -> str:
    """Return the SHA-256 of arrays' types, shapes and bytes.

    Of an array beyond 256 MiB, evenly spaced blocks stand for the whole.
    """
    total = hashlib.sha256()
    for array in arrays:
        if array is None:
            total.update(b"none;")
            continue
        little = array.dtype.newbyteorder("<")
        total.update(f"{little.str}{array.shape};".encode())
        if array.nbytes <= WHOLE_BYTES:
            total.update(np.ascontiguousarray(array, dtype=little).data)
            continue
        rows = max(1, BLOCK_BYTES * len(array) // array.nbytes)
        for start in np.linspace(0, len(array) - rows, NUM_BLOCKS, dtype=np.int64):
            block = array[start : start + rows]
            total.update(np.ascontiguousarray(block, dtype=little).data)
    return total.hexdigest()


def fingerprint_of(digest: str, labels: IntArray, class_names: Sequence[str]) -> str:
    """Return 16 hex digits that stand for the examples, their given labels and the class names."""
    total = hashlib.sha256(digest.encode())
    total.update(np.ascontiguousarray(labels, dtype="<i8").data)
    for name in class_names:
        total.update(name.encode("utf-8", "surrogateescape") + b"\0")
    return total.hexdigest()[:16]
