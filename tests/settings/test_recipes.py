"""Recipes: those that alfs brings, and what a wrong one is told."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alfs_cli.errors import InputError, UsageError
from alfs_cli.losses import parse_loss
from alfs_cli.results.run import load_config
from alfs_cli.settings.recipes import (
    load_recipe,
    load_settings,
    parse_recipe,
    recipe_dir,
    recipe_names,
)
from alfs_cli.settings.training import SETTINGS, RecipeError, nest, overrides

NAMES = recipe_names()


def test_every_file_is_found():
    files = {p.relative_to(recipe_dir()).as_posix() for p in recipe_dir().rglob("*.yaml")}
    assert {f"{name}.yaml" for name in NAMES} == files
    assert len(NAMES) >= 80


@pytest.mark.parametrize("name", NAMES)
def test_recipes_are_complete_and_say_how_to_run_them(name):
    recipe = load_recipe(name)
    needed = "dataset.source model loss optimizer.lr optimizer.momentum"
    needed += " optimizer.weight_decay optimizer.grad_clip schedule epochs batch_size seed"
    if not name.startswith("webvision/"):  # its labels are noisy as they come
        needed += " noise.kind noise.rate"
    assert set(needed.split()) <= set(recipe.values)
    assert f"alfs train --recipe {name}" in recipe.text
    assert "ICML 2021" in recipe.text
    assert "section 5" not in recipe.text  # networks and training are in Appendix D
    if name != "digits":
        assert "like=public-code" in recipe.text  # what its authors' code does otherwise
    assert recipe.about
    assert f"loss: {recipe.values['loss']}\n" in recipe.text  # written in canonical form
    assert max(map(len, recipe.text.splitlines())) <= 100


@pytest.mark.parametrize(
    ("recipe", "loss"),
    [
        ("cifar10/nce-agce", "nce+agce:a=6,q=1.5,alpha=1,beta=4"),
        ("cifar10/sce", "sce:A=-4,alpha=0.1,beta=1"),
        ("mnist/nfl-rce", "nfl+rce:gamma=0.5,A=-4,alpha=1,beta=100"),
        ("mnist/nce-ael", "nce+ael:a=3.5,alpha=0,beta=1"),
        ("cifar100/nce-agce", "nce+agce:a=1.8,q=3,alpha=10,beta=0.1"),
        ("cifar100/nce-aul", "nce+aul:a=6,p=3,alpha=10,beta=0.015"),
        ("cifar100/sce", "sce:A=-4,alpha=6,beta=1"),
        ("webvision/nce-agce", "nce+agce:a=2.5,q=3,alpha=50,beta=0.1"),
        ("webvision/agce", "agce:a=1e-5,q=0.5"),
        ("webvision/ngce", "ngce:q=0.7"),
    ],
)
def test_table_4(recipe, loss):
    assert parse_loss(load_recipe(recipe).values["loss"]) == parse_loss(loss)


@pytest.mark.parametrize(
    ("recipe", "loss", "elr"),
    [
        ("cifar10/elr", "ce", (3, 0.7)),
        ("cifar100/elr", "ce", (7, 0.9)),
        ("cifar10/eps-ce-mae", "eps-ce+mae:m=1e5,alpha=0.01,beta=5", None),
        ("cifar100/eps-ce-mae", "eps-ce+mae:m=1e4,alpha=0.03,beta=1", None),
        ("cifar10/js", "js:pi=0.7", None),
        ("cifar10/phuber", "phuber:tau=2", None),
        ("cifar10/ldr-kl", "ldr-kl:lam=10,c=0.1", None),
        ("webvision/jal-ce", "jal-ce:a=30,alpha=50,beta=1", None),
    ],
)
def test_settings_after_the_paper(recipe, loss, elr):
    values = load_recipe(recipe).values
    assert parse_loss(values["loss"]) == parse_loss(loss)
    given = None if elr is None else (values["elr.strength"], values["elr.momentum"])
    assert given == elr


def test_weight_decay_and_epochs_of_the_paper():
    for name in NAMES:
        values = load_recipe(name).values
        if "l1" in values:  # ANL and JAL: a penalty on the absolute weights instead
            assert values["optimizer.weight_decay"] == 0
            continue
        if name.startswith("cifar100/"):
            assert (values["epochs"], values["optimizer.weight_decay"]) == (200, 1e-5)
            assert (values["optimizer.lr"], values["model"]) == (0.1, "resnet34")
            assert values["augmentation.rotation"] == 20
        if name.startswith("webvision/"):
            assert (values["epochs"], values["optimizer.weight_decay"]) == (250, 3e-5)
            assert (values["schedule"], values["batch_size"]) == ("exponential:0.97", 512)
        if name.startswith("mnist/"):
            assert (values["epochs"], values["optimizer.weight_decay"]) == (50, 1e-3)
        if name.startswith("cifar10/"):
            assert (values["epochs"], values["optimizer.weight_decay"]) == (120, 1e-4)


def told(text):
    with pytest.raises(RecipeError) as caught:
        parse_recipe(text, name="r", where="r.yaml")
    return str(caught.value).splitlines()


def test_all_errors_at_once_with_lines():
    text = """dataset: digits
