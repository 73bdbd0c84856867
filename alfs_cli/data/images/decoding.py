"""All pixels of a data set at one size, without the pictures that cannot be read."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alfs_cli.arrays import ByteArray
from alfs_cli.data.dataset import LabelledDataset, Progress
from alfs_cli.data.reading import refuse_unreadable
from alfs_cli.errors import InputError, UsageError

INSTANCE_PIXELS = 32


def decode_all(
    dataset: LabelledDataset, *, size: int | None = None, progress: Progress | None = None
) -> tuple[ByteArray, LabelledDataset]:
    """Return pixels (n, H, W, C) uint8 and the n examples they belong to.

    Pictures that cannot be read are left out and become problems of the data set. Raises InputError
    where they are more than 1 % of all, those that `load` left out included.
    """
    if dataset.images is None:
        raise UsageError(f"'{dataset.name}' has no images", help="it has features")
    pixels, readable = dataset.images.decode(np.arange(len(dataset)), size=size, progress=progress)
    if readable.all():
        return pixels, dataset
    broken = [dataset.images.problem(int(place)) for place in np.flatnonzero(~readable)]
    found = tuple(problem for problem in broken if problem is not None)
    before = tuple(p for p in dataset.problems if p.rule in ("ALFS401", "ALFS402", "ALFS407"))
    refuse_unreadable([*before, *found], len(dataset) + len(before), where=f"'{dataset.name}'")
    kept = replace(dataset, problems=(*dataset.problems, *found))
    return pixels[readable], kept.subset(np.flatnonzero(readable))


def instance_features(dataset: LabelledDataset) -> NDArray[Any]:
    """Return what instance-dependent noise depends on: features, else pixels in 0 .. 1, (N, D)."""
    if dataset.features is not None:
        return dataset.features
    if dataset.images is None:
        raise InputError(
            f"'{dataset.name}' has neither images nor features, on which instance noise depends",
            help="--features FILE supplies them",
        )
    large = max(dataset.images.shape[:2]) > 2 * INSTANCE_PIXELS
    pixels, kept = decode_all(dataset, size=INSTANCE_PIXELS if large else None)
    if len(kept) != len(dataset):
        raise InputError(
            f"{len(dataset) - len(kept)} images of '{dataset.name}' cannot be read, and instance "
            "noise depends on all",
            help="mend or delete them",
        )
    return pixels.reshape(len(pixels), -1) / np.float32(255)
