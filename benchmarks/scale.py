"""How fast and how large: estimates from probabilities, bootstrap, Parquet, out-of-fold evidence.

    python benchmarks/scale.py [--quick] [--repeats 5] [--only joint,bootstrap,large,parquet,folds]

Interleaved repeats, medians. `joint`: confident counts and T beside cleanlab's confident joint.
`bootstrap`: bounds by 1,000 resamples. `large`: two passes over an .npy of N x 1000 float32 beside
the time of reading it. `parquet`: the whole command on 1M, 5M and 20M x 10, time and peak memory of
its process. `folds`: out-of-fold probabilities, 50k x 512 x 10, beside scikit-learn's logistic
regression: time and accuracy, of all that alfs tries and of its linear ridges alone. Files are made
in a temporary folder. Writes
benchmarks/results/scale.csv; `--quick` takes smaller sizes and writes nothing.
"""

import argparse
import csv
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import numpy as np

RESULTS = Path(__file__).parent / "results" / "scale.csv"
SPARE_BYTES = 2 * 10**9
Row = dict[str, object]


def median_seconds(works: dict[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Return the median time of each, taken in turns."""
    taken: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(repeats):
        for name, work in works.items():
            begun = time.perf_counter()
            work()
            taken[name].append(time.perf_counter() - begun)
    return {name: statistics.median(times) for name, times in taken.items()}


def drawn(N: int, K: int, dtype: type, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return probabilities (N, K) and labels (N,) of which a fifth are wrong."""
    generator = np.random.default_rng(seed)
    true = generator.integers(K, size=N)
    given = np.where(generator.random(N) < 0.2, generator.integers(K, size=N), true)
    probs = np.empty((N, K), dtype=dtype)
    for start in range(0, N, 10_000):
        rows = slice(start, start + 10_000)
        logits = generator.standard_normal((len(true[rows]), K), dtype=np.float32)
        logits[np.arange(len(logits)), true[rows]] += 3 + np.log(K)
        np.exp(logits, out=logits)
        probs[rows] = logits / logits.sum(axis=1, keepdims=True)
    return probs, given


def joint(repeats: int, *, quick: bool) -> Iterator[Row]:
    """Yield the confident joint beside cleanlab's, which it must equal."""
    from cleanlab.count import compute_confident_joint

    from alfs_cli.estimators.confident import confident

    sizes = (
        ((50_000, 10), (50_000, 100)) if quick else ((50_000, 10), (50_000, 100), (200_000, 1000))
    )
    for N, K in sizes:
        probs, labels = drawn(N, K, np.float64 if K <= 100 else np.float32)
        ours = confident(probs, labels).counts
        theirs = compute_confident_joint(labels, probs, calibrate=False)
        if not (ours == theirs.T).all():
            raise SystemExit(f"counts differ from cleanlab's at {N} x {K}")
        taken = median_seconds(
            {
                "cleanlab": lambda: compute_confident_joint(labels, probs, calibrate=False),  # noqa: B023
                "alfs": lambda: confident(probs, labels).transition(),  # noqa: B023
            },
            repeats if K <= 100 else min(repeats, 3),
        )
        yield {
            "what": "joint",
            "size": f"{N} x {K}",
            "seconds": taken["alfs"],
            "beside": "cleanlab's confident joint",
            "beside_seconds": taken["cleanlab"],
            "ratio": taken["cleanlab"] / taken["alfs"],
            "goal": ">= 2.5" if K <= 100 else ">= 1",
        }


def bootstrap(repeats: int, *, quick: bool) -> Iterator[Row]:
    """Yield the time of 1000 resamples by the number of classes."""
    from alfs_cli.estimators.confident import confident

    for K in (10, 100) if quick else (10, 100, 1000):
        found = confident(*drawn(50_000 if K <= 100 else 200_000, K, np.float32))

        def bounds() -> object:
            generator = np.random.default_rng(0)
            return found.spread(confidence=0.95, resamples=1000, generator=generator)  # noqa: B023

        taken = median_seconds({"alfs": bounds}, repeats if K <= 100 else 1)
        yield {
            "what": "bootstrap",
            "size": f"1000 resamples, K = {K}",
            "seconds": taken["alfs"],
            "goal": {10: "<= 0.05 s", 100: "<= 1 s"}.get(K, ""),
        }


def large(repeats: int, *, quick: bool) -> Iterator[Row]:
    """Yield the time and memory of an estimate in passes beside reading the file."""
    from alfs_cli.console import Quiet
    from alfs_cli.data import DataSpec
    from alfs_cli.data.readers.streaming import open_probabilities
    from alfs_cli.estimating.in_passes import passes

    N, K = (50_000 if quick else 1_280_000), 1000
    with tempfile.TemporaryDirectory() as folder:
        room = shutil.disk_usage(folder).free - SPARE_BYTES
        N = min(N, room // (4 * K))
        path, labels = Path(folder, "p.npy"), Path(folder, "y.npy")
        file = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(N, K))
        given = np.empty(N, dtype=np.int64)
        block, its = drawn(40_000, K, np.float32)
        for start in range(0, N, len(block)):
            size = min(len(block), N - start)
            file[start : start + size] = block[:size]
            given[start : start + size] = its[:size]
        file.flush()
        del file
        np.save(labels, given)
        spec = DataSpec(None, pred_probs=str(path), labels=str(labels))

        def read() -> None:
            buffer = bytearray(1 << 24)
            with path.open("rb", buffering=0) as stream:
                while stream.readinto(buffer):
                    pass

        def two_passes() -> None:
            stream = open_probabilities(spec)
            passes(stream, 0, stream.count, Quiet(), is_whole=True)

        two_passes()  # imports, and the file into the cache as far as memory goes
        taken = median_seconds({"read": read, "alfs": two_passes}, min(repeats, 3))
    yield {
        "what": "large",
        "size": f"{N} x {K} float32 .npy",
        "seconds": taken["alfs"],
        "beside": "reading the file",
        "beside_seconds": taken["read"],
        "ratio": taken["alfs"] / taken["read"],
        "goal": "< 3",
    }


def parquet(_: int, *, quick: bool) -> Iterator[Row]:
    """Yield the time and memory of an estimate by the length of a parquet file."""
    import pyarrow
    import pyarrow.parquet

    first = 0.0
    probs, labels = drawn(250_000, 10, np.float32)
    part = pyarrow.table(
        {f"p_c{j}": probs[:, j] for j in range(10)} | {"label": [f"c{j}" for j in labels]}
    )
    for millions in (1, 2) if quick else (1, 5, 20):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "p.parquet")
            with pyarrow.parquet.ParquetWriter(path, part.schema) as writer:
                for _ in range(4 * millions):
                    writer.write_table(part)
            words = ("estimate", "--pred-probs", str(path), "--method", "confident", "-q")
            seconds, peak = command_of(*words, "--out", folder)
        first = first or seconds
        yield {
            "what": "parquet",
            "size": f"{millions}M x 10",
            "seconds": seconds,
            "peak_bytes": peak,
            "beside": f"{millions} times the time of 1M",
            "beside_seconds": millions * first,
            "ratio": seconds / (millions * first),
            "goal": "< 1 GB, ratio <= 1.1",
        }


# ru_maxrss outlives exec: it starts with the peak of the process that forked
CHILD = """
import resource, sys
from pathlib import Path
from alfs_cli.cli import run
code = run(sys.argv[1:])
status = Path("/proc/self/status")
if status.is_file():
    peak = next(row for row in status.read_text().splitlines() if row.startswith("VmHWM"))
    size = 1024 * int(peak.split()[1])
else:
    unit = 1 if sys.platform == "darwin" else 1024
    size = unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(size, file=sys.stderr)
sys.exit(code)
"""


def command_of(*words: str) -> tuple[float, int]:
    """Return the wall-clock seconds and the peak memory of one `alfs` process."""
    begun = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", CHILD, *words], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    return time.perf_counter() - begun, int(done.stderr.split()[-1])


def folds(repeats: int, *, quick: bool) -> Iterator[Row]:
    """Yield held-out probabilities beside scikit-learn's logistic regression."""
    from sklearn.linear_model import LogisticRegression

    from alfs_cli.data.folds import stratified_folds
    from alfs_cli.evidence.out_of_fold import best_ridge, linear_map, out_of_fold

    N, D, K = (10_000 if quick else 50_000), 512, 10
    generator = np.random.default_rng(0)
    true = generator.integers(K, size=N)
    means = generator.standard_normal((K, D)) * (3.2 / np.sqrt(D))
    X = (means[true] + generator.standard_normal((N, D))).astype(np.float32)
    given = np.where(generator.random(N) < 0.2, generator.integers(K, size=N), true)
    fold_of = stratified_folds(given, 5, np.random.default_rng(0))
    found: dict[str, np.ndarray] = {}

    def ours() -> None:
        found["alfs"] = out_of_fold(X, given, K, fold_of).probs

    def linear() -> None:
        found["linear ridge"] = best_ridge("", linear_map(X), X, given, K, fold_of).probs

    def theirs() -> None:
        probs = np.empty((N, K))
        for fold in range(5):
            held = fold_of == fold
            fit = LogisticRegression(C=0.001, max_iter=1000).fit(X[~held], given[~held])
            probs[held] = fit.predict_proba(X[held])
        found["scikit-learn"] = probs

    works = {"scikit-learn": theirs, "linear ridge": linear, "alfs": ours}
    taken = median_seconds(works, min(repeats, 3))
    each = np.arange(N)
    told = {
        name: f"{100 * (probs.argmax(axis=1) == true).mean():.2f} % of true labels, held-out "
        f"log-likelihood of the given {np.log(probs[each, given]).mean():.4f}"
        for name, probs in found.items()
    }
    for name in ("linear ridge", "alfs"):
        yield {
            "what": "folds",
            "size": f"{N} x {D} x {K}, 5 folds, {name}",
            "seconds": taken[name],
            "beside": "scikit-learn's logistic regression, C = 0.001",
            "beside_seconds": taken["scikit-learn"],
            "ratio": taken["scikit-learn"] / taken[name],
            "goal": ">= 3 at the same answer",
            "answer": f"{name} {told[name]}; scikit-learn {told['scikit-learn']}",
        }


PARTS = {
    "joint": joint, "bootstrap": bootstrap, "large": large, "parquet": parquet, "folds": folds,
}  # fmt: skip
COLUMNS = (
    "what", "size", "seconds", "beside", "beside_seconds", "ratio", "goal", "peak_bytes", "answer",
    "date", "load",
)  # fmt: skip


def main() -> None:
    """Run the parts, and write a row for each size."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="smaller sizes; nothing is written")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", default="", help=", ".join(PARTS))
    parser.add_argument("--output", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    found: list[Row] = []
    for name in arguments.only.split(",") if arguments.only else PARTS:
        for row in PARTS[name](arguments.repeats, quick=arguments.quick):
            row |= {"date": date.today().isoformat(), "load": round(os.getloadavg()[0], 1)}
            found.append({key: _short(value) for key, value in row.items()})
            print(" ".join(f"{key}={value}" for key, value in found[-1].items()), flush=True)
    print(f"peak memory of this process {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss} KiB")
    if arguments.quick:
        return
    arguments.output.parent.mkdir(exist_ok=True)
    with arguments.output.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(found)


def _short(value: object) -> object:
    return f"{value:.4g}" if isinstance(value, float) else value


if __name__ == "__main__":
    main()
