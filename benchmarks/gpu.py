"""All that is promised of a GPU, in one run: epochs beside the usual loop, and CIFAR-10.

First the 8-layer network on CIFAR-10-shaped data, ResNet-34 on CIFAR-100-shaped data and the MNIST
network: seconds of a training epoch as alfs takes it (a CUDA graph a step), the same without the
graph, and as the usual research loop does; and a whole run of 120 epochs with its tests and
checkpoints. Pixels are random, so accuracies say nothing; times do not depend on them. Then, with
`--cifar10 FOLDER`, the paper's table as benchmarks/cifar10.py trains it.

    python benchmarks/gpu.py --cifar10 FOLDER        on the first CUDA device
    python benchmarks/gpu.py --device cpu --smoke    that it works, in seconds

Results go to `--to FOLDER` (benchmarks/results): gpu.json and cifar10.csv. What they hold of the
same card and torch is taken as it is, so the same command goes on where it stopped; after
`--minutes` nothing is begun that would outlast them.
"""

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import cifar10
import numpy as np
import torch
from plain_loop import PlainLoop

from alfs_cli.results.run import TrainConfig
from alfs_cli.training import plan, train
from alfs_cli.training.batches import EpochBatches
from alfs_cli.training.devices import Device, choose_device, tuned_for
from alfs_cli.training.loop import start, step_of
from alfs_cli.training.preparation import prepare
from alfs_cli.training.steps import Step, make_step

RESULTS = Path(__file__).parent / "results"


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
    whole_run: int = 0  # epochs


CASES = (
    Case("cnn8_cifar10", "cnn8", 50_000, 32, 3, 10, whole_run=120),
    Case("resnet34_cifar100", "resnet34", 50_000, 32, 3, 100, rotation=20.0, usual_epochs=1,
         our_epochs=2),
    Case("cnn4_mnist", "cnn4", 60_000, 28, 1, 10),
)  # fmt: skip
SMOKE = (
    Case("cnn4_smoke", "cnn4", 600, 12, 1, 4, usual_epochs=1, our_epochs=2, whole_run=2),
)  # fmt: skip


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
    """Return the median seconds of a training epoch with the graph and without; they take turns.

    `asked_after` is when the last step of an epoch was asked for: near `seconds` where the device
    waits for Python, far below where Python waits for the device.
    """
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
    times: dict[str, list[float]] = {name: [] for name in [*runners, "asked_after"]}
    for number in range(count + 1):  # the first is not counted
        for name, epoch in runners.items():
            began = synchronised(device)
            epoch(number)
            asked = time.perf_counter() - began
            times[name].append(synchronised(device) - began)
            if name == "seconds":
                times["asked_after"].append(asked)
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


def measured(case: Case, device: Device, workers: int) -> dict[str, Any]:
    """Return all that is told of a case."""
    with tempfile.TemporaryDirectory() as folder:
        settings = settings_of(case, Path(folder))
        ours = epochs_of_ours(settings, device, case.our_epochs)
        usual = epochs_of_the_usual(settings, device, case.usual_epochs, workers)
        found = {**ours, "usual_seconds": usual, "ratio": usual / ours["seconds"]}
        if case.whole_run:
            found["whole_run"] = whole_run(settings, device, case.whole_run)
    if device.kind == "cuda":
        found["most_memory_gb"] = torch.cuda.max_memory_allocated(device.name) / 1e9
        torch.cuda.reset_peak_memory_stats(device.name)
    return found


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


def environment(device: Device, workers: int) -> dict[str, Any]:
    """Return what the times depend on."""
    return {
        "benchmark": "gpu",
        "device": device.described,
        "precision": device.precision,
        "driver": driver(),
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "cores": os.cpu_count(),
        "loader_workers": workers,
    }


def main() -> None:
    """Measure, print, and keep each result at once; one that fails does not stop the others."""
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--device", default="cuda")
    arguments.add_argument("--smoke", action="store_true", help="small data and networks")
    arguments.add_argument("--workers", type=int, default=min(16, os.cpu_count() or 1))
    arguments.add_argument("--cifar10", type=Path, metavar="FOLDER")
    arguments.add_argument("--minutes", type=float, default=1e9)
    arguments.add_argument("--to", type=Path, default=RESULTS)
    chosen = arguments.parse_args()
    began = time.monotonic()
    device = choose_device(chosen.device)
    to = chosen.to / "gpu.json"
    workers = 0 if chosen.smoke else chosen.workers
    result: dict[str, Any] = environment(device, workers)
    known = json.loads(to.read_text(encoding="utf-8")) if to.exists() else {}
    if all(known.get(key) == value for key, value in result.items()):
        result = known
    result["date"] = date.today().isoformat()
    failed = []
    with tuned_for(device):
        for case in SMOKE if chosen.smoke else CASES:
            if case.name in result:
                continue
            try:
                result[case.name] = measured(case, device, workers)
            except Exception:  # what else there is to measure shall not be lost
                traceback.print_exc()
                failed.append(case.name)
                continue
            print(case.name, json.dumps(result[case.name]), flush=True)
            to.parent.mkdir(parents=True, exist_ok=True)
            to.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=2), flush=True)
    if chosen.cifar10 is not None:
        print(trained(chosen, device, 60 * chosen.minutes - (time.monotonic() - began)))
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}")


def trained(chosen: argparse.Namespace, device: Device, seconds: float) -> str:
    """Train the paper's CIFAR-10 table, or a miniature of it; return it as text."""
    if not chosen.smoke:
        table = cifar10.Table(chosen.cifar10, "JPEG copies", minutes=seconds / 60)
        return cifar10.measure(table, device, chosen.to / "cifar10.csv").to_string(index=False)
    with tempfile.TemporaryDirectory() as folder:
        cifar10.small(chosen.cifar10, Path(folder), 200)
        noises = ("symmetric:0.4", "asymmetric:0.4")
        table = cifar10.Table(Path(folder), "a few of them", ("nce-aul",), noises, epochs=1)
        return cifar10.measure(table, device, chosen.to / "cifar10.csv").to_string(index=False)


if __name__ == "__main__":
    main()
