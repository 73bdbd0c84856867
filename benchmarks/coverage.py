"""Do the bounds hold? Repeated draws of data and noise, N = 5,000, judged against the population.

    python benchmarks/coverage.py [--draws 200] [--only far,near] [--noise pair:.3] [--minutes 9]

Each draw is a fresh sample with fresh labels; evidence is a linear ridge in five folds (Fourier
features would take ten times as long), the method `auto`. `far` and `near` are five Gaussians,
`uneven` has classes of 36 % down to 4 %, `encoder` draws from CIFAR-10's encoder features
(`--data`), 64 components and five classes. Appends to results/coverage.csv and goes on where it
stopped; prints the share of draws in which each bound held.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd
from noise_cases import tempered_rows
from scipy.optimize import brentq

from alfs_cli.data.folds import stratified_folds
from alfs_cli.estimators.fitting import estimate_transition
from alfs_cli.estimators.tuning import TRUST
from alfs_cli.evidence.out_of_fold import (
    calibrated,
    calibration,
    linear_map,
    ridge_scores,
)
from alfs_cli.noise import (
    TransitionMatrix,
    class_clean_levels,
    inject,
    inject_by_instance,
    transition_of,
)

RESULTS = Path(__file__).parent / "results" / "coverage.csv"
N, K = 5_000, 5
POPULATION = 200_000  # examples that stand for all
NOISES = (
    "clean", "symmetric:.2", "symmetric:.4", "symmetric:.6", "asymmetric:.3", "pair:.3", "block:.4",
    "instance:.3", "tempered:.2",
)  # fmt: skip
SHARES = {"uneven": np.geomspace(1, 0.1, K) / np.geomspace(1, 0.1, K).sum()}
DISTANCES = {"far": 6.0, "near": 3.5, "uneven": 5.0}


class Gaussians:
    """Unit Gaussians whose means lie at about a distance from each other."""

    def __init__(self, name: str) -> None:
        generator = np.random.default_rng(7)
        self.shares = SHARES.get(name, np.full(K, 1 / K))
        means = generator.standard_normal((K, 8))
        means *= DISTANCES[name] / np.sqrt(2) / np.linalg.norm(means, axis=1, keepdims=True)
        self.means = means

    def draw(self, size: int, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Return features (size, D) and true labels (size,)."""
        y = generator.choice(K, size=size, p=self.shares)
        return (self.means[y] + generator.standard_normal((size, 8))).astype(np.float32), y

    def posterior(self, X: np.ndarray) -> np.ndarray:
        """Return p(true | x), (size, K)."""
        log_odds = X @ self.means.T - (self.means**2).sum(axis=1) / 2 + np.log(self.shares)
        log_odds -= log_odds.max(axis=1, keepdims=True)
        odds = np.exp(log_odds)
        return odds / odds.sum(axis=1, keepdims=True)


