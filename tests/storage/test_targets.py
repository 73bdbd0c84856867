"""No file that a command reads is written over by it, by whatever name it is called."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from alfs_cli.cli import run
from tests.conftest import make_estimate


@pytest.fixture
def alfs(tmp_path, monkeypatch, capsys):
    """Return `run` in a folder with m.csv, e.json and data/; no file may change."""
    monkeypatch.chdir(tmp_path)
    g = np.random.default_rng(0)
    rows = [f"{g.normal(4 * (i % 2)):.3f},{g.normal():.3f},{'ab'[i % 2]}" for i in range(60)]
    Path("m.csv").write_text("\n".join(["x,z,label", *rows]) + "\n")
    make_estimate().save(Path("e.json"))
    for i in range(6):
        path = Path("data", "ab"[i % 2], f"{i}.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (8, 8), 40 * i).save(path)
    os.link("m.csv", "hard.csv")
    Path("soft.csv").symlink_to("m.csv")

    def call(*words):
        before = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
        code = run(list(words))
        after = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
        assert before == after
        err = capsys.readouterr().err
        assert "written over" in err, err
        return code

    return call


SPELLINGS = ("m.csv", "./m.csv", "data/../m.csv", "soft.csv", "hard.csv", "{here}/m.csv")


@pytest.mark.parametrize("name", SPELLINGS)
def test_an_output_is_never_data(alfs, name):
    name = name.format(here=os.getcwd())
    assert alfs("check", "m.csv", "-o", f"csv={name}") == 2
    assert alfs("estimate", "soft.csv", "-o", f"json={name}") == 2
    assert alfs("inject", "m.csv", "--rate", "0.1", "--to", name) == 2
    assert alfs("train", "m.csv", "--loss", "ce", "-o", f"csv={name}") == 2


@pytest.mark.parametrize(
    "words",
    [
        ("check", "e.json", "-o", "json=e.json"),
        ("recommend", "e.json", "--write-recipe", "e.json"),
        ("losses", "check", "ce", "--estimate", "e.json", "-o", "json=e.json"),
        ("losses", "check", "ce", "--transition", "m.csv", "-o", "csv=m.csv"),
        ("shard", "--pred-probs", "m*.csv", "--shard", "1/2", "--to", "m.csv"),
        ("merge", "e.json", "m.csv", "-o", "csv=m.csv"),
        ("estimate", "digits", "--labels", "m.csv", "-o", "csv=m.csv"),
        ("check", "digits", "--baseline", "e.json", "-o", "json=e.json"),
        ("check", "m.csv", "--update-baseline", "--baseline", "m.csv"),
        ("check", "data", "-o", "html=data/a/0.png"),
        ("inject", "data", "--rate", "0.1", "--to", "data/a/0.png"),
        ("recipes", "validate", "m.csv", "-o", "csv=m.csv"),
    ],
)  # fmt: skip
def test_nor_is_any_other_input(alfs, words):
    assert alfs(*words) == 2


def test_files_under_out_are_targets_too(alfs):
    Path("m.csv").rename("issues.csv")
    assert alfs("estimate", "issues.csv", "--out", ".") == 2
    Path("issues.csv").rename("transition.csv")
    assert alfs("estimate", "digits", "--trusted", "transition.csv", "--out", ".") == 2
    Path("e.json").rename("check.json")
    assert alfs("check", "check.json", "--out", ".") == 2


def test_inputs_that_are_not_named(alfs):
    Path("alfs-out").mkdir()
    Path("e.json").rename("alfs-out/estimate.json")
    assert alfs("recommend", "-o", "json=alfs-out/estimate.json") == 2
    assert alfs("losses", "check", "ce", "-o", "json=alfs-out/estimate.json") == 2
    assert alfs("report", "-o", "json=alfs-out/estimate.json") == 2
    assert alfs("fix", "m.csv", "--drop", "--issues", "hard.csv", "-o", "json=hard.csv") == 2
    Path("r.yaml").write_text("dataset: m.csv\nloss: ce\nmodel: linear\nepochs: 1\n")
    assert alfs("train", "--recipe", "r.yaml", "-o", "csv=soft.csv") == 2
    Path("alfs.yaml").write_text("check:\n  baseline: r.yaml\n")
    assert alfs("check", "m.csv", "-o", "csv=r.yaml") == 2
    assert alfs("check", "m.csv", "-o", "csv=alfs.yaml") == 2


def test_pictures_that_a_manifest_lists(alfs):
    rows = [f"data/{'ab'[i % 2]}/{i}.png,{'ab'[i % 2]}" for i in range(6)]
    Path("p.csv").write_text("\n".join(["path,label", *rows]) + "\n")
    assert alfs("check", "p.csv", "-o", "html=data/b/1.png") == 2


@pytest.mark.parametrize("out", [(), ("--out", "res ults")])
def test_the_data_may_be_the_folder_that_one_is_in(tmp_path, monkeypatch, capsys, out):
    """Its results lie in it then, and are neither read as data nor refused the next time."""
    monkeypatch.chdir(tmp_path)
    g = np.random.default_rng(0)
    for i in range(60):
        path = Path("ab"[i % 2], f"{i}.png")
        path.parent.mkdir(exist_ok=True)
        Image.fromarray((120 * (i % 2) + g.integers(0, 60, (8, 8))).astype(np.uint8)).save(path)
    for words in (("estimate", "."), ("figures", "fig1"), ("estimate", "."), ("check", ".")):
        assert run([*words, "-q", *out]) == 0, capsys.readouterr().err
    assert run(["train", "--loss", "ce", "--epochs", "1", "--dry-run", *out]) == 0
    capsys.readouterr()
    assert run(["inspect", "."]) == 0
    assert "60 images read" in capsys.readouterr().out
    assert run(["check", ".", "-o", f"csv={Path('a/0.png')}", *out]) == 2


def test_a_result_in_the_folder_of_the_data_may_be_renewed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for i in range(40):
        path = Path("ab"[i % 2], f"{i}.png")
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(np.full((8, 8), 120 * (i % 2) + i, np.uint8)).save(path)
    for _ in range(2):
        words = [
            "check",
            ".",
            "-q",
            "--out",
            str(tmp_path.parent / "out"),
            "-o",
            "sarif=alfs.sarif",
            "-o",
            "junit=j.xml",
        ]
        assert run(words) == 0
