"""Ray for real: a cluster of two CPUs, whose results are those of local processes."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from subprocess import PIPE
from types import SimpleNamespace

import pytest

from alfs_cli.cli import run
from tests.conftest import planted
from tests.forks import forked_alfs

TOP = Path(__file__).resolve().parents[2]
SWEEP = ("sweep", "digits", "--loss", "ce", "--loss", "nce+rce", "--seeds", "0", "--epochs", "3",
         "--model", "linear")  # fmt: skip


def started(*words, **options):
    """Run a command line: in a process of its own where Ray ran in this, a copy of which hangs."""
    if "ray" in sys.modules:
        return subprocess.Popen([sys.executable, "-m", "alfs_cli", *words], **options)
    return forked_alfs(*words, **options)


def swept(folder, out, *words, **changes):
    environment = {**os.environ, "PYTHONPATH": str(TOP), **changes}
    process = started(
        *SWEEP, "--out", out, *words, cwd=folder, env=environment, stdout=PIPE, stderr=PIPE,
        text=True,
    )  # fmt: skip
    said, err = process.communicate(timeout=240)
    assert process.returncode == 0, err
    assert not (folder / "owned").exists()
    found = sorted((folder / out).glob("sweeps/*/runs/*/model.safetensors"))
    return said, {path.parent.name: path.read_bytes() for path in found}


def test_without_ray_it_says_so(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "ray", None)
    assert run([*SWEEP, "--executor", "ray"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "error: --executor ray needs Ray, which is not installed" in err
    assert "help: pip install 'alfs-cli[ray]'" in err


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="ray is not installed")
def test_results_are_those_of_local_processes_here_and_on_the_users_cluster(
    tmp_path, forked_workers, users_cluster
):
    """One at a time here, two there; none runs a module of the folder the sweep is started in."""
    planted(tmp_path)
    local = swept(tmp_path, "local", "--jobs", "1")
    assert len(local[1]) == 2
    assert swept(tmp_path, "here", "--executor", "ray", "--jobs", "1") == local
    there = swept(tmp_path, "there", "--executor", "ray", "--jobs", "2", **users_cluster)
    assert there == local


@pytest.mark.parametrize(
    ("raised", "code", "said"),
    [
        (SystemExit(15), 143, "error: terminated"),
        (SystemExit(2), 2, ""),
        (ConnectionError("nobody there"), 2, "error: no Ray cluster"),
    ],
)
def test_a_signal_while_ray_starts_has_the_exit_code_of_any_other(
    monkeypatch, tmp_path, capsys, raised, code, said
):
    """Ray answers SIGTERM itself meanwhile, by SystemExit(15)."""

    def init(**_):
        raise raised

    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(init=init))
    assert run([*SWEEP, "--executor", "ray", "--out", "o"]) == code
    assert said in capsys.readouterr().err
    assert os.environ["RAY_DISABLE_FAILURE_SIGNAL_HANDLER"] == "1"  # which would abort
