"""Batches of pictures for training, made by alfs and by torchvision from PIL images, on one thread.

Crop, flip and normalise of 32 px; the same with rotation; resized crop and colours at 224 px; and
batches from a file of decoded pictures beside decoding the JPEG files again. Each runs in its own
process; they take turns.

    python benchmarks/loader.py [--repeats 5]
"""

import argparse
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from taking_turns import Call, turns
from torchvision import transforms

from alfs_cli.data import DataSpec, load
from alfs_cli.data.images.pixel_cache import mapped_pixels
from alfs_cli.results.run import AugmentationConfig
from alfs_cli.training.batches import EpochBatches, Normaliser, Stream, Windows
from alfs_cli.training.devices import keep_freed_memory

BATCH = 128
RESULT = Path(__file__).parent / "results" / "loader.json"
MEAN, STD = 0.47, 0.25
Maker = Callable[[], Call]


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


def compared(usual: Maker, alfs: Maker, repeats: int) -> dict[str, float]:
    """Return images a second of both, and by how much alfs makes more, by clock and processor."""
    took = turns({"usual": usual, "alfs": alfs}, repeats)
    rates = {f"{name}_images_per_second": BATCH / t.seconds for name, t in took.items()}
    return {
        **rates,
        "ratio": took["usual"].seconds / took["alfs"].seconds,
        "cpu_ratio": took["usual"].cpu_seconds / took["alfs"].cpu_seconds,
    }


def usual_in_memory(size: int, count: int, steps: list[Any]) -> Call:
    """Return what makes the next batch the usual way, of pictures in memory."""
    images = pictures(count, size)
    return partial(next, usual(lambda index: Image.fromarray(images[index]), count, steps))


def ours_in_memory(size: int, count: int, augmentation: AugmentationConfig) -> Call:
    """Return what makes the next batch as alfs does, of pictures in memory."""
    keep_freed_memory()
    images = torch.from_numpy(pictures(count, size))
    return partial(next, ours(Windows(images, augmentation), count))


def in_memory(
    size: int, augmentation: AugmentationConfig, steps: list[Any], repeats: int
) -> dict[str, float]:
    """Compare batches of pictures that are in memory."""
    return compared(
        partial(usual_in_memory, size, 4 * BATCH, steps),
        partial(ours_in_memory, size, 4 * BATCH, augmentation),
        repeats,
    )


def usual_of_files(files: tuple[str, ...], size: int) -> Call:
    """Return what makes the next batch the usual way, decoding the files."""
    steps = [transforms.RandomCrop(size, size // 8), transforms.RandomHorizontalFlip()]
    opened = usual(lambda index: Image.open(files[index]).convert("RGB"), len(files), steps)
    return partial(next, opened)


def ours_of_files(top: Path, size: int) -> Call:
    """Return what makes the next batch as alfs does, from the file of decoded pictures."""
    keep_freed_memory()
    data = load(DataSpec(str(top / "data")))
    pixels, _ = mapped_pixels(data, top / "cache")
    augmentation = AugmentationConfig(size // 8, flip=True)
    source = Stream(torch.from_numpy(pixels), augmentation, torch.device("cpu"))
    return partial(next, ours(source, len(data)))


def from_files(size: int, repeats: int) -> dict[str, float]:
    """Compare decoding JPEG files in every epoch with a file of decoded pictures."""
    with tempfile.TemporaryDirectory() as folder:
        top = Path(folder)
        files = []
        for index, image in enumerate(pictures(2 * BATCH, size)):
            path = top / "data" / str(index % 2) / f"{index:04}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(path, quality=90)
            files.append(str(path))
        return compared(
            partial(usual_of_files, tuple(files), size), partial(ours_of_files, top, size), repeats
        )


def main() -> None:
    """Measure, print, and keep the result."""
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--repeats", type=int, default=5)
    chosen = arguments.parse_args()
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
        "crop_flip_32": in_memory(32, AugmentationConfig(4, flip=True), crop_flip, 3 * repeats),
        "crop_flip_rotation_32": in_memory(
            32,
            AugmentationConfig(4, flip=True, rotation=20),
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
