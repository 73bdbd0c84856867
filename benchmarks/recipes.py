"""Two epochs of each recipe of CIFAR-10 and CIFAR-100 on a thousand pictures: whether they run.

    python benchmarks/recipes.py [--only cifar10/agce,...] [--minutes 20] [--device auto]

The pictures are random, in the layout of the published files: what is shown is that data, noise,
augmentation, network, loss and optimiser of a recipe run to their end with finite numbers, not how
well. Rows of benchmarks/results/recipes.csv are taken as they are, so it goes on where it stopped;
after `--minutes` no recipe is begun. NLNL has an epoch of NL and one of SelNL. Columns: the mean
loss of the first and the last epoch, seconds of the whole run with its tests and checkpoints.
"""

import argparse
import math
import pickle
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from alfs_cli.results.run import load_metrics
from alfs_cli.settings.recipes import load_recipe, recipe_names
from alfs_cli.training import plan, train
from alfs_cli.training.devices import Device, choose_device

RESULT = Path(__file__).parent / "results" / "recipes.csv"
EPOCHS, NUM_TRAIN, NUM_TEST = 2, 1000, 100
LAYOUTS = {  # folder, key of the labels, classes, files and the pictures in each
    "cifar10": (
        "cifar-10-batches-py",
        b"labels",
        10,
        {**{f"data_batch_{i}": NUM_TRAIN // 5 for i in range(1, 6)}, "test_batch": NUM_TEST},
    ),
    "cifar100": (
        "cifar-100-python",
        b"fine_labels",
        100,
        {"train": NUM_TRAIN, "test": NUM_TEST},
    ),
}


def write(source: str, root: Path) -> None:
    """Write random pictures of every class as the published files hold them."""
    place, key, num_classes, parts = LAYOUTS[source]
    draws = np.random.default_rng(0)
    (root / place).mkdir(parents=True)
    for name, count in parts.items():
        pixels = draws.integers(0, 256, (count, 3072), dtype=np.uint8)
        batch = {b"data": pixels, key: (np.arange(count) % num_classes).tolist()}
        (root / place / name).write_bytes(pickle.dumps(batch))


def one(recipe: str, device: Device) -> dict[str, Any]:
    """Train by a recipe, and return what came of it."""
    settings = load_recipe(recipe).nested() | {"epochs": EPOCHS}
    if "nlnl" in settings:
        settings["nlnl"] = {**settings["nlnl"], "nl": 1, "selnl": 1}
    with tempfile.TemporaryDirectory() as scratch:
        folder, root = Path(scratch) / "run", Path(scratch) / "root"
        write(settings["dataset"]["source"], root)
        settings["dataset"]["root"] = str(root)
        began = time.perf_counter()
        result = train(plan(settings), folder, device)
        seconds = time.perf_counter() - began
        losses = [epoch.loss for epoch in load_metrics(folder)]
    if not all(map(math.isfinite, losses)):
        raise SystemExit(f"{recipe}: the loss is {losses}")
    return {
        "recipe": recipe,
        "images": NUM_TRAIN,
        "epochs": result.epochs,
        "model": result.model,
        "loss": result.loss,
        "status": result.status,
        "first_loss": round(losses[0], 4),
        "last_loss": round(losses[-1], 4),
        "seconds": round(seconds, 1),
        "device": device.name,
        "torch": torch.__version__,
    }


def main() -> None:
    """Train by each recipe that has no row yet, and write the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="recipes by commas")
    parser.add_argument("--minutes", type=float, default=1e9)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--to", type=Path, default=RESULT)
    arguments = parser.parse_args()
    device, began = choose_device(arguments.device), time.monotonic()
    rows = pd.read_csv(arguments.to).to_dict("records") if arguments.to.exists() else []
    done = {row["recipe"] for row in rows}
    wanted = [name for name in arguments.only.split(",") if name] or [
        name for name in recipe_names() if name.partition("/")[0] in LAYOUTS
    ]
    for name in wanted:
        if name in done:
            continue
        if time.monotonic() - began > 60 * arguments.minutes:
            break
        rows.append(one(name, device))
        print(rows[-1], flush=True)
        pd.DataFrame(rows).to_csv(arguments.to, index=False, lineterminator="\n")


if __name__ == "__main__":
    main()
