"""The pixels of all pictures of a data set at one size, without unreadable ones."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alfs_cli.arrays import ByteArray
from alfs_cli.data.dataset import LabelledDataset, Progress
from alfs_cli.data.images.tuning import TUNING
from alfs_cli.data.reading import refuse_unreadable
from alfs_cli.errors import InputError, UsageError


def decode_all(
    dataset: LabelledDataset, *, size: int | None = None, progress: Progress | None = None
) -> tuple[ByteArray, LabelledDataset]:
    """Return pixels (n, H, W, C) uint8, and the data set of these n examples.

    Pictures that cannot be read are left out and become problems of the data set. Raises InputError
    where these are more than 1 % of all, counting those that `load` left out.
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
    """Return the numbers (N, D) on which instance noise depends: features, else pixels in 0 .. 1.

    Raises InputError where there are neither, or where a picture cannot be read.
    """
    if dataset.features is not None:
        return dataset.features
    if dataset.images is None:
        raise InputError(
            f"'{dataset.name}' has neither images nor features, on which instance noise depends",
            help="--features FILE supplies them",
        )
    is_large = max(dataset.images.shape[:2]) > 2 * TUNING.instance_side
    pixels, kept = decode_all(dataset, size=TUNING.instance_side if is_large else None)
    if len(kept) != len(dataset):
        raise InputError(
            f"{len(dataset) - len(kept)} images of '{dataset.name}' cannot be read, and instance "
            "noise depends on all",
            help="mend or delete them",
        )
    return pixels.reshape(len(pixels), -1) / np.float32(255)
