"""torchvision's networks, with weights made here: nothing is fetched."""

from hashlib import sha256
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from alfs_cli.data import ArrayImages
from alfs_cli.data.images.framing import Frame
from alfs_cli.errors import InputError, UsageError
from alfs_cli.evidence.encoders import find_encoder
from alfs_cli.evidence.encoders import torchvision as from_torchvision
from alfs_cli.evidence.encoders.encoding import encode
from tests.evidence.pictures import stripes


@pytest.fixture
def cached_weights(tmp_path, monkeypatch):
    """Put random weights of a small network into torch's cache under their digest's name."""
    from torchvision import models
    from torchvision.transforms.functional import InterpolationMode

    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    weights = models.get_model_weights("squeezenet1_1").DEFAULT

    def put(name, seed=0):
        torch.manual_seed(seed)
        network = models.get_model(name, weights=None)
        folder = tmp_path / "checkpoints"
        folder.mkdir(exist_ok=True)
        torch.save(network.state_dict(), folder / "made.pth")
        digest = sha256((folder / "made.pth").read_bytes()).hexdigest()[:8]
        path = folder / f"{name}-{digest}.pth"
        (folder / "made.pth").rename(path)
        preset = SimpleNamespace(
            crop_size=[64], resize_size=[72], mean=[0.5] * 3, std=[0.25] * 3,
            interpolation=InterpolationMode.BICUBIC,
        )  # fmt: skip
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
def test_encoders_by_name(cached_weights, name, size):
    """What enters the last linear layer is what they say of a picture."""
    cached_weights(name.removeprefix("torchvision:"))
    features, kept = encode(ArrayImages(stripes(4)[0]), np.arange(4), find_encoder(name))
    assert features.shape == (4, size)
    assert kept.tolist() == [0, 1, 2, 3]
    assert np.isfinite(features).all()


def test_it_is_what_enters_the_last_layer(cached_weights):
    from torchvision import models

    path = cached_weights("resnet18")
    whole = models.resnet18(weights=None).eval()
    whole.load_state_dict(torch.load(path, weights_only=True))
    network = find_encoder("resnet18").pictures("cpu")
    x = torch.from_numpy(np.random.default_rng(0).normal(size=(2, 3, 64, 64))).float()
    with torch.inference_mode():
        torch.testing.assert_close(
            whole.fc(network.features(x)), whole(x), atol=1e-4, rtol=1e-4
        )  # fmt: skip


def test_pictures_are_prepared_as_the_weights_say(cached_weights):
    cached_weights("resnet18")
    network = find_encoder("resnet18").pictures("cpu")
    assert network.frame == Frame(64, 72, "bicubic")
    assert network.mean == (127.5,) * 3
    assert network.spread == (63.75,) * 3
    assert find_encoder("resnet18", size=128).pictures("cpu").frame == Frame(128, 144, "bicubic")


def test_the_digest_is_of_the_weights_and_the_size(cached_weights):
    cached_weights("resnet18")
    first = find_encoder("resnet18").digest
    assert find_encoder("torchvision:resnet18").digest == first
    assert find_encoder("resnet18", size=32).digest != first
    cached_weights("resnet18", seed=1)
    assert find_encoder("resnet18").digest != first


def test_weights_that_are_not_here_are_not_fetched(cached_weights, monkeypatch):
    path = cached_weights("resnet18")
    path.rename(path.with_name("elsewhere.pth"))
    monkeypatch.setattr(from_torchvision, "_fetch", None)
    with pytest.raises(UsageError, match="the weights of 'resnet18' are not in") as caught:
        find_encoder("resnet18")
    assert "--download" in caught.value.help


def test_broken_weights_are_refused(cached_weights):
    path = cached_weights("resnet18")
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(InputError, match="does not hold the weights of 'resnet18'"):
        find_encoder("resnet18")
