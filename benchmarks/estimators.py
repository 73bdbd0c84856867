"""Every method on every case of noise_cases.py: how far from the true T, and are the bounds honest.

    python benchmarks/estimators.py [--data ../shared/data] [--unpacked DIR] [--only digits,gauss2]

`--data` holds cifar10_features.npz and cifar10n.npz, `--unpacked` mnist_train.npz and
cifar10_train.npz (what data/unpack.py writes). `truth_counted_tv` is how far T is from the counts
of the true labels themselves, which no estimate of a T without structure can be expected to pass.
Evidence is made once for each case, and kept in
`--cache`. Writes benchmarks/results/estimators.csv and prints the default beside `confident`.

    python benchmarks/estimators.py --trusted 200,1000 [--only digits,encoder2k] [--samples 5]

What so many trusted labels, drawn at random, make of it: writes benchmarks/results/trusted.csv, the
default without and with them, and counting them alone (`gold`).
"""

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from noise_cases import Case, cases, sources

from alfs_cli.data import DataSpec, LabelledDataset, random_sample
from alfs_cli.estimators.combined import CombinedEstimate, combined
from alfs_cli.estimators.dual_t import dual_t
from alfs_cli.estimators.parts.neighbourhood import neighbourhood_of
from alfs_cli.estimators.parts.sample import Sample, rate_of
from alfs_cli.estimators.summary import summarised
from alfs_cli.estimators.with_trusted import gold, with_trusted
from alfs_cli.evidence.interface import Evidence
from alfs_cli.noise import class_clean_levels, row_total_variation, rows_of_counts
from alfs_cli.results.evaluation import agreement, calibration_error

RESULTS = Path(__file__).parent / "results" / "estimators.csv"
HELD = ["covered", "noise_rate_covers"]


def rows(case: Case) -> Iterator[dict[str, object]]:
    """Yield what each method says of a case."""
    K = case.probs.shape[1]
    dataset = LabelledDataset(
        name=case.name,
        kind="arrays",
        spec=DataSpec(None),
        labels=case.given.astype(np.int64),
        class_names=tuple(str(cls) for cls in range(K)),
        fingerprint="",
        pred_probs=case.probs,
    )
    evidence = Evidence(
        kind="features",
        name="benchmark",
        probs=case.probs,
        folds=5,
        fold_of=None,
        agreement=agreement(case.probs, dataset.labels),
        calibration_error=calibration_error(case.probs, dataset.labels),
        kept=np.arange(len(dataset.labels)),
    )
    begun = time.perf_counter()
    found: CombinedEstimate = combined(case.probs, dataset.labels)
    fitted = time.perf_counter() - begun
    by_method = {"auto": found} | {
        name: method
        for name, method in zip(("confident", "joint-ml", "anchor"), found.others(), strict=True)
    }
    sample = Sample(case.probs, dataset.labels, features=case.features)
    by_method["dual-t"] = dual_t(sample)
    near = neighbourhood_of(sample)
    if near is not None:
        by_method |= {one.method: one for one in near.others(sample)}
    share = np.bincount(case.true, minlength=K) / len(case.true)
    rate = float(1 - share @ np.diag(case.transition))
    r = float(class_clean_levels(case.transition).min())
    true_counts = np.zeros((K, K))
    np.add.at(true_counts, (case.true, case.given), 1)
    counted_tv = row_total_variation(found.counted.transition(), case.transition)
    for name, method in by_method.items():
        estimate = summarised(method, dataset, evidence)
        tv = row_total_variation(np.array(estimate.transition), case.transition)
        level, noise = estimate.clean_level, estimate.noise_rate
        yield {
            "case": case.name,
            "method": name,
            "made_from": estimate.method,
            "seconds": estimate.seconds + (fitted if name == "auto" else 0.0),
            "row_tv": tv,
            "relative_to_confident": tv / counted_tv if counted_tv > 0 else float(tv > 0),
            "truth_counted_tv": row_total_variation(rows_of_counts(true_counts), case.transition),
            "r": r,
            "r_hat": level.value,
            "r_low": level.low,
            "r_hat_over_r": _ratio(level.value, r),
            "low_over_r": _ratio(level.low, r),
            "covered": level.low <= r,
            "noise_rate": rate,
            "noise_rate_error": noise.value - rate,
            "noise_rate_low": noise.low,
            "noise_rate_high": noise.high,
            "noise_rate_covers": noise.low - 1e-9 <= rate <= noise.high + 1e-9,
            "trust": estimate.trust.level,
        }


