"""Bounds of the noise rate from a random sample of true labels, beside PPI++ on the same scores.

    pip install ppi-python
    python benchmarks/trusted.py [--data ../shared/data] [--cache DIR] [--set tuned|aside]

Each case is estimated once without true labels. Then samples of 100, 400 and 1,500 true labels are
drawn, and four kinds of bounds of the noise rate are taken from each: of `estimate --trusted`
(alfs), of `ppi_mean_ci` of ppi-python on the probabilities that a label is wrong before any true
label is seen (PPI++), of Clopper and Pearson, and of Wilson. Each bound is one-sided at 95 %.
`--earlier 10` adds the bounds of replicates, which alfs had earlier, on so many samples. The cases
of the set `aside` were not looked at while the method was made. Writes
benchmarks/results/trusted_rate.csv.
"""

import argparse
import importlib
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
from noise_cases import Source, cases, sources
from scipy.stats import beta, norm

from alfs_cli.data import random_sample
from alfs_cli.estimators.combined import CombinedEstimate, combined
from alfs_cli.estimators.parts.resampled import ResampledEstimate
from alfs_cli.estimators.parts.sample import Sample, rate_of
from alfs_cli.estimators.with_trusted import mended_model, with_trusted
from alfs_cli.noise import inject, transition_of

RESULTS = Path(__file__).parent / "results" / "trusted_rate.csv"
CONFIDENCE = 0.95
SIZES = (100, 400, 1500)
TUNED = {
    "encoder12k": ("symmetric:.01", "symmetric:.1", "asymmetric:.4", "tempered:.05", "redrawn",
                   "random1", "worse"),
    "gauss2": ("symmetric:.02", "instance:.2"),
    "gauss20": ("pair:.1",),
}  # fmt: skip
ASIDE = {
    "imbalanced": ("symmetric:.02", "tempered:.15", "worse", "random1"),
    "gauss2far": ("symmetric:.01", "symmetric:.4"),
    "gauss50": ("pair:.2",),
    "digits": ("symmetric:.05", "instance:.2"),
}
SPOILED = ("random1", "symmetric:.01", "symmetric:.02", "symmetric:.05")


def ppi_python() -> ModuleType:
    """Return the package ppi_py; numba would else take our coverage.py for the package of it."""
    here = sys.path.pop(0)
    try:
        return importlib.import_module("ppi_py")
    finally:
        sys.path.insert(0, here)


@dataclass(frozen=True, eq=False)
class Problem:
    """Probabilities (N, K) of the given labels, and true labels (N,)."""

    name: str
    scores: str
    probs: np.ndarray
    given: np.ndarray
    true: np.ndarray


def problems(data: Path, cache: Path | None, chosen: str) -> Iterator[Problem]:
    """Yield the cases of a set, some of them with worthless or misleading scores as well."""
    for wanted, noises in (TUNED if chosen == "tuned" else ASIDE).items():
        source: Source = next(sources(data, data / "unpacked", wanted))
        for case in cases(replace(source, noises=noises), cache, 0, ",".join(noises)):
            asked = Problem(case.name, "as made", case.probs, case.given, case.true)
            yield asked
            if case.name.split("/")[1] in SPOILED:
                yield from spoiled(asked)
    if chosen == "aside":
        yield from news(data)


def spoiled(problem: Problem) -> Iterator[Problem]:
    """Yield a case with another example's scores, and with those of a fifth turned round."""
    generator = np.random.default_rng(2)
    probs = problem.probs.copy()
    for label in np.unique(problem.given):
        rows = np.flatnonzero(problem.given == label)
        probs[rows] = probs[generator.permutation(rows)]
    yield replace(problem, scores="of others", probs=probs)
    probs = problem.probs.copy()
    rows = np.flatnonzero(generator.random(len(probs)) < 0.2)
    probs[rows] = np.roll(probs[rows], 1, axis=1)
    yield replace(problem, scores="a fifth misleads", probs=probs)


def news(data: Path) -> Iterator[Problem]:
    """Yield newsgroups with a tenth of the labels changed; probabilities of what was given."""
    with np.load(data / "validated_20news.npz") as stored:
        probs, true = stored["pred_probs"].astype(float), stored["labels"].astype(np.int64)
    T = transition_of("symmetric", 0.1, probs.shape[1])
    given = inject(true, T, np.random.default_rng(3), draw="sampled")
    yield Problem("news/symmetric:.1", "as made", probs @ T.array, given, true)


