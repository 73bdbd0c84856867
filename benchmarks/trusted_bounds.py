"""Bounds of the noise rate from a random sample of true labels: are they honest, and how wide?

    python benchmarks/trusted_bounds.py [--data ../shared/data] [--set tuned|fresh] [--cache DIR]

One estimate for each case, then many samples of true labels. Beside alfs stand PPI++ (Angelopoulos,
Duchi & Zrnic, 2023) on the same scores and the count alone (Clopper & Pearson, 1934). `misleading`
scores rank the examples of each given label in reverse; `mediocre` ones belong to another example
in every second case; `weighted` samples are drawn by score with known probabilities. The `fresh`
cases were opened once, when nothing was changed any more. Writes
benchmarks/results/trusted_bounds.csv.

    python benchmarks/trusted_bounds.py --check-ppi

compares the formula here with the authors' package (pip install ppi-python).
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from noise_cases import cases, sources
from scipy.special import betaincinv, ndtri

from alfs_cli.data import random_sample
from alfs_cli.estimators.combined import CombinedEstimate, combined
from alfs_cli.estimators.parts.sample import Sample
from alfs_cli.estimators.with_trusted import TrustedEstimate, scores_of_wrong, with_trusted

RESULTS = Path(__file__).parent / "results" / "trusted_bounds.csv"
SIZES, CONFIDENCE = (100, 400, 1500), 0.95
TUNED = {
    "gauss2": ("symmetric:.01", "symmetric:.05", "symmetric:.2", "symmetric:.4", "tempered:.1"),
    "encoder12k": ("symmetric:.01", "symmetric:.2", "worse"),
}
FRESH = {
    "gauss20": ("symmetric:.01", "pair:.1", "symmetric:.3"),
    "encoder12k": ("tempered:.2", "asymmetric:.02", "random1"),
    "newsgroups": ("",),
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
    for name, noises in (TUNED if which == "tuned" else FRESH).items():
        if name == "newsgroups":
            yield _newsgroups(data)
            continue
        source = next(sources(data, data / "unpacked", name))
        for case in cases(replace(source, noises=noises, human=source.human), cache, 0):
            if case.name.split("/")[1] in noises:
                yield Trial(case.name, case.probs, case.given, case.true)


def _newsgroups(data: Path) -> Trial:
    """20 newsgroups; labels that people did not find wrong are taken for right."""
    with np.load(data / "validated_20news.npz") as stored:
        probs, given = stored["pred_probs"].astype(np.float64), stored["labels"].astype(np.int64)
        votes, places, guessed = stored["votes"], stored["checked"], stored["guessed"]
    true, clear = given.copy(), votes[:, 1] + votes[:, 3] >= 3
    true[places[clear]] = guessed[clear]
    return Trial("newsgroups/people", probs, given, true)


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
    return replace(trial, name=f"{trial.name}, {quality}", probs=probs)


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
    wrong: np.ndarray, scores: np.ndarray, all_scores: np.ndarray, weights: np.ndarray | None = None
) -> tuple[float, float]:
    """Return PPI++'s normal bounds of a mean, with the factor of least variance."""
    n, N = len(wrong), len(all_scores)
    w = np.ones(n) if weights is None else weights * n / weights.sum()
    variance = float(np.var(np.concatenate([scores, all_scores])))
    covariance = float(np.mean((wrong - wrong.mean()) * (scores - scores.mean())))
    factor = covariance / ((1 + n / N) * variance) if variance > 0 else 0.0
    factor = float(np.clip(factor, 0, 1))
    rest = w * (wrong - factor * scores)
    value = factor * all_scores.mean() + rest.mean()
    error = np.sqrt(np.var(rest) / n + factor**2 * np.var(all_scores) / N)
    z = float(ndtri(CONFIDENCE))
    return max(value - z * error, 0.0), min(value + z * error, 1.0)


def counted(wrong: np.ndarray) -> tuple[float, float]:
    """Return Clopper-Pearson bounds of a share."""
    n, k = len(wrong), int(wrong.sum())
    low = float(betaincinv(k, n - k + 1, 1 - CONFIDENCE)) if k else 0.0
    return low, float(betaincinv(k + 1, n - k, CONFIDENCE)) if k < n else 1.0


def judged(trial: Trial, quality: str, draws: int, before: int) -> Iterator[dict[str, object]]:
    """Yield what each way says of samples of each size."""
    blind: CombinedEstimate = combined(trial.probs, trial.given)
    sample = Sample(trial.probs, trial.given)
    scores = scores_of_wrong(blind, sample)
    wrong = (trial.given != trial.true).astype(np.float64)
    rate, weighted = float(wrong.mean()), quality == "weighted"
    ranks = pd.Series(scores).rank().to_numpy()
    area = (ranks[wrong == 1].mean() - (wrong.sum() + 1) / 2) / (len(wrong) - wrong.sum())
    for size in SIZES:
        found: dict[str, list[tuple[float, float]]] = {}
        for number in range(draws):
            generator = np.random.default_rng([number, size, 41])
            places, chances = draw(scores, size, generator, weighted=weighted)
            trusted = random_sample(places, trial.true[places], chances)
            places, weights = trusted.places, trusted.weights
            known = replace(sample, trusted=trusted)
            found.setdefault("alfs", []).append(said(blind, known, generator))
            if number < before:
                found.setdefault("replicates", []).append(resampled(blind, known))
            found.setdefault("PPI++", []).append(
                ppi(wrong[places], scores[places], scores, weights if weighted else None)
            )
            if not weighted:
                found.setdefault("counted", []).append(counted(wrong[places]))
        for method, bounds in found.items():
            low, high = np.array(bounds).T
            yield {
                "case": trial.name,
                "rate": rate,
                "auc": area,
                "trusted": size,
                "method": method,
                "draws": len(low),
                "width": float(np.median(high - low)),
                "low_held": float((low <= rate + 1e-12).mean()),
                "high_held": float((high >= rate - 1e-12).mean()),
            }
