"""The networks: sizes against counts by hand and torchvision's, starts, and what is refused."""

import math
import sys

import pytest
import torch
from torch import nn

from alfs_cli.errors import AlfsError, InputError, UsageError
from alfs_cli.results.run import MODEL_NAMES
from alfs_cli.training.models import (
    MODELS,
    InputShape,
    Network,
    build,
    default_model,
)

DIGITS = InputShape(channels=1, height=8, width=8)
MNIST = InputShape(channels=1, height=28, width=28)
CIFAR = InputShape(channels=3, height=32, width=32)
PHOTOS = InputShape(channels=3, height=96, width=96)
VECTORS = InputShape(num_features=12)


def test_names_of_settings_are_the_table():
    assert tuple(MODELS) == MODEL_NAMES


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("shape", [DIGITS, CIFAR], ids=str)
def test_shapes(name, shape):
    model = build(name, shape, 7, seed=0).eval()
    inputs = torch.rand(2, shape.channels, shape.height, shape.width)
    with torch.inference_mode():
        assert model(inputs).shape == (2, 7)
        features = model.features(inputs)
        torch.testing.assert_close(model.head(features), model(inputs))


@pytest.mark.parametrize("name", ["linear", "mlp"])
def test_features_in(name):
    assert build(name, VECTORS, 5, seed=0)(torch.rand(4, 12)).shape == (4, 5)


def conv(i, o):
    return 9 * i * o + o + 2 * o


def num_parameters(*built):
    """Return how many a network has that build() makes of `built`; no value is drawn for them."""
    with torch.device("meta"):
        model = build(*built, seed=0)
    return sum(p.numel() for p in model.parameters())


def test_paper_networks_by_hand():
    cnn4 = conv(1, 32) + conv(32, 64) + (64 * 7 * 7 * 128 + 128 + 256) + (128 * 10 + 10)
    assert num_parameters("cnn4", MNIST, 10) == cnn4
    pairs = [(3, 64), (64, 64), (64, 128), (128, 128), (128, 196), (196, 196)]
    cnn8 = sum(conv(i, o) for i, o in pairs)
    cnn8 += 196 * 4 * 4 * 256 + 256 + 512 + 256 * 10 + 10
    assert num_parameters("cnn8", CIFAR, 10) == cnn8


@pytest.mark.parametrize(
    "name",
    ["resnet18", *(pytest.param(f"resnet{n}", marks=pytest.mark.slow) for n in (34, 50))],
)
def test_resnets_are_torchvisions_size(name):
    reference = num_parameters(f"torchvision:{name}", PHOTOS, 100)
    assert num_parameters(name, PHOTOS, 100) == reference
    stem = 64 * 3 * (7 * 7 - 3 * 3)
    assert num_parameters(name, CIFAR, 100) == reference - stem


def test_small_stem_keeps_the_resolution():
    body = build("resnet34", CIFAR, 10, seed=0).body
    sizes = []
    for layer in body:
        layer.register_forward_hook(lambda m, i, o: sizes.append(tuple(o.shape[1:])))
    with torch.inference_mode():
        body.eval()(torch.rand(1, 3, 32, 32))
    assert sizes[0] == (64, 32, 32)
    assert (512, 4, 4) in sizes


def test_torchvision_takes_grey_images():
    model = build("torchvision:squeezenet1_1", InputShape(1, 64, 64), 3, seed=0).eval()
    assert model(torch.rand(1, 1, 64, 64)).shape == (1, 3)


@pytest.mark.parametrize("name", ["mlp", "cnn4", "resnet18"])
def test_weights_come_from_the_seed_alone(name):
    torch.manual_seed(11)
    before = torch.get_rng_state()
    first, again, other = (build(name, MNIST, 10, seed=s) for s in (3, 3, 4))
    assert torch.equal(torch.get_rng_state(), before)
    one, two, three = (next(m.parameters()) for m in (first, again, other))
    assert torch.equal(one, two)
    assert not torch.equal(one, three)


def test_starts_as_the_paper_says():
    model = build("cnn8", CIFAR, 10, seed=0)
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d):
            bound = math.sqrt(6 / (9 * layer.in_channels))
        elif isinstance(layer, nn.Linear):
            bound = math.sqrt(6 / (layer.in_features + layer.out_features))
        else:
            continue
        largest = float(layer.weight.detach().abs().max())
        assert 0.9 * bound < largest <= bound
        assert not layer.bias.any()


@pytest.mark.parametrize(
    ("shape", "name"),
    [
        (VECTORS, "linear"),
        (DIGITS, "cnn4"),
        (MNIST, "cnn4"),
        (InputShape(1, 32, 32), "cnn8"),
        (CIFAR, "cnn8"),
        (InputShape(3, 64, 64), "cnn8"),
        (PHOTOS, "resnet18"),
    ],
    ids=str,
)
def test_default_model(shape, name):
    assert default_model(shape) == name


@pytest.mark.parametrize(
    ("name", "shape", "message"),
    [
        ("cnn", MNIST, "unknown model 'cnn' .did you mean 'cnn[48]'"),
        ("cnn4", VECTORS, "takes images, and the data are 12 features"),
        ("torchvision:resnet18", VECTORS, "takes images"),
        ("cnn8", InputShape(3, 7, 40), "needs images of 8 x 8 or more"),
        ("cnn4", InputShape(3, 3, 3), "needs images of 4 x 4 or more"),
        ("torchvision:alexnet", CIFAR, "'torchvision:alexnet' does not take 32 x 32 x 3 images"),
        ("torchvision:resnet81", PHOTOS, "unknown model of torchvision 'resnet81' .did you mean"),
    ],
)
def test_refusals(name, shape, message):
    with pytest.raises(UsageError, match=message):
        build(name, shape, 10, seed=0)


def test_auxiliary_outputs_are_left_out():
    model = build("torchvision:googlenet", CIFAR, 7, seed=0)
    assert model.training
    assert model(torch.zeros(2, 3, 32, 32)).shape == (2, 7)


class BrokenTorchvision:
    """Raises on import what a torchvision for another torch raises."""

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "torchvision":
            raise RuntimeError("operator torchvision::nms does not exist")


def test_broken_torchvision_is_input_error(monkeypatch):
    for name in [m for m in sys.modules if m.partition(".")[0] == "torchvision"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [BrokenTorchvision(), *sys.meta_path])
    with pytest.raises(InputError, match="nms does not exist") as caught:
        build("torchvision:resnet18", PHOTOS, 10, seed=0)
    assert "pip install" in (caught.value.help or "")
    assert isinstance(build("resnet18", PHOTOS, 10, seed=0), Network)
    assert isinstance(caught.value, AlfsError)
