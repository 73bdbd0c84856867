"""Bounds of the noise rate from a random sample of true labels: are they honest, and how wide?

    python benchmarks/trusted_bounds.py [--data ../shared/data] [--set known|fresh] [--cache DIR]

One estimate for each case, then many samples of true labels. Beside alfs stand PPI++ (Angelopoulos,
Duchi & Zrnic, 2023) on the same scores and the count alone (Clopper & Pearson, 1934). `misleading`
scores rank the examples of each given label in reverse; `mediocre` ones belong to another example
in every second case; `weighted` samples are drawn by score with known probabilities. The `fresh`
cases were opened once, when nothing was changed any more; `known` ones were seen before. Where
whole estimates are drawn (`--few`), cells_held is the share of T's bounds, of the worse side, that
hold. Writes benchmarks/results/trusted_bounds.csv.

    python benchmarks/trusted_bounds.py --check-ppi

compares the formula here with the authors' package (pip install ppi-python).
"""

import argparse
import importlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from noise_cases import cases, sources
from scipy.special import betaincinv, ndtri

from alfs_cli.data import random_sample
from alfs_cli.estimators.combined import CombinedEstimate, combined
from alfs_cli.estimators.parts.rate_bounds import sampled_rate
from alfs_cli.estimators.parts.resampled import ResampledEstimate
from alfs_cli.estimators.parts.sample import Sample, rate_of
from alfs_cli.estimators.with_trusted import scores_of_wrong, with_trusted
from alfs_cli.noise import class_clean_levels, realised, rows_of_counts

RESULTS = Path(__file__).parent / "results" / "trusted_bounds.csv"
SIZES, CONFIDENCE = (100, 400, 1500), 0.95
KNOWN = {
    "gauss2": ("symmetric:.01",),
    "encoder12k": ("random1", "tempered:.2"),
    "encoder2k": ("asymmetric:.3",),
}
FRESH = {
    "gauss50": ("symmetric:.02", "pair:.2"),
    "encoder12k": ("tempered:.15", "instance:.3"),
    "imbalanced": ("random1",),
}
QUALITIES = ("good", "mediocre", "misleading", "weighted")


@dataclass(frozen=True, eq=False)
class Trial:
    """Evidence (N, K), given and true labels (N,) of a case."""

    name: str
    probs: np.ndarray
    given: np.ndarray
    true: np.ndarray


def trials(which: str, data: Path, cache: Path | None) -> Iterator[Trial]:
    """Yield the cases of a set."""
    for name, noises in (KNOWN if which == "known" else FRESH).items():
        source = next(sources(data, data / "unpacked", name))
        made = tuple(noise for noise in noises if noise not in source.human)
        for case in cases(replace(source, noises=made), cache, 0, ",".join(noises)):
            yield Trial(case.name, case.probs, case.given, case.true)


def spoilt(trial: Trial, quality: str) -> Trial:
    """Return the case with scores of a quality."""
    probs, generator = trial.probs.copy(), np.random.default_rng(17)
    for label in np.unique(trial.given):
        places = np.flatnonzero(trial.given == label)
        if quality == "mediocre":
            places = places[generator.random(len(places)) < 0.5]
            probs[places] = trial.probs[generator.permutation(places)]
        elif quality == "misleading":
            order = places[np.argsort(trial.probs[places, label])]
            probs[order] = trial.probs[order[::-1]]
    return replace(trial, probs=probs)


def draw(
    scores: np.ndarray, size: int, generator: np.random.Generator, *, weighted: bool
) -> tuple[np.ndarray, np.ndarray | None]:
    """Return places of a sample, and their probabilities where these differ."""
    if not weighted:
        return generator.choice(len(scores), size, replace=False), None
    # fixed places on a line of shares: each example is taken with exactly its own probability
    share = 0.3 / len(scores) + 0.7 * np.sqrt(scores) / np.sqrt(scores).sum()
    share = np.minimum(size * share, 1.0)
    order = generator.permutation(len(scores))
    line = np.cumsum(share[order])
    points = np.arange(generator.random(), line[-1], 1.0)
    places = order[np.searchsorted(line, points)]
    return places, share[places]


