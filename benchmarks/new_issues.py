"""Whether `--max-new-issues` speaks of new wrong labels, and only of them.

    python benchmarks/new_issues.py [--runs 12]

A baseline is made of the digits with 5 % wrong labels. Each run leaves out 30 random examples, so
that every score moves a little and nothing is new: whatever is told as new is a false alarm, with
the baseline as it is and without its borderline entries. Then ten more labels of the same run are
made wrong: how many of them are told. Writes benchmarks/results/new_issues.csv.
"""

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from alfs_cli.console import Quiet
from alfs_cli.data import DataSpec
from alfs_cli.demo import inject_digits
from alfs_cli.estimating import Estimated, EstimateOptions, estimate_data
from alfs_cli.gate.baseline import Baseline, updated
from alfs_cli.inspecting.examples import fingerprints_of

RESULTS = Path(__file__).parent / "results" / "new_issues.csv"
LEFT_OUT, MADE_WRONG = 30, 10


def audited(arrays: dict[str, np.ndarray], path: Path) -> Estimated:
    """Return the audit of arrays, saved as an npz."""
    np.savez(path, **arrays)
    return estimate_data(DataSpec(str(path)), EstimateOptions(), Quiet())


def new_rows(found: Estimated, baseline: Baseline) -> set[int]:
    """Return the rows whose labels are suspect and not accepted."""
    return {f.row for f in found.examples.suspect_findings() if not baseline.accepts(f)}


def main() -> None:
    """Count what a baseline calls new that is not, and write it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=12)
    runs = parser.parse_args().runs
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        path = inject_digits(Path(folder) / "digits.npz", "symmetric", 0.05, 0)
        arrays = dict(np.load(path))
        count = len(arrays["labels"])
        first = audited(arrays, path)
        judged = first.examples
        baseline = updated(
            Baseline(),
            judged.suspect_findings(),
            fingerprints_of(judged.dataset, judged.digests or ()),
            first.estimate,
            borderline=judged.borderline(),
            ratchet=False,
        )
        plain = replace(baseline, borderline=())
        for run in range(runs):
            generator = np.random.default_rng(run)
            kept = np.sort(generator.permutation(count)[: count - LEFT_OUT])
            some = {k: v[kept] if len(v) == count else v for k, v in arrays.items()}
            found = audited(some, path)
            clean = np.flatnonzero(some["labels"] == some["true_labels"])
            wrong = generator.choice(clean, MADE_WRONG, replace=False)
            some["labels"] = some["labels"].copy()
            some["labels"][wrong] = (some["labels"][wrong] + generator.integers(1, 10)) % 10
            told = new_rows(audited(some, path), baseline)
            rows.append(
                {
                    "run": run,
                    "accepted": len(baseline.accepted),
                    "borderline": len(baseline.borderline),
                    "false_alarms": len(new_rows(found, baseline)),
                    "false_alarms_without_borderline": len(new_rows(found, plain)),
                    "made_wrong": MADE_WRONG,
                    "told": len(told & set(wrong.tolist())),
                    "told_beside_them": len(told - set(wrong.tolist())),
                }
            )
    frame = pd.DataFrame(rows)
    frame.to_csv(RESULTS, index=False)
    print(frame.mean().round(2))
    alarms = frame[["false_alarms", "false_alarms_without_borderline", "told_beside_them"]] > 0
    print("share of runs with any:", alarms.mean().round(3), sep="\n")


if __name__ == "__main__":
    main()
