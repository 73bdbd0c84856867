"""From a bare environment to the first estimate: seconds and bytes of `pip install alfs-audit`.

    python benchmarks/install.py [--python python3.13 ...] [--whole]

Makes a virtual environment of each Python, installs packaging/audit of this checkout into it past
pip's cache, and estimates the noise of a table of 1,500 rows; --whole is the whole tool too (5 GB).
Packages come from pip's usual index, so the seconds are also those of the network. Writes
benchmarks/results/install.json.
"""

import argparse
import csv
import json
import os
import platform
import random
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Any

TOP = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results" / "install.json"
ROWS, CLASSES = 1500, ("bad", "good", "so-so")
GOAL = {"seconds": 60, "megabytes": 600}  # of alfs-audit


def write_table(path: Path) -> None:
    """Write a table of four numbers and a label; one label in ten is another class's."""
    numbers = random.Random(0)
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["a", "b", "c", "d", "label"])
        for number in range(ROWS):
            true = number % 3
            given = (true + 1) % 3 if number % 10 == 0 else true
            values = [numbers.gauss(4.0 * (k == true), 1.0) for k in range(4)]
            rows.writerow([*(f"{value:.4f}" for value in values), CLASSES[given]])


def timed(*words: str | Path, cwd: Path) -> float:
    """Return the seconds that a command took; stops where it fails."""
    # The packages are to come from the environment, not from where this script runs.
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    started = time.perf_counter()
    done = subprocess.run(words, cwd=cwd, env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, words))}\n{done.stdout}{done.stderr}")
    return time.perf_counter() - started


def size(folder: Path) -> int:
    """Return the bytes of all files under a folder."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir())


def measure(python: str, source: Path) -> dict[str, Any]:
    """Return seconds and megabytes of one way in, with one Python."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        timed(python, "-m", "venv", folder / "venv", cwd=folder)
        bare = size(folder / "venv")
        own = folder / "venv" / "bin" / "python"
        version = subprocess.check_output([own, "-c", "import sys; print(sys.version.split()[0])"])
        install = timed(own, "-m", "pip", "install", "-q", "--no-cache-dir", source, cwd=folder)
        write_table(folder / "table.csv")
        alfs = folder / "venv" / "bin" / "alfs"
        first = timed(alfs, "estimate", "table.csv", "-q", cwd=folder)
        found = json.loads((folder / "alfs-out" / "estimate.json").read_text())
        rate = found["noise_rate"]
        if not rate["low"] <= 0.1 <= rate["high"]:
            sys.exit(f"the estimate is wrong: {rate}")
        again = timed(alfs, "estimate", "table.csv", "-q", "--no-cache", cwd=folder)
        return {
            "python": version.decode().strip(),
            "megabytes": round((size(folder / "venv") - bare) / 1e6, 1),
            "install_seconds": round(install, 1),
            "first_estimate_seconds": round(first, 1),
            "second_estimate_seconds": round(again, 1),
            "to_the_first_estimate_seconds": round(install + first, 1),
        }


def main() -> None:
    """Measure each way in with each Python, print and keep it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--python", nargs="+", default=[sys.executable])
    parser.add_argument("--whole", action="store_true")
    asked = parser.parse_args()
    ways = {"alfs-audit": TOP / "packaging" / "audit"}
    ways |= {"alfs-cli": TOP} if asked.whole else {}
    result = {
        "date": date.today().isoformat(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "load": round(os.getloadavg()[0] / (os.cpu_count() or 1), 1),
        "goal": GOAL,
        "ways": {
            name: [measure(python, source) for python in asked.python]
            for name, source in ways.items()
        },
    }
    RESULTS.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
