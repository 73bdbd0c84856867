"""Whole epochs of alfs beside the usual research loop, and the accuracy each comes to.

Both train the same network on the same noisy labels with the same settings; they take turns, seed
by seed. Accuracies are on the true test labels, last epoch.

    python benchmarks/epoch.py --root ~/data [--data mnist] [--examples 10000] [--epochs 3]
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import torch
from plain_loop import PlainLoop

from alfs_cli.training import Experiment, plan
from alfs_cli.training.devices import choose_device
from alfs_cli.training.loop import train

RESULT = Path(__file__).parent / "results" / "epoch.json"


def arrays(experiment: Experiment) -> tuple[np.ndarray, ...]:
    """Return images and labels to train on, images and labels to test on."""
    train_part, test_part = experiment.train_examples(), experiment.test_examples()
    if test_part is None:
        raise SystemExit("these data have no test part")
    return tuple(t.numpy() for e in (train_part, test_part) for t in (e.inputs, e.labels))


def smaller(experiment: Experiment, count: int) -> Experiment:
    """Return the experiment on the first `count` examples of a shuffle with seed 0."""
    from dataclasses import replace

    data = experiment.parts.train
    chosen = np.sort(np.random.default_rng(0).permutation(len(data))[:count])
    return replace(experiment, parts=replace(experiment.parts, train=data.subset(chosen)))


def plain(experiment: Experiment) -> Iterator[float | None]:
    """Train the usual way; yield nothing after each epoch, and the accuracy at the end."""
    images, labels, test_images, test_labels = arrays(experiment)
    torch.manual_seed(experiment.config.seed)
    loop = PlainLoop(experiment.config, images, labels, num_classes=len(experiment.class_names))
    for number in range(experiment.config.epochs):
        loop.epoch(number)
        yield None
    yield loop.accuracy(test_images, test_labels)


def ours(experiment: Experiment, seconds: list[float]) -> float:
    """Train with alfs; return the accuracy, and append what each epoch took without its test."""
    with tempfile.TemporaryDirectory() as folder:
        marks: list[float] = []

        def on_step(done: int) -> None:
            marks.append(time.perf_counter())

        result = train(experiment, Path(folder), choose_device("cpu"), on_step=on_step)
    steps = len(marks) // experiment.config.epochs
    for epoch in range(experiment.config.epochs):
        part = marks[epoch * steps : (epoch + 1) * steps]
        seconds.append((part[-1] - part[0]) * steps / (steps - 1))
    if result.test_accuracy is None:
        raise SystemExit("these data have no test part")
    return result.test_accuracy.last


def main() -> None:
    """Measure, print, and keep the result."""
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--root", default="data")
    arguments.add_argument("--data", default="mnist")
    arguments.add_argument("--loss", default="gce:q=0.7")
    arguments.add_argument("--examples", type=int, default=10000)
    arguments.add_argument("--epochs", type=int, default=3)
    arguments.add_argument("--seeds", type=int, default=3)
    chosen = arguments.parse_args()
    times: dict[str, list[float]] = {"usual": [], "alfs": []}
    found: dict[str, list[float]] = {"usual": [], "alfs": []}
    settings: dict[str, Any] = {
        "dataset": {"source": chosen.data, "root": chosen.root},
        "loss": chosen.loss, "epochs": chosen.epochs,
        "noise": {"kind": "symmetric", "rate": 0.4},
    }  # fmt: skip
    for seed in range(chosen.seeds):
        experiment = smaller(plan({**settings, "seed": seed}), chosen.examples)
        usual = plain(experiment)
        for _ in range(chosen.epochs):
            began = time.perf_counter()
            next(usual)
            times["usual"].append(time.perf_counter() - began)
        found["usual"].append(float(next(usual) or 0))
        found["alfs"].append(ours(experiment, times["alfs"]))
    medians = {name: statistics.median(values) for name, values in times.items()}
    result = {
        "benchmark": "epoch",
        "date": date.today().isoformat(),
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "load_average": round(os.getloadavg()[0], 1),
        "data": chosen.data,
        "examples": chosen.examples,
        "epochs": chosen.epochs,
        "loss": chosen.loss,
        "seconds_per_epoch": medians,
        "ratio": medians["usual"] / medians["alfs"],
        "accuracy": {
            name: {
                "mean": statistics.mean(values),
                "std": statistics.stdev(values) if len(values) > 1 else None,
                "values": values,
            }
            for name, values in found.items()
        },
    }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
