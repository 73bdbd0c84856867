"""A training step of alfs beside the usual research loop, and what each trick is worth here.

The usual loop: a DataLoader over PIL images with torchvision's transforms, float32, contiguous
memory, torch.optim.SGD, and a read of the loss in every step. Both loops train the same network on
the same pixels with the same loss; each runs in its own process, they take turns, and medians are
compared, by the clock and by processor time (which others on the machine touch less).

    python benchmarks/train_step.py [--repeats 7] [--threads 1]
"""

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable, Iterator
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from taking_turns import Call, turns
from torch import Tensor, nn

from alfs_cli.losses import parse_loss
from alfs_cli.results.run import AugmentationConfig, OptimizerConfig
from alfs_cli.training.batches import EpochBatches, Normaliser, Windows
from alfs_cli.training.devices import Device, choose_device, keep_freed_memory
from alfs_cli.training.models import InputShape, build
from alfs_cli.training.objectives import Stateless
from alfs_cli.training.steps import MomentumSgd, make_step

BATCH = 128
LOSS = "ce"
NETWORKS = {"cnn8": InputShape(3, 32, 32), "cnn4": InputShape(1, 28, 28)}
STEPS = {"cnn8": 1, "cnn4": 4}  # of one turn
MEAN, STD = 0.47, 0.25
RESULT = Path(__file__).parent / "results" / "train_step.json"


def pixels(shape: InputShape, count: int = 8 * BATCH) -> np.ndarray:
    """Return random images (N, H, W, C)."""
    rng = np.random.default_rng(0)
    size = (count, shape.height, shape.width, shape.channels)
    return rng.integers(0, 256, size, dtype=np.uint8)


def usual_batches(images: np.ndarray, labels: np.ndarray) -> Iterator[list[Tensor]]:
    """Yield batches the usual way, without end."""
    from PIL import Image
    from torch.utils.data import DataLoader, Dataset
    from torchvision import transforms

    channels = images.shape[-1]
    steps: list[Any] = [
        transforms.ToTensor(),
        transforms.Normalize([MEAN] * channels, [STD] * channels),
    ]
    if channels == 3:
        steps = [transforms.RandomCrop(32, padding=4), transforms.RandomHorizontalFlip(), *steps]
    prepare = transforms.Compose(steps)

    class Pictures(Dataset[tuple[Tensor, int]]):
        def __len__(self) -> int:
            return len(images)

        def __getitem__(self, index: int) -> tuple[Tensor, int]:
            return prepare(Image.fromarray(images[index].squeeze())), int(labels[index])

    loader = DataLoader(Pictures(), batch_size=BATCH, shuffle=True, drop_last=True)
    while True:
        yield from loader


def usual_step(name: str, shape: InputShape, images: np.ndarray, labels: np.ndarray) -> Any:
    """Return a function that makes a batch and takes a step the usual way."""
    model = build(name, shape, 10, seed=0)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-4)
    batches = usual_batches(images, labels)

    def step() -> float:
        inputs, targets = next(batches)
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(inputs), targets)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        return loss.item()

    return step


def our_batches(images: np.ndarray, labels: np.ndarray) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield network inputs and labels as alfs makes them, without end."""
    is_colour = images.shape[-1] == 3
    windows = Windows(
        torch.from_numpy(images), AugmentationConfig(4 if is_colour else 0, flip=is_colour)
    )
    normaliser = Normaliser(
        torch.full((images.shape[-1],), MEAN), torch.full((images.shape[-1],), STD)
    )
    epoch = 0
    while True:
        batches = EpochBatches(windows, torch.from_numpy(labels), BATCH, seed=0, epoch=epoch)
        for index in range(len(batches)):
            inputs, targets = batches[index]
            yield normaliser(inputs), targets
        epoch += 1


def our_step(
    name: str, shape: InputShape, images: np.ndarray, labels: np.ndarray, device: Device
) -> Callable[[], object]:
    """Return a function that makes a batch and takes a step as alfs does."""
    model = device.place(build(name, shape, 10, seed=0))
    step = make_step(
        model, MomentumSgd(model, OptimizerConfig()), Stateless(parse_loss(LOSS)), device
    )
    batches = our_batches(images, labels)
    places = torch.arange(BATCH)
    return lambda: step(*next(batches), places)


def step_of_usual(name: str) -> Call:
    """Return the usual step on a network of the table."""
    images = pixels(NETWORKS[name])
    return usual_step(name, NETWORKS[name], images, np.arange(len(images)) % 10)


def step_of_ours(name: str, device: Device) -> Call:
    """Return alfs's step on a network of the table, memory kept as `alfs train` keeps it."""
    keep_freed_memory()
    images = pixels(NETWORKS[name])
    return our_step(name, NETWORKS[name], images, np.arange(len(images)) % 10, device)


