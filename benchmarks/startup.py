"""How long `alfs --help` and mistakes take, and every command until it shows something.

    python benchmarks/startup.py [--repeats 9]

`--help` and mistakes are whole processes, beside a bare typer app and the imports avoided. The
first output is that on a terminal (a pseudo terminal); the process ends there. All interleaved,
medians of wall-clock seconds; of the first output also of processor seconds, which other work on
the machine does not stretch. Writes benchmarks/results/startup.json.
"""

import argparse
import json
import os
import platform
import pty
import shlex
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Any

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
MISTAKES = (
    "estimat digits",
    "estimate digits --fold 3",
    "train digits --loss nec",
    "check nowhere",
)
COMMANDS = (
    "demo", "estimate digits", "shard digits 1/2 --to s.npz", "merge s.npz", "recommend",
    "train digits --loss ce", "evaluate run", "predict run digits", "compare run",
    "sweep digits --loss ce", "check digits", "audit digits --no-browser", "inspect digits",
    "fix digits", "inject digits --noise pair --rate 0.2 --to n.npz", "figures fig1", "report",
    "doctor", "losses list", "losses show nce+aul", "losses check nce+aul --noise pair --rate 0.2",
    "recipes list",
)  # fmt: skip


def whole(file: Path | None, words: str, folder: str) -> float:
    """Return the seconds of a whole process: of a file, or of a command line of alfs."""
    call = [str(file)] if file else ["-m", "alfs_cli", *shlex.split(words)]
    started = time.perf_counter()
    subprocess.run([sys.executable, *call], capture_output=True, cwd=folder)
    return time.perf_counter() - started


def first_output(words: str, folder: str) -> tuple[float, float]:
    """Return wall-clock and processor seconds until a command line shows something."""
    started = time.perf_counter()
    process, screen = pty.fork()
    if process == 0:
        os.chdir(folder)
        os.environ["TERM"] = "xterm-256color"
        os.execv(sys.executable, [sys.executable, "-m", "alfs_cli", *shlex.split(words)])
    os.read(screen, 1)
    seconds = time.perf_counter() - started
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    spent = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    os.kill(process, signal.SIGKILL)
    os.close(screen)
    os.waitpid(process, 0)
    return seconds, spent


def main() -> None:
    """Time the starts by turns, print and keep them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=9)
    repeats = parser.parse_args().repeats
    programs = {"alfs --help": HELP, "bare typer app --help": BARE, IMPORTS: IMPORTS}
    mistakes = [f"alfs {words}" for words in MISTAKES]
    seconds: dict[str, list[float]] = {name: [] for name in (*programs, *mistakes)}
    firsts: dict[str, list[tuple[float, float]]] = {words: [] for words in COMMANDS}
    with tempfile.TemporaryDirectory() as folder:
        files = {name: Path(folder, f"{i}.py") for i, name in enumerate(programs)}
        for name, text in programs.items():
            files[name].write_text(text)
        for turn in range(repeats + 1):
            found = {name: whole(files.get(name), name[5:], folder) for name in seconds}
            shown = {words: first_output(words, folder) for words in COMMANDS}
            if turn:  # the first turn warms the disk's cache
                for name in seconds:
                    seconds[name].append(found[name])
                for words in COMMANDS:
                    firsts[words].append(shown[words])
    result = summary(seconds, firsts, repeats)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


def summary(
    seconds: dict[str, list[float]], firsts: dict[str, list[tuple[float, float]]], repeats: int
) -> dict[str, Any]:
    """Return the document of all times."""
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    own = medians["alfs --help"]
    walls = {words: statistics.median(wall for wall, _ in firsts[words]) for words in firsts}
    spent = {words: statistics.median(cpu for _, cpu in firsts[words]) for words in firsts}
    return {
        "date": date.today().isoformat(),
        "python": platform.python_version(),
        "repeats": repeats,
        "load": round(os.getloadavg()[0] / (os.cpu_count() or 1), 1),
        "median_seconds": {name: round(value, 3) for name, value in medians.items()},
        "times_the_bare_app": round(own / medians["bare typer app --help"], 2),
        "faster_than_the_imports": round(medians[IMPORTS] / own, 1),
        "first_output_seconds": {f"alfs {words}": round(t, 3) for words, t in walls.items()},
        "first_output_processor_seconds": {
            f"alfs {words}": round(t, 3) for words, t in spent.items()
        },
    }


if __name__ == "__main__":
    main()
