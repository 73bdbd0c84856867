"""The transition matrix, its clean levels, and its file formats."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.typing import ArrayLike, NDArray

from alfs_cli.arrays import FloatArray, IntArray
from alfs_cli.errors import InputError
from alfs_cli.storage.files import as_text_file
from alfs_cli.text.cells import unguarded

ROW_TOLERANCE = 1e-6  # of the sum of a row: files hold rounded entries


@dataclass(frozen=True, eq=False)
class TransitionMatrix(NDArrayOperatorsMixin):
    """A checked transition matrix: T[i, j] = P(given = j | true = i).

    It calculates as its array does, which cannot be written to.

    Raises InputError where `array` is not (K, K) with K >= 2, finite and non-negative, or where
    rows do not sum to 1 within 1e-6. If the columns sum to 1 instead, the message says that the
    matrix looks transposed.

    >>> T = TransitionMatrix([[0.5, 0.5], [0.0, 1.0]])
    >>> T.sum(axis=1).tolist(), (T @ T).tolist()
    ([1.0, 1.0], [[0.25, 0.75], [0.0, 1.0]])
    """

    array: FloatArray

    def __post_init__(self) -> None:
        object.__setattr__(self, "array", _checked(self.array))

    def __array__(self, dtype: Any = None, *, copy: bool | None = None) -> NDArray[Any]:
        """Return the array (K, K), so that numpy functions take a TransitionMatrix."""
        return np.array(self.array, dtype=dtype) if copy else np.asarray(self.array, dtype=dtype)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        """Return what an operation of numpy makes of the array."""
        if "out" in options:
            return NotImplemented
        arrays = (each.array if isinstance(each, TransitionMatrix) else each for each in inputs)
        return getattr(ufunc, method)(*arrays, **options)

    def __getitem__(self, place: Any) -> Any:
        """Return T[i, j], or any other part by an index of numpy."""
        return self.array[place]

    def __len__(self) -> int:
        return len(self.array)

    def __getattr__(self, name: str) -> Any:
        """Return an attribute of the array, such as `T` or `sum`."""
        if name.startswith("_") or name == "array":  # a copy is asked before it has its array
            raise AttributeError(f"'TransitionMatrix' object has no attribute '{name}'")
        return getattr(self.array, name)

    @property
    def shape(self) -> tuple[int, int]:
        """The shape (K, K)."""
        return len(self.array), len(self.array)

    @property
    def num_classes(self) -> int:
        """The number of classes K."""
        return len(self.array)

    def held_apart(self, level: float) -> "TransitionMatrix":
        """Return T with T[i, i] >= level T[i, j] for all pairs of classes that swap labels.

        Classes i and j swap labels if T[i, i] T[j, j] < level^2 T[i, j] T[j, i]. Their rows are
        moved toward the identity as far as needed; other rows stay. Level 0 returns T unchanged.

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
        """Return the clean levels r_i = T[i, i] / max_{j != i} T[i, j], (K,)."""
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
    """Return the checked array (K, K) of a transition matrix in any form.

    Raises InputError where T is not a transition matrix.
    """
    return T.array if isinstance(T, TransitionMatrix) else _checked(T)


def runners_up(T: ArrayLike) -> IntArray:
    """Return for each true class the most frequent wrong label, (K,).

    >>> runners_up([[0.7, 0.1, 0.2], [0.0, 1.0, 0.0], [0.1, 0.3, 0.6]]).tolist()
    [2, 0, 1]
    """
    rest = np.array(T, dtype=np.float64)
    np.fill_diagonal(rest, -1.0)
    return np.asarray(rest.argmax(axis=1), dtype=np.int64)


def class_clean_levels(T: ArrayLike) -> FloatArray:
    """Return the clean levels r_i = T[i, i] / max_{j != i} T[i, j], (K,); inf without noise."""
    array = np.asarray(T, dtype=np.float64)
    rest = array.copy()
    np.fill_diagonal(rest, -1.0)
    largest = rest.max(axis=1)
    own = np.diag(array)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        levels = np.where(largest > 0, own / largest, np.where(own > 0, np.inf, 0.0))
    return np.asarray(levels, dtype=np.float64)


def clean_level(T: "TransitionMatrix | ArrayLike") -> float:
    """Return the clean level r = min_i T[i, i] / max_{j != i} T[i, j] of T (K, K).

    Raises InputError where T is not a transition matrix.

    >>> clean_level([[0.6, 0.4], [0.2, 0.8]])
    1.4999999999999998
    """
    return float(class_clean_levels(as_array(T)).min())


def realised(true_labels: ArrayLike, given_labels: ArrayLike, num_classes: int) -> IntArray:
    """Return the counts (K, K) of pairs (true label, given label).

    >>> realised([0, 0, 1], [0, 1, 1], 2).tolist()
    [[1, 1], [0, 1]]
    """
    true = np.asarray(true_labels, dtype=np.int64)
    given = np.asarray(given_labels, dtype=np.int64)
    flat = np.bincount(true * num_classes + given, minlength=num_classes**2)
    return flat.reshape(num_classes, num_classes)


def rows_of_counts(counts: ArrayLike) -> FloatArray:
    """Return counts (K, K) with rows divided by their sums.

    A row without counts becomes that of the identity.
    """
    C = np.asarray(counts, dtype=np.float64)
    sums = C.sum(axis=1, keepdims=True)
    return np.where(sums > 0, C / np.where(sums > 0, sums, 1), np.eye(len(C)))


def row_total_variation(T: ArrayLike, other: ArrayLike) -> float:
    """Return the mean total variation distance of the rows of two matrices (K, K)."""
    difference = np.abs(np.asarray(T, dtype=np.float64) - np.asarray(other, dtype=np.float64))
    return float(difference.sum(axis=1).mean() / 2)


def read_transition(
    path: Path | str, *, class_names: Sequence[str] | None = None
) -> TransitionMatrix:
    """Return the T in a .csv (numbers, with or without class names), .npy or estimate.json.

    If the file names its classes, rows and columns are ordered by `class_names`. Raises InputError
    where the file is missing, holds no transition matrix, or is for other classes.
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
    """Return the T in a file as `read_transition` does, and its class names, None without any."""
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
        first = int(frame.shape[1] == len(frame))  # 1 if the first column holds names, else 0
        return frame.iloc[1:, first:].to_numpy(), [str(name) for name in frame.iloc[0, first:]]
    return frame.to_numpy(), []


def write_transition(path: Path, T: ArrayLike, class_names: Sequence[str]) -> None:
    """Write a T as CSV with class names: rows are true classes, columns given labels."""
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
