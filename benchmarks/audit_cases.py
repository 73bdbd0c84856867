"""Populations whose true labels are known, for benchmarks/audit.py.

`probs` is what a tool would think: P(true | x, given). Those made up here are drawn so that they
are calibrated, useless, overconfident, or lie (the wrong labels look right and the right wrong).
CIFAR-10N (Wei et al., ICLR 2022) is for measuring only; scores on it are the tool's own: linear
ridge out of fold, T estimated, Bayes.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from alfs_cli.audits.population import Population, population


@dataclass(frozen=True, eq=False)
class Case:
    """N examples; probs (N, K) or None for labels alone.

    `told` (N) says which of them a person can tell; None: all. The others are answered by "?".
    """

    name: str
    given: np.ndarray
    true: np.ndarray
    num_classes: int
    probs: np.ndarray | None
    told: np.ndarray | None = None

    @property
    def rate(self) -> float:
        """The share of wrong labels."""
        return float((self.given != self.true).mean())

    def population(self, *, with_scores: bool = True, with_runs: bool = False) -> Population:
        """Return the examples as an audit takes them; `with_runs` two predictions, a and b."""
        names = [f"c{k}" for k in range(self.num_classes)]
        probs = self.probs if with_scores else None
        runs = self.runs() if with_runs else {}
        return population(self.given, names, self.name, probs=probs, predictions=runs)

    def runs(self) -> dict[str, np.ndarray]:
        """Return two predictions: the given labels, and true ones of which a sixth is wrong."""
        rng = np.random.default_rng(17)
        N, K = len(self.true), self.num_classes
        other = (self.true + rng.integers(1, K, N)) % K
        return {"a": self.given, "b": np.where(rng.random(N) < 1 / 6, other, self.true)}

    def answer(self, index: int) -> tuple[int] | None:
        """Return what a person says of an example, None for "?"."""
        is_told = self.told is None or bool(self.told[index])
        return (int(self.true[index]),) if is_told else None

    def average_precision(self) -> float:
        """Return the average precision of the noise scores for wrong labels."""
        from sklearn.metrics import average_precision_score

        if self.probs is None or not 0 < self.rate < 1:
            return float("nan")
        scores = 1 - self.probs[np.arange(len(self.given)), self.given]
        return float(average_precision_score(self.given != self.true, scores))

    def clean_level(self) -> float:
        """Return r = min over i != j of T[i, i] / T[i, j] of these labels as they are."""
        table = np.zeros((self.num_classes, self.num_classes))
        np.add.at(table, (self.true, self.given), 1)
        apart = ~np.eye(self.num_classes, dtype=bool)
        own = np.broadcast_to(table.diagonal()[:, None], table.shape)[apart]
        other = table[apart]
        return float((own[other > 0] / other[other > 0]).min()) if (other > 0).any() else np.inf


def made(
    name: str, N: int, K: int, rate: float, *, scores: str = "calibrated", seed: int = 0,
    sharp: float = 3.0, kind: str = "symmetric",
) -> Case:  # fmt: skip
    """Return Gaussian evidence of `sharp` standard deviations between classes, and labels.

    kind: symmetric, pair (to the next class), hard (those that lie between classes are wrong).
    skewed: symmetric, and class k has exp(-k / 2) of the share.
    """
    rng = np.random.default_rng([seed, N, K])
    share = np.exp(-np.arange(K) / 2) if kind == "skewed" else np.ones(K)
    true = rng.choice(K, N, p=share / share.sum())
    logits = rng.standard_normal((N, K)) * sharp
    logits[np.arange(N), true] += sharp**2
    q = normalised(np.exp(logits - logits.max(1, keepdims=True)) * share)
    doubt = 1 - q[np.arange(N), true]
    chance = np.full(N, rate)
    if kind == "hard":
        rank = doubt.argsort().argsort() / N
        chance = np.clip(rate * 6 * rank**5, 0, 0.95)
    wrong = rng.random(N) < chance
    step = 1 if kind in ("pair",) else rng.integers(1, K, N)
    given = np.where(wrong, (true + step) % K, true)
    flips = np.full((K, K), rate / (K - 1))
    if kind == "pair":
        flips = rate * np.roll(np.eye(K), 1, axis=1)
    T = flips * (1 - np.eye(K)) + (1 - rate) * np.eye(K)
    probs = normalised(q * np.maximum(T[:, given].T, 1e-9))
    return Case(name, given, true, K, believed(probs, given, true, scores, rng))


def believed(
    probs: np.ndarray, given: np.ndarray, true: np.ndarray, scores: str, rng: np.random.Generator
) -> np.ndarray | None:
    """Return what the scores say: calibrated, useless, lying or overconfident."""
    rows = np.arange(len(given))
    K = probs.shape[1]
    match scores:
        case "none":
            return None
        case "useless":  # as differing as the calibrated ones, of other examples of that label
            found = probs.copy()
            for g in range(K):
                here = np.flatnonzero(given == g)
                found[here] = probs[rng.permutation(here)]
            return found
        case "lying":
            s = np.where(given == true, 0.9, 0.02) + 0.05 * rng.random(len(given))
            found = np.repeat((s / (K - 1))[:, None], K, 1)
            found[rows, given] = 1 - s
            return found
        case "overconfident":
            found = 0.1 * probs
            found[rows, given] += 0.9
            return found
        case _:
            return probs


def scored(case: Case, noise: np.ndarray) -> Case:
    """Return the case with these chances (N) of a wrong label, alike for all other classes."""
    N, K = case.probs.shape
    probs = np.repeat((noise / (K - 1))[:, None], K, 1)
    probs[np.arange(N), case.given] = 1 - noise
    return replace(case, probs=probs)


def at_random(case: Case) -> Case:
    """Return the case with scores that know nothing, neither of an example nor of the rate."""
    return scored(case, np.random.default_rng(5).random(len(case.true)))


def moved(case: Case, steps: float) -> Case:
    """Return the case with all noise scores moved by so many log odds: their mean is wrong."""
    noise = np.clip(1 - case.probs[np.arange(len(case.given)), case.given], 1e-6, 1 - 1e-6)
    return scored(case, 1 / (1 + np.exp(-steps) * (1 - noise) / noise))


def unsure(case: Case, what: str) -> Case:
    """Return the case with answers "?": to `all` examples, or to half of those that are `wrong`."""
    rng = np.random.default_rng(23)
    told = np.zeros(len(case.true), dtype=bool)
    if what == "wrong":
        told = (case.given == case.true) | (rng.random(len(told)) < 0.5)
    return replace(case, told=told)


def normalised(rows: np.ndarray) -> np.ndarray:
    """Return rows that sum to 1."""
    return rows / rows.sum(1, keepdims=True)


def people(data: Path, noise: str, start: int, stop: int, cache: Path | None) -> Case:
    """Return CIFAR-10 features with labels of people, or made ones, and the tool's own scores."""
    from alfs_cli.data.folds import stratified_folds
    from alfs_cli.estimators.fitting import estimate_transition
    from alfs_cli.estimators.joint.posterior import possible, true_class
    from alfs_cli.evidence.out_of_fold import calibrated, calibration, linear_map, ridge_scores
    from alfs_cli.noise import inject_by_instance

    with np.load(data / "cifar10n.npz") as stored:
        true = stored["clean_label"][start:stop].astype(np.int64)
        human = {name: stored[name][start:stop].astype(np.int64) for name in stored.files}
    with np.load(data / "cifar10_features.npz") as stored:
        X = stored["features"][start:stop].astype(np.float32)
    rng = np.random.default_rng([start, 3])
    if noise in human:
        given = human[noise]
    elif noise.startswith("instance"):
        x = X[:, :64] - X[:, :64].mean(0)
        x = 3 * x / np.sqrt((x**2).sum(1).mean())
        given, _ = inject_by_instance(true, x, float(noise.split(":")[1]), 10, rng)
    else:
        wrong = rng.random(len(true)) < float(noise.split(":")[1])
        given = np.where(wrong, (true + rng.integers(1, 10, len(true))) % 10, true)
    name = f"cifar10 {noise.replace('_label', '')} {start // 1000}k-{stop // 1000}k"
    kept = None if cache is None else cache / f"{name.replace(' ', '-').replace(':', '')}.npy"
    if kept is not None and kept.is_file():
        return Case(name, given, true, 10, np.load(kept).astype(float))
    fold_of = stratified_folds(given, 5, np.random.default_rng(0))
    fits = [(s, *calibration(s, given)) for s in ridge_scores(linear_map(X), X, given, 10, fold_of)]
    best, parameters, _ = max(fits, key=lambda fit: fit[2])
    probs = calibrated(best, parameters)
    T = np.array(estimate_transition(probs, given).transition)
    T = possible(T, given)
    q = true_class(probs, given, T)(slice(None))
    posterior = normalised(q * T[:, given].T)
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        np.save(kept, posterior.astype(np.float32))
    return Case(name, given, true, 10, posterior)
