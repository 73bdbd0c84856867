"""Injection of label noise: given labels drawn from true labels."""

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from alfs_cli.arrays import FloatArray, IntArray
from alfs_cli.errors import InputError, UsageError, unknown
from alfs_cli.noise.matrix import TransitionMatrix

DRAWS = ("exact", "sampled")
MULTINOMIAL = "multinomial"  # the draw of `inject_as_public_code`
MOST_LEGACY_SEED = 2**32 - 1  # of numpy's RandomState
INSTANCE = "instance"
RATE_DEVIATION = 0.1  # standard deviation of flip rates: Xia et al., NeurIPS 2020, Algorithm 2


def inject(
    labels: ArrayLike,
    T: TransitionMatrix,
    generator: np.random.Generator,
    *,
    draw: Literal["exact", "sampled"] = "exact",
) -> IntArray:
    """Return given labels (N,) drawn from true labels (N,) by T.

    `sampled` draws each label independently. `exact` gives each class the expected number of each
    label, rounded by largest remainders, so that the realised matrix is T up to rounding.

    Raises InputError where labels are not classes of T, UsageError for an unknown `draw`.

    >>> T = TransitionMatrix([[0.5, 0.5], [0.0, 1.0]])
    >>> int(inject([0, 0, 1, 1], T, np.random.default_rng(0)).sum())
    3
    """
    if draw not in DRAWS:
        raise unknown("draw", draw, DRAWS)
    K = T.num_classes
    true = _checked_labels(labels, K)
    given = true.copy()
    for cls in range(K):
        members = np.flatnonzero(true == cls)
        if draw == "sampled":
            given[members] = generator.choice(K, size=len(members), p=T.array[cls])
        else:
            counts = _largest_remainders(T.array[cls], len(members))
            given[members] = generator.permutation(np.repeat(np.arange(K), counts))
    return given


def inject_as_public_code(labels: ArrayLike, T: TransitionMatrix, seed: int) -> IntArray:
    """Return given labels (N,) drawn from true labels (N,) by T, one after the other.

    Public code of Ma et al., ICML 2020, and Zhou et al., ICML 2021, draws the noise of MNIST so,
    and the asymmetric noise of CIFAR-100: a multinomial number for each example, in their order,
    from numpy's legacy generator as it was up to NumPy 2.4; later ones draw other numbers. The same
    seed gives the same labels as there.

    Raises InputError where labels are not classes of T, UsageError for a seed above 2^32 - 1.
    """
    if seed > MOST_LEGACY_SEED:
        raise UsageError(
            f"noise.seed is {seed}, and a multinomial draw has seeds below 2^32",
            help="choose a smaller seed of the noise, such as 0",
        )
    generator = np.random.RandomState(seed)
    true = _checked_labels(labels, T.num_classes)
    rows = T.array.tolist()
    return np.array([_legacy_multinomial(rows[cls], generator) for cls in true], np.int64)


def _legacy_multinomial(shares: list[float], generator: np.random.RandomState) -> int:
    """Return the place of the one in `RandomState.multinomial(1, shares)` up to NumPy 2.4.

    It was a chain of binomial numbers by inversion: a uniform number for each share above 0.
    """
    left = 1.0
    for place, share in enumerate(shares[:-1]):
        chance = share / left
        if chance > 0:
            uniform = generator.random_sample()
            if uniform <= chance if chance > 0.5 else uniform > 1 - chance:
                return place
        left -= share
    return len(shares) - 1


def _largest_remainders(shares: FloatArray, total: int) -> IntArray:
    exact = shares * total
    counts = np.floor(exact).astype(np.int64)
    short = total - int(counts.sum())
    order = np.argsort(-(exact - counts), kind="stable")
    counts[order[:short]] += 1
    return counts


def inject_by_instance(
    labels: ArrayLike,
    features: NDArray[Any],
    rate: float,
    num_classes: int,
    generator: np.random.Generator,
) -> tuple[IntArray, TransitionMatrix]:
    """Return given labels (N,) with flips that depend on the example, and their mean T.

    Part-dependent noise of Xia et al., NeurIPS 2020, Algorithm 2. Example n of true class i flips
    at a rate q_n, drawn from N(rate, 0.1^2) truncated to [0, 1]. Its label becomes j != i with
    probability q_n softmax_j(x_n W_i), where the softmax is over j != i and W_i (D, K) is standard
    normal. `features` (N, D) are not scaled (pixels in 0 .. 1). T is the mean of these
    probabilities over the examples of each class, and the identity for a class without examples.

    Raises UsageError for a rate outside [0, 1], InputError where features and labels differ in
    number.
    """
    if not 0 <= rate <= 1:
        raise UsageError(
            f"noise rate is {rate}, not between 0 and 1", help="for example --rate 0.2"
        )
    true = _checked_labels(labels, num_classes)
    x = np.asarray(features, dtype=np.float64).reshape(len(features), -1)
    if len(x) != len(true):
        raise InputError(
            f"features have {len(x):,} rows, labels {len(true):,}",
            help="one row an example in both",
        )
    rates = _instance_rates(rate, len(true), generator)
    given = true.copy()
    T = np.eye(num_classes)
    for cls in range(num_classes):
        weights = generator.standard_normal((x.shape[1], num_classes))
        members = np.flatnonzero(true == cls)
        if not len(members):
            continue
        scores = x[members] @ weights
        scores[:, cls] = -np.inf
        scores = np.exp(scores - scores.max(axis=1, keepdims=True))
        shares = rates[members, None] * scores / scores.sum(axis=1, keepdims=True)
        shares[:, cls] = 1 - rates[members]
        steps = shares.cumsum(axis=1)
        steps[:, -1] = np.inf
        given[members] = (generator.random((len(members), 1)) < steps).argmax(axis=1)
        T[cls] = shares.mean(axis=0)
    return given, TransitionMatrix(T / T.sum(axis=1, keepdims=True))


def _instance_rates(rate: float, count: int, generator: np.random.Generator) -> FloatArray:
    """Return flip rates (count,) from a normal distribution about `rate`, truncated to [0, 1]."""
    if rate == 0:
        return np.zeros(count)
    rates = generator.normal(rate, RATE_DEVIATION, count)
    while len(outside := np.flatnonzero((rates < 0) | (rates > 1))):
        rates[outside] = generator.normal(rate, RATE_DEVIATION, len(outside))
    return np.asarray(rates)


def _checked_labels(labels: ArrayLike, num_classes: int) -> IntArray:
    true = np.asarray(labels, dtype=np.int64)
    if true.ndim != 1 or (len(true) and (true.min() < 0 or true.max() >= num_classes)):
        raise InputError(
            f"labels must be whole numbers 0 .. {num_classes - 1} in one row",
            help="number the classes 0 .. K - 1",
        )
    return true
