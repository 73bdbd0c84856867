"""Rare wrong labels among classes that lie apart: are they estimated, and are they listed?

    python benchmarks/low_noise.py [--data ../shared/data] [--unpacked DIR] [--only digits,apart]

Clean labels, and .5 to 5 % wrong ones, symmetric and asymmetric, on the sources of noise_cases.py
and on `apart`: Gaussians of 2, 4 and 10 classes, 500 to 5,000 examples, 6, 10 and 20 standard
deviations apart. For each case: the noise rate and its bounds, r, T beside confident learning's,
what is listed in issues.csv with its precision and recall. Writes benchmarks/results/low_noise.csv.
"""

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from noise_cases import Case, Source, cases, sources

from alfs_cli.estimators.confident import confident
from alfs_cli.estimators.fitting import estimate_transition
from alfs_cli.noise import class_clean_levels, row_total_variation
from alfs_cli.suspects.scores import label_scores

RESULTS = Path(__file__).parent / "results" / "low_noise.csv"
NOISES = (
    "clean", "symmetric:.005", "symmetric:.01", "symmetric:.02", "symmetric:.05", "asymmetric:.01",
    "asymmetric:.02", "asymmetric:.05",
)  # fmt: skip


def apart(seed: int) -> Iterator[Source]:
    """Yield unit Gaussians far from each other."""
    for K in (2, 4, 10):
        for count in (500, 2000, 5000):
            for distance in (6.0, 10.0, 20.0):
                generator = np.random.default_rng([K, count, int(distance), seed])
                means = generator.standard_normal((K, 16))
                means *= distance / np.sqrt(2) / np.linalg.norm(means, axis=1, keepdims=True)
                y = generator.integers(K, size=count)
                X = (means[y] + generator.standard_normal((count, 16))).astype(np.float32)
                name = f"apart K={K} N={count} d={distance:g} s={seed}"
                yield Source(name, X, y.astype(np.int64), K, NOISES, {})


def wanted_sources(data: Path, unpacked: Path, only: str, seeds: int) -> Iterator[Source]:
    """Yield the sources of noise_cases.py, and those that are apart."""
    for name in only.split(","):
        if name == "apart":
            for seed in range(seeds):
                yield from apart(seed)
        else:
            for source in sources(data, unpacked, name):
                yield replace(source, noises=NOISES, human={})


def row(case: Case) -> dict[str, object]:
    """Return what the default says of a case, beside the truth."""
    wrong = case.given != case.true
    estimate = estimate_transition(case.probs, case.given)
    T = np.array(estimate.transition)
    rate, level = estimate.noise_rate, estimate.clean_level
    score = label_scores(case.probs, case.given, T, rate.value).score
    listed = score >= 0.5
    share = np.bincount(case.true, minlength=len(T)) / len(case.true)
    true_rate = float(1 - share @ np.diag(case.transition))
    r = float(class_clean_levels(case.transition).min())
    return {
        "method": estimate.method,
        "wrong": int(wrong.sum()),
        "rate": float(wrong.mean()),
        "rate_hat": rate.value,
        "rate_low": rate.low,
        "rate_high": rate.high,
        "rate_covered": rate.low - 1e-9 <= true_rate <= rate.high + 1e-9,
        "r": r,
        "r_hat": level.value,
        "r_low": level.low,
        "r_covered": level.low <= r,
        "row_tv": row_total_variation(T, case.transition),
        "row_tv_confident": row_total_variation(
            confident(case.probs, case.given).transition(), case.transition
        ),
        "listed": int(listed.sum()),
        "hits": int(wrong[listed].sum()),
        "expected_hits": float(score[listed].sum()),
        "trust": estimate.trust.level,
    }


def summary(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a line for each source and noise; all that are apart are one source."""
    name = frame["case"].str.split("/", expand=True)
    frame = frame.assign(source=name[0].str.split(" ").str[0], noise=name[1])
    frame["rate_error"] = (frame.rate_hat - frame.rate).abs()
    by = frame.groupby(["source", "noise"], sort=False)
    sums = by[["wrong", "listed", "hits", "expected_hits"]].sum()
    found = by[
        ["rate", "rate_hat", "rate_error", "rate_covered", "r_covered", "row_tv",
         "row_tv_confident"]
    ].mean()  # fmt: skip
    found["precision"] = sums.hits / sums.listed.where(sums.listed > 0)
    found["expected"] = sums.expected_hits / sums.listed.where(sums.listed > 0)
    found["recall"] = sums.hits / sums.wrong.where(sums.wrong > 0)
    return found.join(sums[["wrong", "listed"]])


def main() -> None:
    """Estimate at low noise rates, and write the errors."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--unpacked", type=Path, default=Path("../shared/data/unpacked"))
    parser.add_argument("--only", default="digits,gauss2far,gauss20,mnist,encoder,apart")
    parser.add_argument("--noise", default="", help="noises, by commas")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--cache", type=Path, help="folder for the evidence")
    parser.add_argument("--output", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    if arguments.cache is not None:
        arguments.cache.mkdir(parents=True, exist_ok=True)
    found = []
    for source in wanted_sources(
        arguments.data, arguments.unpacked, arguments.only, arguments.seeds
    ):
        for seed in range(1 if source.name.startswith("apart") else arguments.seeds):
            for case in cases(source, arguments.cache, seed, arguments.noise):
                if seed and case.name.endswith("/clean"):
                    continue
                found.append({"case": case.name, "seed": seed, **row(case)})
                if not source.name.startswith("apart"):
                    print(found[-1], flush=True)
                arguments.output.parent.mkdir(exist_ok=True)
                frame = pd.DataFrame(found)
                frame.to_csv(arguments.output, index=False, float_format="%.5g")
    print(summary(frame).round(4).to_string())


if __name__ == "__main__":
    main()
