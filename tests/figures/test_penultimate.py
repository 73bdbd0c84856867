"""The input of the last layer, of every kind of network."""

import pytest
import torch

from alfs_cli.errors import InputError
from alfs_cli.figures.penultimate import features_of
from alfs_cli.training.batches import Normaliser
from alfs_cli.training.checkpoint import Trained
from alfs_cli.training.devices import choose_device
from alfs_cli.training.models import MODELS, TORCHVISION, InputShape, build
from alfs_cli.training.prediction import features_of as features_by_body

SHAPE = InputShape(channels=1, height=8, width=8)


def trained(name, shape=SHAPE):
    normaliser = Normaliser(torch.zeros(shape.channels), torch.ones(shape.channels))
    return Trained(build(name, shape, 3, seed=0).eval(), name, shape, normaliser, ("a", "b", "c"))


def pictures(shape=SHAPE, count=3):
    sizes = (count, shape.height, shape.width, shape.channels)
    return torch.randint(0, 256, sizes, generator=torch.Generator().manual_seed(0)).byte()


@pytest.mark.parametrize("name", [n for n in MODELS if n not in ("resnet34", "resnet50")])
def test_networks_of_alfs_give_what_their_body_computes(name):
    one, device = trained(name), choose_device("cpu")
    found = features_of(one, pictures(), device)
    torch.testing.assert_close(found, features_by_body(one, pictures(), device))


@pytest.mark.slow
@pytest.mark.parametrize(("name", "width"), [("squeezenet1_1", 512), ("shufflenet_v2_x0_5", 1024)])
def test_networks_of_torchvision(name, width):
    """Of a convolutional last layer, the mean over places."""
    shape = InputShape(channels=3, height=64, width=64)
    found = features_of(trained(TORCHVISION + name, shape), pictures(shape), choose_device("cpu"))
    assert found.shape == (3, width)


def test_broken_weights():
    one = trained("linear")
    one.normaliser.std.fill_(float("nan"))
    with pytest.raises(InputError, match="not finite"):
        features_of(one, pictures(), choose_device("cpu"))


def test_hooks_are_taken_off():
    one = trained("mlp")
    features_of(one, pictures(), choose_device("cpu"))
    assert not any(layer._forward_pre_hooks for layer in one.model.modules())
