"""What the demo's training shows, over ten seeds: cross entropy beside the recommended loss.

    python benchmarks/demo.py [--seeds 10] [--noise symmetric:0.4 --noise asymmetric:0.3]

For each seed the labels of the digits' training part are made wrong, T is estimated from the noisy
labels alone, a loss is recommended, and both losses train. Writes benchmarks/results/demo.csv.
"""

import argparse
import tempfile
from pathlib import Path

import pandas as pd

from alfs_cli.console import Quiet
from alfs_cli.data import DataSpec
from alfs_cli.demo import LR, correction_of, inject_digits, train_digits
from alfs_cli.estimating import EstimateOptions, estimate_data
from alfs_cli.recommending import recommend

RESULTS = Path(__file__).parent / "results" / "demo.csv"


def main() -> None:
    """Train both losses for each seed, and write what they reach."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--noise", action="append")
    parser.add_argument("--loss", action="append", default=[])
    arguments = parser.parse_args()
    rows = []
    for noise in arguments.noise or ["asymmetric:0.3"]:
        kind, rate = noise.split(":")
        for seed in range(arguments.seeds):
            with tempfile.TemporaryDirectory() as folder:
                out = Path(folder)
                data = inject_digits(out / "digits.npz", kind, float(rate), seed)
                found = estimate_data(DataSpec(str(data)), EstimateOptions(seed=seed), Quiet())
                advice = recommend(found.estimate, estimate_path="", lr=LR)
                first = advice.recommendations[0] if advice.recommendations else None
                best = first.loss if first else None
                correction = correction_of(first, out) if first else {}
                found.save(out)
                row = {
                    "noise": noise,
                    "seed": seed,
                    "estimated_rate": found.estimate.noise_rate.value,
                    "true_rate": found.estimate.truth.noise_rate,
                    "r": found.estimate.clean_level.value,
                    "r_low": found.estimate.clean_level.low,
                    "true_r": found.estimate.truth.population.clean_level,
                    "status": advice.status,
                    "recommended": best,
                    "correction": first.correction if first else None,
                }
                for name in ("ce", best, *arguments.loss):
                    if name is None:
                        continue
                    its = correction if name == best else {}
                    result = train_digits(data, name, out, seed, correction=its).result
                    key = "recommended_accuracy" if name == best else name
                    row[key] = result.test_accuracy.last
                    row[key + "_seconds"] = result.train_seconds
                rows.append(row)
                print(row, flush=True)
    frame = pd.DataFrame(rows)
    RESULTS.parent.mkdir(exist_ok=True)
    frame.to_csv(RESULTS, index=False, float_format="%.4f")
    print(frame.groupby("noise").mean(numeric_only=True).T)
    print(frame.groupby("noise").std(numeric_only=True).T)


if __name__ == "__main__":
    main()
