"""Label noise as a transition matrix: what it is, its clean level and bounds, and how to inject it.

Convention everywhere: T[i, j] = P(given = j | true = i), shape (K, K), rows sum to 1. The clean
level of a class is r_i = T[i, i] / max_{j != i} T[i, j] (infinite where nothing else occurs), that
of the matrix r = min_i r_i; the paper's bound on the asymmetry ratio is 1 / r.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from alfs_cli.errors import InputError, UsageError, unknown

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

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

    @classmethod
    def from_cleanlab(cls, noise_matrix: ArrayLike) -> "TransitionMatrix":
        """Take cleanlab's noise matrix, whose columns are true classes."""
        return cls(np.asarray(noise_matrix, dtype=np.float64).T)

    @property
    def num_classes(self) -> int:
        """K."""
        return len(self.array)

    def class_clean_levels(self) -> FloatArray:
        """Return r_i = T[i, i] / max_{j != i} T[i, j], shape (K,)."""
        return class_clean_levels(self.array)


def _checked(values: ArrayLike) -> FloatArray:
    try:
        T = np.array(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError("the transition matrix holds something that is not a number") from None
    if T.ndim != 2 or T.shape[0] != T.shape[1] or len(T) < 2:
        raise InputError(
            f"the transition matrix has shape {T.shape}, not (K, K) with K >= 2",
            help="rows are true classes, columns given labels",
        )
    if not np.isfinite(T).all():
        raise InputError("the transition matrix holds NaN or infinite entries")
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
    with np.errstate(divide="ignore", invalid="ignore"):
        levels = np.where(largest > 0, own / largest, np.where(own > 0, np.inf, 0.0))
    return np.asarray(levels, dtype=np.float64)


def clean_level(T: "TransitionMatrix | ArrayLike") -> float:
    """Return r = min_i T[i, i] / max_{j != i} T[i, j] of a (K, K) transition matrix.

    Raises InputError where T is no transition matrix.

    >>> clean_level([[0.6, 0.4], [0.2, 0.8]])
    1.4999999999999998
    """
    return float(class_clean_levels(as_array(T)).min())


def clean_level_bounds(
    counts: ArrayLike, alpha: float = 0.05, *, weights: ArrayLike | None = None
) -> tuple[FloatArray, FloatArray]:
    """Return one-sided bounds (low, high) of every T[i, i] / T[i, j], each (K, K).

    `counts[i, j]` is how many examples of true class i carry the label j. Given C_ii + C_ij the
    count C_ii is binomial, so each ratio has a Clopper-Pearson bound: the lower at level alpha (the
    minimum over pairs is then a bound for r: an intersection-union test needs no correction), the
    upper at alpha / (K (K - 1)). `weights[i, j]` multiplies ratio (i, j) where the counts were
    drawn unequally by label. The diagonals are infinite.
    """
    from scipy.stats import beta

    C = _checked_counts(counts)
    K = len(C)
    own = np.repeat(np.diag(C)[:, None], K, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        low_share = np.where(own > 0, beta.ppf(alpha, np.maximum(own, 1e-9), C + 1), 0.0)
        level = 1 - alpha / (K * (K - 1))
        high_share = np.where(C > 0, beta.ppf(level, own + 1, np.maximum(C, 1e-9)), 1.0)
        low = low_share / (1 - low_share)
        high = np.where(high_share < 1, high_share / (1 - high_share), np.inf)
    if weights is not None:
        low = low * np.asarray(weights, dtype=np.float64)
        high = high * np.asarray(weights, dtype=np.float64)
    np.fill_diagonal(low, np.inf)
    np.fill_diagonal(high, np.inf)
    return np.asarray(low), np.asarray(high)


def clean_level_lower_bound(counts: ArrayLike, alpha: float = 0.05) -> float:
    """Return the one-sided 1 - alpha lower confidence bound of r from counts (K, K).

    `counts[i, j]` is how many examples of true class i carry the label j; rows are multinomial.
    Intersection-union of Clopper-Pearson bounds: covers sampling error, not wrongly assigned true
    classes. Raises InputError for counts that are not (K, K), whole and non-negative, and
    UsageError for alpha outside (0, 1).
    """
    if not 0 < alpha < 1:
        raise UsageError(f"alpha is {alpha}, not between 0 and 1")
    return float(clean_level_bounds(counts, alpha)[0].min())


def _checked_counts(counts: ArrayLike) -> FloatArray:
    C = np.asarray(counts, dtype=np.float64)
    if C.ndim != 2 or C.shape[0] != C.shape[1] or len(C) < 2:
        raise InputError(f"counts have shape {C.shape}, not (K, K) with K >= 2")
    if not np.isfinite(C).all() or (C < 0).any():
        raise InputError("counts must be finite and not below 0")
    return C


# Kinds of noise.

ASYMMETRIC_MAPS: Mapping[str, Mapping[int, int]] = {
    # Patrini et al., CVPR 2017: digits that look alike, classes that people confuse
    "mnist": {7: 1, 2: 7, 5: 6, 6: 5, 3: 8},
    "cifar10": {9: 1, 2: 0, 4: 7, 3: 5, 5: 3},
}
SAME_MAP = {"digits": "mnist", "fashion-mnist": "", "mnist": "mnist", "cifar10": "cifar10"}
NOISE_KINDS = ("symmetric", "asymmetric", "pair")


def symmetric(rate: float, num_classes: int) -> TransitionMatrix:
    """Return T that flips with probability `rate` to each other class alike."""
    _check_rate(rate)
    K = _checked_num_classes(num_classes)
    T = np.full((K, K), rate / (K - 1))
    np.fill_diagonal(T, 1 - rate)
    return TransitionMatrix(T)


def asymmetric(rate: float, num_classes: int, *, dataset: str | None = None) -> TransitionMatrix:
    """Return T that flips look-alike classes with probability `rate` (MNIST, CIFAR-10).

    Where `dataset` is neither (nor digits), each class flips to the next one. Patrini et al., CVPR
    2017.
    """
    _check_rate(rate)
    K = _checked_num_classes(num_classes)
    known = ASYMMETRIC_MAPS.get(SAME_MAP.get(dataset or "", ""))
    flips = known if known is not None and K == 10 else {i: (i + 1) % K for i in range(K)}
    T = np.eye(K)
    for source, target in flips.items():
        T[source, source], T[source, target] = 1 - rate, rate
    return TransitionMatrix(T)


def pair(rate: float, num_classes: int) -> TransitionMatrix:
    """Return T that flips each class to the next with probability `rate` (pair flip)."""
    return asymmetric(rate, num_classes)


def transition_of(
    kind: str, rate: float, num_classes: int, *, dataset: str | None = None
) -> TransitionMatrix:
    """Return the T of a kind of noise by its name.

    Raises UsageError for an unknown kind or a rate outside [0, 1].
    """
    match kind:
        case "symmetric":
            return symmetric(rate, num_classes)
        case "asymmetric":
            return asymmetric(rate, num_classes, dataset=dataset)
        case "pair":
            return pair(rate, num_classes)
        case _:
            raise unknown("kind of noise", kind, NOISE_KINDS)


def _check_rate(rate: float) -> None:
    if not (math.isfinite(rate) and 0 <= rate <= 1):
        raise UsageError(f"noise rate is {rate}, not between 0 and 1")


def _checked_num_classes(num_classes: int) -> int:
    if num_classes < 2:
        raise UsageError(f"noise needs two classes or more, got {num_classes}")
    return num_classes


# Injection.


def inject(
    labels: ArrayLike,
    T: TransitionMatrix,
    generator: np.random.Generator,
    *,
    draw: Literal["exact", "sampled"] = "exact",
) -> IntArray:
    """Return given labels (N,) drawn from true labels (N,) through T.

    `sampled` draws each label on its own; `exact` flips the rounded expected number in each class
    (largest remainders), so that the realised matrix is T up to rounding.
    """
    true = np.asarray(labels, dtype=np.int64)
    K = T.num_classes
    if true.ndim != 1 or (len(true) and (true.min() < 0 or true.max() >= K)):
        raise InputError(f"labels must be whole numbers 0 .. {K - 1} in one row")
    given = true.copy()
    for cls in range(K):
        members = np.flatnonzero(true == cls)
        if draw == "sampled":
            given[members] = generator.choice(K, size=len(members), p=T.array[cls])
        else:
            counts = _largest_remainders(T.array[cls], len(members))
            given[members] = generator.permutation(np.repeat(np.arange(K), counts))
    return given


def _largest_remainders(shares: FloatArray, total: int) -> IntArray:
    exact = shares * total
    counts = np.floor(exact).astype(np.int64)
    short = total - int(counts.sum())
    order = np.argsort(-(exact - counts), kind="stable")
    counts[order[:short]] += 1
    return counts


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


def read_transition(path: Any, *, class_names: Sequence[str] | None = None) -> TransitionMatrix:
    """Read a T from .csv (numbers, or transition.csv with names), .npy, or estimate.json.

    Raises InputError where the file is missing or holds no transition matrix, or where its class
    names differ from `class_names`.
    """
    from pathlib import Path

    import pandas as pd

    from alfs_cli.documents import read_document

    file = Path(path)
    if not file.is_file():
        raise InputError(f"no such file: '{file}'", help="a .csv, .npy or estimate.json with T")
    names: list[str] | None = None
    if file.suffix == ".json":
        document = read_document(file, "alfs.estimate/1")
        values = document.get("transition")
        names = [str(name) for name in document.get("data", {}).get("classes", [])]
    elif file.suffix == ".npy":
        try:
            values = np.load(file, allow_pickle=False)
        except (ValueError, OSError) as error:
            raise InputError(f"cannot read '{file}': {error}") from None
    else:
        try:
            frame = pd.read_csv(file, header=None, dtype=str, keep_default_na=False)
        except (ValueError, OSError) as error:
            raise InputError(f"cannot read '{file}' as CSV: {error}") from None
        if (
            frame.shape[0] == frame.shape[1]
            and frame.shape[0] > 1
            and not _is_number(frame.iat[0, 1])
        ):
            names = [str(name) for name in frame.iloc[0, 1:]]
            frame = frame.iloc[1:, 1:]
        values = frame.to_numpy()
    if names and class_names is not None and list(names) != list(class_names):
        raise InputError(
            f"'{file}' is for the classes {', '.join(names[:5])} ..., "
            f"the data has {', '.join(list(class_names)[:5])} ...",
        )
    try:
        return TransitionMatrix(np.asarray(values, dtype=np.float64))
    except (TypeError, ValueError):
        raise InputError(f"'{file}' holds something that is not a number") from None


def _is_number(cell: object) -> bool:
    try:
        float(str(cell))
    except ValueError:
        return False
    return True
