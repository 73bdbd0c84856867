"""`like: public-code`: what it makes of settings, as planned on data in each layout."""

import pytest
import torch

from alfs_cli.losses import parse_loss
from alfs_cli.losses.public_code import with_gradient_of_public_code
from alfs_cli.noise import asymmetric, inject_as_public_code, symmetric
from alfs_cli.results.like import DECIDED, expanded
from alfs_cli.settings.recipes import load_recipe, parse_recipe
from alfs_cli.settings.training import SETTINGS
from alfs_cli.training import plan
from alfs_cli.training.devices import choose_device
from alfs_cli.training.preparation import objective_of
from tests.paper_data import small_cifar, small_mnist


def planned(name, root, **changes):
    settings = {**load_recipe(name).nested(), "like": "public-code", **changes}
    settings["dataset"]["root"] = str(root)
    return plan(settings)


def test_mnist_is_drawn_label_by_label_with_one_seed(tmp_path):
    found = planned("mnist/nfl-rce", small_mnist(tmp_path), seed=7)
    noise = found.config.noise
    assert (noise.draw, noise.seed, noise.sequential) == ("multinomial", 0, False)
    true = found.parts.train.true_labels
    wanted = inject_as_public_code(true, symmetric(0.4, 10), 0)
    assert found.parts.train.labels.tolist() == wanted.tolist()
    loss = parse_loss(found.config.loss)
    assert loss.terms[1].parameters()["A"] == pytest.approx(-9.21034, abs=1e-5)
    assert found.config.loss_gradient == "public-code"
    again = plan(found.config.settings())  # a saved config.yaml repeats the run
    assert again.config == found.config
    assert again.config.run_id == found.config.run_id


def test_training_has_the_gradient_of_public_code(tmp_path):
    found = planned("mnist/nfl", small_mnist(tmp_path))
    labels = torch.as_tensor(found.parts.train.labels)
    objective = objective_of(found, labels, choose_device("cpu"))
    gradients = []
    for loss in (objective, with_gradient_of_public_code(parse_loss("nfl")), parse_loss("nfl")):
        z = torch.randn(8, 10, generator=torch.Generator().manual_seed(0)).requires_grad_()
        places = (torch.arange(8),) if loss is objective else ()
        gradients.append(torch.autograd.grad(loss(z, labels[:8], *places), z)[0])
    assert torch.equal(gradients[0], gradients[1])
    assert not torch.allclose(gradients[0], gradients[2], rtol=0.01)


def test_a_seed_of_the_noise_that_is_given_stays(tmp_path):
    noise = {"kind": "asymmetric", "rate": 0.4, "seed": 5}
    found = planned("mnist/ce", small_mnist(tmp_path), noise=noise)
    assert found.config.noise.seed == found.noise.seed == 5
    assert found.config.loss_gradient == "formula"  # cross entropy is the same there


@pytest.mark.parametrize("kind", ["symmetric", "asymmetric"])
@pytest.mark.parametrize("classes", [10, 100])
def test_cifar(tmp_path, classes, kind):
    name = f"cifar{classes}"
    root = small_cifar(tmp_path, classes, 500, 100)
    found = planned(f"{name}/ce", root, noise={"kind": kind, "rate": 0.4})
    noise, is_asymmetric = found.config.noise, kind == "asymmetric"
    assert noise.seed == 123
    assert noise.sequential == (is_asymmetric and classes == 10)
    assert noise.blocks_of_five == (is_asymmetric and classes == 100)
    assert noise.draw == ("multinomial" if noise.blocks_of_five else "exact")
    if noise.blocks_of_five:
        T = asymmetric(0.4, 100, dataset="cifar100", blocks_of_five=True)
        true = found.parts.train.true_labels
        assert found.parts.train.labels.tolist() == inject_as_public_code(true, T, 123).tolist()


def test_webvision_is_clipped_cropped_and_recoloured():
    recipe = load_recipe("webvision/agce").nested()
    found = expanded(recipe, "webvision-mini")
    assert found["optimizer"] == {**recipe["optimizer"], "grad_clip": 5.0}
    assert found["augmentation"] == {
        "crop": 0, "flip": True, "resized_crop": 0.08, "colour_jitter": 0.4, "hue": 0.2,
    }  # fmt: skip
    assert "noise" not in found
    assert expanded(recipe, "digits")["optimizer"] == recipe["optimizer"]


def test_without_noise_there_is_none(tmp_path):
    found = planned("mnist/ce", small_mnist(tmp_path), noise=None)
    assert found.config.noise is None


def test_a_recipe_may_say_it():
    recipe = parse_recipe("dataset: mnist\nlike: public-code\n", name="r", where="r.yaml")
    assert recipe.values["like"] == "public-code"
    assert set(DECIDED) <= set(SETTINGS)
