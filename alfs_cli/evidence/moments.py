"""Exact out-of-fold ridge classifiers of any number of examples, in two passes over blocks of them.

Least squares needs of the examples only Z'Z and Z'Y of each fold (Z their mapped features, Y their
one-hot labels), and these add up over blocks. So a first pass gives moments, the sum of all moments
gives the heads of all folds, and a second pass scores each example by the head that did not see it.
Nothing with a row for each example is ever held. Products are made and summed in float64. The map
(its random frequencies, centre and scale), the ridge and the calibration come from a sample.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from alfs_cli.arrays import Features, FloatArray, IntArray
from alfs_cli.data.feature_files import FeatureBlock
from alfs_cli.errors import InputError
from alfs_cli.evidence.choosing import standardised
from alfs_cli.evidence.gathering import STANDARD
from alfs_cli.evidence.out_of_fold import (
    BLOCK,
    Folds,
    FourierMap,
    Map,
    best_ridge,
    calibrated,
    calibration,
    fourier_map,
    linear_map,
    members_of,
    out_of_fold,
)
from alfs_cli.evidence.tuning import GATHERING, OUT_OF_FOLD
from alfs_cli.noise.threads import one_blas_thread
from alfs_cli.storage.memory import num_cores

PLANNED_ON = OUT_OF_FOLD.calibrated_on  # examples of the sample


@dataclass(frozen=True, eq=False)
class Sampled:
    """Examples drawn at random: features (m, D), labels (m,) and folds (m,)."""

    X: Features
    labels: IntArray
    fold_of: IntArray


@dataclass(frozen=True, eq=False)
class Plan:
    """What is decided on a sample before all examples are read.

    Args:
        num_classes: K.
        folds: how many; the content of an example says which is its own.
        seed: of the folds and of the map.
        map: from features to what the heads see.
        kind: of the map.
        name: of the classifier, for the report.
        centre: of each column, and `spread` its standard deviation, where columns are standardised.
        spread: see `centre`.
    """

    num_classes: int
    folds: int
    seed: int
    map: FourierMap
    kind: Map
    name: str
    centre: FloatArray | None = None
    spread: FloatArray | None = None

    def mapped(self, X: NDArray[np.floating]) -> FloatArray:
        """Return the rows (n, D') that the heads see, from features (n, D), all in float64.

        Products in float32 would depend on where in a block an example stands.
        """
        rows = np.asarray(X, dtype=np.float64)
        if self.centre is not None and self.spread is not None:
            rows = (rows - self.centre) / self.spread
        if self.map.weights is not None and self.map.offsets is not None:
            rows = rows @ self.map.weights.astype(np.float64)
            rows += self.map.offsets
            np.cos(rows, out=rows)
        return np.asarray((rows - self.map.mean) * self.map.scale, dtype=np.float64)

    def fold_of(self, block: FeatureBlock) -> IntArray:
        """Return the fold (n,) of each example of a block."""
        return block.folds(self.folds, self.seed)


def sampled(blocks: Iterable[FeatureBlock], *, folds: int, seed: int, most: int) -> Sampled:
    """Return `most` examples, evenly spaced, of blocks that are each a random sample."""
    parts = [block for block in blocks if len(block)]
    if not parts:
        raise InputError("the files hold no examples", help="could none of them be read?")
    count = sum(map(len, parts))
    places = np.linspace(0, count - 1, min(count, most)).astype(
        np.int64
    )  # rows of a file are sorted
    X = np.concatenate([block.features for block in parts])[places].astype(np.float32)
    if not np.isfinite(X).all():
        raise InputError(
            "features hold NaN or infinite values",
            help="fill those values in, or leave the rows or columns out",
        )
    labels = np.concatenate([block.labels for block in parts])[places]
    fold_of = np.concatenate([block.folds(folds, seed) for block in parts])[places]
    return Sampled(X, labels, fold_of)


def planned(
    sample: Sampled, num_classes: int, count: int, *, folds: int, seed: int, is_table: bool = False
) -> Plan:
    """Return the plan for `count` examples: the map that predicts held-out labels of a sample best.

    Fourier features take hundreds of times as long as linear ones, and must be worth it. Columns of
    a table are standardised where that predicts them better.
    """
    if len(np.unique(sample.labels)) < 2:
        raise InputError(
            "only one class among the given labels: label noise needs two or more",
            help="make features of more classes",
        )
    if len(np.unique(sample.fold_of)) < 2:
        raise _nothing_apart()
    X, centre, spread, name = sample.X, None, None, ""
    held = _numbered(sample.fold_of)
    if is_table:
        some = slice(0, GATHERING.standardised_on)
        tried = [
            out_of_fold(rows[some], sample.labels[some], num_classes, held[some], seed=seed)
            for rows in (X, standardised(X))
        ]
        if tried[1].log_likelihood > tried[0].log_likelihood:
            centre = X.mean(axis=0, dtype=np.float64)
            deviation = (X - centre).std(axis=0)
            spread = np.where(deviation > 0, deviation, 1.0)
            X = np.asarray((X - centre) / spread, dtype=np.float32)
            name = f"{STANDARD}, "
    size = int(np.clip(count // 2, OUT_OF_FOLD.least_fourier, OUT_OF_FOLD.most_fourier))
    straight = linear_map(X)
    curved = fourier_map(X, size, np.random.default_rng([seed, 2]))
    gain = _likelihood(curved, X, sample, held, num_classes) - _likelihood(
        straight, X, sample, held, num_classes
    )
    if gain <= OUT_OF_FOLD.worth_a_curve:
        name += "linear ridge"
        return Plan(num_classes, folds, seed, straight, "linear", name, centre, spread)
    name += f"ridge on {size} Fourier features"
    return Plan(num_classes, folds, seed, curved, "fourier", name, centre, spread)


def _likelihood(
    mapping: FourierMap, X: Features, sample: Sampled, held: IntArray, num_classes: int
) -> float:
    """Return the held-out mean log-likelihood of a sample under a map, at its best ridge."""
    with one_blas_thread(), ThreadPoolExecutor(num_cores()) as pool:
        folds = Folds.of(mapping, X, sample.labels, num_classes, members_of(held), pool)
        return best_ridge(folds, pool)[0]


def _nothing_apart() -> InputError:
    return InputError(
        "all examples are copies of one, or of one group: nothing can be held out",
        help="examples of several contents are needed",
    )


def _numbered(fold_of: IntArray) -> IntArray:
    """Return folds without gaps: of few examples a fold may have none."""
    return np.unique(fold_of, return_inverse=True)[1].reshape(-1).astype(np.int64)


@dataclass(frozen=True, eq=False)
class Moments:
    """The sums of pass one, by fold: Z'Z (F, D, D), Z'Y (F, D, K), Z'1 (F, D), Y'1 (F, K).

    They add up: the moments of all blocks are the sum of those of each, in any grouping.
    """

    grams: FloatArray
    targets: FloatArray
    sums: FloatArray
    counts: IntArray

    @property
    def count(self) -> int:
        """The number of examples."""
        return int(self.counts.sum())

    def __add__(self, other: "Moments") -> "Moments":
        return Moments(
            self.grams + other.grams,
            self.targets + other.targets,
            self.sums + other.sums,
            self.counts + other.counts,
        )


def first_pass(plan: Plan, block: FeatureBlock) -> Moments:
    """Return the moments of the examples of a block."""
    F, K, D = plan.folds, plan.num_classes, len(plan.map.mean)
    found = Moments(
        np.zeros((F, D, D)), np.zeros((F, D, K)), np.zeros((F, D)), np.zeros((F, K), np.int64)
    )
    fold_of = plan.fold_of(block)
    with one_blas_thread():  # the result does not depend on how many there are
        for fold in range(F):
            members = np.flatnonzero(fold_of == fold)
            for start in range(0, len(members), BLOCK):
                rows = members[start : start + BLOCK]
                Z, labels = plan.mapped(block.features[rows]), block.labels[rows]
                _refuse_infinite(Z, block, rows)
                found.grams[fold] += Z.T @ Z
                order = np.argsort(labels, kind="stable")
                present, first = np.unique(labels[order], return_index=True)
                found.targets[fold][:, present] += np.add.reduceat(Z[order], first, axis=0).T
                found.sums[fold] += Z.sum(axis=0)
                found.counts[fold] += np.bincount(labels, minlength=K)
    return found


def _refuse_infinite(Z: FloatArray, block: FeatureBlock, rows: IntArray) -> None:
    broken = ~np.isfinite(Z).all(axis=1)
    if broken.any():
        row = int(block.index[rows[broken][0]])
        raise InputError(
            f"the features of row {row} are NaN or infinite",
            help="fill those values in, or leave the rows or columns out",
        )


def total(parts: Iterable[Moments]) -> Moments:
    """Return the sum of moments, added in the order in which they come."""
    several = iter(parts)
    first = next(several, None)
    if first is None:
        raise InputError("there are no moments to merge", help="call first_pass on each block")
    whole = Moments(
        first.grams.copy(), first.targets.copy(), first.sums.copy(), first.counts.copy()
    )
    for part in several:
        np.add(whole.grams, part.grams, out=whole.grams)
        np.add(whole.targets, part.targets, out=whole.targets)
        np.add(whole.sums, part.sums, out=whole.sums)
        np.add(whole.counts, part.counts, out=whole.counts)
    return whole


@dataclass(frozen=True, eq=False)
class Heads:
    """The ridge classifiers of all folds: weights (F, D, K), and the calibration (1 + K,) of all.

    `ridge` is relative to the mean square of the mapped features.
    """

    plan: Plan
    weights: FloatArray
    parameters: FloatArray
    ridge: float
    log_likelihood: float

    def scores(self, block: FeatureBlock) -> FloatArray:
        """Return the least-squares scores (n, K), each by the head that did not see the example."""
        return _scored(self.plan, self.weights, block.features, self.plan.fold_of(block))

    def probabilities(self, block: FeatureBlock) -> FloatArray:
        """Return the out-of-fold probabilities (n, K) of the given labels of a block."""
        if not len(block):
            return np.zeros((0, self.plan.num_classes))
        return calibrated(self.scores(block), self.parameters)


def _scored(
    plan: Plan, weights: FloatArray, X: NDArray[np.floating], fold_of: IntArray
) -> FloatArray:
    found = np.empty((len(X), weights.shape[2]))
    with one_blas_thread():
        for start in range(0, len(X), BLOCK):
            rows = slice(start, min(start + BLOCK, len(X)))
            Z, folds = plan.mapped(X[rows]), fold_of[rows]
            part = found[rows]
            for fold in range(len(weights)):
                held = np.flatnonzero(folds == fold)
                part[held] = Z[held] @ weights[fold]
    return found


def merge(plan: Plan, parts: Iterable[Moments], sample: Sampled) -> Heads:
    """Return the heads of all folds from the moments of all blocks.

    The ridge is the one under which the held-out labels of the sample are likeliest.
    """
    whole = total(parts)
    if (whole.counts.sum(axis=1) == whole.count).any():
        raise _nothing_apart()
    with one_blas_thread():
        solve = _solver(whole)
        ridge = _best_ridge(plan, solve, sample)
        weights = np.stack([solve(fold, ridge) for fold in range(plan.folds)])
        scores = _scored(plan, weights, sample.X, sample.fold_of).astype(np.float32)
    parameters, log_likelihood = calibration(scores, sample.labels)
    return Heads(plan, weights, parameters, ridge, log_likelihood)


Solver = Callable[[int, float], FloatArray]  # of a fold and a ridge


def _solver(whole: Moments) -> Solver:
    """Return the function of the weights (D, K) of all folds but one, at a ridge."""
    gram, target = whole.grams.sum(axis=0), whole.targets.sum(axis=0)
    sums, sizes = whole.sums.sum(axis=0), whole.counts.sum(axis=1)
    prior = whole.counts.sum(axis=0) / whole.count

    def solve(fold: int, ridge: float) -> FloatArray:
        rest = whole.count - int(sizes[fold])
        penalised = np.subtract(gram, whole.grams[fold], order="F")
        penalised[np.diag_indices_from(penalised)] += ridge * rest
        wanted = (target - whole.targets[fold]) - np.outer(sums - whole.sums[fold], prior)
        factor = cho_factor(penalised, lower=True, overwrite_a=True, check_finite=False)
        return np.asarray(cho_solve(factor, wanted, check_finite=False), dtype=np.float64)

    return solve


def _best_ridge(plan: Plan, solve: Solver, sample: Sampled) -> float:
    """Return the ridge of highest held-out likelihood, on the first folds of the sample."""
    sizes = np.cumsum(np.bincount(sample.fold_of, minlength=plan.folds))
    count = min(int(np.searchsorted(sizes, OUT_OF_FOLD.chosen_on)) + 1, plan.folds)
    places = np.flatnonzero(sample.fold_of < count)
    X, labels, folds = sample.X[places], sample.labels[places], sample.fold_of[places]
    likelihoods = []
    for ridge in OUT_OF_FOLD.ridges:
        weights = np.stack([solve(fold, ridge) for fold in range(count)])
        scores = _scored(plan, weights, X, folds).astype(np.float32)
        likelihoods.append(calibration(scores, labels)[1])
    return OUT_OF_FOLD.ridges[int(np.argmax(likelihoods))]


def runs(numbers: Sequence[int], most: int) -> list[tuple[int, ...]]:
    """Return numbers in at most `most` runs of nearly equal length.

    >>> runs(range(5), 2)
    [(0, 1), (2, 3, 4)]
    """
    count = min(most, len(numbers))
    ends = (len(numbers) * part // count for part in range(count + 1))
    return [tuple(numbers[a:b]) for a, b in pairwise(ends)]
