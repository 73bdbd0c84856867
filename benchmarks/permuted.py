"""How often columns look permuted where they are not, and how often not where they are.

    python benchmarks/permuted.py [--runs 40]

Classes are Gaussian in as many dimensions; what the model says is the exact posterior with errors,
of the given labels ("noisy": trained on them, as out-of-fold probabilities are) or of the true ones
("clean": a model from elsewhere). For each point of the study (classes, examples, noise, model,
how well the classes are told apart, balance) labels are drawn `--runs` times, and the columns are
left as they are, or moved: every class (a random order), as text sorts numbers, by one place, or
two classes alone. For each pair of limits (ratio, share) it is counted how often a cycle of the
best other matching stands out.

Writes benchmarks/results/permuted.csv, the limits in use by point and move, and
permuted_limits.csv, all limits by model, noise and move.
"""

import argparse
import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from alfs_cli.data.matching import confusion_of, cycles_of
from alfs_cli.data.tuning import TUNING

RESULTS = Path(__file__).parent / "results"
LIMITS = tuple(itertools.product((1.5, 2.0, 3.0), (0.05, 0.15, 0.3)))
NOISES = {
    "none": 0.0, "symmetric": 0.2, "symmetric .4": 0.4, "symmetric .6": 0.6, "pair .3": 0.3,
    "pair .45": 0.45, "pair .6": 0.6, "one pair .6": 0.6, "one pair .8": 0.8, "mutual .6": 0.6,
    "mutual .8": 0.8, "one class spread": 0.9,
}  # fmt: skip
SIZES = ((2, 60), (2, 2000), (3, 300), (5, 200), (10, 200), (10, 5000), (30, 3000), (100, 5000))


def transition(kind: str, rate: float, K: int) -> np.ndarray:
    """Return T (K, K), rows true."""
    T = np.eye(K)
    if kind.startswith("symmetric"):
        T = np.full((K, K), rate / (K - 1))
        np.fill_diagonal(T, 1 - rate)
    elif kind.startswith("pair"):
        T = (1 - rate) * np.eye(K) + rate * np.roll(np.eye(K), 1, axis=1)
    elif kind.startswith("one pair"):
        T[0, 0], T[0, 1] = 1 - rate, rate
    elif kind.startswith("mutual"):
        T[:2, :2] = [[1 - rate, rate], [rate, 1 - rate]]
    elif kind == "one class spread":
        T[0] = rate / (K - 1)
        T[0, 0] = 1 - rate
    return T


def drawn(
    K: int, N: int, T: np.ndarray, model: str, apart: float, run: int, *, is_even: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Return probabilities (N, K) and given labels (N,)."""
    generator = np.random.default_rng([run, K, N, round(1000 * T[0, 0]), round(10 * apart)])
    share = np.full(K, 1 / K) if is_even else generator.dirichlet(np.full(K, 1.0))
    true = generator.choice(K, N, p=share)
    rows = generator.normal(size=(N, K)) + apart * np.eye(K)[true]
    logits = apart * rows + np.log(np.maximum(share, 1e-9))
    posterior = np.exp(logits - logits.max(axis=1, keepdims=True))
    posterior /= posterior.sum(axis=1, keepdims=True)
    given = np.minimum((T[true].cumsum(axis=1) < generator.random(N)[:, None]).sum(axis=1), K - 1)
    seen = posterior @ T if model == "noisy" else posterior
    probs = seen * np.exp(0.5 * generator.normal(size=(N, K)))
    return probs / probs.sum(axis=1, keepdims=True), given


def moves(K: int, run: int) -> Iterator[tuple[str, np.ndarray]]:
    """Yield how columns are moved: the column that stands at each place."""
    here = np.arange(K)
    yield "as given", here
    yield "two classes", np.r_[here[:-2], here[-1], here[-2]]
    if K > 2:
        yield "by one place", np.roll(here, 1)
        yield "any order", np.random.default_rng([run, 9]).permutation(K)
    if K > 10:
        yield "as text", np.array(sorted(here, key=str))


def main() -> None:
    """Run the study."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--runs", type=int, default=40)
    runs = parser.parse_args().runs
    rows = []
    for (K, N), kind, model, apart, is_even in itertools.product(
        SIZES, NOISES, ("noisy", "clean"), (1.5, 4.0), (True, False)
    ):
        T = transition(kind, NOISES[kind], K)
        fired: dict[tuple[str, float, float], list[bool]] = {}
        agreeing = []
        for run in range(runs if K < 100 else max(1, runs // 4)):
            probs, given = drawn(K, N, T, model, apart, run, is_even=is_even)
            agreeing.append(float((probs.argmax(axis=1) == given).mean()))
            counts = confusion_of(probs, given)
            for move, order in moves(K, run):
                cycles = list(cycles_of(counts[order], np.random.default_rng([run, 6])))
                for ratio, share in LIMITS:
                    found = any(cycle.stands_out(ratio=ratio, share=share) for cycle in cycles)
                    fired.setdefault((move, ratio, share), []).append(found)
        about = (K, N, kind, model, apart, is_even, float(np.mean(agreeing)))
        rows += [
            (*about, move, ratio, share, len(found), sum(found))
            for (move, ratio, share), found in fired.items()
        ]
    table = pd.DataFrame(rows, columns=[
        "classes", "examples", "noise", "model", "apart", "even", "agreement", "move", "ratio",
        "share", "runs", "fired",
    ])  # fmt: skip
    table["agreement"] = table["agreement"].round(3)
    save(table)
    tell(table)


def at_limits_in_use(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the limits that alfs uses."""
    return table[
        (table["ratio"] == TUNING.permuted_ratio) & (table["share"] == TUNING.permuted_share)
    ]


def save(table: pd.DataFrame) -> None:
    """Write both files."""
    used = at_limits_in_use(table)
    by = ["classes", "examples", "noise", "model", "apart", "move"]
    points = used.groupby(by, sort=False)[["runs", "fired"]].sum()
    points.to_csv(RESULTS / "permuted.csv")
    limits = table.groupby(["ratio", "share", "model", "noise", "move"], sort=False)
    limits[["runs", "fired"]].sum().to_csv(RESULTS / "permuted_limits.csv")


def tell(table: pd.DataFrame) -> None:
    """Print the share of runs that fire, by limits; and false alarms of the limits in use."""
    summed = table.groupby(["ratio", "share", "model", "move"])[["fired", "runs"]].sum()
    print((summed["fired"] / summed["runs"]).unstack("move").round(4))
    used = at_limits_in_use(table)
    alarms = used[(used["move"] == "as given") & (used["fired"] > 0)]
    print(f"\nfalse alarms at ratio {TUNING.permuted_ratio:g}, share {TUNING.permuted_share:g}:")
    print(alarms.drop(columns=["move", "ratio", "share"]).to_string(index=False))
    moved = used[
        (used["move"] != "as given") & used["noise"].isin(("none", "symmetric", "pair .3"))
    ]
    some = moved.groupby(["classes", "examples", "apart", "move"])[["fired", "runs"]].sum()
    print("\nfound where noise is at most .3:")
    print((some["fired"] / some["runs"]).unstack("move").round(3))


if __name__ == "__main__":
    main()
