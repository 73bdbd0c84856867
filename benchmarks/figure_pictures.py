"""The pictures of docs/figures.md, and the numbers of their captions.

    python benchmarks/figure_pictures.py

Runs the commands below in a temporary folder (three minutes of one core), writes each figure to
docs/images as a PNG of few colours, and benchmarks/results/figures.json with the numbers.
`make docs-pages` then puts these into the page.
"""

import io
import json
import platform
import shlex
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from PIL import Image

TOP = Path(__file__).parents[1]
IMAGES = TOP / "docs" / "images"
RESULTS = TOP / "benchmarks" / "results" / "figures.json"
WIDTHS = (1300, 1150, 1000, 900, 800, 700)  # in pixels, the widest that is small enough
MOST_BYTES = 60_000
COLOURS = 255

SWEEP = (
    "alfs sweep digits --grid 'agce:a=0.01|0.1|0.5|2,q=0.5|1.5' --noise symmetric:0.8 "
    "--model mlp --epochs 60 --seeds 0,1,2"
)
TRAIN = tuple(
    f"alfs train digits --loss agce:a={a},q=0.5 --noise symmetric --noise-rate 0.8 --model mlp "
    "--epochs 60"
    for a in ("0.01", "0.5")
)


LINES = ("fig1", "fig2", "fig4")


def alfs(command: str, folder: Path, *more: str) -> Any:
    """Run a command in the folder and return its document."""
    words = [*shlex.split(command)[1:], *more, "-f", "json", "-q"]
    done = subprocess.run(
        [sys.executable, "-m", "alfs_cli", *words],
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def drawn(folder: Path) -> dict[str, Any]:
    """Draw every figure under the folder and return the numbers of the captions."""
    alfs("alfs figures", folder)
    alfs(SWEEP, folder)
    (sweep,) = (folder / "alfs-out" / "sweeps").iterdir()
    settings = alfs(f"alfs figures fig3 --from {sweep.name}", folder)["settings"]
    courses = pd.read_csv(folder / "alfs-out/figures/fig3.csv")
    peaks = courses.groupby(courses["line"].str.replace(" ", ""))["test accuracy (%)"].max()
    runs = [alfs(command, folder)["run"] for command in TRAIN]
    apart = alfs(f"alfs figures tsne {' '.join(runs)}", folder)["runs"]
    tables = {
        name: pd.read_csv(folder / "alfs-out/figures" / f"{name}.csv")
        for name in ("fig1", "fig2", "fig4")
    }
    return {
        "commands": {"sweep": SWEEP, "train": list(TRAIN)},
        "fig1": calibration(tables["fig1"]),
        "fig2": minimisers(tables["fig2"]),
        "fig3": [{**one, "peak": peaks[one["loss"].partition(":")[2]] / 100} for one in settings],
        "fig4": {line: float(of.iloc[0, 3]) for line, of in tables["fig4"].groupby("line")},
        "fig6": clean_levels(pd.read_csv(folder / "alfs-out/figures/fig6.csv")),
        "tsne": apart,
    }


def calibration(table: pd.DataFrame) -> dict[str, list[float]]:
    """Return H and H^- at eta = 0.7 for each loss."""
    at = table[np.isclose(table["eta"], 0.7)]
    return {
        loss: [float(of[of["line"] == line]["risk"].iloc[0]) for line in ("H", "H-")]
        for loss, of in at.groupby("panel")
    }


def minimisers(table: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Return for each family its threshold, and how far the descents end from the minimiser."""
    found = {}
    for family, of in table.groupby("panel"):
        exact, reached = (
            of[of["line"].str.startswith(word)].iloc[:, 3].to_numpy()
            for word in ("exact", "descent")
        )
        threshold = of[of["line"].str.startswith("threshold")].iloc[0, 2]
        found[str(family)] = {
            "threshold": float(threshold),
            "farthest": float(np.abs(exact - reached).max()),
        }
    return found


def clean_levels(table: pd.DataFrame) -> dict[str, float]:
    """Return the clean level of each matrix, from its cells."""
    found = {}
    for panel, of in table.groupby("panel", sort=False):
        T = of.pivot(index="true class", columns="given label", values="value").to_numpy()
        own = np.diag(T)
        found[str(panel).splitlines()[0]] = float((own / (T - np.diag(own)).max(axis=1)).min())
    return found


def smaller(path: Path) -> bytes:
    """Return the picture as PNG in few colours, as wide as MOST_BYTES allow."""
    with Image.open(path) as image:
        plain = image.convert("RGB")
    for width in (min(plain.width, widest) for widest in WIDTHS):
        size = (width, round(plain.height * width / plain.width))
        few = plain.resize(size, Image.Resampling.LANCZOS).quantize(
            COLOURS, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE
        )
        stream = io.BytesIO()
        few.save(stream, "PNG", optimize=True)
        if len(stream.getvalue()) <= MOST_BYTES:
            return stream.getvalue()
    raise SystemExit(f"{path.name} takes {len(stream.getvalue()):,} bytes at {width} pixels")


def main() -> None:
    """Write the pictures and their numbers."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        numbers = drawn(folder)
        for path in sorted((folder / "alfs-out" / "figures").glob("*.png")):
            picture = smaller(path)
            (IMAGES / path.name).write_bytes(picture)
            print(f"wrote docs/images/{path.name}: {len(picture):,} bytes")
    numbers["made"] = {
        "date": datetime.now(UTC).date().isoformat(),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }
    RESULTS.write_text(json.dumps(numbers, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
