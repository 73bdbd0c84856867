"""Data sets with labels whose noise is known: what the estimators of T are measured on.

Each case is features, given labels, true labels and the T they were drawn from. Human labels
(CIFAR-10N, Wei et al., ICLR 2022) are there for measuring only.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.optimize import brentq

from alfs_cli.data.folds import stratified_folds
from alfs_cli.estimators.joint.head import fit_head
from alfs_cli.estimators.joint.scores import scores_of
from alfs_cli.evidence.out_of_fold import out_of_fold, principal_components
from alfs_cli.noise import inject, inject_by_instance, realised, rows_of_counts, transition_of


@dataclass(frozen=True, eq=False)
class Source:
    """Features (N, D) and true labels (N,) of a data set; `human` are given labels by name."""

    name: str
    features: np.ndarray
    true: np.ndarray
    num_classes: int
    noises: tuple[str, ...]
    human: dict[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Case:
    """Evidence (N, K) and given labels of a source under one noise, and the T behind them."""

    name: str
    probs: np.ndarray
    given: np.ndarray
    true: np.ndarray
    transition: np.ndarray
    features: np.ndarray


SHORT = (
    "clean", "symmetric:.2", "symmetric:.4", "asymmetric:.3", "instance:.3", "tempered:.3",
    "redrawn",
)  # fmt: skip
LONG = (
    "clean", "symmetric:.2", "symmetric:.4", "symmetric:.8", "asymmetric:.2", "asymmetric:.4",
    "pair:.3", "block:.4", "instance:.3", "tempered:.3", "redrawn",
)  # fmt: skip


def sources(data: Path, unpacked: Path, wanted: str) -> Iterator[Source]:
    """Yield the sources whose name starts with one of the comma-separated `wanted`."""
    makers: dict[str, Callable[[], Source]] = {
        "digits": _digits,
        "encoder": lambda: _encoder(data, 50_000, LONG),
        "encoder12k": lambda: _encoder(data, 12_000, SHORT),
        "encoder2k": lambda: _encoder(data, 2_000, SHORT),
        "imbalanced": lambda: _imbalanced(data),
        "mnist": lambda: _pixels(unpacked / "mnist_train.npz", "mnist", LONG),
        "pixels": lambda: _pixels(unpacked / "cifar10_train.npz", "pixels", SHORT),
        "gauss2": lambda: _gaussians("gauss2", 2, 5_000, 8, 2.0),
        "gauss2far": lambda: _gaussians("gauss2far", 2, 5_000, 8, 5.0),
        "gauss20": lambda: _gaussians("gauss20", 20, 20_000, 30, 5.0),
        "gauss50": lambda: _gaussians("gauss50", 50, 20_000, 40, 5.5),
        "gauss100": lambda: _gaussians("gauss100", 100, 50_000, 60, 7.0),
    }
    chosen = wanted.split(",") if wanted else list(makers)
    for name in chosen:
        yield makers[name]()


def cases(source: Source, cache: Path | None, seed: int, wanted: str = "") -> Iterator[Case]:
    """Yield each noise on a source; evidence is made once and kept in `cache`."""
    for noise in (*source.noises, *source.human):
        if wanted and noise not in wanted.split(","):
            continue
        name = f"{source.name}/{noise}"
        given, T = _noisy(source, noise, cache, seed)
        probs = _evidence(source, given, cache)
        yield Case(name, probs, given, source.true, T, source.features)


def _noisy(
    source: Source, noise: str, cache: Path | None, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    K, true = source.num_classes, source.true
    generator = np.random.default_rng([seed, 11])
    if noise == "clean":
        return true.copy(), np.eye(K)
    if noise in source.human:
        given = source.human[noise]
        return given, rows_of_counts(realised(true, given, K))
    if noise == "redrawn":
        return _tempered(_evidence(source, true, cache), true, None, generator)
    kind, rate = noise.split(":")
    if kind == "instance":
        x = source.features - source.features.mean(axis=0)
        x = 3 * x / np.sqrt((x**2).sum(axis=1).mean())
        given, T = inject_by_instance(true, x, float(rate), K, generator)
        return given, T.array
    if kind == "tempered":
        return _tempered(_evidence(source, true, cache), true, float(rate), generator)
    dataset = {"encoder": "cifar10", "pixels": "cifar10", "imbalanced": "cifar10"}.get(
        source.name.rstrip("0123456789k"), source.name
    )
    T = transition_of(kind, float(rate), K, dataset=dataset)
    return inject(true, T, generator, draw="sampled"), T.array


def _tempered(
    posterior: np.ndarray, true: np.ndarray, rate: float | None, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Draw labels by p(true | x)^power, so that examples between classes are the noisy ones.

    The power is 1/2, or less until `rate` of the labels are wrong; where more would be, the true
    class's share is raised. Without a rate labels are drawn from p(true | x) itself: they then know
    nothing beyond x.
    """
    each = np.arange(len(true))
    scores = scores_of(posterior, true)  # calibrated class by class, so that true ~ posterior
    posterior[scores.order] = fit_head(scores, "", None).probs.T

    def wrong(power: float, log_lift: float) -> float:
        return float(1 - tempered_rows(posterior, true, power, log_lift)[each, true].mean())

    power, lift = 1.0, 0.0
    if rate is not None and wrong(0.5, 0.0) > rate:
        power, lift = 0.5, float(brentq(lambda x: wrong(0.5, x) - rate, 0, 20))
    elif rate is not None:
        power = float(brentq(lambda x: wrong(x, 0.0) - rate, 0.001, 0.5))
    t = tempered_rows(posterior, true, power, lift)
    steps = t.cumsum(axis=1)
    steps[:, -1] = np.inf
    given = (generator.random((len(true), 1)) < steps).argmax(axis=1)
    T = np.stack([t[true == cls].mean(axis=0) for cls in range(t.shape[1])])
    return given, T


