"""Whole epochs of alfs beside the usual research loop, and the accuracy each comes to.

Both train the same network from the same weights on the same noisy labels with the same settings,
each in an order of the examples of its own or, with `--order same`, in that of alfs, so that only
arithmetic differs. They take turns, seed by seed. Accuracies are on the true test labels, last
epoch, per cent, with standard errors; "paired" is the mean over seeds of alfs less the usual loop.

    python benchmarks/epoch.py --root ~/data [--data mnist] [--examples 10000] [--epochs 3]
                               [--losses ce,gce] [--order same|own] [--seeds 5] [--threads 1]

Goes on where it stopped: what `--to` (benchmarks/results/epoch.csv) holds is taken as it is.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from plain_loop import PlainLoop

from alfs_cli.training import Experiment, plan
from alfs_cli.training.devices import choose_device
from alfs_cli.training.loop import train

RESULT = Path(__file__).parent / "results" / "epoch.csv"
NOISE = {"kind": "symmetric", "rate": 0.4}
SAME = ["data", "examples", "epochs", "threads", "torch", "order", "loss", "seed"]


def arrays(experiment: Experiment) -> tuple[np.ndarray, ...]:
    """Return images and labels to train on, images and labels to test on."""
    train_part, test_part = experiment.train_examples(), experiment.test_examples()
    if test_part is None:
        raise SystemExit("these data have no test part")
    return tuple(t.numpy() for e in (train_part, test_part) for t in (e.inputs, e.labels))


def smaller(experiment: Experiment, count: int) -> Experiment:
    """Return the experiment on the first `count` examples of a shuffle with seed 0."""
    data = experiment.parts.train
    chosen = np.sort(np.random.default_rng(0).permutation(len(data))[:count])
    return replace(experiment, parts=replace(experiment.parts, train=data.subset(chosen)))


def usual(experiment: Experiment, *, order: str) -> tuple[float, list[float]]:
    """Train the usual way; return the accuracy and the seconds of each epoch."""
    images, labels, test_images, test_labels = arrays(experiment)
    torch.manual_seed(experiment.config.seed)
    count, as_alfs = len(experiment.class_names), order == "same"
    loop = PlainLoop(experiment.config, images, labels, num_classes=count, as_alfs=as_alfs)
    seconds = []
    for number in range(experiment.config.epochs):
        began = time.perf_counter()
        loop.epoch(number)
        seconds.append(time.perf_counter() - began)
    return loop.accuracy(test_images, test_labels), seconds


def ours(experiment: Experiment) -> tuple[float, list[float]]:
    """Train with alfs; return the accuracy and the seconds of each epoch without its test."""
    with tempfile.TemporaryDirectory() as folder:
        marks: list[float] = []

        def on_step(_: int) -> None:
            marks.append(time.perf_counter())

        result = train(experiment, Path(folder), choose_device("cpu"), on_step=on_step)
    steps = len(marks) // experiment.config.epochs
    parts = (marks[first : first + steps] for first in range(0, len(marks), steps))
    seconds = [(part[-1] - part[0]) * steps / (steps - 1) for part in parts]
    if result.test_accuracy is None:
        raise SystemExit("these data have no test part")
    return result.test_accuracy.last, seconds


def rows_of(chosen: argparse.Namespace, done: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Yield a row for each loss and seed that is not done."""
    for loss in chosen.losses.split(","):
        for seed in range(chosen.seeds):
            row = {
                "data": chosen.data,
                "examples": chosen.examples,
                "epochs": chosen.epochs,
                "threads": torch.get_num_threads(),
                "torch": torch.__version__,
                "order": chosen.order,
                "loss": loss,
                "seed": seed,
            }
            if len(done) and (done[SAME] == pd.Series(row)).all(axis=1).any():
                continue
            settings = {
                "dataset": {"source": chosen.data, "root": chosen.root},
                "loss": loss, "epochs": chosen.epochs, "noise": NOISE, "seed": seed,
            }  # fmt: skip
            experiment = smaller(plan(settings), chosen.examples)
            usual_accuracy, usual_seconds = usual(experiment, order=chosen.order)
            accuracy, seconds = ours(experiment)
            yield {
                **row,
                "usual_accuracy": usual_accuracy,
                "alfs_accuracy": accuracy,
                "usual_seconds_per_epoch": round(statistics.median(usual_seconds), 3),
                "alfs_seconds_per_epoch": round(statistics.median(seconds), 3),
            }


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """Return per cents for each order and loss: means, standard errors, and their difference."""
    found = []
    for (order, loss), part in table.groupby(["order", "loss"]):
        plain, ours = (100 * part[f"{name}_accuracy"] for name in ("usual", "alfs"))
        pairs = ours - plain
        error = float(np.hypot(plain.sem(), ours.sem()))
        found.append(
            {
                "order": order,
                "loss": loss,
                "n": len(part),
                "usual": f"{plain.mean():.2f} +- {plain.sem():.2f}",
                "alfs": f"{ours.mean():.2f} +- {ours.sem():.2f}",
                "within one standard error": abs(pairs.mean()) <= error,
                "paired": f"{pairs.mean():+.2f} +- {pairs.sem():.2f}",
                "faster": part.usual_seconds_per_epoch.median()
                / part.alfs_seconds_per_epoch.median(),
            }
        )
    return pd.DataFrame(found)


def main() -> None:
    """Measure what is left, keep each row at once, print the summary."""
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--root", default="data")
    arguments.add_argument("--data", default="mnist")
    arguments.add_argument("--losses", default="ce,gce")
    arguments.add_argument("--examples", type=int, default=10000)
    arguments.add_argument("--epochs", type=int, default=3)
    arguments.add_argument("--seeds", type=int, default=5)
    arguments.add_argument("--order", choices=("same", "own"), default="same")
    arguments.add_argument("--threads", type=int, default=1)
    arguments.add_argument("--to", type=Path, default=RESULT)
    chosen = arguments.parse_args()
    torch.set_num_threads(chosen.threads)
    table = pd.read_csv(chosen.to) if chosen.to.exists() else pd.DataFrame()
    for row in rows_of(chosen, table):
        table = pd.concat([table, pd.DataFrame([row])], ignore_index=True)
        chosen.to.parent.mkdir(exist_ok=True)
        table.to_csv(chosen.to, index=False, lineterminator="\n")
        print(row, flush=True)
    print(summary(table).to_string(index=False))


if __name__ == "__main__":
    main()
