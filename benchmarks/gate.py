"""How often the gate fails by chance, and how often it catches data that got worse.

    python benchmarks/gate.py [--runs 200] [--sizes 500,2000,8000] [--minutes 60]

For each point (kind of noise, number of examples, noise relative to the limit) the labels of three
classes are drawn anew `--runs` times, estimated by the product's default method from out-of-fold
probabilities, and judged by its gates, whose limits are the population's values at 10 % noise (for
dominance: at 50 %). Classes are Gaussian, four standard deviations apart; the probabilities are
exact ones with log-normal errors of 0.3, since those of a fitted model err too. ALFS302 compares
with the baseline made from another draw at the limit.

Points that results/gate.csv holds already are kept, so that a run may go on where one ended. Writes
benchmarks/results/gate.csv and gate.svg.
"""

import argparse
import time
from collections import Counter
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from alfs_cli.estimators.fitting import estimate_transition
from alfs_cli.gate.baseline import ceilings_of
from alfs_cli.gate.judging import Thresholds, judge
from alfs_cli.noise import clean_level, transition_of
from alfs_cli.results.estimate import NoiseEstimate, load_estimate

RESULTS = Path(__file__).parent / "results"

K = 3
SEPARATION = 4.0  # standard deviations between the means of two classes, by sqrt(2)
ERROR = 0.3  # standard deviation of the logarithm of a probability
LIMIT, DOMINANCE_LIMIT = 0.1, 0.5
RELATIVE = (1.0, 0.8, 2.0, 3.0, 1.5)
CACHE: Path | None = None
DOMINANCE_RELATIVE = (1.0, 0.8, 1.2, 1.4)


def drawn(kind: str, rate: float, size: int, run: int) -> tuple[np.ndarray, np.ndarray]:
    """Return out-of-fold probabilities (N, K) and given labels (N,) of a fresh draw."""
    generator = np.random.default_rng([run, size, round(1000 * rate), len(kind)])
    T = np.asarray(transition_of(kind, rate, K))
    true = generator.integers(0, K, size)
    rows = generator.normal(size=(size, K)) + SEPARATION * np.eye(K)[true]
    posterior = np.exp(SEPARATION * (rows - rows.max(axis=1, keepdims=True)))
    posterior /= posterior.sum(axis=1, keepdims=True)
    given = (T[true].cumsum(axis=1) < generator.random(size)[:, None]).sum(axis=1)
    probs = posterior @ T * np.exp(ERROR * generator.normal(size=(size, K)))
    return probs / probs.sum(axis=1, keepdims=True), np.minimum(given, K - 1)


@cache
def estimated(kind: str, rate: float, size: int, run: int) -> NoiseEstimate:
    """Return the product's estimate of a draw, kept under --cache."""
    if CACHE is None:
        return estimate_transition(*drawn(kind, rate, size, run))
    path = CACHE / f"{kind}-{rate:g}-{size}-{run}.json"
    if not path.exists():
        estimate_transition(*drawn(kind, rate, size, run)).save(path)
    return load_estimate(path)


def statuses(kind: str, rate: float, size: int, run: int, runs: int) -> dict[str, str]:
    """Return the worst status of each rule's gates: fail, warn or pass."""
    estimate = estimated(kind, rate, size, run)
    if kind == "pair":
        result = judge(estimate, Thresholds(), ())
    else:
        at_limit = np.asarray(transition_of(kind, LIMIT, K))
        limits = Thresholds(
            max_noise_rate=LIMIT,
            max_class_noise_rate=LIMIT,
            min_clean_level=clean_level(at_limit),
            max_pair_rate=float(at_limit[0, 1:].max()),
            require_dominance=False,
        )
        before = estimated(kind, LIMIT, size, (run + 1) % runs)
        result = judge(estimate, limits, (), ceilings=ceilings_of(before))
    worst: dict[str, str] = {}
    for gate in result.gates:
        if gate.value is not None and gate.low is not None:
            order = ("pass", "warn", "fail")
            worst[gate.rule] = max(worst.get(gate.rule, "pass"), gate.status, key=order.index)
    return worst


def point(kind: str, relative: float, size: int, runs: int) -> list[dict[str, object]]:
    """Return a row for each rule: how many of the runs failed, and warned."""
    rate = relative * (DOMINANCE_LIMIT if kind == "pair" else LIMIT)
    counts: dict[str, Counter[str]] = {}
    for run in range(runs):
        for rule, status in statuses(kind, rate, size, run, runs).items():
            counts.setdefault(rule, Counter())[status] += 1
    return [
        {
            "noise": kind,
            "n": size,
            "relative_to_limit": relative,
            "rule": rule,
            "runs": runs,
            "failed": found["fail"] / runs,
            "warned": found["warn"] / runs,
        }
        for rule, found in sorted(counts.items())
    ]


def draw(frame: pd.DataFrame, path: Path) -> None:
    """Draw the share of runs that fail over the noise relative to the limit, a panel a rule."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "gate"  # the same file for the same numbers
    from matplotlib import pyplot

    rules = sorted(frame["rule"].unique())
    figure, axes = pyplot.subplots(2, 3, figsize=(11, 6.5), sharey=True, layout="constrained")
    for axis, rule in zip(axes.flat, rules, strict=False):
        here = frame[frame["rule"] == rule].sort_values("relative_to_limit")
        for (kind, size), line in here.groupby(["noise", "n"]):
            style = {"symmetric": "-", "asymmetric": "--", "pair": "-"}[kind]
            color = {500: "#56B4E9", 2000: "#E69F00", 8000: "#009E73"}.get(size)
            axis.plot(
                line["relative_to_limit"],
                100 * line["failed"],
                style,
                color=color,
                marker="o",
                markersize=3,
                label=f"{kind}, n = {size:,}",
            )
        axis.axvline(1, color="grey", linewidth=0.8)
        axis.set(title=rule, xlabel="noise / limit", ylabel="runs that fail (%)")
        axis.legend(fontsize=6)
    for axis in list(axes.flat)[len(rules) :]:
        axis.set_visible(False)
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    """Count how often the gate is wrong, and write it."""
    global CACHE
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--sizes", default="500,2000,8000")
    parser.add_argument("--minutes", type=float, default=60, help="begin no point after these")
    parser.add_argument("--cache", type=Path, help="folder of estimates that were made before")
    arguments = parser.parse_args()
    CACHE = arguments.cache
    table = RESULTS / "gate.csv"
    rows = pd.read_csv(table).to_dict("records") if table.exists() else []
    done = {(row["noise"], row["n"], row["relative_to_limit"]) for row in rows}
    begun = time.monotonic()
    wanted = [
        (kind, relative, size)
        for size in map(int, arguments.sizes.split(","))
        for kind in ("symmetric", "asymmetric", "pair")
        for relative in (DOMINANCE_RELATIVE if kind == "pair" else RELATIVE)
    ]
    for kind, relative, size in wanted:
        if (kind, size, relative) in done or time.monotonic() - begun > 60 * arguments.minutes:
            continue
        found = point(kind, relative, size, arguments.runs)
        rows += found
        print(*(f"{kind} {size} {relative} {r['rule']} {r['failed']:.3f} {r['warned']:.3f}"
                for r in found), sep="\n", flush=True)  # fmt: skip
        RESULTS.mkdir(exist_ok=True)
        pd.DataFrame(rows).to_csv(table, index=False, float_format="%.4g")
    draw(pd.DataFrame(rows), RESULTS / "gate.svg")


if __name__ == "__main__":
    main()