def ppi(
    wrong: np.ndarray, scores: np.ndarray, others: np.ndarray, weights: np.ndarray
) -> tuple[float, float]:
    """Return PPI++'s normal bounds of a mean; `others` are the scores of a larger sample."""
    n, N = len(wrong), len(others)
    w = weights * n / weights.sum()
    start = others.mean() + np.mean(w * (wrong - scores))
    on_true, on_scores = w * (wrong - start), w * (scores - start)
    variance = float(np.var(np.concatenate([on_scores, others - start]), ddof=1))
    covariance = float(np.cov(on_true, on_scores, bias=True)[0, 1])
    factor = float(np.clip(covariance / ((1 + n / N) * max(variance, 1e-12)), 0, 1))
    rest = w * (wrong - factor * scores)
    value = factor * others.mean() + rest.mean()
    error = np.sqrt(np.var(rest) / n + factor**2 * np.var(others) / N)
    z = float(ndtri(CONFIDENCE))
    return max(value - z * error, 0.0), min(value + z * error, 1.0)


def counted(wrong: np.ndarray) -> tuple[float, float]:
    """Return Clopper-Pearson bounds of a share."""
    n, k = len(wrong), int(wrong.sum())
    low = float(betaincinv(k, n - k + 1, 1 - CONFIDENCE)) if k else 0.0
    return low, float(betaincinv(k + 1, n - k, CONFIDENCE)) if k < n else 1.0


@dataclass(frozen=True, eq=False)
class Whole:
    """What a whole estimate says: bounds of the noise rate, of r from below, and of T (K, K)."""

    rate: tuple[float, float]
    level: float
    cells: tuple[np.ndarray, np.ndarray]

    def cells_held(self, T: np.ndarray) -> float:
        """Return the share of T's bounds that hold, of the side that holds less often."""
        low, high = self.cells
        return float(min((low <= T + 1e-9).mean(), (high >= T - 1e-9).mean()))


def whole(
    blind: CombinedEstimate, sample: Sample, generator: np.random.Generator
) -> dict[str, Whole]:
    """Return what estimates say, with bounds as reported and by replicates alone."""
    found = with_trusted(sample, blind)
    T, value = found.transition(), rate_of(found)
    level = float(class_clean_levels(T).min())
    options = {"confidence": CONFIDENCE, "resamples": 100, "generator": generator}
    spreads = {"reported": found.spread(**options)}
    spreads["replicates"] = ResampledEstimate.spread(found, **options)
    return {
        name: Whole(
            (min(one.noise_rate[0], value), max(one.noise_rate[1], value)),
            min(one.level[0], level),
            (np.minimum(one.transition[0], T), np.maximum(one.transition[1], T)),
        )
        for name, one in spreads.items()
    }


