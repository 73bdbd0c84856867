"""The transition matrix, its clean levels, and its file forms."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from alfs_cli.arrays import FloatArray, IntArray
from alfs_cli.errors import InputError
from alfs_cli.storage.files import as_text_file
from alfs_cli.text.cells import unguarded

ROW_TOLERANCE = 1e-6


@dataclass(frozen=True, eq=False)
class TransitionMatrix:
    """T[i, j] = P(given = j | true = i); checked on the way in.

    Raises InputError where `array` is not (K, K) with K >= 2, finite, non-negative, rows summing
    to 1 within 1e-6; where the columns do, the message says that it looks transposed.
    """

    array: FloatArray

    def __post_init__(self) -> None:
        object.__setattr__(self, "array", _checked(self.array))

    def __array__(self, dtype: Any = None, *, copy: bool | None = None) -> NDArray[Any]:
        """Read as its array wherever numpy takes one."""
        return np.array(self.array, dtype=dtype) if copy else np.asarray(self.array, dtype=dtype)

    def __getitem__(self, place: Any) -> Any:
        """Return T[i, j], or any part that numpy would."""
        return self.array[place]

    @property
    def shape(self) -> tuple[int, int]:
        """(K, K)."""
        return len(self.array), len(self.array)

    @property
    def num_classes(self) -> int:
        """K."""
        return len(self.array)

    def held_apart(self, level: float) -> "TransitionMatrix":
        """Return T with classes that swap labels told apart: T[i, i] >= level T[i, j] for both.

        Classes i and j swap labels where T[i, i] T[j, j] < level^2 T[i, j] T[j, i]. Their rows are
        moved toward the identity, no further than needed; the other rows stay. Level 0 is T itself.

        >>> TransitionMatrix([[0.6, 0.4], [0.5, 0.5]]).held_apart(3).array
        array([[0.75, 0.25],
               [0.25, 0.75]])
        """
        T, own = self.array, np.diag(self.array)
        swaps = own[:, None] * own < level**2 * T * T.T
        np.fill_diagonal(swaps, val=False)
        lacking = np.where(swaps, np.maximum(level * T - own[:, None], 0.0), 0.0)
        share = (lacking / (1 - own[:, None] + level * T + 1e-300)).max(axis=1, keepdims=True)
        return TransitionMatrix((1 - share) * T + share * np.eye(self.num_classes))

    def class_clean_levels(self) -> FloatArray:
        """Return r_i = T[i, i] / max_{j != i} T[i, j], shape (K,)."""
        return class_clean_levels(self.array)


def _checked(values: ArrayLike) -> FloatArray:
    try:
        T = np.array(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(
            "the transition matrix holds something that is not a number",
            help="a row holds the probabilities of the given labels of a true class, and sums to 1",
        ) from None
    if T.ndim != 2 or T.shape[0] != T.shape[1] or len(T) < 2:
        raise InputError(
            f"the transition matrix has shape {T.shape}, not (K, K) with K >= 2",
            help="rows are true classes, columns given labels",
        )
    if not np.isfinite(T).all():
        raise InputError(
            "the transition matrix holds NaN or infinite entries",
            help="a row holds the probabilities of the given labels of a true class, and sums to 1",
        )
    if (T < 0).any():
        i, j = np.argwhere(T < 0)[0]
        raise InputError(
            f"entry ({i}, {j}) of the transition matrix is {T[i, j]:.4g}, below 0",
            help="entries are probabilities between 0 and 1",
        )
    sums = T.sum(axis=1)
    off = np.flatnonzero(np.abs(sums - 1) > ROW_TOLERANCE)
    if len(off):
        columns_sum = bool((np.abs(T.sum(axis=0) - 1) <= ROW_TOLERANCE).all())
        looks = "; it looks transposed: its columns sum to 1" if columns_sum else ""
        raise InputError(
            f"row {off[0]} of the transition matrix sums to {sums[off[0]]:.4f}, not 1{looks}",
            help="rows are true classes, columns given labels: T[i, j] = P(given j | true i)",
        )
    T.setflags(write=False)
    return T


def as_array(T: "TransitionMatrix | ArrayLike") -> FloatArray:
    """Return the checked (K, K) array of a transition matrix in any form."""
    return T.array if isinstance(T, TransitionMatrix) else TransitionMatrix(np.asarray(T)).array


def runners_up(T: ArrayLike) -> IntArray:
    """Return for each true class the most frequent other given label, shape (K,)."""
    rest = np.array(T, dtype=np.float64)
    np.fill_diagonal(rest, -1.0)
    return np.asarray(rest.argmax(axis=1), dtype=np.int64)


def class_clean_levels(T: ArrayLike) -> FloatArray:
    """Return r_i = T[i, i] / max_{j != i} T[i, j], shape (K,); inf where the row is clean."""
    array = np.asarray(T, dtype=np.float64)
    rest = array.copy()
    np.fill_diagonal(rest, -1.0)
    largest = rest.max(axis=1)
    own = np.diag(array)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        levels = np.where(largest > 0, own / largest, np.where(own > 0, np.inf, 0.0))
    return np.asarray(levels, dtype=np.float64)


def clean_level(T: "TransitionMatrix | ArrayLike") -> float:
    """Return r = min_i T[i, i] / max_{j != i} T[i, j] of a (K, K) transition matrix.

    Raises InputError where T is no transition matrix.

    >>> clean_level([[0.6, 0.4], [0.2, 0.8]])
    1.4999999999999998
    """
    return float(class_clean_levels(as_array(T)).min())


def realised(true_labels: ArrayLike, given_labels: ArrayLike, num_classes: int) -> IntArray:
    """Return the counts (K, K) of (true, given) pairs."""
    true = np.asarray(true_labels, dtype=np.int64)
    given = np.asarray(given_labels, dtype=np.int64)
    flat = np.bincount(true * num_classes + given, minlength=num_classes**2)
    return flat.reshape(num_classes, num_classes)


def rows_of_counts(counts: ArrayLike) -> FloatArray:
    """Return counts (K, K) with rows divided by their sums; an empty row becomes the identity's."""
    C = np.asarray(counts, dtype=np.float64)
    sums = C.sum(axis=1, keepdims=True)
    return np.where(sums > 0, C / np.where(sums > 0, sums, 1), np.eye(len(C)))


