"""Batches of pictures for training, made by alfs and by torchvision from PIL images, on one thread.

Crop, flip and normalise of 32 px; the same with rotation; resized crop and colours at 224 px; and
batches from a file of decoded pictures beside decoding the JPEG files again. They take turns.

    python benchmarks/loader.py [--repeats 5]
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torchvision import transforms

from alfs_cli.data import DataSpec, load
from alfs_cli.data.pixel_cache import mapped_pixels
from alfs_cli.runs import AugmentationConfig
from alfs_cli.training.batches import EpochBatches, Normaliser, Stream, Windows

BATCH = 128
RESULT = Path(__file__).parent / "results" / "loader.json"
MEAN, STD = 0.47, 0.25


def pictures(count: int, size: int) -> np.ndarray:
    """Return smooth pictures (N, H, W, 3) uint8, as photographs are."""
    coarse = torch.rand(count, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    fine = torch.nn.functional.interpolate(coarse, (size, size), mode="bicubic")
    return (fine.clamp(0, 1) * 255).byte().permute(0, 2, 3, 1).contiguous().numpy()


def usual(open_picture: Callable[[int], Any], count: int, steps: list[Any]) -> Iterator[Any]:
    """Yield batches the usual way, without end."""
    prepare = transforms.Compose(
        [*steps, transforms.ToTensor(), transforms.Normalize([MEAN] * 3, [STD] * 3)]
    )
    while True:
        order = torch.randperm(count).tolist()
        for start in range(0, count - BATCH + 1, BATCH):
            part = order[start : start + BATCH]
            yield torch.stack([prepare(open_picture(index)) for index in part])


def ours(source: Windows | Stream, count: int) -> Iterator[Any]:
    """Yield batches as alfs makes them, without end."""
    normaliser = Normaliser(torch.full((3,), MEAN), torch.full((3,), STD))
    epoch = 0
    while True:
        batches = EpochBatches(source, torch.zeros(count).long(), BATCH, seed=0, epoch=epoch)
        for step in range(count // BATCH):
            yield normaliser(batches[step][0])
        epoch += 1


def turns(calls: dict[str, Iterator[Any]], repeats: int) -> dict[str, float]:
    """Return the median seconds of a batch of each; they take turns."""
    for call in calls.values():
        next(call)
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(repeats):
        for name, call in calls.items():
            began = time.perf_counter()
            next(call)
            times[name].append(time.perf_counter() - began)
    return {name: statistics.median(seconds) for name, seconds in times.items()}


def compared(seconds: dict[str, float]) -> dict[str, float]:
    """Return images a second of both and their ratio."""
    rates = {f"{name}_images_per_second": BATCH / s for name, s in seconds.items()}
    return {**rates, "ratio": seconds["usual"] / seconds["alfs"]}


def in_memory(
    size: int, augmentation: AugmentationConfig, steps: list[Any], repeats: int
) -> dict[str, float]:
    """Compare batches of pictures that are in memory."""
    images = pictures(4 * BATCH, size)
    source = Windows(torch.from_numpy(images), augmentation)
    calls = {
        "usual": usual(lambda index: Image.fromarray(images[index]), len(images), steps),
        "alfs": ours(source, len(images)),
    }
    return compared(turns(calls, repeats))


def from_files(size: int, repeats: int) -> dict[str, float]:
    """Compare decoding JPEG files in every epoch with a file of decoded pictures."""
    with tempfile.TemporaryDirectory() as folder:
        top = Path(folder)
        images = pictures(2 * BATCH, size)
        for index, image in enumerate(images):
            path = top / "data" / str(index % 2) / f"{index:04}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(path, quality=90)
        data = load(DataSpec(str(top / "data")))
        files = data.paths or ()
        pixels, _ = mapped_pixels(data, top / "cache")
        source = Stream(
            torch.from_numpy(pixels), AugmentationConfig(size // 8, True), torch.device("cpu")
        )
        calls = {
            "usual": usual(
                lambda index: Image.open(files[index]).convert("RGB"),
                len(files),
                [transforms.RandomCrop(size, size // 8), transforms.RandomHorizontalFlip()],
            ),
            "alfs": ours(source, len(files)),
        }
        return compared(turns(calls, repeats))


def main() -> None:
    """Measure, print, and keep the result."""
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--repeats", type=int, default=5)
    chosen = arguments.parse_args()
    torch.set_num_threads(1)
    crop_flip = [transforms.RandomCrop(32, padding=4), transforms.RandomHorizontalFlip()]
    photographs = [
        transforms.RandomResizedCrop(224, scale=(0.2, 1.0)),
        transforms.RandomHorizontalFlip(),
        transforms.ColorJitter(0.4, 0.4, 0.4),
    ]
    repeats = chosen.repeats
    result = {
        "benchmark": "loader",
        "date": date.today().isoformat(),
        "torch": torch.__version__,
        "batch": BATCH,
        "load_average": round(os.getloadavg()[0], 1),
        "crop_flip_32": in_memory(32, AugmentationConfig(4, True), crop_flip, 3 * repeats),
        "crop_flip_rotation_32": in_memory(
            32,
            AugmentationConfig(4, True, rotation=20),
            [*crop_flip, transforms.RandomRotation(20)],
            3 * repeats,
        ),
        "resized_crop_flip_colours_224": in_memory(
            224,
            AugmentationConfig(flip=True, resized_crop=0.2, colour_jitter=0.4),
            photographs,
            repeats,
        ),
        "jpeg_files_224": from_files(224, repeats),
    }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
