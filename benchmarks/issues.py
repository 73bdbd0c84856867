"""The ranking of wrong labels beside cleanlab's, on the same evidence in the same run.

    python benchmarks/issues.py [--data ../shared/data] [--unpacked DIR] [--cache DIR] [--quick]

For each case: average precision, precision at the true number of wrong labels, what is listed with
its precision and recall, and the calibration error of the score. cleanlab (Northcutt et al., JAIR
2021) ranks by its label-quality scores and lists by every filter of `find_label_issues`; beside
each filter stands the precision of alfs on as many labels. Writes benchmarks/results/issues.csv.
`--quick` takes the digits only, and needs no files.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from cleanlab.filter import find_label_issues
from cleanlab.rank import get_label_quality_scores
from noise_cases import Case, cases, sources
from sklearn.metrics import average_precision_score

from alfs_cli.estimators.combined import combined, rate_of
from alfs_cli.suspects.scores import label_scores

RESULTS = Path(__file__).parent / "results" / "issues.csv"
WANTED = {  # source: noises, seeds
    "digits": (
        "symmetric:.2,symmetric:.4,asymmetric:.2,asymmetric:.4,pair:.3,instance:.3,tempered:.3",
        3,
    ),
    "mnist": (
        "symmetric:.2,symmetric:.4,asymmetric:.2,asymmetric:.4,pair:.3,instance:.3,tempered:.3",
        1,
    ),
    "encoder": (
        "random1,worse,symmetric:.4,asymmetric:.2,symmetric:.2,asymmetric:.4,pair:.3,instance:.3,"
        "tempered:.3",
        1,
    ),
    "encoder12k": ("random1,worse,symmetric:.4", 1),
    "gauss100": ("symmetric:.2,asymmetric:.3,instance:.3", 1),
}
RANKINGS = (
    ("self_confidence", False),
    ("self_confidence", True),
    ("normalized_margin", False),
    ("normalized_margin", True),
    ("confidence_weighted_entropy", False),
)
FILTERS = (
    "prune_by_noise_rate", "prune_by_class", "both", "confident_learning", "predicted_neq_given",
    "low_self_confidence", "low_normalized_margin",
)  # fmt: skip
BINS = 15


def rows(case: Case) -> Iterator[dict[str, object]]:
    """Yield what alfs and each of cleanlab's ways say of a case."""
    wrong = case.given != case.true
    count = int(wrong.sum())
    found = combined(case.probs, case.given)
    score = label_scores(case.probs, case.given, found.transition(), rate_of(found)).score
    order = np.argsort(-score, kind="stable")
    listed = score >= 0.5
    yield {
        "method": "alfs",
        **_ranked(wrong, score),
        **_listed(wrong, listed),
        "calibration_error": calibration_error(wrong, score),
        "expected_precision": float(score[listed].mean()) if listed.any() else None,
    }
    for name, is_adjusted in RANKINGS:
        quality = get_label_quality_scores(
            case.given, case.probs, method=name, adjust_pred_probs=is_adjusted
        )
        yield {
            "method": f"cleanlab {name}{' adjusted' if is_adjusted else ''}",
            **_ranked(wrong, -quality),
            "calibration_error": calibration_error(wrong, 1 - quality),
        }
    for name in FILTERS:
        flagged = find_label_issues(case.given, case.probs, filter_by=name, n_jobs=1)
        size = int(flagged.sum())
        yield {
            "method": f"cleanlab {name}",
            **_listed(wrong, flagged),
            "alfs_precision_on_as_many": float(wrong[order[:size]].mean()) if size else None,
            "alfs_recall_on_as_many": float(wrong[order[:size]].sum() / count) if size else None,
        }


def _ranked(wrong: np.ndarray, score: np.ndarray) -> dict[str, object]:
    top = np.argsort(-score, kind="stable")[: int(wrong.sum())]
    return {
        "average_precision": float(average_precision_score(wrong, score)),
        "precision_at_wrong": float(wrong[top].mean()),
    }


def _listed(wrong: np.ndarray, listed: np.ndarray) -> dict[str, object]:
    hits = int(wrong[listed].sum())
    return {
        "listed": int(listed.sum()),
        "precision": hits / max(int(listed.sum()), 1),
        "recall": hits / max(int(wrong.sum()), 1),
    }


def calibration_error(wrong: np.ndarray, score: np.ndarray) -> float:
    """Return the expected calibration error of P(wrong), 15 bins of equal width."""
    place = np.minimum((score * BINS).astype(int), BINS - 1)
    gaps = [abs(wrong[place == b].sum() - score[place == b].sum()) for b in range(BINS)]
    return float(sum(gaps) / len(score))


def shown(frame: pd.DataFrame, case: str) -> str:
    """Return a line on a case: alfs, the best of cleanlab's rankings, of its filters."""
    ours = frame[frame.method == "alfs"].iloc[0]
    rankings = frame[frame.average_precision.notna() & (frame.method != "alfs")]
    best = rankings.loc[rankings.average_precision.idxmax()]
    sharpest = rankings.precision_at_wrong.max()
    filters = frame[frame.alfs_precision_on_as_many.notna()]
    ahead = int((filters.alfs_precision_on_as_many >= filters.precision).sum())
    return (
        f"{case:24s} AP {ours.average_precision:.4f} cleanlab {best.average_precision:.4f} "
        f"{'ahead ' if ours.average_precision > best.average_precision else 'BEHIND'}  "
        f"P at n {ours.precision_at_wrong:.3f} / {sharpest:.3f}  "
        f"listed {ours.listed:.0f} P {ours.precision:.3f} "
        f"(expected {ours.expected_precision:.3f}) R {ours.recall:.3f}  calibration "
        f"{ours.calibration_error:.3f} / {best.calibration_error:.3f}  "
        f"{ahead} of {len(filters)} filters met"
    )


def main() -> None:
    """Find the wrong labels of the data sets, and write how well."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--unpacked", type=Path, default=Path("../shared/data/unpacked"))
    parser.add_argument("--cache", type=Path, help="folder for the evidence")
    parser.add_argument("--only", default="", help="sources, by commas")
    parser.add_argument("--quick", action="store_true", help="digits only, one seed")
    parser.add_argument("--output", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    if arguments.cache is not None:
        arguments.cache.mkdir(parents=True, exist_ok=True)
    chosen = ["digits"] if arguments.quick else arguments.only.split(",")
    collected = []
    for name in chosen if chosen != [""] else WANTED:
        noises, seeds = WANTED[name]
        for source in sources(arguments.data, arguments.unpacked, name):
            for seed in range(1 if arguments.quick else seeds):
                for case in cases(source, arguments.cache, seed, noises):
                    if seed and case.name.split("/")[1] in source.human:
                        continue
                    frame = pd.DataFrame(rows(case))
                    frame.insert(0, "case", case.name)
                    frame.insert(1, "seed", seed)
                    frame.insert(2, "wrong", int((case.given != case.true).sum()))
                    collected.append(frame)
                    arguments.output.parent.mkdir(exist_ok=True)
                    whole = pd.concat(collected)
                    whole.to_csv(arguments.output, index=False, float_format="%.4f")
                    print(shown(frame, f"{case.name} {seed}"), flush=True)


if __name__ == "__main__":
    main()
