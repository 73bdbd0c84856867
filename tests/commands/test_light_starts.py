"""What starts light: help loads no library of numbers, and nothing without networks loads torch.

One process runs all, the lightest first: what one must not load, none before it may have loaded.
"""

import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from alfs_cli.commands import COMMANDS, GROUPS
from alfs_cli.gate.baseline import Baseline, ceilings_of
from tests.conftest import make_estimate

NUMBERS = ("numpy", "pandas", "scipy", "pyarrow", "sklearn", "cleanlab")
NETWORKS = ("torch", "torchvision")
PROBS = ("--pred-probs", "probs.npy", "--labels", "labels.npy")
NOISE = ("--noise", "pair", "--rate", "0.4", "--classes", "4")
MISTAKES = (
    ("estimate", "nowhere"),
    ("check", "nowhere"),
    ("features", "nowhere", "--to", "f"),
    ("inject", "nowhere", "--noise", "pair", "--rate", "0.1", "--to", "c.csv"),
    ("predict", "run", "nowhere"),
    ("audit", "nowhere", "--claim", "noise-rate <= 0.1"),
)
COMMAND_MODULES = tuple(f"alfs_cli.commands.{name}" for name in (*COMMANDS, *GROUPS))
LATER = (("train", "nowhere", "--loss", "ce"), ("sweep", "nowhere", "--loss", "ce"))
WITHOUT = (
    (("--help",), (*NETWORKS, *NUMBERS, *COMMAND_MODULES)),
    (("estimat",), (*NETWORKS, *NUMBERS, *COMMAND_MODULES)),
    (("losses", "-h"), (*NETWORKS, *NUMBERS, "alfs_cli.commands.estimate")),
    (("estimate", "-h"), (*NETWORKS, *NUMBERS, "alfs_cli.commands.train")),
    (("train", "-h"), (*NETWORKS, *NUMBERS)),
    (("check", "-h"), (*NETWORKS, *NUMBERS)),
    (("check", "estimate.json", "-q"), (*NETWORKS, *NUMBERS, "PIL")),
    *((words, (*NETWORKS, *NUMBERS)) for words in MISTAKES),
    (("recipes", "list"), (*NETWORKS, "pandas", "scipy", "sklearn", "cleanlab")),
    (("losses", "list"), (*NETWORKS, "pandas", "scipy", "sklearn")),
    (("losses", "show", "nce+agce"), (*NETWORKS, "pandas", "sklearn")),
    (("losses", "check", "aul", *NOISE), (*NETWORKS, "pandas", "sklearn")),
    *((words, (*NETWORKS, "pandas", "sklearn")) for words in LATER),
    (("recommend", "estimate.json", "-q"), (*NETWORKS, "pandas", "sklearn")),
    (("inspect", "a.png"), (*NETWORKS, "sklearn")),
    (("estimate", *PROBS, "-q"), (*NETWORKS, "scipy.stats", "sklearn")),
)
SCRIPT = """
import contextlib, io, json, sys
from alfs_cli.cli import run
found = []
for words in json.load(sys.stdin):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run(words)
    found.append((code, out.getvalue(), err.getvalue(), sorted(sys.modules)))
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def ended(tmp_path_factory):
    """What each command line came to: exit code, stdout, stderr, and the modules loaded by then."""
    folder = tmp_path_factory.mktemp("light")
    make_estimate().save(folder / "estimate.json")
    Baseline(ceilings=ceilings_of(make_estimate())).save(folder / "b.json")
    (folder / "alfs.yaml").write_text("check: {max-noise-rate: 0.2, baseline: b.json}")
    (folder / "alfs-ignore.csv").write_text("id_or_path,rule\nold/**,ALFS1\n")
    Image.new("L", (8, 8)).save(folder / "a.png")
    labels = np.arange(60) % 2
    np.save(folder / "labels.npy", labels)
    np.save(folder / "probs.npy", 0.2 + 0.6 * np.eye(2)[labels])
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], input=json.dumps([words for words, _ in WITHOUT]),
        cwd=folder, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return dict(zip((words for words, _ in WITHOUT), json.loads(done.stdout), strict=True))


@pytest.mark.parametrize(("words", "unloaded"), WITHOUT)
def test_what_is_not_needed_is_not_loaded(ended, words, unloaded):
    code, _, err, modules = ended[words]
    assert code == (2 if words in (*MISTAKES, *LATER, ("estimat",)) else 0), err
    assert not set(unloaded) & set(modules)


def test_help_names_the_commands_and_a_baseline_is_compared_with(ended):
    assert "estimate" in ended[("--help",)][1]
    assert "noise rate against the baseline" in ended["check", "estimate.json", "-q"][1]