class Encoder:
    """CIFAR-10's encoder features; the posterior is a logistic regression on the true labels."""

    def __init__(self, data: Path) -> None:
        from sklearn.linear_model import LogisticRegression

        with np.load(data / "cifar10_features.npz") as stored:
            X = stored["features"][:, :64].astype(np.float32)
        with np.load(data / "cifar10n.npz") as stored:
            y = stored["clean_label"].astype(np.int64)
        self.X, self.y = X[y < K], y[y < K]
        self.scale = self.X.std()
        self.model = LogisticRegression(C=1.0, max_iter=300).fit(self.X / self.scale, self.y)

    def draw(self, size: int, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Return features (size, 64) and true labels (size,)."""
        kept = generator.choice(len(self.X), size=min(size, len(self.X)), replace=False)
        return self.X[kept], self.y[kept]

    def posterior(self, X: np.ndarray) -> np.ndarray:
        """Return p(true | x), (size, K)."""
        return self.model.predict_proba(X / self.scale)


def tempering(source: "Gaussians | Encoder", rate: float) -> tuple[float, float, np.ndarray]:
    """Return the power and lift that make `rate` of the labels wrong, and the population T."""
    X, true = source.draw(POPULATION, np.random.default_rng(8))
    posterior = source.posterior(X)
    each = np.arange(len(true))

    def wrong(power: float, lift: float) -> float:
        return float(1 - tempered_rows(posterior, true, power, lift)[each, true].mean())

    power, lift = 0.5, 0.0
    if wrong(0.5, 0.0) > rate:
        lift = float(brentq(lambda x: wrong(0.5, x) - rate, 0, 20))
    else:
        power = float(brentq(lambda x: wrong(x, 0.0) - rate, 0.001, 0.5))
    t = tempered_rows(posterior, true, power, lift)
    return power, lift, np.stack([t[true == cls].mean(axis=0) for cls in range(K)])


def asymmetric(rate: float) -> TransitionMatrix:
    """Return T with one flip, one pair that swaps, and two clean classes."""
    T = np.eye(K)
    for true, given in ((0, 1), (2, 3), (3, 2)):
        T[true, true], T[true, given] = 1 - rate, rate
    return TransitionMatrix(T)


def probabilities(X: np.ndarray, given: np.ndarray) -> np.ndarray:
    """Return out-of-fold probabilities (N, K) by linear ridge."""
    fold_of = stratified_folds(given, 5, np.random.default_rng(0))
    fits = [(s, *calibration(s, given)) for s in ridge_scores(linear_map(X), X, given, K, fold_of)]
    best, parameters, _ = max(fits, key=lambda fit: fit[2])
    return calibrated(best, parameters)


def one_draw(source: "Gaussians | Encoder", noise: str, draw: int, tempered: object) -> dict:
    """Return what is estimated in one draw, beside the population's values."""
    generator = np.random.default_rng([draw, 21])
    X, true = source.draw(N, generator)
    kind, _, rate = noise.partition(":")
    if kind == "clean":
        given, T = true.copy(), np.eye(K)
    elif kind == "instance":
        x = X - X.mean(axis=0)
        given, population = inject_by_instance(
            true, 3 * x / np.sqrt((x**2).sum(axis=1).mean()), float(rate), K, generator
        )
        T = population.array
    elif kind == "tempered":
        power, lift, T = tempered
        t = tempered_rows(source.posterior(X), true, power, lift)
        given = (generator.random((N, 1)) < t.cumsum(axis=1)).argmax(axis=1)
    else:
        T = asymmetric(float(rate)) if kind == "asymmetric" else transition_of(kind, float(rate), K)
        given = inject(true, T, generator, draw="sampled")
        T = np.asarray(T)
    begun = time.perf_counter()
    estimate = estimate_transition(probabilities(X, given), given)
    share = getattr(source, "shares", np.full(K, 1 / K))
    low, high = np.array(estimate.transition_low), np.array(estimate.transition_high)
    return {
        "method": estimate.method,
        "r": float(class_clean_levels(T).min()),
        "r_hat": estimate.clean_level.value,
        "r_low": estimate.clean_level.low,
        "r_high": estimate.clean_level.high,
        "rate": float(1 - share @ np.diag(T)),
        "rate_hat": estimate.noise_rate.value,
        "rate_low": estimate.noise_rate.low,
        "rate_high": estimate.noise_rate.high,
        "cells_covered": float(((low - T <= 1e-9) & (T - high <= 1e-9)).mean()),
        "trust": estimate.trust.level,
        "seconds": time.perf_counter() - begun,
    }


def _is_known(low: pd.Series, value: pd.Series) -> pd.Series:
    """Say where the bound of r is half its value, as trust asks (it asked .4 when draws began)."""
    enough = value.clip(upper=TRUST.enough_level)
    return low.clip(upper=TRUST.enough_level) >= TRUST.level_medium * enough


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """Return shares of draws in which bounds held, and medians, a case a row."""
    rows = rows.assign(
        low_held=rows.r_low <= rows.r + 1e-9,
        high_held=rows.r_high >= rows.r - 1e-9,
        rate_held=(rows.rate_low <= rows.rate + 1e-9) & (rows.rate <= rows.rate_high + 1e-9),
        r_hat_over_r=rows.r_hat / rows.r,
        low_over_r=rows.r_low / rows.r,
        rate_width=rows.rate_high - rows.rate_low,
        believed=(rows.trust != "low") & _is_known(rows.r_low, rows.r_hat),
    )
    found = rows.groupby(["source", "noise"], sort=False).agg(
        draws=("draw", "count"),
        r=("r", "median"),
        low_held=("low_held", "mean"),
        high_held=("high_held", "mean"),
        rate_held=("rate_held", "mean"),
        cells_covered=("cells_covered", "mean"),
        r_hat_over_r=("r_hat_over_r", "median"),
        low_over_r=("low_over_r", "median"),
        rate_width=("rate_width", "median"),
        believed=("believed", "mean"),
    )
    return found.round(3)


def main() -> None:
    """Draw, count how often the bounds hold, and write it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--draws", type=int, default=200)
    parser.add_argument("--only", default="far,near,uneven,encoder")
    parser.add_argument("--noise", default=",".join(NOISES))
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--minutes", type=float, default=float("inf"), help="stop after so many")
    parser.add_argument("--output", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    stop = time.monotonic() + 60 * arguments.minutes
    done: set[tuple[str, str, int]] = set()
    if arguments.output.is_file():
        kept = pd.read_csv(arguments.output)
        done = set(zip(kept.source, kept.noise, kept.draw, strict=True))
    for name in arguments.only.split(","):
        source = Encoder(arguments.data) if name == "encoder" else Gaussians(name)
        for noise in arguments.noise.split(","):
            left = [d for d in range(arguments.draws) if (name, noise, d) not in done]
            if not left or time.monotonic() > stop:
                continue
            is_tempered = noise.startswith("tempered")
            tempered = tempering(source, float(noise.split(":")[1])) if is_tempered else None
            for draw in left:
                if time.monotonic() > stop:
                    break
                found = {"source": name, "noise": noise, "draw": draw}
                row = pd.DataFrame([found | one_draw(source, noise, draw, tempered)])
                row.to_csv(
                    arguments.output,
                    mode="a",
                    header=not arguments.output.is_file(),
                    index=False,
                    float_format="%.5g",
                )
    print(summary(pd.read_csv(arguments.output)).to_string())


if __name__ == "__main__":
    main()
