"""Modules in the folder alfs is run in may be a stranger's: nothing that alfs starts runs one.

The workers of a sweep, the processes of a run and Ray's tasks are started in such a folder where
they are tested.
"""

import os
import subprocess
import sys
from pathlib import Path

import matplotlib
import pytest
from PIL import Image

from tests.conftest import make_estimate, planted

TOP = Path(__file__).resolve().parents[2]


@pytest.fixture
def checkout(tmp_path):
    """A folder with modules of a stranger's, and an estimate.json."""
    make_estimate().save(tmp_path / "estimate.json")
    return planted(tmp_path)


def ran(checkout, *words, **more):
    """Run words in the checkout; PYTHONPATH names this alfs."""
    done = subprocess.run(
        words,
        cwd=checkout,
        env={**os.environ, "PYTHONPATH": str(TOP), "OMP_NUM_THREADS": "1", **more},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert not (checkout / "owned").exists(), done.stderr
    return done


def test_the_traps_are_sharp(checkout):
    done = subprocess.run(
        [sys.executable, "-c", "import yaml"], cwd=checkout, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert (checkout / "owned").exists()


@pytest.mark.parametrize("how", [("-m", "alfs_cli"), ("-P", "-m", "alfs_cli")], ids=["m", "Pm"])
def test_the_program_itself(checkout, how):
    """`python -m` finds a stranger's alfs_cli before any line of ours runs, but nothing else."""
    if how[0] == "-m":
        (checkout / "alfs_cli").rename(checkout / "other")
    done = ran(checkout, sys.executable, *how, "check", "estimate.json", "-f", "json")
    assert done.returncode == 0, done.stderr


def test_what_alfs_starts_is_told_too(checkout):
    """A library's helpers (of multiprocessing, say) are begun by `-c`, which has no -P."""
    script = (
        "import sys; sys.argv = ['alfs', '--version']\n"
        "import alfs_cli.__main__ as program\n"
        "import subprocess\n"
        "try: program.main()\n"
        "except SystemExit: pass\n"
        "subprocess.run([sys.executable, '-c', 'import yaml, numpy'], check=True)\n"
    )
    done = ran(checkout, sys.executable, "-P", "-c", script)
    assert done.returncode == 0, done.stderr


def test_a_loss_of_ones_own_brings_nothing_else(checkout):
    (checkout / "mine.py").write_text(
        "import torch\n\n\ndef loss(logits, labels):\n"
        "    return torch.nn.functional.cross_entropy(logits, labels, reduction='none')\n"
    )
    done = ran(
        checkout, sys.executable, "-P", "-m", "alfs_cli", "losses", "check", "--python",
        "mine:loss", "--noise", "symmetric", "--rate", "0.2", "--classes", "3", "-q",
    )  # fmt: skip
    assert done.returncode in (0, 1), done.stderr


def test_drawings_follow_no_matplotlibrc_of_the_folder(alfs):
    """Which matplotlib reads when it is imported."""
    Path("matplotlibrc").write_text("text.usetex: True\nsavefig.dpi: 1\nfigure.facecolor: red\n")
    with matplotlib.rc_context():
        matplotlib.rc_file(matplotlib.matplotlib_fname())
        assert matplotlib.rcParams["text.usetex"]
        done = alfs("losses", "show", "ce", "-q", "--plot", "loss.png")
    assert done.code == 0, done.err
    with Image.open("loss.png") as picture:
        assert picture.convert("RGB").getpixel((0, 0)) == (255, 255, 255)
