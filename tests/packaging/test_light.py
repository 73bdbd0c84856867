"""alfs-audit: the wheel holds the code of alfs-cli, and judges labels where there is no torch."""

import json
import os
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from email.parser import Parser
from operator import itemgetter
from pathlib import Path

import numpy as np
import pytest

import alfs_cli

pytestmark = pytest.mark.slow

TOP = Path(alfs_cli.__file__).parent.parent
NOWHERE = ("torch", "torchvision", "matplotlib", "safetensors", "efficientnet_lite_pytorch")
HIDDEN = f"""
from importlib.machinery import PathFinder
from importlib.metadata import Distribution, PackageNotFoundError
found, known = PathFinder.find_spec, Distribution.from_name.__func__
def find_spec(cls, name, path=None, target=None):
    return None if name.partition(".")[0] in {NOWHERE!r} else found(name, path, target)
def from_name(cls, name):
    if name == "alfs-cli":
        raise PackageNotFoundError(name)
    return known(cls, name)
PathFinder.find_spec, Distribution.from_name = classmethod(find_spec), classmethod(from_name)
"""


def built(project, target, folder):
    """Build a distribution as pip would, with the hatchling that is here, and return its path."""
    subprocess.run(
        [sys.executable, "-P", "-m", "hatchling", "build", "-t", target, "-d", str(folder)],
        cwd=project,
        check=True,
        capture_output=True,
    )
    (path,) = folder.iterdir()
    return path


@pytest.fixture(scope="module")
def wheels(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheels")
    return {
        "alfs-cli": built(TOP, "wheel", folder / "whole"),
        "alfs-audit": built(TOP / "packaging" / "audit", "wheel", folder / "light"),
    }


SEVERAL = """
import contextlib, io, json, sys
from alfs_cli.cli import run
found = []
for words in json.load(sys.stdin):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run(words)
    found.append([code, out.getvalue(), err.getvalue()])
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def light(wheels, tmp_path_factory):
    """An environment in which alfs-audit is installed, alfs-cli is not, and nobody finds torch.

    It runs Python there; a Python that is started loads numpy, pandas and scipy anew.
    """
    folder = tmp_path_factory.mktemp("light")
    with zipfile.ZipFile(wheels["alfs-audit"]) as archive:
        archive.extractall(folder)
    (folder / "sitecustomize.py").write_text(HIDDEN)

    def python(*words, **options):
        environment = {**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "100"}
        return subprocess.run(
            [sys.executable, "-P", *words], cwd=folder.parent, env=environment,
            capture_output=True, text=True, check=False, **options,
        )  # fmt: skip

    return python


@pytest.fixture(scope="module")
def ended(light):
    """What each command line came to, exit code, stdout and stderr: all in one process."""
    true = np.arange(120) % 3
    given = np.where(np.arange(120) % 11 == 0, (true + 1) % 3, true)
    near = np.random.default_rng(0).normal(size=(120, 4)) + 4 * np.eye(3, 4)[true]
    lines = [*JUDGING, *(words for words, _ in NEEDING_MORE)]
    with tempfile.TemporaryDirectory() as folder:
        data = str(Path(folder, "d.npz"))
        np.savez(data, features=near, labels=given)
        typed = [[data if word == "DATA" else word for word in words] for words in lines]
        done = light("-c", SEVERAL, input=json.dumps(typed))
    assert done.returncode == 0, done.stderr
    return dict(zip(lines, json.loads(done.stdout), strict=True))


def files(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info" not in name}


def about(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [n for n in archive.namelist() if n.endswith(".dist-info/METADATA")]
        return Parser().parsestr(archive.read(name).decode())


def test_both_hold_the_same_files_and_a_licence(wheels):
    assert files(wheels["alfs-cli"]) == files(wheels["alfs-audit"])
    for wheel in wheels.values():
        with zipfile.ZipFile(wheel) as archive:
            assert sum(n.endswith("/licenses/LICENSE") for n in archive.namelist()) == 1


def test_dependencies_are_those_of_the_whole_less_the_heavy_ones_and_with_the_page(wheels):
    whole, light = (
        set(about(wheels[name]).get_all("Requires-Dist")) for name in sorted(wheels)[::-1]
    )
    project = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]
    page = set(project["optional-dependencies"]["audit"])
    needed = {word for word in whole if "extra ==" not in word}
    gone = {word.partition(">")[0] for word in needed - light}
    assert gone == {"torch", "torchvision", "matplotlib", "safetensors"}
    remote = {word for word in whole if word.endswith("extra == 'remote'")}
    assert remote
    assert light - needed == page | remote
    assert about(wheels["alfs-audit"])["Version"] == alfs_cli.__version__


JUDGING = (
    ("inject", "digits", "--noise", "symmetric", "--rate", "0.2", "--to", "noisy.npz", "-q"),
    ("estimate", "DATA", "--out", "out", "-q"),
    ("recommend", "--out", "out", "-q"),
    ("check", "DATA", "--max-noise-rate", "0.5", "--out", "out", "-q"),
    ("audit", "DATA", "--sheet", "ask.csv", "--out", "audit", "-q"),
    ("report", "out/estimate.json", "-o", "html=page.html", "-q"),
    ("losses", "check", "nce+agce", "--noise", "symmetric", "--rate", "0.4", "--classes", "9"),
)
NEEDING_MORE = (
    (("train", "digits", "--loss", "ce"), "torch"),
    (("sweep", "digits", "--loss", "ce"), "torch"),
    (("demo",), "torch"),
    (("figures", "fig1"), "matplotlib"),
)


@pytest.mark.parametrize("words", JUDGING, ids=itemgetter(0))
def test_labels_are_judged_without_torch(ended, words):
    code, _, err = ended[words]
    assert code == 0, err


@pytest.mark.parametrize(("words", "module"), NEEDING_MORE)
def test_what_needs_more_says_which_package_brings_it(ended, words, module):
    code, _, err = ended[words]
    assert code == 2
    assert err.splitlines()[-2:] == [
        f"error: this needs {module}, which is not installed",
        "help: alfs-audit leaves it out: pip uninstall alfs-audit, then pip install alfs-cli",
    ]


def test_the_doctor_finds_nothing_broken(light):
    done = light("-m", "alfs_cli", "doctor")
    assert done.returncode == 0, done.stdout
    assert "left out by alfs-audit" in done.stdout


def test_a_source_distribution_holds_what_its_wheel_is_made_of(tmp_path):
    import tarfile

    path = built(TOP / "packaging" / "audit", "sdist", tmp_path / "sdist")
    with tarfile.open(path) as archive:
        archive.extractall(tmp_path / "here", filter="data")
    (folder,) = (tmp_path / "here").iterdir()
    again = built(folder, "wheel", tmp_path / "again")
    assert "alfs_cli/cli.py" in files(again)
    assert "alfs_cli/_recipes/digits.yaml" in files(again)
    assert about(again).get_all("Requires-Dist")
