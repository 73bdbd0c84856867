"""Batches against plain loops: crops, flips, normalisation, and what an epoch draws."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from alfs_cli.data import ArrayImages, DataSpec, LabelledDataset
from alfs_cli.errors import InputError
from alfs_cli.results.run import AugmentationConfig
from alfs_cli.training.batches import (
    EpochBatches,
    Examples,
    Normaliser,
    Windows,
    gather,
    mixed_seed,
    num_batches,
)
from alfs_cli.training.models import InputShape


def pictures(count=20, height=6, width=5, channels=3, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (count, height, width, channels), dtype=np.uint8)


def epoch_of(pixels, crop, flip, *, batch_size=8, seed=0, epoch=0, most_mirrored=2**30):
    augmentation = AugmentationConfig(crop, flip)
    windows = Windows(torch.from_numpy(pixels), augmentation, most_mirrored=most_mirrored)
    labels = torch.arange(len(pixels))
    return EpochBatches(windows, labels, batch_size, seed=seed, epoch=epoch)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize(("crop", "flip"), [(0, False), (2, False), (0, True), (2, True)])
def test_against_a_loop(channels, crop, flip, mirrored):
    pixels = pictures(channels=channels)
    batches = epoch_of(pixels, crop, flip, most_mirrored=2**20 if mirrored else 0)
    padded = np.pad(pixels, ((0, 0), (crop, crop), (crop, crop), (0, 0)))
    seen = []
    for step in range(len(batches)):
        inputs, labels = batches[step]
        for place, index in enumerate(labels.tolist()):
            drawn = step * 8 + place
            down, right = int(batches.down[drawn]), int(batches.right[drawn])
            expected = padded[index]
            if flip and bool(batches.flipped[drawn]):
                expected = expected[:, ::-1]
            expected = expected[down : down + 6, right : right + 5]
            np.testing.assert_array_equal(inputs[place].numpy(), expected)
            seen.append(index)
    assert sorted(seen) == list(range(20))


def test_all_offsets_and_both_sides_occur():
    batches = epoch_of(pictures(count=2000), 2, True)
    assert set(batches.down.tolist()) == set(batches.right.tolist()) == set(range(5))
    assert 0.4 < float(batches.flipped.float().mean()) < 0.6


def test_an_epoch_is_drawn_from_seed_and_epoch():
    pixels = pictures()
    first, again = (epoch_of(pixels, 2, True, seed=1, epoch=4) for _ in range(2))
    assert torch.equal(first[1][0], again[1][0])
    for other in (epoch_of(pixels, 2, True, seed=1, epoch=5), epoch_of(pixels, 2, True, seed=2)):
        assert not torch.equal(first.order, other.order)


@given(count=st.integers(2, 500), size=st.integers(2, 60))
def test_every_example_is_in_one_batch_and_none_is_alone(count, size):
    batches = epoch_of(np.zeros((count, 1, 1, 1), np.uint8), 0, False, batch_size=size)
    labels = [batches[k][1] for k in range(len(batches))]
    assert len(labels) == num_batches(count, size)
    assert sorted(torch.cat(labels).tolist()) == list(range(count))
    assert all(torch.equal(batches.places(k), chosen) for k, chosen in enumerate(labels))
    *others, last = map(len, labels)
    assert set(others) <= {size}
    assert 2 <= last <= size + (count % size == 1)


def test_the_seed_of_an_epoch_is_the_same_under_any_numpy():
    assert mixed_seed(0, 0) == 7896617691693857887
    assert all(0 <= mixed_seed(seed, 3) < 2**63 for seed in range(200))


def test_normaliser_of_images():
    pixels = pictures(count=50)
    normaliser = Normaliser.of(Examples(torch.from_numpy(pixels), torch.zeros(50)))
    np.testing.assert_allclose(
        normaliser.mean.numpy(), (pixels / 255).mean(axis=(0, 1, 2)), atol=6e-5
    )
    np.testing.assert_allclose(
        normaliser.std.numpy(), (pixels / 255).std(axis=(0, 1, 2)), atol=6e-5
    )
    made = normaliser(torch.from_numpy(pixels))
    assert made.shape == (50, 3, 6, 5)
    assert made.is_contiguous(memory_format=torch.channels_last)
    expected = (pixels / 255 - normaliser.mean.numpy()) / normaliser.std.numpy()
    np.testing.assert_allclose(made.permute(0, 2, 3, 1).numpy(), expected, atol=1e-5)


def test_normaliser_of_features_keeps_constant_columns():
    values = torch.tensor([[1.0, 5.0], [3.0, 5.0]])
    normaliser = Normaliser.of(Examples(values, torch.zeros(2)))
    assert normaliser(values).tolist() == [[-1.0, 0.0], [1.0, 0.0]]


def test_black_images_stay_finite():
    dark = Examples(torch.zeros(3, 4, 4, 1, dtype=torch.uint8), torch.zeros(3))
    assert Normaliser.of(dark)(dark.inputs).isfinite().all()


def dataset(images=None, features=None):
    return LabelledDataset(
        "made", "npz", DataSpec("made"), np.zeros(20, np.int64), ("a", "b"), "0",
        images=images, features=features,
    )  # fmt: skip


def test_gather_makes_grey_images_colour_where_needed():
    grey = dataset(ArrayImages(pictures(channels=1)))
    assert gather(grey, shape=InputShape(3, 6, 5)).inputs.shape == (20, 6, 5, 3)


def test_gather_resizes_squares():
    assert gather(dataset(ArrayImages(pictures())), shape=InputShape(3, 4, 4)).shape == InputShape(
        3, 4, 4
    )


@pytest.mark.parametrize(
    ("data", "shape", "message"),
    [
        (dataset(), None, "neither images nor features"),
        (dataset(features=np.zeros((20, 4), np.float32)), InputShape(num_features=5), "4 features"),
        (dataset(ArrayImages(pictures())), InputShape(3, 7, 5), "the network takes 7 x 5 x 3"),
    ],
)
def test_gather_refuses(data, shape, message):
    with pytest.raises(InputError, match=message):
        gather(data, shape=shape)
