"""The offline encoder: real weights, refused where they are not what they should be."""

import numpy as np
import pytest

from alfs_cli import encoders
from alfs_cli.data import ArrayImages, DataSpec, LabelledDataset
from alfs_cli.errors import InputError, UsageError
from alfs_cli.evidence import gather


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
    pixels, labels = stripes(count)
    return LabelledDataset(
        name="stripes", kind="npz", spec=DataSpec("stripes"), labels=labels,
        class_names=("lying", "standing"), fingerprint="s", images=ArrayImages(pixels),
    )  # fmt: skip


def test_features_tell_textures_apart():
    images = ArrayImages(stripes(70)[0])
    features, kept = encoders.encode(images, np.arange(70))
    assert features.shape == (70, 1280)
    assert kept.tolist() == list(range(70))
    again, _ = encoders.encode(images, np.arange(70)[::-1])
    np.testing.assert_allclose(again[::-1], features, atol=1e-4)


def test_auto_takes_what_agrees_better_and_says_so():
    evidence = gather(dataset(80))
    assert evidence.kind == "encoder"
    assert "efficientnet-lite0" in evidence.name
    assert evidence.agreement > 0.95
    assert any("out-of-fold agreement on 80 examples" in note for note in evidence.notes)


def test_the_choice_is_cached(tmp_path, monkeypatch):
    first = gather(dataset(80), cache=tmp_path)
    monkeypatch.setattr("alfs_cli.representations.encode", None)
    again = gather(dataset(80), cache=tmp_path)
    assert again.kind == first.kind == "encoder"
    np.testing.assert_array_equal(again.probs, first.probs)


def test_without_the_extra_pixels_are_taken_and_the_extra_is_named(monkeypatch):
    monkeypatch.setattr("alfs_cli.evidence.has_encoder", lambda: False)
    evidence = gather(dataset(40))
    assert evidence.kind == "pixels"
    assert any("alfs-cli[encoder]" in note for note in evidence.notes)


def test_asked_for_without_the_extra(monkeypatch):
    monkeypatch.setattr(encoders, "has_encoder", lambda: False)
    with pytest.raises(UsageError, match="not installed") as caught:
        gather(dataset(20), kind="encoder")
    assert "alfs-cli[encoder]" in caught.value.help


def test_other_weights_are_refused(monkeypatch):
    monkeypatch.setattr(encoders, "DIGEST", "0" * 64)
    with pytest.raises(InputError, match="does not hold the encoder's weights"):
        encoders.encode(ArrayImages(stripes(2)[0]), np.arange(2))
