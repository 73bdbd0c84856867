"""How long `alfs --help` takes beside a bare typer app and beside the imports it avoids.

    python benchmarks/startup.py [--repeats 9]

Whole processes, interleaved, medians of wall-clock seconds. Writes benchmarks/results/startup.json.
"""

import argparse
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

RESULTS = Path(__file__).parent / "results" / "startup.json"

BARE = """
import sys
from typing import Annotated
import typer
app = typer.Typer()
@app.command()
def one(name: Annotated[str, typer.Argument(help="A name.")], times: int = 1) -> None:
    "Say a name."
@app.command()
def two(name: str) -> None:
    "Say it again."
sys.argv = ["bare", "--help"]
app()
"""
IMPORTS = "import torch, torchvision, cleanlab, pandas"
HELP = "from alfs_cli.cli import main; main(['--help'])"


def main() -> None:
    """Time the starts by turns, print and keep them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=9)
    repeats = parser.parse_args().repeats
    programs = {"alfs --help": HELP, "bare typer app --help": BARE, IMPORTS: IMPORTS}
    seconds: dict[str, list[float]] = {name: [] for name in programs}
    with tempfile.TemporaryDirectory() as folder:
        files = {name: Path(folder, f"{i}.py") for i, name in enumerate(programs)}
        for name, text in programs.items():
            files[name].write_text(text)
        for turn in range(repeats + 1):
            for name, file in files.items():
                started = time.perf_counter()
                subprocess.run([sys.executable, file], capture_output=True, check=True)
                if turn:  # the first turn warms the disk's cache
                    seconds[name].append(time.perf_counter() - started)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    own = medians["alfs --help"]
    result = {
        "date": date.today().isoformat(),
        "python": platform.python_version(),
        "repeats": repeats,
        "median_seconds": {name: round(value, 3) for name, value in medians.items()},
        "times_the_bare_app": round(own / medians["bare typer app --help"], 2),
        "faster_than_the_imports": round(medians[IMPORTS] / own, 1),
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
