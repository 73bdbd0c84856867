"""How long does a whole estimate take, beside cleanlab on the same data?

    python benchmarks/speed.py [--repeats 3] [--only features,probabilities,digits,check,growth]

Whole processes, by turns, medians: seconds by the clock, of processor time, and peak memory
(that of this program where it is more).
`features`: `alfs estimate` from features, beside scikit-learn's logistic regression in five folds
and cleanlab's confident joint, noise matrix and list of label issues. `probabilities`: likewise,
from given ones. `digits`: scikit-learn's digits, after what both import. `check`: a gate on a saved
estimate. `growth`: alfs alone at growing N and K, with a plot. Data are temporary. Writes
benchmarks/results/speed.csv, speed_growth.csv and speed_growth.svg.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

RESULTS = Path(__file__).parent / "results"
FIND = """
from cleanlab.count import compute_confident_joint, estimate_latent
from cleanlab.filter import find_label_issues
def find(labels, probs):
    joint = compute_confident_joint(labels, probs)
    estimate_latent(joint, labels)
    find_label_issues(labels, probs, confident_joint=joint, n_jobs=1,
                      return_indices_ranked_by="self_confidence")
"""
FROM_FEATURES = f"""
import sys
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict
{FIND}
def main(path):
    held = np.load(path)
    labels = held["labels"]
    probs = cross_val_predict(LogisticRegression(max_iter=1000), held["features"], labels, cv=5,
                              method="predict_proba")
    find(labels, probs)
"""
FROM_PROBS = f"""
import sys
import numpy as np
{FIND}
def main(probs, labels):
    find(np.load(labels), np.load(probs))
"""
OURS = """
import sys
from alfs_cli.cli import run
def main(*words):
    assert run([*words, "--quiet"]) == 0
"""
WHOLE = "main(*sys.argv[1:])"
AFTER_IMPORTS = """
import time
main(*sys.argv[1:])
began = time.perf_counter()
main(*sys.argv[1:])
print(f"took {time.perf_counter() - began}")
"""


@dataclass(frozen=True)
class Took:
    """Seconds by the clock and of the processor, and megabytes at most, of one process."""

    seconds: float
    cpu_seconds: float
    megabytes: float


@dataclass(frozen=True)
class Side:
    """A program and what it is given."""

    program: str
    words: tuple[str, ...]
    is_after_imports: bool = False

    def run(self, folder: Path) -> Took:
        """Return what one process of it takes; with `is_after_imports` the second of two calls."""
        text = self.program + (AFTER_IMPORTS if self.is_after_imports else WHOLE)
        file = folder / "side.py"
        file.write_text(text)
        began = time.perf_counter()
        with subprocess.Popen(
            [sys.executable, file, *self.words], stdout=subprocess.PIPE, cwd=folder, text=True
        ) as process:
            said = process.stdout.read() if process.stdout else ""
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"{self.words} ended with {process.returncode}")
        seconds = time.perf_counter() - began
        if self.is_after_imports:
            seconds = float(said.split("took ")[1])
        return Took(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1e3)


def features(N: int, K: int, D: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return features (N, D) of K normal classes, and labels, a fifth of them wrong."""
    generator = np.random.default_rng(seed)
    means = generator.standard_normal((K, D))
    means *= 2.5 / np.linalg.norm(means, axis=1, keepdims=True)
    true = generator.integers(K, size=N)
    given = np.where(generator.random(N) < 0.2, generator.integers(K, size=N), true)
    rows = means[true] + generator.standard_normal((N, D))
    return rows.astype(np.float32), given


