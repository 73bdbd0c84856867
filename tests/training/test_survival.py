"""Runs that are killed for real, at random moments, and disks that fill up."""

import errno
import json
import os
import random
import time
from pathlib import Path
from subprocess import PIPE

import numpy as np
import pytest
import torch

from alfs_cli.results.run import CHECKPOINT, METRICS, RESULT, WEIGHTS
from alfs_cli.training import plan, train
from alfs_cli.training.checkpoint import load_checkpoint
from alfs_cli.training.devices import Device
from tests.forks import forked

CPU = Device("cpu", "float32", channels_last=True)


def small(path):
    """Write features of four classes; return the settings of a run on them, twelve steps an epoch.

    Its epochs are short, so that what is tested is the kills and not the training.
    """
    generator = np.random.default_rng(0)
    labels = np.arange(480) % 4
    np.savez(path, features=generator.normal(size=(480, 8)) + 2 * np.eye(8)[labels], labels=labels)
    return {
        "dataset": {"source": str(path)}, "loss": "nce+rce", "model": "mlp", "epochs": 90,
        "batch_size": 32, "noise": {"kind": "symmetric", "rate": 0.4},
    }  # fmt: skip


def killed(settings, folder, kills, seed):
    """Train a run in processes that are killed one after the other, and in one that ends.

    Each is killed when it has written something, and then after a random while or, every other one,
    as soon as it is writing a checkpoint. Return how many kills fell into writing.
    """
    checkpoint, draw, amid_writing = folder / CHECKPOINT, random.Random(seed), 0

    def begin():
        resume = checkpoint.exists()
        return forked(lambda: train(plan(settings), folder, CPU, resume=resume), stderr=PIPE)

    def stamp():
        try:
            return (folder / METRICS).stat().st_mtime_ns
        except OSError:
            return None

    def is_writing():
        try:
            return any(name.startswith(".last.pt.") for name in os.listdir(checkpoint.parent))
        except FileNotFoundError:
            return False

    for done in range(kills):
        before, process = stamp(), begin()
        while stamp() in (before, None) and process.poll() is None:
            time.sleep(0.002)
        if done % 2:
            while not is_writing() and not (folder / RESULT).exists():
                time.sleep(0.0003)
        else:
            time.sleep(draw.uniform(0, 0.03))
        process.kill()
        process.communicate()
        assert not (folder / RESULT).exists(), "it ended before it was killed often enough"
        amid_writing += is_writing()
    process = begin()
    _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return amid_writing


def outcome(folder):
    epochs = [json.loads(line) for line in (folder / METRICS).read_text().splitlines()]
    for epoch in epochs:
        del epoch["seconds"]
    result = json.loads((folder / RESULT).read_text())
    del result["train_seconds"]
    return (folder / WEIGHTS).read_bytes(), epochs, result


@pytest.mark.slow
def test_fifty_kills_in_two_runs(tmp_path):
    torch.set_num_threads(1)
    settings = small(tmp_path / "data.npz")
    train(plan(settings), tmp_path / "whole", CPU)
    for seed in (0, 1):
        folder = tmp_path / f"killed{seed}"
        assert killed(settings, folder, 25, seed)  # some fell into writing a checkpoint
        assert outcome(folder) == outcome(tmp_path / "whole")
    assert not list(tmp_path.rglob(".*"))


@pytest.fixture
def disk(monkeypatch):
    """Return a function that lets a disk have room for so many more files."""
    real, room = os.fsync, [1 << 30]

    def fsync(handle):
        room[0] -= 1
        if room[0] < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)

    def fill(left):
        room[0] = left

    return fill


WORDS = ("train", "digits", "--loss", "nce+rce", "--model", "mlp", "--epochs", "8")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Return the folder of a run on a disk with room for it."""
    from alfs_cli.cli import run

    torch.set_num_threads(1)
    out = tmp_path_factory.mktemp("whole")
    assert run([*WORDS, "--out", str(out), "-q"]) == 0
    (folder,) = (out / "runs").iterdir()
    return folder


@pytest.mark.parametrize("left", [0, 4, 6, 9])
def test_a_full_disk_leaves_the_last_good_checkpoint(
    whole, tmp_path, monkeypatch, capsys, disk, left
):
    """Room for nothing, for the plan alone, and for some checkpoints; then there is room again."""
    from alfs_cli.cli import run

    monkeypatch.chdir(tmp_path)
    capsys.readouterr()
    disk(left)
    assert run(list(WORDS)) == 3
    out, err = capsys.readouterr()
    assert out == ""
    assert "error: cannot write" in err
    assert "No space left on device" in err
    assert "Traceback" not in err
    folder = Path("alfs-out/runs") / whole.name
    assert not list(folder.rglob(".*"))
    if (folder / CHECKPOINT).exists():
        saved = load_checkpoint(folder / CHECKPOINT)
        assert saved["epoch"] == left - 3  # config, environment and metrics came before it
        assert saved["step"] == 0
    else:
        assert left <= 3
    disk(1 << 30)
    assert run(list(WORDS)) == 0
    assert (folder / WEIGHTS).read_bytes() == (whole / WEIGHTS).read_bytes()
