"""Fuzz every reader guided by coverage, by atheris (pip install atheris).

    python benchmarks/fuzz_readers.py [--seconds 20] [READER ...]

Each reader gets a process, good input to start from, and so many seconds. It must read what comes
or say why not; any other exception, more than 2 GB or ten seconds on one input is wrong. Prints
what went wrong, and writes benchmarks/results/fuzz_readers.json.
"""

import argparse
import contextlib
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

TOP = Path(__file__).parents[1]
RESULTS = TOP / "benchmarks" / "results" / "fuzz_readers.json"
sys.path.insert(0, str(TOP))
SUFFIXES = (".csv", ".tsv", ".jsonl", ".parquet", ".npz")


def names() -> list[str]:
    """Return the readers."""
    from tests.fuzz.test_readers import DOCUMENTS, TEXTS

    return [*(f"data{suffix}" for suffix in SUFFIXES), *DOCUMENTS, *TEXTS, "loss"]


def reader(name: str) -> Callable[[Path], object]:
    """Return what reads a file of this name."""
    from alfs_cli.data import DataSpec, load
    from alfs_cli.losses import parse_loss
    from tests.fuzz.test_readers import DOCUMENTS, TEXTS

    if name == "loss":
        return lambda path: parse_loss(path.read_text(encoding="utf-8", errors="replace"))
    known: dict[str, Callable[[Path], object]] = {**DOCUMENTS, **TEXTS}
    return known.get(name) or (lambda path: load(DataSpec(str(path))))


def good_input(name: str, folder: Path) -> None:
    """Write good input of a reader's kind to start from."""
    import numpy as np
    import pandas as pd

    from tests.fuzz import cases, seeds

    header, rows = seeds.table_rows("features")
    table = pd.DataFrame(rows[:8], columns=header)
    texts = {
        "data.csv": seeds.csv_text(header, rows[:8]),
        "data.tsv": seeds.csv_text(header, rows[:8], "\t"),
        "data.jsonl": seeds.jsonl_text(header, rows[:8]),
        "estimate.json": json.dumps(seeds.estimate_document()),
        "T.json": json.dumps(seeds.estimate_document()),
        "baseline.json": json.dumps(cases.BASELINE),
        "class_to_idx.json": json.dumps({str(digit): digit for digit in range(10)}),
        "recipe.yaml": seeds.RECIPE,
        "config.yaml": seeds.RECIPE,
        "alfs.yaml": cases.SETTINGS,
        "pyproject.toml": "[tool.alfs.check]\nmax-noise-rate = 0.1\nselect = ['ALFS1']\n",
        "ignore.csv": cases.IGNORED,
        "T.csv": "true,cat,dog\ncat,0.9,0.1\ndog,0.1,0.9\n",
        "metrics.jsonl": '{"epoch": 1, "loss": 0.5, "train_accuracy": 0.5, "lr": 0.1}\n',
        "loss": "nce+agce:a=6,q=1.5,alpha=1,beta=4",
    }
    match name:
        case "data.parquet":
            table.to_parquet(folder / "good")
        case "data.npz":
            with (folder / "good").open("wb") as file:
                np.savez(file, **{key: a[:6] for key, a in seeds.npz_arrays("features").items()})
        case "T.npy":
            with (folder / "good").open("wb") as file:
                np.save(file, np.eye(3))
        case _:
            (folder / "good").write_text(texts[name], encoding="utf-8")


def fuzz(name: str, folder: Path, seconds: int) -> None:
    """Fuzz one reader in this process, which ends with it."""
    import atheris

    with atheris.instrument_imports(include=["alfs_cli"]):
        from alfs_cli.errors import AlfsError

        read = reader(name)
    place = folder / name

    def one_input(content: bytes) -> None:
        place.write_bytes(content)
        with contextlib.suppress(AlfsError):
            read(place)

    corpus = folder / "corpus"
    corpus.mkdir()
    good_input(name, corpus)
    limits = (f"-max_total_time={seconds}", "-rss_limit_mb=2048", "-timeout=10", "-seed=1")
    artifacts = f"-artifact_prefix={folder}/wrong-"
    atheris.Setup([sys.argv[0], *limits, artifacts, "-max_len=4096", str(corpus)], one_input)
    atheris.Fuzz()


def main() -> None:
    """Fuzz the readers one after another, and exit with 1 if anything went wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("readers", nargs="*", metavar="READER")
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--here", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.here is not None:
        fuzz(arguments.readers[0], arguments.here, arguments.seconds)
        return
    result: dict[str, dict[str, object]] = {}
    for name in arguments.readers or names():
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run(
                [sys.executable, __file__, name, "--here", folder,
                 "--seconds", str(arguments.seconds)],
                capture_output=True, text=True, errors="replace", cwd=folder,
            )  # fmt: skip
            runs = re.findall(r"Done (\d+) runs", done.stderr)
            covered = re.findall(r"cov: (\d+)", done.stderr)
            is_wrong = done.returncode != 0
            if is_wrong:
                inputs = [path.read_bytes()[:300] for path in Path(folder).glob("wrong-*")]
                print(name, inputs, done.stderr[-3000:], file=sys.stderr)
            result[name] = {
                "runs": int(runs[-1]) if runs else None,
                "branches": int(covered[-1]) if covered else None,
                "wrong": is_wrong,
            }
            print(name, result[name], flush=True)
    RESULTS.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    sys.exit(any(found["wrong"] for found in result.values()))


if __name__ == "__main__":
    main()