lr: 3
loss: nce+aull
epochs: -2
noise: {kind: symetric, rat: 2}
epochs: 3
optimizer:
  lr: fast
  wait_decay: 1
augmentation: {flip: 1}
normalisation: {mean: [[1]]}
model: cnn9
"""
    expected = [
        (2, "unknown key 'lr' (did you mean 'optimizer.lr'?)"),
        (3, "unknown loss 'aull'"),
        (4, "epochs is -2, not a whole number, 1 or more"),
        (5, "(did you mean 'symmetric'?)"),
        (5, "unknown key 'noise.rat' (did you mean 'noise.rate'?)"),
        (6, "'epochs' is set twice, first in line 4"),
        (8, "optimizer.lr is 'fast', not a number above 0"),
        (9, "unknown key 'optimizer.wait_decay' (did you mean 'optimizer.weight_decay'?)"),
        (10, "augmentation.flip is 1, not true or false"),
        (11, "a list may hold plain values only"),
        (12, "model is 'cnn9', not one of linear, "),
    ]
    lines = told(text)
    assert len(lines) == len(expected)
    for line, (number, words) in zip(lines, expected, strict=True):
        assert line.startswith(f"r.yaml:{number}: ")
        assert words in line


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("loss: [ce\n", "r.yaml:2: not valid YAML"),
        ("- ce\n", "`key: value` lines"),
        ("", "`key: value` lines"),
        ("loss: ce\n---\nloss: ce\n", "not valid YAML"),
        ("? [a]\n: 1\n", "a key must be plain text"),
        ("noise: {kind: pair}\n", "'noise.kind' needs 'noise.rate' beside it"),
        ("loss: !!python/object/apply:os.getcwd []\n", "r.yaml:1: "),
        ("optimizer: {lr: {a: 1}}\n", "nested too deeply"),
        ("epochs: &x [*x]\n", "r.yaml:1: "),
        ("epochs: true\n", "not a whole number"),
        ("noise: {kind: pair, rate: .nan}\n", "noise.rate is nan, not a number from 0 to 1"),
        ("schedule: exponential\n", "not one of cosine, constant, exponential:FACTOR"),
    ],
)
def test_broken(text, message):
    assert message in "\n".join(told(text))


def test_numbers_without_a_point_are_numbers():
    recipe = parse_recipe("optimizer: {lr: 1e-3}\nl1: 5e-05\n", name="r", where="r")
    assert recipe.nested() == {"optimizer": {"lr": 0.001}, "l1": 5e-05}


def test_noise_none_is_no_noise():
    assert parse_recipe("loss: ce\nnoise: none\n", name="r", where="r").values == {
        "loss": str(parse_loss("ce"))
    }


def test_missing_files_and_names(tmp_path):
    with pytest.raises(UsageError, match=r"unknown recipe 'nce-aul' \(did you mean '.*nce-aul'"):
        load_recipe("nce-aul")
    with pytest.raises(InputError, match="no such file"):
        load_recipe(str(tmp_path / "none.yaml"))
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="cannot read"):
        load_settings(tmp_path / "binary.yaml")


def test_overrides():
    assert overrides(["optimizer.lr=1e-3", "augmentation.flip=true", "dataset=digits"]) == {
        "optimizer.lr": 0.001,
        "augmentation.flip": True,
        "dataset.source": "digits",
    }
    with pytest.raises(RecipeError) as caught:
        overrides(["lr=1", "epochs", "noise.rate=2"])
    lines = str(caught.value).splitlines()
    assert len(lines) == 3
    assert "did you mean 'optimizer.lr'" in lines[0]


def test_a_saved_configuration_is_a_recipe(tmp_path):
    from alfs_cli.results.run import NoiseConfig, TrainConfig

    config = TrainConfig(
        {"source": "digits", "root": "."}, "f00d", "cnn4", str(parse_loss("nce+rce")),
        epochs=3, batch_size=64, seed=2, noise=NoiseConfig("pair", 0.25, 4), image_size=12,
        test={"source": "digits"}, holdout=0.1,
    )  # fmt: skip
    config.save(tmp_path / "config.yaml")
    values = load_settings(tmp_path / "config.yaml").values
    assert nest(values) == config.settings()
    assert load_config(tmp_path) == config


@given(st.sampled_from(sorted(SETTINGS)), st.text(max_size=20))
def test_any_text_is_read_or_refused(key, text):
    with suppress(RecipeError):
        assert list(overrides([f"{key}={text}"])) == [key]
