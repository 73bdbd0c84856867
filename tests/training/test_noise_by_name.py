"""Noise injected for training knows CIFAR-10's look-alikes in a folder of images as well."""

import numpy as np

from alfs_cli.data import DataSpec, LabelledDataset
from alfs_cli.data.names import CIFAR10
from alfs_cli.noise import asymmetric
from alfs_cli.runs import NoiseConfig
from alfs_cli.training.experiment import transition


def test_a_folder_with_cifar_classes_gets_cifars_map():
    labels = np.arange(10)
    folder = LabelledDataset(
        name="data/", kind="folder", spec=DataSpec("data/"), labels=labels, class_names=CIFAR10,
        fingerprint="0",
    )  # fmt: skip
    found = transition(NoiseConfig("asymmetric", 0.4), folder).array
    assert found.tolist() == asymmetric(0.4, 10, dataset="cifar10").array.tolist()
    assert found[9, 1] == 0.4
