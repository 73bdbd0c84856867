"""Each recipe of CIFAR takes a step: its data, noise, augmentation, loss and objective.

The networks of the recipes take ten seconds a recipe for CIFAR-100; `benchmarks/recipes.py` trains
with them, and so does one recipe of each set here.
"""

import pytest

from alfs_cli.settings.recipes import load_recipe, recipe_names
from alfs_cli.training import plan, train
from alfs_cli.training.devices import choose_device
from tests.paper_data import small_cifar

RECIPES = [name for name in recipe_names() if name.startswith("cifar")]
WHOLE = ("cifar10/ce", "cifar100/nce-agce")  # with their own network


@pytest.fixture(scope="module")
def roots(tmp_path_factory):
    top = tmp_path_factory.mktemp("cifar")
    return {
        "cifar10": small_cifar(top / "10", 10, 20, 4),
        "cifar100": small_cifar(top / "100", 100, 8, 4),
    }


def test_both_sets_have_recipes():
    assert len([name for name in RECIPES if name.startswith("cifar10/")]) > 25
    assert len([name for name in RECIPES if name.startswith("cifar100/")]) > 20


@pytest.mark.parametrize("name", RECIPES)
def test_a_step_of_each_recipe(name, roots, tmp_path):
    settings = load_recipe(name).nested()
    settings["dataset"]["root"] = str(roots[settings["dataset"]["source"]])
    settings |= {"epochs": 1, "batch_size": 100}
    if "nlnl" in settings:
        settings |= {"epochs": 3, "nlnl": {**settings["nlnl"], "nl": 1, "selnl": 1}}
    if name not in WHOLE:
        settings["model"] = "linear"
    result = train(plan(settings), tmp_path / "run", choose_device("cpu"))
    assert result.status == "finished"
    assert result.loss == settings["loss"]
    assert 0 <= result.test_accuracy.last <= 1
