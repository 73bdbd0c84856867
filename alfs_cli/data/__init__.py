"""Labelled data sets and their readers: image folder, manifest, arrays, built-in.

`load(spec)` reads DATA; `train_and_test(spec, ...)` splits it the way training does. Each name is
imported when it is first used, so that the table of readers can be read without NumPy.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from alfs_cli.data.dataset import (
        DataSpec,
        Images,
        LabelledDataset,
        Problem,
        SomeImages,
        TestLabels,
        TrainTest,
        batches,
        in_words,
        positions_of,
    )
    from alfs_cli.data.images.decoding import decode_all
    from alfs_cli.data.images.kinds import ArrayImages, FileImages
    from alfs_cli.data.located import here
    from alfs_cli.data.readers.in_memory import Given, trusted_of
    from alfs_cli.data.reading import load, splits_of
    from alfs_cli.data.splits import same_classes, train_and_test
    from alfs_cli.data.trusted import Trusted, random_sample, read_trusted

_PLACES = {
    "ArrayImages": "images.kinds",
    "DataSpec": "dataset",
    "FileImages": "images.kinds",
    "Given": "readers.in_memory",
    "Images": "dataset",
    "LabelledDataset": "dataset",
    "Problem": "dataset",
    "SomeImages": "dataset",
    "TestLabels": "dataset",
    "TrainTest": "dataset",
    "Trusted": "trusted",
    "batches": "dataset",
    "decode_all": "images.decoding",
    "here": "located",
    "in_words": "dataset",
    "load": "reading",
    "positions_of": "dataset",
    "random_sample": "trusted",
    "read_trusted": "trusted",
    "same_classes": "splits",
    "splits_of": "reading",
    "train_and_test": "splits",
    "trusted_of": "readers.in_memory",
}
__all__ = [
    "ArrayImages",
    "DataSpec",
    "FileImages",
    "Given",
    "Images",
    "LabelledDataset",
    "Problem",
    "SomeImages",
    "TestLabels",
    "TrainTest",
    "Trusted",
    "batches",
    "decode_all",
    "here",
    "in_words",
    "load",
    "positions_of",
    "random_sample",
    "read_trusted",
    "same_classes",
    "splits_of",
    "train_and_test",
    "trusted_of",
]


def __getattr__(name: str) -> Any:
    """Return one of the names above from the module that holds it."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"alfs_cli.data.{_PLACES[name]}"), name)
