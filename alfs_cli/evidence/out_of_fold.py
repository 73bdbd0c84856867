"""Out-of-fold probabilities from features: ridge classifiers on linear or random Fourier features.

Random Fourier features stand for a Gaussian kernel (Rahimi & Recht, NeurIPS 2007). Regression of
the one-hot labels needs one Gram matrix per fold and no iterations, and its shrinkage withstands
wrong labels better than a logistic fit does (benchmarks/evidence.py). Map and ridge are those of
highest held-out likelihood.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve, eigh

from alfs_cli.arrays import Features, FloatArray, IntArray
from alfs_cli.errors import InputError
from alfs_cli.evidence.tuning import OUT_OF_FOLD
from alfs_cli.noise.threads import one_blas_thread

Progress = Callable[[str, int, int], None]

BLOCK = 8192  # examples mapped at once


def principal_components(X: NDArray[np.uint8] | Features, size: int) -> Features:
    """Return the `size` leading principal components of rows (N, D), centred, float32."""
    mean = np.zeros(X.shape[1])
    for rows in _blocks(len(X)):
        mean += X[rows].astype(np.float32).sum(axis=0)
    mean = (mean / len(X)).astype(np.float32)
    scatter = np.zeros((X.shape[1], X.shape[1]), dtype=np.float32)
    for rows in _blocks(len(X)):
        centred = X[rows].astype(np.float32) - mean
        scatter += centred.T @ centred
    last = X.shape[1] - 1
    with one_blas_thread():
        _, vectors = eigh(scatter, subset_by_index=[max(0, last - size + 1), last])
    basis = vectors[:, ::-1].astype(np.float32)
    basis *= np.sign(basis.sum(axis=0) + 1e-12)  # eigenvectors have no sign of their own
    out = np.empty((len(X), basis.shape[1]), dtype=np.float32)
    for rows in _blocks(len(X)):
        out[rows] = (X[rows].astype(np.float32) - mean) @ basis
    return out


@dataclass(frozen=True, eq=False)
class FourierMap:
    """x -> cos(x W + b) - mean, scaled to mean square 1; W None is the identity map."""

    weights: Features | None
    offsets: Features | None
    mean: Features
    scale: float

    def __call__(self, X: Features) -> Features:
        """Return features (n, D) as they are judged: mapped, centred, scaled."""
        raw = X
        if self.weights is not None and self.offsets is not None:
            raw = np.cos(X @ self.weights + self.offsets)
        return np.asarray((raw - self.mean) * np.float32(self.scale), dtype=np.float32)


def linear_map(X: Features) -> FourierMap:
    """Return the map that only centres and scales."""
    mean = X.mean(axis=0)
    square = float(((X - mean) ** 2).mean())
    return FourierMap(None, None, mean, 1 / np.sqrt(square) if square > 0 else 1.0)


def fourier_map(X: Features, size: int, generator: np.random.Generator) -> FourierMap:
    """Return random Fourier features of a Gaussian kernel, bandwidth by the median distance."""
    first = generator.integers(len(X), size=2000)
    second = generator.integers(len(X), size=2000)
    distances = ((X[first] - X[second]) ** 2).sum(axis=1)
    median = float(np.median(distances[distances > 0])) if (distances > 0).any() else 1.0
    W = generator.normal(size=(X.shape[1], size)) * np.sqrt(2 / median)
    b = generator.uniform(0, 2 * np.pi, size)
    weights, offsets = W.astype(np.float32), b.astype(np.float32)
    sample = np.cos(X[generator.permutation(len(X))[:BLOCK]] @ weights + offsets)
    mean = sample.mean(axis=0)
    square = float(((sample - mean) ** 2).mean())
    return FourierMap(weights, offsets, mean, 1 / np.sqrt(square) if square > 0 else 1.0)


Map = Literal["linear", "fourier"]
Candidate = tuple[Map, str, FourierMap]


@dataclass(frozen=True, eq=False)
class Fit:
    """Out-of-fold probabilities (N, K), how they were made, their mean log-likelihood."""

    probs: FloatArray
    name: str
    log_likelihood: float
    map: Map = "linear"


def out_of_fold(
    X: NDArray[np.floating],
    labels: IntArray,
    num_classes: int,
    fold_of: IntArray,
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> Fit:
    """Return out-of-fold probabilities (N, K) of the given labels from features (N, D).

    Linear and Fourier features are tried, each with several ridges, on the first folds; the
    highest held-out likelihood there after calibration says what all folds are scored with.
    """
    rows = np.ascontiguousarray(X, dtype=np.float32)
    if not np.isfinite(rows).all():
        raise InputError(
            "features hold NaN or infinite values",
            help="fill those values in, or leave the rows or columns out",
        )
    size = int(np.clip(len(rows) // 2, OUT_OF_FOLD.least_fourier, OUT_OF_FOLD.most_fourier))
    curved = fourier_map(rows, size, np.random.default_rng([seed, 2]))
    maps: tuple[Candidate, ...] = (
        ("linear", "linear ridge", linear_map(rows)),
        ("fourier", f"ridge on {size} Fourier features", curved),
    )
    held, tried = members_of(fold_of), []
    with one_blas_thread(), ThreadPoolExecutor(os.cpu_count()) as pool:
        if len(rows) > OUT_OF_FOLD.both_up_to and _is_straight(
            maps, rows, labels, num_classes, fold_of, pool
        ):
            maps = maps[:1]
        for step, (kind, name, mapping) in enumerate(maps):
            if progress is not None:
                progress("fitting folds", step, len(maps))
            folds = Folds.of(mapping, rows, labels, num_classes, held, pool)
            tried.append((best_ridge(folds, pool), kind, name, folds))
        (_, ridge), kind, name, folds = max(tried, key=lambda one: one[0][0])
        scores = folds.scores(ridge, pool)
    return replace(_calibrated_fit(name, scores, labels), map=kind)


def _is_straight(
    maps: tuple[Candidate, ...],
    X: Features,
    labels: IntArray,
    num_classes: int,
    fold_of: IntArray,
    pool: ThreadPoolExecutor,
) -> bool:
    """Say whether linear features are so far ahead on a sample that more examples change nothing.

    Curved ones gain more by more examples: `clearly` is more than they gained from here to 50,000.
    """
    some = _thinned(np.arange(len(X)), OUT_OF_FOLD.sampled)
    held = [members for members in members_of(fold_of[some]) if len(members)]
    straight, curved = (
        best_ridge(Folds.of(mapping, X[some], labels[some], num_classes, held, pool), pool)[0]
        for _, _, mapping in maps
    )
    return straight - curved > OUT_OF_FOLD.clearly


def members_of(fold_of: IntArray) -> list[IntArray]:
    """Return the places of each fold's examples."""
    return [np.flatnonzero(fold_of == fold) for fold in range(int(fold_of.max()) + 1)]


