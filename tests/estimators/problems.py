"""Small problems of known T, with probabilities as an honest model would give them."""

from dataclasses import dataclass, replace

import numpy as np

from alfs_cli.data import DataSpec, LabelledDataset, random_sample
from alfs_cli.data.folds import stratified_folds
from alfs_cli.estimators import ESTIMATORS
from alfs_cli.estimators.fitting import estimate_noise
from alfs_cli.evidence.interface import evidence_from_probs
from alfs_cli.evidence.out_of_fold import (
    calibrated,
    calibration,
    linear_map,
    ridge_scores,
)


def gaussians(K, count, distance, seed=0, size=6, shares=None):
    """Return features (N, D) and true labels (N,) of unit Gaussians."""
    generator = np.random.default_rng(seed)
    means = generator.standard_normal((K, size))
    means *= distance / np.sqrt(2) / np.linalg.norm(means, axis=1, keepdims=True)
    y = generator.choice(K, size=count, p=shares)
    X = means[y] + generator.standard_normal((count, size))
    return X.astype(np.float32), y


def noisy(y, T, seed=1):
    """Draw given labels from true ones through T."""
    generator = np.random.default_rng(seed)
    steps = np.asarray(T).cumsum(axis=1)
    return (generator.random((len(y), 1)) < steps[y]).argmax(axis=1)


def held_out(X, given, K):
    """Return out-of-fold probabilities (N, K) of the given labels, by linear ridge."""
    fold_of = stratified_folds(given, 3, np.random.default_rng(0))
    scores = ridge_scores(linear_map(X), X, given, K, fold_of)
    fits = [(one, *calibration(one, given)) for one in scores]
    best, parameters, _ = max(fits, key=lambda fit: fit[2])
    return calibrated(best, parameters)


def noisy_problem(T, *, count=6000, distance=7.0, seed=0):
    """Return probabilities (N, K), given labels (N,), true labels (N,)."""
    X, y = gaussians(len(T), count, distance, seed)
    given = noisy(y, T, seed + 1)
    return held_out(X, given, len(T)), given, y


def seen_exactly(T, n_per_class=2000, certainty=0.97, seed=0):
    """Return probabilities of the given label (N, K), given labels (N,), true labels (N,).

    Each example's true class is almost certain from its features; the probabilities are exactly
    calibrated: p = q T, with q the (known) probability of the true class.
    """
    generator = np.random.default_rng(seed)
    K = len(T)
    looks = np.repeat(np.arange(K), n_per_class)
    q = np.full((len(looks), K), (1 - certainty) / (K - 1))
    q[np.arange(len(looks)), looks] = certainty
    true = np.array([generator.choice(K, p=row) for row in q])
    given = np.array([generator.choice(K, p=T[cls]) for cls in true])
    return q @ T, given, true


METHODS = (*ESTIMATORS, "auto, trusted")  # each with what it needs


@dataclass(frozen=True, eq=False)
class Problem:
    """Everything that any method needs, of the same examples."""

    X: np.ndarray
    probs: np.ndarray
    given: np.ndarray
    true: np.ndarray
    marks: np.ndarray

    def permuted(self, order):
        """Return the same examples with class order[i] called i."""
        place = np.argsort(order)
        return replace(
            self,
            probs=self.probs[:, order],
            given=place[self.given],
            true=place[self.true],
            marks=place[self.marks],
        )


def whole_problem(T, *, count=3000, distance=7.0, seed=0):
    """Return a problem of known T; the first of three annotators gave the labels."""
    X, y = gaussians(len(T), count, distance, seed)
    marks = np.stack([noisy(y, T, seed + 1 + m) for m in range(3)], axis=1)
    return Problem(X, held_out(X, marks[:, 0], len(T)), marks[:, 0], y, marks)


def estimated(method, problem, *, resamples=100):
    """Return what a method of METHODS estimates; counting takes more trusted examples."""
    name, _, extra = method.partition(", ")
    places = np.arange(0, len(problem.given), 2 if name == "gold" else 12)
    is_trusted = name == "gold" or extra == "trusted"
    dataset = LabelledDataset(
        name="problem",
        kind="arrays",
        spec=DataSpec(None),
        labels=problem.given,
        class_names=tuple(str(cls) for cls in range(problem.probs.shape[1])),
        fingerprint="problem",
        annotations=problem.marks,
    )
    return estimate_noise(
        dataset,
        replace(evidence_from_probs(problem.probs, problem.given), features=problem.X),
        method=name,
        resamples=resamples,
        trusted=random_sample(places, problem.true[places]) if is_trusted else None,
    )
