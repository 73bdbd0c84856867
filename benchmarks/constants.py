"""Which chosen constants do results tell from their half and their double?

    python benchmarks/constants.py [--only suspects,estimators,...] [--data ../shared/data]
                                   [--cache DIR] [--cases N]

Each constant of a table (`alfs_cli/*/tuning.py`) is halved and doubled in turn, and the same cases
are judged as before: draws of `benchmarks/precision.py`, learning part. A constant is told apart
where a measure differs, in the mean over the cases, by more than three standard errors of the
paired difference. Constants that are no single number are left out. Writes
benchmarks/results/constants.csv and prints what is told apart and what is not.
"""

import argparse
import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import precision
import precision_cases
from sklearn.metrics import average_precision_score

from alfs_cli.estimators.fitting import estimate_noise
from alfs_cli.evidence.gathering import gather
from alfs_cli.evidence.interface import evidence_from_probs
from alfs_cli.noise import realised, row_total_variation, rows_of_counts
from alfs_cli.results.estimate import Bounded
from alfs_cli.suspects.scores import weighed_scores

RESULTS = Path(__file__).parent / "results" / "constants.csv"
LARGEST = 1500  # examples of a case
FACTORS = (0.5, 2.0)
TOLD_APART = 3.0  # standard errors
Measures = dict[str, float]
"""Of one case: measures by name."""


@dataclass(frozen=True)
class Setting:
    """Where the cases come from."""

    data: Path
    folder: Path | None
    cases: int

    def draws(self) -> list[precision_cases.Draw]:
        """Return so many draws of the learning part, spread over its sources."""
        some = [d for d in precision_cases.draws() if d.part == "learning" and d.size <= LARGEST]
        places = np.linspace(0, len(some) - 1, min(self.cases, len(some))).astype(int)
        return [some[place] for place in places]


def scored(draw: precision_cases.Draw, setting: Setting) -> Measures:
    """Return how well the scores of a draw tell wrong labels from right ones."""
    seen = precision.seen(draw, setting.data, setting.folder)
    said = seen.estimate
    scores, _ = weighed_scores(
        seen.probs,
        seen.labels,
        np.array(said["transition"]),
        np.array(said["class_prior"]),
        Bounded(**said["noise_rate"]),
    )
    found = {"brier": float(((scores.score - seen.wrong) ** 2).mean())}
    if seen.wrong.any():
        found["average_precision"] = float(average_precision_score(seen.wrong, scores.score))
    return found


def estimated(draw: precision_cases.Draw, setting: Setting) -> Measures:
    """Return how far T, the noise rate and their bounds are off, whatever was estimated before."""
    dataset, true = _labelled(draw, setting.data)
    if dataset.pred_probs is not None:
        evidence = evidence_from_probs(dataset.pred_probs, dataset.labels)
    else:
        evidence = gather(dataset, kind="features")
    estimate = estimate_noise(dataset, evidence, resamples=200)
    rate, K = estimate.noise_rate, dataset.num_classes
    wrong = float((true != dataset.labels).mean())
    real = rows_of_counts(realised(true, dataset.labels, K))
    return {
        "rate_error": abs(rate.value - wrong),
        "row_error": row_total_variation(np.array(estimate.transition), real),
        "width": rate.high - rate.low,
        "missed": float(not rate.low <= wrong <= rate.high),
        "agreement": evidence.agreement,
    }


@cache
def _labelled(draw: precision_cases.Draw, data: Path):
    return precision_cases.labelled(draw, data)


SUBJECTS: dict[str, Callable[[precision_cases.Draw, Setting], Measures]] = {
    "suspects": scored,
    "estimators": estimated,
    "estimators.joint": estimated,
    "evidence": estimated,
}


def tables(subject: str) -> Iterator[object]:
    """Yield the tables of constants of a folder: each instance of a dataclass in its `tuning`."""
    module = importlib.import_module(f"alfs_cli.{subject}.tuning")
    for name, value in vars(module).items():
        if name.isupper() and is_dataclass(value):
            yield value


def changed(table: object, name: str, factor: float) -> Callable[[], None]:
    """Multiply a constant in place and return what puts it back."""
    before = getattr(table, name)
    after = before * factor
    if isinstance(before, int):
        after = max(round(after), 1)
    object.__setattr__(table, name, after)  # the one instance that every module reads
    return lambda: object.__setattr__(table, name, before)


def judged(subject: str, setting: Setting) -> pd.DataFrame:
    """Return the measures of every case, one row a case."""
    judge = SUBJECTS[subject]
    return pd.DataFrame([judge(draw, setting) for draw in setting.draws()])


def compared(before: pd.DataFrame, after: pd.DataFrame) -> Iterator[dict[str, object]]:
    """Yield each measure's mean paired difference, with its standard error."""
    for measure in before:
        difference = (after[measure] - before[measure]).dropna()
        error = float(difference.std(ddof=1) / np.sqrt(len(difference)))
        mean = float(difference.mean())
        yield {
            "measure": measure,
            "before": before[measure].mean(),
            "difference": mean,
            "standard_error": error,
            "told_apart": bool(error > 0 and abs(mean) > TOLD_APART * error),
        }


def rows_of(subject: str, setting: Setting) -> Iterator[dict[str, object]]:
    """Yield the comparisons of every constant of a subject."""
    before = judged(subject, setting)
    for table in tables(subject):
        for row in fields(table):
            value = getattr(table, row.name)
            if isinstance(value, bool) or not isinstance(value, int | float):
                continue
            for factor in FACTORS:
                put_back = changed(table, row.name, factor)
                try:
                    after = judged(subject, setting)
                finally:
                    put_back()
                where = f"{type(table).__name__}.{row.name}"
                print(subject, where, factor, flush=True)
                for found in compared(before, after):
                    yield {
                        "subject": subject,
                        "constant": where,
                        "value": value,
                        "factor": factor,
                        **found,
                    }


def main() -> None:
    """Halve, double, judge and write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default=",".join(SUBJECTS))
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--cache", type=Path, help="folder of benchmarks/precision.py")
    parser.add_argument("--cases", type=int, default=40)
    parser.add_argument("--output", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    setting = Setting(arguments.data, arguments.cache, arguments.cases)
    only = arguments.only.split(",")
    rows = [row for subject in only for row in rows_of(subject, setting)]
    frame = pd.DataFrame(rows)
    if arguments.output.is_file():
        kept = pd.read_csv(arguments.output)
        frame = pd.concat([kept[~kept["subject"].isin(only)], frame])
    frame.to_csv(arguments.output, index=False, float_format="%.5g")
    told = frame.groupby(["subject", "constant"])["told_apart"].any()
    for (subject, constant), is_told in told.items():
        print(f"{subject:12s} {constant:36s} {'told apart' if is_told else 'arbitrary'}")


if __name__ == "__main__":
    main()