def row_total_variation(T: ArrayLike, other: ArrayLike) -> float:
    """Return the mean over rows of half the L1 distance of two (K, K) matrices."""
    difference = np.abs(np.asarray(T, dtype=np.float64) - np.asarray(other, dtype=np.float64))
    return float(difference.sum(axis=1).mean() / 2)


def read_transition(
    path: Path | str, *, class_names: Sequence[str] | None = None
) -> TransitionMatrix:
    """Read a T from .csv (numbers, with class names or without), .npy, or estimate.json.

    Rows and columns are put in the order of `class_names` where the file names its classes. Raises
    InputError where the file is missing or holds no transition matrix, or is for other classes.
    """
    file = as_text_file(path)
    if not file.is_file():
        raise InputError(f"no such file: '{file}'", help="a .csv, .npy or estimate.json with T")
    values, guarded = _values_and_names(file)
    names = [unguarded(name) for name in guarded or ()]
    try:
        T = TransitionMatrix(np.asarray(values, dtype=np.float64))
    except (TypeError, ValueError):
        raise InputError(
            f"'{file}' holds something that is not a number",
            help="as transition.csv: class names first, then a row of probabilities a true class",
        ) from None
    except InputError as error:
        raise InputError(f"{file}: {error}", help=error.help) from None
    if class_names is None:
        return T
    if T.num_classes != len(class_names) or (names and set(names) != set(class_names)):
        said = f"{T.num_classes} classes" + (f" ({', '.join(names[:5])}, ...)" if names else "")
        raise InputError(
            f"'{file}' is for {said}, the data has {len(class_names)} "
            f"({', '.join(class_names[:5])}, ...)",
            help="give the T of these data: alfs estimate DATA writes transition.csv",
        )
    if not names or names == list(class_names):
        return T
    order = [names.index(name) for name in class_names]
    return TransitionMatrix(T.array[np.ix_(order, order)])


def read_named_transition(
    path: Path | str,
) -> "tuple[TransitionMatrix, tuple[str, ...] | None]":
    """Read a T as `read_transition` does, with the names of its classes where the file has them."""
    T = read_transition(path)
    names = [unguarded(name) for name in _values_and_names(as_text_file(path))[1]]
    return T, tuple(names) if len(names) == T.num_classes else None


def _values_and_names(file: Path) -> tuple[Any, list[str]]:
    import pandas as pd

    from alfs_cli.storage.documents import DAMAGED, read_document

    if file.suffix == ".json":
        document = read_document(file, "alfs.estimate/1")
        data = document.get("data")
        names = data.get("classes") if isinstance(data, dict) else None
        return document.get("transition"), list(map(str, names)) if isinstance(names, list) else []
    if file.suffix == ".npy":
        try:
            return np.load(file, mmap_mode="r", allow_pickle=False), []
        except (*DAMAGED, ValueError) as error:
            raise InputError(
                f"cannot read '{file}': {error}",
                help="see that it is yours to read; alfs estimate DATA writes transition.csv",
            ) from None
    try:
        frame = pd.read_csv(file, header=None, dtype=str, keep_default_na=False)
    except (ValueError, OSError) as error:
        raise InputError(
            f"cannot read '{file}' as CSV: {error}",
            help="as transition.csv: class names first, then a row of probabilities a true class",
        ) from None
    if len(frame) > 1 and not _is_number(frame.iat[0, 0]):
        first = int(frame.shape[1] == len(frame))  # a first column of names too
        return frame.iloc[1:, first:].to_numpy(), [str(name) for name in frame.iloc[0, first:]]
    return frame.to_numpy(), []


def write_transition(path: Path, T: ArrayLike, class_names: Sequence[str]) -> None:
    """Write a T as CSV under its class names: rows true classes, columns given labels."""
    import pandas as pd

    from alfs_cli.storage.writing import write_text
    from alfs_cli.text.cells import safe_cell

    names = [safe_cell(name) for name in class_names]
    frame = pd.DataFrame(as_array(T), index=names, columns=names)
    write_text(path, frame.to_csv(index_label="true class", lineterminator="\n"))


def _is_number(cell: object) -> bool:
    try:
        float(str(cell))
    except ValueError:
        return False
    return True