@dataclass(frozen=True, eq=False)
class Folds:
    """Examples under a map, in folds, with what least squares needs of each fold.

    `grams` (F, D, D) are Z'Z, `targets` (F, D, K) Z'Y with Y the one-hot labels less their overall
    mean, and `gram`, `target` their sums: the moments of all folds but one are a difference.
    """

    mapping: FourierMap
    X: Features
    labels: IntArray
    held: list[IntArray]
    grams: FloatArray
    targets: FloatArray
    gram: FloatArray
    target: FloatArray

    @classmethod
    def of(
        cls,
        mapping: FourierMap,
        X: Features,
        labels: IntArray,
        num_classes: int,
        held: list[IntArray],
        pool: ThreadPoolExecutor,
    ) -> "Folds":
        """Return the folds of examples (N, D) whose places are `held`, worked on side by side."""
        parts = pool.map(lambda members: _moments(mapping, X, labels, num_classes, members), held)
        grams, targets = (np.stack(part) for part in zip(*parts, strict=True))
        total = grams.sum(axis=0), targets.sum(axis=0)
        return cls(mapping, X, labels, held, grams, targets, *total)

    def weights(self, fold: int, ridge: float) -> Features:
        """Return the least-squares weights (D, K) of all folds but one."""
        rest = len(self.X) - len(self.held[fold])
        penalised = np.subtract(self.gram, self.grams[fold]).T  # symmetric, and as LAPACK wants it
        penalised[np.diag_indices_from(penalised)] += ridge * rest
        factor = cho_factor(penalised, lower=True, overwrite_a=True, check_finite=False)
        found = cho_solve(factor, self.target - self.targets[fold], check_finite=False)
        return np.asarray(found, dtype=np.float32)

    def scored(self, places: IntArray, weights: Features) -> Features:
        """Return the scores (n, R) of some examples by weights (D, R)."""
        found = np.empty((len(places), weights.shape[1]), dtype=np.float32)
        for rows in _blocks(len(places)):
            found[rows] = self.mapping(self.X[places[rows]]) @ weights
        return found

    def scores(self, ridge: float, pool: ThreadPoolExecutor) -> Features:
        """Return the out-of-fold scores (N, K) at one ridge."""
        found = np.empty((len(self.X), self.target.shape[1]), dtype=np.float32)

        def score(fold: int) -> None:
            members = self.held[fold]
            found[members] = self.scored(members, self.weights(fold, ridge))

        list(pool.map(score, range(len(self.held))))
        return found