def tempered_rows(
    posterior: np.ndarray, true: np.ndarray, power: float, log_lift: float
) -> np.ndarray:
    """Return P(given | true, x) (N, K): p(true | x)^power, the true class's share raised."""
    t = np.maximum(posterior, 1e-9) ** power
    t[np.arange(len(true)), true] *= np.exp(log_lift)
    return t / t.sum(axis=1, keepdims=True)


def _evidence(source: Source, given: np.ndarray, cache: Path | None) -> np.ndarray:
    digest = hashlib.sha256(np.ascontiguousarray(given, dtype=np.int64).tobytes()).hexdigest()[:16]
    place = cache / f"{source.name}-{digest}.npy" if cache is not None else None
    if place is not None and place.is_file():
        return np.load(place).astype(np.float64)
    fold_of = stratified_folds(given, 5, np.random.default_rng([0, 1]))
    probs = out_of_fold(source.features, given, source.num_classes, fold_of).probs
    if place is not None:
        np.save(place, probs)
    return probs


def _digits() -> Source:
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    return Source("digits", X.astype(np.float32), y.astype(np.int64), 10, LONG, {})


def _encoder(data: Path, count: int, noises: tuple[str, ...]) -> Source:
    with np.load(data / "cifar10_features.npz") as stored:
        X = stored["features"].astype(np.float32)
    with np.load(data / "cifar10n.npz") as stored:
        true = stored["clean_label"].astype(np.int64)
        human = {name: stored[f"{name}_label"].astype(np.int64) for name in ("worse",)}
        human["random1"] = stored["random_label1"].astype(np.int64)
    kept = np.sort(np.random.default_rng(5).permutation(len(X))[:count])
    name = "encoder" if count == len(X) else f"encoder{count // 1000}k"
    humans = {label: given[kept] for label, given in human.items()}
    return Source(name, X[kept], true[kept], 10, noises, humans)


def _imbalanced(data: Path) -> Source:
    """Classes of 5,000 down to 500 examples, in a geometric row."""
    whole = _encoder(data, 50_000, SHORT)
    generator = np.random.default_rng(6)
    kept = [
        generator.permutation(np.flatnonzero(whole.true == cls))[: int(5000 * 0.1 ** (cls / 9))]
        for cls in range(10)
    ]
    rows = np.sort(np.concatenate(kept))
    humans = {label: given[rows] for label, given in whole.human.items()}
    return Source("imbalanced", whole.features[rows], whole.true[rows], 10, SHORT, humans)


def _pixels(file: Path, name: str, noises: tuple[str, ...]) -> Source:
    with np.load(file) as stored:
        images, labels = stored["images"], stored["labels"].astype(np.int64)
    X = principal_components(images.reshape(len(images), -1), 64)
    return Source(name, X, labels, 10, noises, {})


def _gaussians(name: str, K: int, count: int, size: int, distance: float) -> Source:
    """Unit Gaussians whose means lie at about `distance` from each other."""
    generator = np.random.default_rng(7)
    means = generator.standard_normal((K, size))
    means *= distance / np.sqrt(2) / np.linalg.norm(means, axis=1, keepdims=True)
    if K == 2:
        means[1] = -means[0] / np.linalg.norm(means[0]) * distance / 2
        means[0] = -means[1]
    y = generator.integers(K, size=count)
    X = means[y] + generator.standard_normal((count, size))
    return Source(name, X.astype(np.float32), y.astype(np.int64), K, SHORT, {})
