"""Coloured pictures of two textures, as arrays and as a data set."""

import numpy as np

from alfs_cli.data import ArrayImages, DataSpec, LabelledDataset


def stripes(count, seed=0):
    """Return coloured pictures (N, 32, 32, 3) of two textures, and which (N,)."""
    generator = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    pixels = generator.integers(0, 60, (count, 32, 32, 3))
    phase = generator.integers(0, 8, count)
    ramp = (np.arange(32)[None] + phase[:, None]) // 4 % 2 * 150
    pixels[labels == 0] += ramp[labels == 0][:, :, None, None]
    pixels[labels == 1] += ramp[labels == 1][:, None, :, None]
    return pixels.astype(np.uint8), labels


def dataset(count):
    """Return a data set of stripes."""
    pixels, labels = stripes(count)
    return LabelledDataset(
        name="stripes", kind="npz", spec=DataSpec("stripes"), labels=labels,
        class_names=("lying", "standing"), fingerprint="s", images=ArrayImages(pixels),
        content_digest="stripes",
    )  # fmt: skip
