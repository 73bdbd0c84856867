"""Two processes in one place: one trainer a run, and temporary files that nobody holds any more."""

import os
import time
from pathlib import Path
from subprocess import PIPE

import numpy as np
import pytest

from alfs_cli.cli import run
from alfs_cli.errors import UsageError
from alfs_cli.storage import writing
from alfs_cli.storage.locks import one_trainer
from alfs_cli.storage.writing import replacing, write_text
from tests.forks import forked


def test_a_run_is_trained_by_one_process(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    np.savez("a.npz", features=np.random.default_rng(0).normal(size=(40, 2)), labels=[0, 1] * 20)
    words = ["train", "a.npz", "--loss", "ce", "--epochs", "1", "-q"]
    assert run(words) == 0
    (folder,) = Path("alfs-out/runs").iterdir()
    before = (folder / "result.json").read_bytes()

    def hold():
        with one_trainer(folder):
            print("held", flush=True)
            time.sleep(60)

    with forked(hold, stdout=PIPE, text=True) as other:
        assert other.stdout.readline() == "held\n"
        capsys.readouterr()
        assert run([*words, "--overwrite"]) == 2
        assert "is being trained by another process" in capsys.readouterr().err
        assert (folder / "result.json").read_bytes() == before
        other.kill()
        other.wait()
    assert run([*words, "--overwrite"]) == 0  # a lock ends with its process


def test_the_lock_is_given_back(tmp_path):
    for _ in range(2):
        with (
            one_trainer(tmp_path / "run"),
            pytest.raises(UsageError),
            one_trainer(tmp_path / "run"),
        ):
            pass
    assert list((tmp_path / "run").iterdir()) == []


def test_what_a_killed_process_left_is_cleared(tmp_path):
    """But not what lives, what is new, and what only looks alike."""
    old = time.time() - 3600
    names = [".a.json.alfs-abcd1234.json", ".b.npz.alfs-x_y_z_12.npz"]
    alike = [
        ".a.json.alfs-.json",
        "a.json.alfs-abcd1234.json",
        ".a.json.abcd1234.json",
        ".alfs-mine",
    ]
    for name in (*names, *alike):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (old, old))
    (tmp_path / ".c.json.alfs-abcd1234.json").touch()
    with replacing(tmp_path / "d.json") as held:
        writing._clear_abandoned.cache_clear()
        held.write_text("{}")
        os.utime(held, (old, old))
        write_text(tmp_path / "e.json", "{}")
        assert held.exists()
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {*alike, ".c.json.alfs-abcd1234.json", "d.json", "e.json"}
