"""Labelled data sets and their readers: image folder, manifest, arrays, built-in.

`load(spec)` reads DATA; `train_and_test(spec, ...)` splits it the way training does.
"""

from alfs_cli.data.dataset import DataSpec, LabelledDataset, Problem, TestLabels, TrainTest

__all__ = ["DataSpec", "LabelledDataset", "Problem", "TestLabels", "TrainTest"]
