"""The paper's CIFAR-10 table, beside what alfs trains: last epoch of the paper's recipes.

    python benchmarks/cifar10.py --data FOLDER [--losses ce,aul] [--noises symmetric:0.4]
                                 [--seeds 1] [--epochs 120] [--device auto] [--minutes 20]

FOLDER holds cifar10_train.npz and cifar10_test.npz: `images` (N, 32, 32, 3) uint8, `labels` and
`class_names`. Each run is the recipe cifar10/LOSS; runs that benchmarks/results/cifar10.csv holds
are taken as they are, so it goes on where it stopped, and after `--minutes` no run is begun that
would outlast them. Columns: accuracy on the true test labels after the last epoch and the best one
(chosen on test), what Zhou et al., ICML 2021, Tables 6 and 7, print for three seeds, seconds of the
whole run with its tests and checkpoints, median seconds of an epoch with its test.
"""

import argparse
import statistics
import tempfile
import time
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from alfs_cli.comparing.paper import reported_figures
from alfs_cli.results.run import EpochMetrics
from alfs_cli.settings.recipes import load_recipe
from alfs_cli.training import plan, train
from alfs_cli.training.devices import Device, choose_device

RESULT = Path(__file__).parent / "results" / "cifar10.csv"
LOSSES = ("ce", "gce", "nce-rce", "aul", "agce", "nce-agce", "nce-aul")
NOISES = ("symmetric:0.4", "symmetric:0.8", "asymmetric:0.4")
SAME = ["pixels", "noise", "recipe", "seed", "epochs", "device", "torch"]


@dataclass(frozen=True)
class Table:
    """What to train, on what, and how long to go on."""

    data: Path
    pixels: str
    losses: tuple[str, ...] = LOSSES
    noises: tuple[str, ...] = NOISES
    seeds: int = 1
    epochs: int = 120
    minutes: float = 1e9

    def settings(self, recipe: str, noise: str, seed: int) -> dict[str, Any]:
        """Return the recipe's settings on these data, under this noise."""
        kind, _, rate = noise.partition(":")
        return {
            **load_recipe(f"cifar10/{recipe}").nested(),
            "dataset": {"source": str(self.data / "cifar10_train.npz")},
            "test": {"source": str(self.data / "cifar10_test.npz")},
            "test_labels_are_true": True,
            "noise": {"kind": kind, "rate": float(rate)},
            "epochs": self.epochs,
            "seed": seed,
        }


def one(settings: dict[str, Any], device: Device) -> dict[str, Any]:
    """Train once; return accuracies in per cent, and seconds."""
    notes: list[str] = []
    epochs: list[EpochMetrics] = []
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        experiment = plan(settings)
        result = train(
            experiment, Path(folder), device, on_epoch=epochs.append, on_note=notes.append
        )
    if result.test_accuracy is None:
        raise SystemExit("these data have no test part")
    return {
        "loss": result.loss,
        "last": round(100 * result.test_accuracy.last, 2),
        "best_on_test": round(100 * result.test_accuracy.best, 2),
        "seconds": round(time.perf_counter() - began, 1),
        "seconds_per_epoch": round(statistics.median(e.seconds for e in epochs), 3),
        "notes": "; ".join(notes),
    }


def reported(loss: str, noise: str, epochs: int) -> dict[str, float | None]:
    """Return the paper's mean and standard deviation in per cent, where it has them."""
    figure = reported_figures().get(("cifar10", loss), {}).get(noise.replace(":", " "))
    if figure is None or epochs != 120:
        return {"paper": None, "paper_std": None}
    std = None if figure.std is None else round(100 * figure.std, 2)
    return {"paper": round(100 * figure.mean, 2), "paper_std": std}


def measure(table: Table, device: Device, to: Path) -> pd.DataFrame:
    """Train what is not done, keeping each row at once; return all rows."""
    began = time.perf_counter()
    rows = pd.read_csv(to) if to.exists() else pd.DataFrame()
    longest = 0.0
    for seed, noise, recipe in product(range(table.seeds), table.noises, table.losses):
        key = {
            "pixels": table.pixels, "noise": noise, "recipe": recipe, "seed": seed,
            "epochs": table.epochs, "device": device.described, "torch": torch.__version__,
        }  # fmt: skip
        if len(rows) and (rows[SAME] == pd.Series(key)).all(axis=1).any():
            continue
        if time.perf_counter() - began + longest > 60 * table.minutes:
            print(f"{table.minutes:g} minutes are over; the same command goes on", flush=True)
            break
        started = time.perf_counter()
        found = one(table.settings(recipe, noise, seed), device)
        longest = max(longest, time.perf_counter() - started)
        row = {**key, **found, **reported(found["loss"], noise, table.epochs)}
        row["off_by"] = None if row["paper"] is None else round(row["last"] - row["paper"], 2)
        rows = pd.concat([rows, pd.DataFrame([row])], ignore_index=True)
        to.parent.mkdir(parents=True, exist_ok=True)
        rows.to_csv(to, index=False, lineterminator="\n")
        print(row, flush=True)
    return rows


def small(source: Path, to: Path, count: int) -> None:
    """Write the first `count` examples of each part, to try everything out."""
    for part in ("train", "test"):
        with np.load(source / f"cifar10_{part}.npz") as arrays:
            names = arrays["class_names"]
            np.savez(
                to / f"cifar10_{part}.npz",
                images=arrays["images"][:count],
                labels=arrays["labels"][:count],
                class_names=names,
            )


def main() -> None:
    """Measure, print, and keep the rows."""
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--data", type=Path, required=True)
    arguments.add_argument("--pixels", default="JPEG copies", help="what the pixels are, as said")
    arguments.add_argument("--losses", default=",".join(LOSSES))
    arguments.add_argument("--noises", default=",".join(NOISES))
    arguments.add_argument("--seeds", type=int, default=1)
    arguments.add_argument("--epochs", type=int, default=120)
    arguments.add_argument("--device", default="auto")
    arguments.add_argument("--minutes", type=float, default=1e9)
    arguments.add_argument("--to", type=Path, default=RESULT)
    chosen = arguments.parse_args()
    table = Table(
        chosen.data, chosen.pixels, tuple(chosen.losses.split(",")),
        tuple(chosen.noises.split(",")), chosen.seeds, chosen.epochs, chosen.minutes,
    )  # fmt: skip
    print(measure(table, choose_device(chosen.device), chosen.to).to_string(index=False))


if __name__ == "__main__":
    main()