def best_ridge(folds: Folds, pool: ThreadPoolExecutor) -> tuple[float, float]:
    """Return the highest held-out mean log-likelihood over several ridges, and its ridge.

    On the first folds that hold examples enough: heads of other folds would be trained on as
    many, and a few thousand held-out examples rank ridges as all of them do.
    """
    sizes = np.cumsum([len(members) for members in folds.held])
    count = min(int(np.searchsorted(sizes, OUT_OF_FOLD.chosen_on)) + 1, len(sizes))
    most = OUT_OF_FOLD.calibrated_on // count
    places = [_thinned(folds.held[fold], most) for fold in range(count)]

    def score(fold: int) -> list[Features]:
        found = [folds.weights(fold, ridge) for ridge in OUT_OF_FOLD.ridges]
        scores = folds.scored(places[fold], np.concatenate(found, axis=1))
        return np.split(scores, len(OUT_OF_FOLD.ridges), axis=1)

    by_fold = list(pool.map(score, range(count)))
    seen = folds.labels[np.concatenate(places)]
    likelihoods = [
        calibration(np.concatenate(scores), seen)[1] for scores in zip(*by_fold, strict=True)
    ]
    best = int(np.argmax(likelihoods))
    return likelihoods[best], OUT_OF_FOLD.ridges[best]


def _calibrated_fit(name: str, scores: Features, labels: IntArray) -> Fit:
    seen = _thinned(np.arange(len(scores)), OUT_OF_FOLD.calibrated_on)
    parameters, log_likelihood = calibration(scores[seen], labels[seen])
    return Fit(calibrated(scores, parameters), name, log_likelihood)


def _thinned(places: IntArray, most: int) -> IntArray:
    """Return so many of some places at most, evenly spaced."""
    chosen = np.linspace(0, len(places) - 1, min(len(places), most)).astype(np.int64)
    return np.asarray(places[chosen])


def ridge_scores(
    mapping: FourierMap, X: Features, labels: IntArray, num_classes: int, fold_of: IntArray
) -> Iterator[Features]:
    """Yield out-of-fold least-squares scores (N, K) of the one-hot labels, one ridge at a time.

    Folds are worked on side by side, each with one BLAS thread: threads inside of BLAS wait for one
    another, and on busy cores that takes many times as long as the work.
    """
    with one_blas_thread(), ThreadPoolExecutor(os.cpu_count()) as pool:
        folds = Folds.of(mapping, X, labels, num_classes, members_of(fold_of), pool)
        for ridge in OUT_OF_FOLD.ridges:
            yield folds.scores(ridge, pool)


def _moments(
    mapping: FourierMap, X: Features, labels: IntArray, num_classes: int, members: IntArray
) -> tuple[FloatArray, FloatArray]:
    """Return Z'Z (D, D) and Z'Y (D, K) of a fold, Y the one-hot labels less their overall mean."""
    prior = np.bincount(labels, minlength=num_classes) / len(labels)
    gram = np.zeros((len(mapping.mean), len(mapping.mean)))
    moment = np.zeros((len(mapping.mean), num_classes))
    for rows in _blocks(len(members)):
        chosen = members[rows]
        Z = mapping(X[chosen])
        Y = -np.tile(prior, (len(chosen), 1)).astype(np.float32)
        Y[np.arange(len(chosen)), labels[chosen]] += 1
        gram += Z.T @ Z
        moment += Z.T @ Y
    return gram, moment


def calibration(scores: Features, labels: IntArray) -> tuple[FloatArray, float]:
    """Return (a, b) (1 + K,) of highest likelihood for softmax(a s + b), and that mean likelihood.

    K + 1 numbers fitted on out-of-fold scores: too few to memorise labels.
    """
    from scipy.optimize import minimize

    N, K = scores.shape
    S = scores.astype(np.float64)
    each = np.arange(N)
    spread = float(S.std()) or 1.0
    counts = np.bincount(labels, minlength=K)

    def objective(parameters: FloatArray) -> tuple[float, FloatArray]:
        P = calibrated(S, parameters)
        loss = -float(np.log(np.maximum(P[each, labels], 1e-300)).mean())
        P[each, labels] -= 1
        gradient = np.concatenate([[float((P * S).mean() * K)], P.mean(axis=0)])
        return loss, gradient

    start = np.concatenate([[1 / spread], np.log((counts + 1) / (N + K))])
    with one_blas_thread():  # vectors of K + 1: threads only wait
        result = minimize(objective, start, jac=True, method="L-BFGS-B", options={"maxiter": 100})
    return result.x, -float(result.fun)


def calibrated(scores: NDArray[np.floating], parameters: FloatArray) -> FloatArray:
    """Return softmax(a s + b) (N, K), parameters (1 + K,) = (a, b)."""
    logits = parameters[0] * scores.astype(np.float64) + parameters[1:]
    logits -= logits.max(axis=1, keepdims=True)
    np.exp(logits, out=logits)
    return np.asarray(logits / logits.sum(axis=1, keepdims=True), dtype=np.float64)


def _blocks(count: int) -> Iterator[slice]:
    for start in range(0, count, BLOCK):
        yield slice(start, min(start + BLOCK, count))
