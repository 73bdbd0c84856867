"""All that is promised of a GPU, in one run of less than ten minutes: epochs beside the usual loop.

The 8-layer network on CIFAR-10-shaped data, ResNet-34 on CIFAR-100-shaped data, the MNIST network:
seconds of a training epoch as alfs takes it (a CUDA graph a step), the same without the graph, and
as the usual research loop does; and a whole run of 120 epochs with its tests and checkpoints.
Pixels are random, so accuracies say nothing; times do not depend on them.

    python benchmarks/gpu.py                         on the first CUDA device
    python benchmarks/gpu.py --device cpu --smoke    that it works, in seconds
"""

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import torch
from plain_loop import PlainLoop

from alfs_cli.runs import TrainConfig
from alfs_cli.training import plan, train
from alfs_cli.training.batches import EpochBatches
from alfs_cli.training.devices import Device, choose_device, tuned_for
from alfs_cli.training.loop import start, step_of
from alfs_cli.training.preparation import prepare
from alfs_cli.training.steps import Step, make_step

RESULT = Path(__file__).parent / "results" / "gpu.json"


@dataclass(frozen=True)
class Case:
    """A network and the shape of its data."""

    name: str
    model: str
    count: int
    size: int
    channels: int
    num_classes: int
    rotation: float = 0.0
    usual_epochs: int = 2
    our_epochs: int = 5


CASES = (
    Case("cnn8_cifar10", "cnn8", 50_000, 32, 3, 10),
    Case("resnet34_cifar100", "resnet34", 50_000, 32, 3, 100, rotation=20.0, usual_epochs=1,
         our_epochs=3),
    Case("cnn4_mnist", "cnn4", 60_000, 28, 1, 10),
)  # fmt: skip
SMOKE = (Case("cnn4_smoke", "cnn4", 600, 12, 1, 4, usual_epochs=1, our_epochs=2),)


def settings_of(case: Case, folder: Path) -> dict[str, Any]:
    """Write random data of the case's shape; return settings to train on them."""
    rng = np.random.default_rng(0)
    total = case.count * 6 // 5
    shape = (total, case.size, case.size) + ((3,) if case.channels == 3 else ())
    path = folder / f"{case.name}.npz"
    np.savez(
        path,
        images=rng.integers(0, 256, shape, dtype=np.uint8),
        labels=np.arange(total) % case.num_classes,
    )
    return {
        "dataset": {"source": str(path)}, "holdout": 1 / 6, "loss": "nce+agce",
        "model": case.model, "batch_size": 128, "epochs": 120,
        "normalisation": {"mean": [0.5] * case.channels, "std": [0.25] * case.channels},
        "augmentation": {"crop": 4 if case.channels == 3 else 0, "flip": case.channels == 3,
                         "rotation": case.rotation},
    }  # fmt: skip


def synchronised(device: Device) -> float:
    """Return the time when the device has done all that was asked of it."""
    if device.kind == "cuda":
        torch.cuda.synchronize(device.name)
    return time.perf_counter()


def epochs_of_ours(settings: dict[str, Any], device: Device, count: int) -> dict[str, Any]:
    """Return the median seconds of a training epoch with the graph and without; they take turns."""
    experiment = plan(settings)
    material = prepare(experiment, device, Path("."))
    notes: list[str] = []

    def runner(*, as_graph: bool) -> Callable[[int], None]:
        state = start(experiment, material.labels, device)
        state.model.train()
        step: Step = make_step(state.model, state.optimizer, state.objective, device)
        if as_graph:
            step = step_of(state, material, experiment.config, device, notes.append)

        def epoch(number: int) -> None:
            batches = EpochBatches(material.windows, material.labels, 128, seed=0, epoch=number)
            for index, inputs, labels in batches.start_at(0):
                loss, hits = step(material.normaliser(inputs), labels, batches.places(index))
                state.losses[index] = loss
                state.hits += hits

        return epoch

    runners = {"seconds": runner(as_graph=True), "seconds_without_graph": runner(as_graph=False)}
    times: dict[str, list[float]] = {name: [] for name in runners}
    for number in range(count + 1):  # the first is not counted
        for name, epoch in runners.items():
            began = synchronised(device)
            epoch(number)
            times[name].append(synchronised(device) - began)
    medians = {name: statistics.median(seconds[1:]) for name, seconds in times.items()}
    return {**medians, "notes": notes}


def epochs_of_the_usual(
    settings: dict[str, Any], device: Device, count: int, workers: int
) -> float:
    """Return the median seconds of an epoch of the usual loop, after a few steps to warm up."""
    experiment = plan(settings)
    examples = experiment.train_examples()
    config: TrainConfig = experiment.config
    loop = PlainLoop(
        config,
        examples.inputs.numpy(),
        examples.labels.numpy(),
        num_classes=len(experiment.class_names),
        device=device.name,
        workers=workers,
    )
    loop.epoch(0, most_steps=5)
    times = []
    for number in range(count):
        began = synchronised(device)
        loop.epoch(number)
        times.append(synchronised(device) - began)
    return statistics.median(times)


def whole_run(settings: dict[str, Any], device: Device, epochs: int) -> dict[str, Any]:
    """Return the seconds of a run with its tests and checkpoints."""
    notes: list[str] = []
    experiment = plan({**settings, "epochs": epochs})
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        train(experiment, Path(folder), device, on_note=notes.append)
        return {"epochs": epochs, "seconds": time.perf_counter() - began, "notes": notes}


def driver() -> str | None:
    """Return the version of the driver."""
    try:
        done = subprocess.run(
            ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"],
            capture_output=True, text=True, timeout=20, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip().splitlines()[0]


def main() -> None:
    """Measure, print, and keep the result."""
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--device", default="cuda")
    arguments.add_argument("--smoke", action="store_true", help="small data; nothing is kept")
    arguments.add_argument("--workers", type=int, default=min(16, os.cpu_count() or 1))
    arguments.add_argument("--to", type=Path, default=RESULT)
    chosen = arguments.parse_args()
    device = choose_device(chosen.device)
    result: dict[str, Any] = {
        "benchmark": "gpu",
        "date": date.today().isoformat(),
        "device": device.described,
        "precision": device.precision,
        "driver": driver(),
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "loader_workers": 0 if chosen.smoke else chosen.workers,
    }
    with tempfile.TemporaryDirectory() as folder, tuned_for(device):
        for case in SMOKE if chosen.smoke else CASES:
            settings = settings_of(case, Path(folder))
            ours = epochs_of_ours(settings, device, case.our_epochs)
            usual = epochs_of_the_usual(
                settings, device, case.usual_epochs, result["loader_workers"]
            )
            result[case.name] = {
                **ours, "usual_seconds": usual, "ratio": usual / ours["seconds"],
            }  # fmt: skip
            print(case.name, json.dumps(result[case.name]), flush=True)
            if case.model == "cnn8" or chosen.smoke:
                result["whole_run"] = whole_run(settings, device, 2 if chosen.smoke else 120)
    if device.kind == "cuda":
        result["most_memory_gb"] = torch.cuda.max_memory_allocated(device.name) / 1e9
    if not chosen.smoke:
        chosen.to.parent.mkdir(exist_ok=True)
        chosen.to.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