def judged(trial: Trial, quality: str, draws: int, few: int) -> Iterator[dict[str, object]]:
    """Yield what each way says of samples of each size."""
    spoilt_one = spoilt(trial, quality)
    blind = combined(spoilt_one.probs, trial.given)
    sample = Sample(spoilt_one.probs, trial.given)
    scores = scores_of_wrong(blind, sample)
    wrong = (trial.given != trial.true).astype(np.float64)
    K = trial.probs.shape[1]
    T = rows_of_counts(realised(trial.true, trial.given, K))
    r = float(class_clean_levels(T).min())
    for size in SIZES:
        ends: dict[str, list[tuple[float, float]]] = {}
        wholes: dict[str, list[Whole]] = {}
        for number in range(draws):
            generator = np.random.default_rng([number, size, 41])
            places, chances = draw(scores, size, generator, weighted=quality == "weighted")
            trusted = random_sample(places, trial.true[places], chances)
            places, weights = trusted.places, trusted.weights
            is_wrong, own = wrong[places], scores[places]
            by_curve = sampled_rate(scores, places, is_wrong, weights).bounds(CONFIDENCE)
            ends.setdefault("alfs", []).append(by_curve)
            # after unequal draws the rest is no random sample, and all scores stand for it
            others = scores if quality == "weighted" else np.delete(scores, places)
            by_ppi = ppi(is_wrong, own, others, weights)
            ends.setdefault("PPI++", []).append(by_ppi)
            if quality != "weighted":
                ends.setdefault("counted", []).append(counted(is_wrong))
            if number < few and quality == "good":
                with_it = replace(sample, trusted=trusted)
                for name, found in whole(blind, with_it, generator).items():
                    ends.setdefault(name, []).append(found.rate)
                    wholes.setdefault(name, []).append(found)
        for method, bounds in ends.items():
            low, high = np.array(bounds).T
            some = wholes.get(method, ())
            yield {
                "case": trial.name,
                "scores": quality,
                "rate": wrong.mean(),
                "trusted": size,
                "method": method,
                "draws": len(low),
                "width": float(np.median(high - low)),
                "low_held": float((low <= wrong.mean() + 1e-12).mean()),
                "high_held": float((high >= wrong.mean() - 1e-12).mean()),
                "r_low_held": np.mean([one.level <= r for one in some] or [np.nan]),
                "cells_held": np.mean([one.cells_held(T) for one in some] or [np.nan]),
            }


def check_ppi() -> None:
    """Print how far the formula here is from the authors' package."""
    here = sys.path.pop(0)  # numba would take coverage.py here for the package of that name
    ppi_py = importlib.import_module("ppi_py")
    sys.path.insert(0, here)
    generator, apart = np.random.default_rng(0), 0.0
    for number in range(200):
        scores = generator.beta(0.5, 2, 3000)
        wrong = (generator.random(3000) < scores ** (1 + number % 2)).astype(float)
        weights = generator.uniform(0.5, 2, 200) if number % 3 == 0 else np.ones(200)
        ours = ppi(wrong[:200], scores[:200], scores[200:], weights)
        theirs = ppi_py.ppi_mean_ci(
            wrong[:200], scores[:200], scores[200:], alpha=2 * (1 - CONFIDENCE), w=weights
        )
        apart = max(apart, float(np.abs(np.clip(np.ravel(theirs), 0, 1) - ours).max()))
    print(f"largest difference of a bound: {apart:.1e}")


def main() -> None:
    """Judge a set of cases and write the rows, beside those of the other set."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--set", choices=("known", "fresh"), default="known")
    parser.add_argument("--cache", type=Path, help="folder for the evidence")
    parser.add_argument("--draws", type=int, default=200)
    parser.add_argument("--few", type=int, default=10, help="draws of whole estimates")
    parser.add_argument("--output", type=Path, default=RESULTS)
    parser.add_argument("--check-ppi", action="store_true")
    arguments = parser.parse_args()
    if arguments.check_ppi:
        check_ppi()
        return
    kept = pd.read_csv(arguments.output) if arguments.output.is_file() else pd.DataFrame()
    if len(kept):
        kept = kept[kept["set"] != arguments.set]
    new: list[dict[str, object]] = []
    for trial in trials(arguments.set, arguments.data, arguments.cache):
        for quality in QUALITIES:
            rows = list(judged(trial, quality, arguments.draws, arguments.few))
            new += [{"set": arguments.set} | row for row in rows]
            both = pd.concat([kept, pd.DataFrame(new)], ignore_index=True)
            both.to_csv(arguments.output, index=False, float_format="%.4f")
            print(pd.DataFrame(rows).round(4).to_string(header=False, index=False), flush=True)


if __name__ == "__main__":
    main()
