"""A training step of alfs beside the usual research loop, and what each trick is worth here.

The usual loop: a DataLoader over PIL images with torchvision's transforms, float32, contiguous
memory, torch.optim.SGD, and a read of the loss in every step. Both loops train the same network on
the same pixels with the same loss; they take turns, and medians are compared.

    python benchmarks/train_step.py [--repeats 5] [--threads 1]
"""

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from alfs_cli.losses import parse_loss
from alfs_cli.models import InputShape, build
from alfs_cli.runs import AugmentationConfig, OptimizerConfig
from alfs_cli.training.batches import EpochBatches, Normaliser, Windows
from alfs_cli.training.devices import Device, choose_device
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


def turns(calls: dict[str, Callable[[], object]], repeats: int, steps: int) -> dict[str, float]:
    """Return the median seconds of a call of each; they take turns."""
    for call in calls.values():
        call()
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(repeats):
        for name, call in calls.items():
            began = time.perf_counter()
            for _ in range(steps):
                call()
            times[name].append((time.perf_counter() - began) / steps)
    return {name: statistics.median(seconds) for name, seconds in times.items()}


def network(name: str, repeats: int) -> dict[str, Any]:
    """Compare the loops, and the tricks, on one network."""
    shape = NETWORKS[name]
    images = pixels(shape)
    labels = np.arange(len(images)) % 10
    variants = {
        "float32": Device("cpu", "float32", channels_last=False),
        "float32 channels_last": Device("cpu", "float32", channels_last=True),
        "bfloat16 channels_last": Device("cpu", "bfloat16", channels_last=True),
    }
    calls: dict[str, Callable[[], object]] = {"usual": usual_step(name, shape, images, labels)}
    for text, device in variants.items():
        calls[text] = our_step(name, shape, images, labels, device)
    seconds = turns(calls, repeats, STEPS[name])
    default = choose_device("cpu")
    chosen = next(text for text, device in variants.items() if device == default)
    return {
        "default": chosen,
        "ratio": seconds["usual"] / seconds[chosen],
        "images_per_second": {text: BATCH / s for text, s in seconds.items()},
        "against_usual": {text: seconds["usual"] / s for text, s in seconds.items()},
    }


def batch_making(repeats: int) -> dict[str, float]:
    """Compare crop + flip + normalise of 32 px images, on one thread."""
    images = pixels(NETWORKS["cnn8"])
    labels = np.arange(len(images)) % 10
    usual, ours = usual_batches(images, labels), our_batches(images, labels)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    seconds = turns({"usual": lambda: next(usual), "ours": lambda: next(ours)}, 3 * repeats, 4)
    torch.set_num_threads(threads)
    rates = {f"{name}_images_per_second": BATCH / s for name, s in seconds.items()}
    return {**rates, "ratio": seconds["usual"] / seconds["ours"]}


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
    return {text: 1000 * s for text, s in turns(calls, 5 * repeats, 2).items()}


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
    arguments.add_argument("--repeats", type=int, default=5)
    arguments.add_argument("--threads", type=int)
    chosen = arguments.parse_args()
    if chosen.threads:
        torch.set_num_threads(chosen.threads)
    result = {
        "benchmark": "train_step",
        "date": date.today().isoformat(),
        "torch": torch.__version__,
        "cpu": processor(),
        "batch": BATCH,
        "repeats": chosen.repeats,
        "batch_making": batch_making(chosen.repeats),
        "update_milliseconds": updates(chosen.repeats),
        **{name: network(name, chosen.repeats) for name in ("cnn4", "cnn8")},
    }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
