"""The offline encoder: real weights, refused where they are not what they should be."""

from dataclasses import replace
from hashlib import sha256
from types import SimpleNamespace

import numpy as np
import pytest

from alfs_cli.data import ArrayImages, DataSpec, LabelledDataset
from alfs_cli.errors import InputError, UsageError
from alfs_cli.evidence.encoders import encoding, lite
from alfs_cli.evidence.encoders import torchvision as from_torchvision
from alfs_cli.evidence.gathering import gather


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
        content_digest="stripes",
    )  # fmt: skip


@pytest.mark.parametrize("count", [4, pytest.param(70, marks=pytest.mark.slow)])
def test_features_are_of_each_picture_alone(count):
    """Whatever stands beside it in a batch, of which seventy pictures are two."""
    images = ArrayImages(stripes(count)[0])
    features, kept = encoding.encode(images, np.arange(count))
    assert features.shape == (count, 1280)
    assert kept.tolist() == list(range(count))
    again, _ = encoding.encode(images, np.arange(count)[::-1])
    np.testing.assert_allclose(again[::-1], features, atol=1e-4)


@pytest.mark.slow
def test_auto_takes_what_agrees_better_and_says_so():
    evidence = gather(dataset(80))
    assert evidence.kind == "encoder"
    assert "efficientnet-lite0" in evidence.name
    assert evidence.agreement > 0.95
    assert any("out-of-fold agreement on 80 examples" in note for note in evidence.notes)


@pytest.mark.slow
def test_the_choice_is_cached(tmp_path, monkeypatch):
    first = gather(dataset(80), cache=tmp_path)
    monkeypatch.setattr("alfs_cli.evidence.representations.encode", None)
    again = gather(dataset(80), cache=tmp_path)
    assert again.kind == first.kind == "encoder"
    np.testing.assert_array_equal(again.probs, first.probs)


def test_without_the_extra_pixels_are_taken_and_the_extra_is_named(monkeypatch):
    monkeypatch.setattr("alfs_cli.evidence.gathering.has_encoder", lambda: False)
    evidence = gather(dataset(40))
    assert evidence.kind == "pixels"
    assert any("alfs-cli[encoder]" in note for note in evidence.notes)


def test_asked_for_without_the_extra(monkeypatch):
    monkeypatch.setattr(lite, "has_encoder", lambda: False)
    with pytest.raises(UsageError, match="not installed") as caught:
        gather(dataset(20), kind="encoder")
    assert "alfs-cli[encoder]" in caught.value.help


def test_other_weights_are_refused(monkeypatch):
    monkeypatch.setattr(lite, "DIGEST", "0" * 64)
    with pytest.raises(InputError, match="does not hold the encoder's weights"):
        encoding.encode(ArrayImages(stripes(2)[0]), np.arange(2))


# torchvision's, with weights made here: nothing is fetched.


@pytest.fixture
def cached_weights(tmp_path, monkeypatch):
    """Put random weights of a small network into torch's cache under their digest's name."""
    import torch
    from torchvision import models

    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    weights = models.get_model_weights("squeezenet1_1").DEFAULT

    def put(name):
        torch.manual_seed(0)
        network = models.get_model(name, weights=None)
        folder = tmp_path / "checkpoints"
        folder.mkdir(exist_ok=True)
        torch.save(network.state_dict(), folder / "made.pth")
        digest = sha256((folder / "made.pth").read_bytes()).hexdigest()[:8]
        path = folder / f"{name}-{digest}.pth"
        (folder / "made.pth").rename(path)
        preset = SimpleNamespace(crop_size=[64], mean=[0.5] * 3, std=[0.25] * 3)
        chosen = SimpleNamespace(
            url=f"https://example.org/{path.name}", meta=weights.meta, transforms=lambda: preset
        )
        monkeypatch.setattr(models, "get_model_weights", lambda _: SimpleNamespace(DEFAULT=chosen))
        return path

    return put


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "size"), [("resnet18", 512), ("torchvision:mobilenet_v3_small", 1024)]
)
def test_torchvision_encoders_by_name(cached_weights, name, size):
    """What enters the last linear layer is what they say of a picture."""
    cached_weights(name.removeprefix("torchvision:"))
    images = ArrayImages(stripes(4)[0])
    features, kept = encoding.encode(images, np.arange(4), encoder=name)
    assert features.shape == (4, size)
    assert kept.tolist() == [0, 1, 2, 3]
    assert np.isfinite(features).all()


def test_weights_that_are_not_here_are_not_fetched(cached_weights, monkeypatch):
    path = cached_weights("resnet18")
    path.rename(path.with_name("elsewhere.pth"))
    monkeypatch.setattr(from_torchvision, "_fetch", None)
    with pytest.raises(UsageError, match="the weights of 'resnet18' are not in") as caught:
        encoding.encode(ArrayImages(stripes(2)[0]), np.arange(2), encoder="resnet18")
    assert "--download" in caught.value.help


def test_broken_weights_are_refused(cached_weights):
    path = cached_weights("resnet18")
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(InputError, match="does not hold the weights of 'resnet18'"):
        encoding.encode(ArrayImages(stripes(2)[0]), np.arange(2), encoder="resnet18")


def test_an_encoder_that_is_none():
    with pytest.raises(UsageError, match="did you mean 'resnet18'"):
        encoding.encode(ArrayImages(stripes(2)[0]), np.arange(2), encoder="resnet81")


@pytest.mark.slow
def test_features_are_kept_by_content_whatever_the_labels(tmp_path, monkeypatch):
    """Other labels of the same pictures take the features that are there."""
    calls = []
    whole = dataset(60)

    def encode(images, indices, **options):
        calls.append(len(indices))
        pixels, _ = images.decode(indices)
        return pixels.reshape(len(indices), -1)[:, :512].astype(np.float32), indices

    monkeypatch.setattr("alfs_cli.evidence.representations.encode", encode)
    first = gather(whole, kind="encoder", cache=tmp_path)
    flipped = replace(whole.with_labels(1 - whole.labels), fingerprint="f")
    other = gather(flipped, kind="encoder", cache=tmp_path)
    assert calls == [60]
    np.testing.assert_array_equal(first.features, other.features)
    gather(whole.subset(np.arange(30)), kind="encoder", cache=tmp_path)
    assert calls == [60, 30]
    for stored in tmp_path.glob("features-*.npz"):
        stored.write_bytes(b"broken")
    gather(replace(flipped, fingerprint="g"), kind="encoder", cache=tmp_path)
    assert calls == [60, 30, 60]