def trusted_rows(case: Case, size: int, samples: int) -> Iterator[dict[str, object]]:
    """Yield what the default says of a case without and with random samples of true labels."""
    K = case.probs.shape[1]
    if size > len(case.true) / 2:
        return
    share = np.bincount(case.true, minlength=K) / len(case.true)
    rate = float(1 - share @ np.diag(case.transition))
    r = float(class_clean_levels(case.transition).min())
    blind = combined(case.probs, case.given)
    for number in range(samples):
        generator = np.random.default_rng([number, 31])
        places = generator.choice(len(case.true), size, replace=False)
        sample = Sample(case.probs, case.given, trusted=random_sample(places, case.true[places]))
        begun = time.perf_counter()
        found = with_trusted(sample, blind)
        seconds = time.perf_counter() - begun
        counted = gold(sample)
        for name, method in (("auto", blind), ("gold", counted), ("auto, trusted", found)):
            T = method.transition()
            row = {
                "case": case.name,
                "trusted": size,
                "sample": number,
                "method": name,
                "row_tv": row_total_variation(T, case.transition),
                "r": r,
                "r_hat": float(class_clean_levels(T).min()),
                "noise_rate": rate,
                "noise_rate_hat": rate_of(method),
            }
            if name != "auto":
                bounds = method.spread(confidence=0.95, resamples=1000, generator=generator)
                low = min(bounds.level[0], row["r_hat"])
                noise = (
                    min(bounds.noise_rate[0], row["noise_rate_hat"]),
                    max(bounds.noise_rate[1], row["noise_rate_hat"]),
                )
                row |= {
                    "r_low": low,
                    "covered": low <= r,
                    "noise_rate_covers": noise[0] <= rate <= noise[1],
                }
            yield row | {"seconds": seconds if name == "auto, trusted" else np.nan}


def _ratio(value: float, true: float) -> float:
    if np.isinf(true):
        return 1.0 if np.isinf(value) else 0.0
    return value / true


def judge_trusted(arguments: argparse.Namespace) -> None:
    """Write and print the table of trusted labels; cases that are there already are kept."""
    output = RESULTS.with_name("trusted.csv") if arguments.output == RESULTS else arguments.output
    kept = pd.read_csv(output) if output.is_file() else pd.DataFrame({"case": []})
    done = set(kept["case"])
    for source in sources(arguments.data, arguments.unpacked, arguments.only):
        for case in cases(source, arguments.cache, 0, arguments.noise):
            if case.name in done:
                continue
            sizes = [int(size) for size in arguments.trusted.split(",")]
            rows = [row for size in sizes for row in trusted_rows(case, size, arguments.samples)]
            kept = pd.concat([kept, pd.DataFrame(rows)], ignore_index=True)
            kept.to_csv(output, index=False, float_format="%.4f")
            print(case.name, flush=True)
    kept[HELD] = kept[HELD].astype(float)
    by_case = kept.groupby(["case", "trusted", "method"], sort=False)
    values = by_case[["row_tv", "r", "r_hat", "noise_rate", "noise_rate_hat"]].median()
    print(values.join(by_case[HELD].mean()).round(3).to_string())


def main() -> None:
    """Estimate all cases by all methods, and write the errors."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--unpacked", type=Path, default=Path("../shared/data/unpacked"))
    parser.add_argument("--only", default="", help="sources, by commas")
    parser.add_argument("--noise", default="", help="noises, by commas")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--cache", type=Path, help="folder for the evidence")
    parser.add_argument("--output", type=Path, default=RESULTS)
    parser.add_argument("--trusted", default="", help="sizes of samples with true labels")
    parser.add_argument("--samples", type=int, default=5)
    arguments = parser.parse_args()
    if arguments.cache is not None:
        arguments.cache.mkdir(parents=True, exist_ok=True)
    found = []
    if arguments.trusted:
        judge_trusted(arguments)
        return
    for source in sources(arguments.data, arguments.unpacked, arguments.only):
        for seed in range(arguments.seeds):
            for case in cases(source, arguments.cache, seed, arguments.noise):
                found += [{"seed": seed} | row for row in rows(case)]
                frame = pd.DataFrame(found)
                arguments.output.parent.mkdir(exist_ok=True)
                frame.to_csv(arguments.output, index=False, float_format="%.4f")
                shown = frame[(frame["case"] == case.name) & (frame["method"] == "auto")].iloc[-1]
                print(
                    f"{case.name:24s} {shown['made_from']:30s} tv {shown['row_tv']:.3f} "
                    f"({shown['relative_to_confident']:.2f} of confident's)  r {shown['r']:.2f}: "
                    f"{shown['r_hat']:.2f} >= {shown['r_low']:.2f} {shown['covered']}  noise "
                    f"{shown['noise_rate']:.3f} in [{shown['noise_rate_low']:.3f}, "
                    f"{shown['noise_rate_high']:.3f}] {shown['noise_rate_covers']}  "
                    f"{shown['trust']}  {shown['seconds']:.1f} s",
                    flush=True,
                )
    print(frame.groupby("method")[["covered", "noise_rate_covers", "relative_to_confident"]].mean())


if __name__ == "__main__":
    main()
