"""Noise injected for training knows CIFAR-10's look-alikes in a folder of images as well."""

import numpy as np
import pytest

from alfs_cli.data import DataSpec, LabelledDataset
from alfs_cli.data.names import CIFAR10
from alfs_cli.errors import InputError
from alfs_cli.noise import asymmetric
from alfs_cli.results.run import NoiseConfig
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


def test_noise_by_instance_and_by_file(tmp_path):
    from alfs_cli.data import decode_all
    from alfs_cli.noise import asymmetric, inject_by_instance, realised, write_transition
    from alfs_cli.training.experiment import plan

    digits = {"dataset": {"source": "digits"}, "loss": "ce", "seed": 4}
    true = plan(digits).parts.train.labels
    found = plan({**digits, "noise": {"kind": "instance", "rate": 0.3}})
    data = plan(digits).parts.train
    pixels = decode_all(data)[0].reshape(len(data), -1) / np.float32(255)
    expected, _ = inject_by_instance(true, pixels, 0.3, 10, np.random.default_rng(4))
    assert np.array_equal(found.parts.train.labels, expected)
    assert 0.25 < np.mean(expected != true) < 0.35
    assert (found.noise.kind, found.noise.rate, found.noise.seed) == ("instance", 0.3, 4)
    T = asymmetric(0.4, 10, dataset="digits")
    file = tmp_path / "T.csv"
    write_transition(file, T, data.class_names)
    noise = {"kind": str(file), "seed": 7}
    found = plan({**digits, "noise": noise})
    counts = realised(true, found.parts.train.labels, 10)
    rows = counts / counts.sum(1, keepdims=True)
    assert np.abs(rows - T.array).max() < 0.01
    assert found.noise.rate == pytest.approx(float(1 - np.diag(T.array)[true].mean()))
    again = plan(found.config.settings())
    assert again.config == found.config
    write_transition(file, asymmetric(0.3, 10), data.class_names)
    with pytest.raises(InputError, match="is not the T of the configuration"):
        plan(found.config.settings())