def probabilities(N: int, K: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return probabilities (N, K) of a model, and labels, a fifth of them wrong."""
    generator = np.random.default_rng(seed)
    true = generator.integers(K, size=N)
    given = np.where(generator.random(N) < 0.2, generator.integers(K, size=N), true)
    logits = generator.standard_normal((N, K), dtype=np.float32)
    logits[np.arange(N), true] += 3 + np.log(K)
    found = np.exp(logits, out=logits)
    found /= found.sum(axis=1, keepdims=True)
    return found, given


def of_features(N: int, K: int, D: int, folder: Path) -> tuple[Side, Side]:
    """Return both sides on made-up features, which are written to the folder."""
    X, labels = features(N, K, D, seed=N)
    np.savez(folder / "features.npz", features=X, labels=labels)
    ours = Side(OURS, ("estimate", "features.npz", "--out", "out"))
    return ours, Side(FROM_FEATURES, ("features.npz",))


def of_probabilities(N: int, K: int, folder: Path) -> tuple[Side, Side]:
    """Return both sides on made-up probabilities, which are written to the folder."""
    probs, labels = probabilities(N, K, seed=N)
    np.save(folder / "probs.npy", probs)
    np.save(folder / "labels.npy", labels)
    words = ("estimate", "--pred-probs", "probs.npy", "--labels", "labels.npy", "--out", "out")
    return Side(OURS, words), Side(FROM_PROBS, ("probs.npy", "labels.npy"))


def of_digits(folder: Path) -> tuple[Side, Side]:
    """Return both sides on scikit-learn's digits, a fifth of their labels wrong, after imports."""
    from sklearn.datasets import load_digits

    X, true = load_digits(return_X_y=True)
    generator = np.random.default_rng(6)
    given = np.where(generator.random(len(true)) < 0.2, generator.integers(10, size=len(X)), true)
    np.savez(folder / "features.npz", features=X.astype(np.float32) / 16, labels=given)
    ours = Side(OURS, ("estimate", "features.npz", "--out", "out"), is_after_imports=True)
    return ours, Side(FROM_FEATURES, ("features.npz",), is_after_imports=True)


def compared(only: set[str], folder: Path) -> Iterator[tuple[str, str, Side, Side | None]]:
    """Yield name, size, our side and cleanlab's of each case, its data written to the folder."""
    if "features" in only:
        for N, K, D in ((10_000, 10, 64), (50_000, 10, 192)):
            yield "features", f"{N} x {D}, {K} classes", *of_features(N, K, D, folder)
    if "digits" in only:
        yield "digits", "1797 x 64, 10 classes", *of_digits(folder)
    if "probabilities" in only:
        for N, K in ((100_000, 10), (1_000_000, 10), (100_000, 100)):
            yield "probabilities", f"{N} x {K}", *of_probabilities(N, K, folder)
    if "check" in only:
        of_digits(folder)[0].run(folder)
        words = ("check", "out/estimate.json", "--max-noise-rate", "0.9")
        yield "check", "a saved estimate", Side(OURS, words), None


def growth(folder: Path) -> Iterator[tuple[str, int, int, Side]]:
    """Yield what grows, N, K and our side, its data written to the folder."""
    for N in (10_000, 30_000, 100_000, 300_000, 1_000_000):
        yield "probabilities by N", N, 10, of_probabilities(N, 10, folder)[0]
    for N in (3_000, 10_000, 30_000, 100_000):
        yield "features by N", N, 10, of_features(N, 10, 64, folder)[0]
    for K in (2, 5, 10, 20, 50, 100, 200, 500):
        yield "probabilities by K", 50_000, K, of_probabilities(50_000, K, folder)[0]


def by_turns(sides: dict[str, Side], repeats: int, folder: Path) -> dict[str, Took]:
    """Return medians over so many turns; one more before them warms the disk's cache."""
    took: dict[str, list[Took]] = {name: [] for name in sides}
    for turn in range(repeats + 1):
        for name, side in sides.items():
            one = side.run(folder)
            if turn:
                took[name].append(one)
    return {
        name: Took(
            statistics.median(one.seconds for one in all_),
            statistics.median(one.cpu_seconds for one in all_),
            max(one.megabytes for one in all_),
        )
        for name, all_ in took.items()
    }


def compare(only: set[str], repeats: int, folder: Path) -> None:
    """Write speed.csv: a row for each case."""
    rows = []
    for name, size, ours, theirs in compared(only, folder):
        sides = {"alfs": ours} | ({"cleanlab": theirs} if theirs else {})
        took = by_turns(sides, repeats, folder)
        row: dict[str, object] = {"case": name, "size": size, "repeats": repeats}
        for side, one in took.items():
            row[f"{side}_seconds"] = round(one.seconds, 2)
            row[f"{side}_cpu_seconds"] = round(one.cpu_seconds, 2)
            row[f"{side}_megabytes"] = round(one.megabytes)
        if theirs:
            row["times"] = round(took["alfs"].seconds / took["cleanlab"].seconds, 2)
        print(row, flush=True)
        rows.append(row)
    if rows:
        pd.DataFrame(rows).to_csv(RESULTS / "speed.csv", index=False)


def grow(repeats: int, folder: Path) -> None:
    """Write speed_growth.csv and its plot."""
    rows = []
    for what, N, K, side in growth(folder):
        took = by_turns({"alfs": side}, repeats, folder)["alfs"]
        taken = {"cpu_seconds": round(took.cpu_seconds, 2), "seconds": round(took.seconds, 2)}
        rows.append({"case": what, "N": N, "K": K, **taken, "megabytes": round(took.megabytes)})
        print(rows[-1], flush=True)
    table = pd.DataFrame(rows)
    table.to_csv(RESULTS / "speed_growth.csv", index=False)
    plot(table, RESULTS / "speed_growth.svg")


def plot(table: pd.DataFrame, path: Path) -> None:
    """Draw processor time against N, and against K."""
    import matplotlib

    matplotlib.use("svg")
    import matplotlib.pyplot as plt

    plt.rcParams["svg.hashsalt"] = "speed"
    figure, axes = plt.subplots(1, 2, figsize=(8, 3.2), layout="constrained")
    for ax, column in zip(axes, ("N", "K"), strict=True):
        for case, some in table[table["case"].str.endswith(f"by {column}")].groupby("case"):
            ax.plot(some[column], some["cpu_seconds"], marker="o", label=case.split(" by ")[0])
        ax.set(xscale="log", yscale="log", xlabel=column, ylabel="processor time (s)")
        ax.legend(frameon=False)
        ax.grid(alpha=0.3)
    axes[0].set_title("10 classes")
    axes[1].set_title("50,000 examples")
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    """Time the cases that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", default="features,probabilities,digits,check,growth")
    words = parser.parse_args()
    only = set(words.only.split(","))
    with tempfile.TemporaryDirectory() as folder:
        compare(only, words.repeats, Path(folder))
        if "growth" in only:
            grow(1, Path(folder))


if __name__ == "__main__":
    main()
