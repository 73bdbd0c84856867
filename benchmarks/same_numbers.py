"""Does a change of the code change any number? Ten kinds of data, two commits, bit for bit.

    python benchmarks/same_numbers.py BEFORE [AFTER] [--output FILE]

Checks both commits out beside this one, has each run the same commands on the same data (the
digits of scikit-learn: injected noise, a folder of pictures, features, probabilities, a table,
trusted labels, three annotators, two shards merged, a sweep with its runs, checks), and compares
every file that they saved: documents value by value, tables and networks byte by byte. Left out
are times, versions, commits and digests of documents that hold them. Prints a row a case and every
value that differs; exits with 1 if any does. AFTER is HEAD by default. About four minutes.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict

ROOT = Path(__file__).parent.parent
TIMES = ("second", "version", "environment", "commit", "started", "finished", "created")
TABLES = (".csv", ".yaml", ".safetensors", ".npz")
MOST_SHOWN = 12

CASES: dict[str, tuple[str, ...]] = {
    "digits": (
        "inject digits --noise symmetric --rate 0.2 --to {out}/noisy.npz --out {out}/injected",
        "estimate {out}/noisy.npz --out {out}",
    ),
    "folder of pictures": ("estimate {data}/folder --out {out}",),
    "features": (
        "estimate {data}/features.npz --out {out}",
        "recommend --out {out}",
        "train {data}/features.npz --loss nce+agce --epochs 3 --model mlp --out {out}/runs",
    ),
    "probabilities": (
        "estimate --pred-probs {data}/probs.npy --labels {data}/labels.npy --out {out}",
    ),
    "table": (
        "estimate {data}/table.csv --label-column digit --out {out}",
        "fix {data}/table.csv --relabel --force --label-column digit --to {out}/mended.csv "
        "--out {out}",
    ),
    "trusted labels": ("estimate {data}/features.npz --trusted {data}/trusted.csv --out {out}",),
    "annotators": (
        "estimate {data}/crowd.csv --label-columns a0,a1,a2 --method annotators --out {out}",
    ),
    "shards": (
        "estimate --pred-probs {data}/probs.npy --labels {data}/labels.npy --shard 1/2 "
        "--stats {out}/1.npz --out {out}/first",
        "estimate --pred-probs {data}/probs.npy --labels {data}/labels.npy --shard 2/2 "
        "--stats {out}/2.npz --out {out}/second",
        "estimate --merge {out}/1.npz --merge {out}/2.npz --out {out}",
    ),
    "sweep": (
        "sweep {data}/features.npz --loss ce --loss agce --noise symmetric:0.4 --seeds 0,1 "
        "--epochs 2 --model mlp --jobs 1 --out {out}",
    ),
    "check": (
        "check {data}/features.npz --max-noise-rate 0.05 --out {out} -o json={out}/verdict.json",
    ),
}


def write_data(folder: Path) -> None:
    """Write the ten kinds of data: digits with a fifth of the labels moved, by a fixed seed."""
    digits = load_digits()
    features, true = digits.data.astype(np.float32), digits.target
    random = np.random.default_rng(7)
    labels = _moved(true, 0.2, random)
    for place in range(700):
        home = folder / "folder" / "train" / str(labels[place])
        home.mkdir(parents=True, exist_ok=True)
        pixels = (digits.images[place] / 16 * 255).astype(np.uint8)
        Image.fromarray(pixels).save(home / f"{place:05d}.png")
    np.savez(folder / "features.npz", features=features, labels=labels, true_labels=true)
    model = LogisticRegression(max_iter=500)
    probs = cross_val_predict(model, features / 16, labels, method="predict_proba", cv=5)
    np.save(folder / "probs.npy", probs)
    np.save(folder / "labels.npy", labels)
    columns = {f"pixel {place}": features[:, place] for place in range(10, 40)}
    table = pd.DataFrame({**columns, "digit": [f"d{label}" for label in labels]})
    table.to_csv(folder / "table.csv", index=False)
    asked = np.sort(random.choice(len(true), 150, replace=False))
    trusted = pd.DataFrame({"index": asked, "true_label": true[asked]})
    trusted.to_csv(folder / "trusted.csv", index=False)
    people = {f"a{person}": _moved(true, 0.1 * (person + 1), random) for person in range(3)}
    pd.DataFrame({**columns, **people}).to_csv(folder / "crowd.csv", index=False)


def _moved(labels: np.ndarray, rate: float, random: np.random.Generator) -> np.ndarray:
    """Return labels (N,) of which about such a share are moved to another class."""
    moved = random.random(len(labels)) < rate
    return np.where(moved, (labels + random.integers(1, 10, len(labels))) % 10, labels)


def results(tree: Path, data: Path, out: Path) -> None:
    """Have the code of a tree run every case; its exit codes are saved with the results."""
    environment = {**os.environ, "PYTHONPATH": str(tree), "OMP_NUM_THREADS": "1"}
    for case, commands in CASES.items():
        place = out / case.replace(" ", "-")
        place.mkdir(parents=True)
        codes = []
        for line in commands:
            words = [word.format(data=data, out=place) for word in line.split()]
            done = subprocess.run(
                [sys.executable, "-P", "-m", "alfs_cli", *words, "-q"],
                env=environment,
                cwd=data,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                check=False,
            )
            codes.append(done.returncode)
            if done.returncode > 1:
                print(f"{tree.name}: exit {done.returncode}: {line}\n{done.stderr}")
        (place / "exits.json").write_text(json.dumps(codes))


def comparable(value: Any, out: Path) -> Any:
    """Return a document without times, versions and the folder that it lies in."""
    if isinstance(value, dict):
        return {
            name: comparable(inner, out)
            for name, inner in value.items()
            if not any(word in name for word in TIMES)
        }
    if isinstance(value, list):
        return [comparable(inner, out) for inner in value]
    return value.replace(str(out), "") if isinstance(value, str) else value


def differences(before: Any, after: Any, where: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield each place at which two documents differ; keys that only one has are named as such."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name in sorted({*before, *after}):
            yield from differences(
                before.get(name, "(no such key)"),
                after.get(name, "(no such key)"),
                f"{where}.{name}",
            )
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for place, pair in enumerate(zip(before, after, strict=True)):
            yield from differences(*pair, f"{where}[{place}]")
    elif before != after:
        yield where, before, after


def numbers(value: Any) -> int:
    """Return how many numbers a document holds."""
    if isinstance(value, dict):
        return sum(numbers(inner) for inner in value.values())
    if isinstance(value, list):
        return sum(numbers(inner) for inner in value)
    return int(isinstance(value, int | float) and not isinstance(value, bool))


def documents(path: Path, out: Path) -> Any:
    """Return what a .json or .jsonl file holds, made comparable."""
    text = path.read_text()
    parsed = [json.loads(line) for line in text.splitlines()] if path.suffix == ".jsonl" else None
    return comparable(json.loads(text) if parsed is None else parsed, out)


def saved(folder: Path) -> set[Path]:
    """Return the files of a folder that are compared, relative to it."""
    kinds = (".json", ".jsonl", *TABLES)
    return {
        path.relative_to(folder)
        for path in folder.rglob("*")
        if path.suffix in kinds and "cache" not in path.parts and "environment" not in path.name
    }


def compared(before: Path, after: Path) -> tuple[dict[str, int], list[str]]:
    """Return files and numbers compared of a case, and a line for each difference."""
    one, other = saved(before), saved(after)
    lines = [f"only {'before' if path in one else 'after'}: {path}" for path in sorted(one ^ other)]
    count = 0
    for path in sorted(one & other):
        if path.suffix in TABLES:
            pair = [
                (root / path).read_bytes().replace(str(root.parent).encode(), b"")
                for root in (before, after)
            ]
            if path.suffix == ".npz":  # zipped with the time of writing
                pair = [
                    b"".join(array.tobytes() for array in np.load(root / path).values())
                    for root in (before, after)
                ]
            count += 1
            lines += [f"{path}: differs"] if pair[0] != pair[1] else []
            continue
        first, second = documents(before / path, before), documents(after / path, after)
        count += numbers(first)
        lines += [
            f"{path}{where}: {str(a)[:60]} | {str(b)[:60]}"
            for where, a, b in differences(first, second)
        ]
    return {"files": len(one & other), "numbers": count}, lines


def main() -> None:
    """Check out, run, compare."""
    parser = argparse.ArgumentParser()
    parser.add_argument("before")
    parser.add_argument("after", nargs="?", default="HEAD")
    parser.add_argument("--output", type=Path, help="where to write the rows as CSV")
    arguments = parser.parse_args()
    work = Path(tempfile.mkdtemp(prefix="same-numbers-"))
    data = work / "data"
    data.mkdir()
    write_data(data)
    try:
        for name, commit in (("before", arguments.before), ("after", arguments.after)):
            tree = work / name
            subprocess.run(
                ["git", "worktree", "add", "--quiet", "--detach", str(tree), commit],
                cwd=ROOT,
                check=True,
            )
            results(tree, data, work / f"results-{name}")
        rows, is_same = [], True
        for case in CASES:
            place = case.replace(" ", "-")
            counts, lines = compared(
                work / "results-before" / place, work / "results-after" / place
            )
            rows.append({"case": case, **counts, "differences": len(lines)})
            is_same &= not lines
            print("\n".join(f"{case}: {line}" for line in lines[:MOST_SHOWN]))
        print(pd.DataFrame(rows).to_string(index=False))
        if arguments.output is not None:
            pd.DataFrame(rows).to_csv(arguments.output, index=False)
    finally:
        for name in ("before", "after"):
            remove = ["git", "worktree", "remove", "--force", str(work / name)]
            subprocess.run(remove, cwd=ROOT, check=False)
        shutil.rmtree(work)
    sys.exit(0 if is_same else 1)


if __name__ == "__main__":
    main()
