"""Several annotators who err on the same examples: the consensus beside crowd-kit's, T, and r.

    python -m venv build/crowd
    build/crowd/bin/pip install -e . "crowd-kit>=1.4" "scikit-learn<1.6"
    build/crowd/bin/python benchmarks/annotators.py [--seeds 100,101] [--data ../shared/data]

Five simulated crowds (annotator_cases.py). For each: the error of the consensus of alfs and of
every method of crowd-kit that takes classes, T of a worker on average, r with its lower bound, the
effective number of annotators, and how often an annotator's noise rate lies within its bounds.
Constants were chosen on seeds 0 to 11; what is written is of others, which were looked at once.

With --data also people's labels of CIFAR-10 (CIFAR-10N). Only one of its three labels is there, and
a second that was chosen among the wrong ones: where that one is right, all three are. The others
are drawn so that two are wrong together as often as the published rates say. Writes
benchmarks/results/annotators.csv.
"""

import argparse
import time
import warnings
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd
from annotator_cases import CROWDS, Crowd, made

from alfs_cli.estimators.annotators import annotators
from alfs_cli.estimators.crowds import crowd_summary
from alfs_cli.estimators.parts.sample import Sample
from alfs_cli.evidence import crowd as fitted
from alfs_cli.noise import class_clean_levels, row_total_variation

RESULTS = Path(__file__).parent / "results" / "annotators.csv"
PEERS = (
    "MajorityVote", "Wawa", "ZeroBasedSkill", "DawidSkene", "OneCoinDawidSkene", "GLAD", "MACE",
    "MMSR", "KOS",
)  # fmt: skip
RATES = (0.1723, 0.1812, 0.1764)  # wrong labels of CIFAR-10N's three, as published
TOGETHER = 0.0903  # and of their majority
CONFIDENCE = 0.95


def peers(crowd: Crowd) -> Iterator[tuple[str, float]]:
    """Yield the share of wrong consensus labels of each method of crowd-kit; KOS takes two."""
    methods = import_module("crowdkit.aggregation.classification")
    task, worker = np.nonzero(crowd.answers >= 0)
    table = pd.DataFrame({"task": task, "worker": worker, "label": crowd.answers[task, worker]})
    for name in PEERS:
        if name == "KOS" and crowd.num_classes > 2:
            continue
        settings = {"random_state": 0} if name in ("MACE", "MMSR", "KOS") else {}
        found = getattr(methods, name)(**settings).fit_predict(table)
        labels = found.reindex(range(len(crowd.true))).to_numpy()
        yield name, float((labels != crowd.true).mean())


def ours(crowd: Crowd) -> dict[str, float]:
    """Return what alfs says of a crowd, beside the truth."""
    begun = time.process_time()
    K = crowd.num_classes
    found = fitted.Crowd(crowd.answers, K)
    sample = Sample(
        np.full((len(crowd.true), K), 1 / K),
        crowd.answers.max(axis=1),
        annotations=crowd.answers,
        crowd=found,
    )
    estimate = annotators(sample)
    spread = estimate.spread(
        confidence=CONFIDENCE, resamples=100, generator=np.random.default_rng(0)
    )
    summary = crowd_summary(found, confidence=CONFIDENCE)
    T = estimate.transition()
    prior = np.bincount(crowd.true, minlength=K) / len(crowd.true)
    rates = 1 - np.einsum("i,mii->m", prior, crowd.transitions)
    within = [
        one.noise_rate.low <= rate <= one.noise_rate.high
        for one, rate in zip(summary.annotators, rates, strict=True)
    ]
    return {
        "alfs": float((found.posterior.argmax(axis=1) != crowd.true).mean()),
        "alfs_expected": float(1 - found.posterior.max(axis=1).mean()),
        "row_tv": row_total_variation(T, crowd.transition),
        "r": crowd.clean_level,
        "r_hat": float(class_clean_levels(T).min()),
        "r_low": spread.level[0],
        "rates_within": float(np.mean(within)),
        "labels": summary.labels_per_example,
        "effective": summary.effective.value,
        "seconds": time.process_time() - begun,
    }


def cifar10n(data: Path, seed: int) -> Crowd:
    """Return three labels of each picture of CIFAR-10: one is real, two are partly drawn.

    `chances` are those of the first, from all pictures of its class.
    """
    held = np.load(data / "cifar10n.npz")
    true, first, worse = (
        held[name].astype(np.int64) for name in ("clean_label", "random_label1", "worse_label")
    )
    generator = np.random.default_rng(seed)
    any_wrong, first_wrong = worse != true, first != true
    answers = np.repeat(true[:, None], 3, axis=1)
    answers[:, 0] = first
    # Of the pictures with a wrong label, how many labels are wrong: shares of one, two, three, from
    # sum_k k s_k = all wrong labels, and the majority's errors, nearly those with two or more.
    more = sum(RATES) / any_wrong.mean() - 1  # s_2 + 2 s_3
    several = min(TOGETHER / any_wrong.mean(), more)  # s_2 + s_3
    three = max(more - several, 0.0)
    shares = np.array([1 - several, several - three, three])
    one_of = shares * np.array([1, 2, 3]) / 3  # that the first is among the wrong ones
    for is_first, given in ((True, one_of), (False, np.maximum(shares - one_of, 0))):
        rows = np.flatnonzero(any_wrong & (first_wrong == is_first))
        wrong = generator.choice(3, len(rows), p=given / given.sum()) + 1 - is_first  # of the rest
        for row, count in zip(rows, wrong, strict=True):
            places = generator.permutation(np.array([1, 2]))[:count]
            answers[row, places] = worse[row]
    T = np.zeros((10, 10))
    np.add.at(T, (true, first), 1)
    T /= T.sum(axis=1, keepdims=True)
    return Crowd(answers, true, np.repeat(T[true][:, None], 3, axis=1))


def some(crowd: Crowd, count: int, seed: int) -> Crowd:
    """Return a random part of the tasks."""
    rows = np.sort(np.random.default_rng([seed, 7]).permutation(len(crowd.true))[:count])
    return Crowd(crowd.answers[rows], crowd.true[rows], crowd.chances[rows])


def main() -> None:
    """Judge the crowds, and write what was found."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", default="100,101,102,103,104,105")
    parser.add_argument("--only", default=",".join(CROWDS))
    parser.add_argument("--data", type=Path, help="folder of cifar10n.npz")
    parser.add_argument("--without-peers", action="store_true")
    parser.add_argument("--output", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    cases = [
        (name, int(seed), None)
        for name in arguments.only.split(",")
        if name
        for seed in arguments.seeds.split(",")
    ]
    if arguments.data is not None:
        whole = cifar10n(arguments.data, 0)
        cases += [("CIFAR-10N, 50,000", 0, whole)]
        cases += [("CIFAR-10N, 5,000", seed, some(whole, 5000, seed)) for seed in range(4)]
    found = []
    for name, seed, given in cases:
        crowd = made(name, seed) if given is None else given
        row: dict[str, object] = {"crowd": name, "seed": seed, **ours(crowd)}
        if not arguments.without_peers and given is None:
            row |= dict(peers(crowd))
        found.append(row)
        print(row, flush=True)
        pd.DataFrame(found).to_csv(arguments.output, index=False, float_format="%.5g")
    print(pd.DataFrame(found).groupby("crowd", sort=False).mean(numeric_only=True).round(4).T)


if __name__ == "__main__":
    main()