def network(name: str, repeats: int, threads: int) -> dict[str, Any]:
    """Compare the loops, and the tricks, on one network."""
    variants = {
        "float32": Device("cpu", "float32", channels_last=False),
        "float32 channels_last": Device("cpu", "float32", channels_last=True),
        "bfloat16 channels_last": Device("cpu", "bfloat16", channels_last=True),
    }
    makers: dict[str, Callable[[], Call]] = {"usual": partial(step_of_usual, name)}
    makers |= {text: partial(step_of_ours, name, device) for text, device in variants.items()}
    took = turns(makers, repeats, calls=STEPS[name], threads=threads)
    default = choose_device("cpu")
    chosen = next(text for text, device in variants.items() if device == default)
    usual = took["usual"]
    return {
        "default": chosen,
        "ratio": usual.seconds / took[chosen].seconds,
        "cpu_ratio": usual.cpu_seconds / took[chosen].cpu_seconds,
        "images_per_second": {text: BATCH / t.seconds for text, t in took.items()},
        "against_usual": {text: usual.seconds / t.seconds for text, t in took.items()},
        "cpu_against_usual": {text: usual.cpu_seconds / t.cpu_seconds for text, t in took.items()},
    }


def updates(repeats: int) -> dict[str, float]:
    """Return milliseconds of clip + update of the 8-layer network, by implementation."""
    calls: dict[str, Callable[[], object]] = {}
    for text, options in {
        "torch": {},
        "torch foreach": {"foreach": True},
        "torch fused": {"fused": True},
    }.items():
        model = _with_gradients()
        reference = torch.optim.SGD(
            model.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-4, **options
        )

        def call(model: nn.Module = model, reference: torch.optim.SGD = reference) -> None:
            nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            reference.step()

        calls[text] = call
    calls["alfs"] = MomentumSgd(_with_gradients(), OptimizerConfig()).step
    for call in calls.values():
        call()
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(5 * repeats):
        for name, call in calls.items():
            began = time.perf_counter()
            call()
            times[name].append(time.perf_counter() - began)
    return {name: 1000 * statistics.median(seconds) for name, seconds in times.items()}


def _with_gradients() -> nn.Module:
    model = build("cnn8", NETWORKS["cnn8"], 10, seed=0)
    for parameter in model.parameters():
        parameter.grad = torch.randn_like(parameter) * 1e-3
    return model


def processor() -> dict[str, Any]:
    """Return the processor's name and what of it matters here."""
    name = "unknown"
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                name = line.partition(":")[2].strip()
                break
    except OSError:
        pass
    return {
        "name": name,
        "capability": torch.backends.cpu.get_cpu_capability(),
        "amx": bool(torch.cpu._is_amx_tile_supported()),
        "avx512_bf16": bool(torch.cpu._is_avx512_bf16_supported()),
        "threads": torch.get_num_threads(),
        "load_average": round(os.getloadavg()[0], 1),
    }


def main() -> None:
    """Measure, print, and keep the result."""
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--repeats", type=int, default=7)
    arguments.add_argument("--threads", type=int, default=1)
    chosen = arguments.parse_args()
    torch.set_num_threads(chosen.threads)
    result = {
        "benchmark": "train_step",
        "date": date.today().isoformat(),
        "torch": torch.__version__,
        "cpu": processor(),
        "batch": BATCH,
        "repeats": chosen.repeats,
        "update_milliseconds": updates(chosen.repeats),
        **{name: network(name, chosen.repeats, chosen.threads) for name in ("cnn4", "cnn8")},
    }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
