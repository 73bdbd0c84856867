"""Labelled data sets and their readers: image folder, manifest, arrays, built-in.

`load(spec)` reads DATA; `train_and_test(spec, ...)` splits it the way training does.
"""

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
from alfs_cli.data.readers.in_memory import Given, trusted_of
from alfs_cli.data.reading import load, splits_of
from alfs_cli.data.splits import same_classes, train_and_test
from alfs_cli.data.trusted import Trusted, random_sample, read_trusted

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
