"""What a plan fills in, and what noise does to the data."""

import numpy as np
import pytest
from PIL import Image

from alfs_cli.data import DataSpec, train_and_test
from alfs_cli.errors import InputError, UsageError
from alfs_cli.noise import realised
from alfs_cli.results.run import NoiseConfig
from alfs_cli.training.experiment import plan

DIGITS = {"dataset": {"source": "digits"}, "loss": "ce"}


def flips(**noise):
    """Return counts (10, 10) of (true, given) labels of the training part."""
    clean = train_and_test(DataSpec("digits")).train.labels
    return realised(clean, plan({**DIGITS, "noise": noise}).parts.train.labels, 10)


def test_exact_noise_is_exact():
    counts = flips(kind="symmetric", rate=0.4)
    shares = np.diag(counts) / counts.sum(axis=1)
    assert np.abs(shares - 0.6).max() < 0.005
    sampled = flips(kind="symmetric", rate=0.4, draw="sampled")
    assert not np.array_equal(counts, sampled)


def test_asymmetric_noise_has_the_mnist_map():
    counts = flips(kind="asymmetric", rate=0.3)
    found = {(int(i), int(j)) for i, j in np.argwhere(counts) if i != j}
    assert found == {(7, 1), (2, 7), (5, 6), (6, 5), (3, 8)}


def test_noise_follows_the_seed_unless_it_has_its_own():
    def labels(run_seed, **noise):
        settings = {**DIGITS, "seed": run_seed, "noise": {"kind": "pair", "rate": 0.2, **noise}}
        return plan(settings).parts.train.labels

    assert not np.array_equal(labels(0), labels(1))
    assert np.array_equal(labels(0, seed=5), labels(1, seed=5))


def test_noise_leaves_the_test_part_alone():
    plain = train_and_test(DataSpec("digits"))
    noisy = plan({**DIGITS, "noise": {"kind": "symmetric", "rate": 0.8}}).parts
    assert plain.test is not None
    assert noisy.test is not None
    np.testing.assert_array_equal(noisy.test.labels, plain.test.labels)
    assert noisy.train.fingerprint == plain.train.fingerprint


def test_another_fingerprint_is_refused():
    with pytest.raises(InputError, match="not those of the configuration"):
        plan({**DIGITS, "fingerprint": "0" * 16})


def test_a_complete_configuration_plans_itself():
    config = plan({**DIGITS, "noise": {"kind": "pair", "rate": 0.25}}).config
    assert config.noise == NoiseConfig("pair", 0.25)
    assert plan(config.settings()).config == config


def test_normalisation_must_fit():
    stats = {"mean": [0.5] * 3, "std": [0.5] * 3}
    with pytest.raises(UsageError, match="3 channels, and the data are 8 x 8 x 1"):
        plan({**DIGITS, "normalisation": stats})


def test_named_features_are_trained_on(tmp_path):
    values = np.random.default_rng(0).normal(size=(1797, 5)).astype(np.float32)
    np.save(tmp_path / "f.npy", values[:1437])
    source = {"source": "digits", "features": str(tmp_path / "f.npy")}
    experiment = plan({"dataset": source, "loss": "ce"})
    assert experiment.config.model == "linear"
    assert experiment.shape.num_features == 5
    assert len(experiment.train_examples()) + len(experiment.test_examples()) == 1437


@pytest.fixture
def folder(tmp_path):
    """Return a folder of 2 x 30 colour pictures of 70 x 90."""
    rng = np.random.default_rng(0)
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        for number in range(30):
            pixels = rng.integers(0, 256, (70, 90, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / name / f"{number:02}.png")
    return tmp_path


def test_large_pictures_are_resized_and_small_ones_are_not(folder):
    settings = {"dataset": {"source": str(folder)}, "loss": "ce", "model": "linear"}
    large = plan(settings)
    assert large.config.image_size == 224
    assert (large.shape.height, large.shape.width, large.shape.channels) == (224, 224, 3)
    small = plan({**settings, "image_size": 16})
    assert small.train_examples().inputs.shape == (48, 16, 16, 3)
    assert plan({**DIGITS}).config.image_size is None


def test_many_broken_pictures_are_refused(folder):
    settings = {"dataset": {"source": str(folder)}, "loss": "ce", "model": "linear"}
    settings["image_size"] = 16
    for number in range(20):
        path = folder / "cat" / f"{number:02}.png"
        path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(InputError, match="cannot be read"):
        plan(settings).train_examples()