def bounds_of(
    problem: Problem, found: CombinedEstimate, size: int, number: int
) -> dict[str, tuple[float, float]]:
    """Return bounds of the noise rate by each method, from one sample of true labels."""
    places = np.random.default_rng([number, size, 7]).choice(len(problem.true), size, replace=False)
    sample = Sample(
        problem.probs, problem.given, trusted=random_sample(places, problem.true[places])
    )
    model = mended_model(sample, found)
    own = model.rate(np.ones(size)).bounds(CONFIDENCE)
    doubts = model.doubts()
    wrong = (problem.true != problem.given).astype(float)
    others = np.setdiff1d(np.arange(len(wrong)), places)
    low, high = ppi_python().ppi_mean_ci(
        wrong[places], doubts[places], doubts[others], alpha=0.1
    )
    k, z = int(wrong[places].sum()), norm.ppf(CONFIDENCE)
    centre = (k + z * z / 2) / (size + z * z)
    half = z * np.sqrt(k * (size - k) / size + z * z / 4) / (size + z * z)
    return {
        "alfs": own,
        "ppi++": (float(np.ravel(low)[0]), float(np.ravel(high)[0])),
        "clopper-pearson": (
            beta.ppf(0.05, k, size - k + 1) if k else 0.0,
            beta.ppf(0.95, k + 1, size - k) if k < size else 1.0,
        ),
        "wilson": (centre - half, centre + half),
    }


def earlier(
    problem: Problem, found: CombinedEstimate, size: int, number: int
) -> dict[str, tuple[float, float]]:
    """Return the bounds that `estimate --trusted` reports, and those of its replicates alone."""
    generator = np.random.default_rng([number, size, 7])
    places = generator.choice(len(problem.true), size, replace=False)
    sample = Sample(
        problem.probs, problem.given, trusted=random_sample(places, problem.true[places])
    )
    whole = with_trusted(sample, found)
    value, options = rate_of(whole), {"confidence": CONFIDENCE, "resamples": 100}
    kinds = {"reported": whole.spread(**options, generator=generator)}
    kinds["replicates"] = ResampledEstimate.spread(whole, **options, generator=generator)
    ends = {name: spread.noise_rate for name, spread in kinds.items()}
    return {name: (min(low, value), max(high, value)) for name, (low, high) in ends.items()}


def rows(problem: Problem, samples: int, few: int) -> Iterator[dict[str, object]]:
    """Yield width and coverage of each method on a case."""
    found = combined(problem.probs, problem.given)
    rate = float((problem.true != problem.given).mean())
    for size in SIZES:
        if size > len(problem.true) / 2:
            continue
        drawn = [(bounds_of, number) for number in range(samples)]
        drawn += [(earlier, number) for number in range(few)]
        ends: dict[str, list[tuple[float, float]]] = {}
        for method, number in drawn:
            for name, pair in method(problem, found, size, number).items():
                ends.setdefault(name, []).append(pair)
        for name, pairs in ends.items():
            low, high = np.clip(np.array(pairs), 0, 1).T
            yield {
                "case": problem.name,
                "scores": problem.scores,
                "noise_rate": rate,
                "trusted": size,
                "method": name,
                "samples": len(low),
                "width": float(np.mean(high - low)),
                "low_holds": float((low <= rate).mean()),
                "high_holds": float((high >= rate).mean()),
            }


def main() -> None:
    """Measure a set of cases, write the rows and print widths as shares of PPI++'s."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--cache", type=Path, help="folder for the evidence")
    parser.add_argument("--set", choices=("tuned", "aside"), default="tuned")
    parser.add_argument("--samples", type=int, default=200)
    parser.add_argument("--earlier", type=int, default=0)
    parser.add_argument("--output", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    kept = pd.read_csv(arguments.output) if arguments.output.is_file() else pd.DataFrame()
    if len(kept):
        kept = kept[kept.set != arguments.set]
    begun, new = time.perf_counter(), []
    for problem in problems(arguments.data, arguments.cache, arguments.set):
        found = list(rows(problem, arguments.samples, arguments.earlier))
        new += [{"set": arguments.set} | row for row in found]
        both = pd.concat([kept, pd.DataFrame(new)], ignore_index=True)
        both.to_csv(arguments.output, index=False, float_format="%.4f")
        shown = pd.DataFrame(found).set_index(["trusted", "method"])
        print(f"{problem.name} {problem.scores} ({time.perf_counter() - begun:.0f} s)")
        print(shown[["noise_rate", "width", "low_holds", "high_holds"]].round(4), flush=True)


if __name__ == "__main__":
    main()
