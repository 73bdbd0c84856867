"""Runs that are killed for real, at random moments, and disks that fill up."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from alfs_cli.results.run import CHECKPOINT, METRICS, RESULT, WEIGHTS
from alfs_cli.training.checkpoint import load_checkpoint

TOP = Path(__file__).resolve().parents[2]

# A process of its own forks children that train, and kills each: when it has written something, and
# then after a random while or, every other one, as soon as it is writing a checkpoint.
KILLER = """
import os, random, signal, sys, time
from pathlib import Path
import torch
torch.set_num_threads(1)
from alfs_cli.results.run import CHECKPOINT, METRICS, RESULT
from alfs_cli.training import plan, train
from alfs_cli.training.devices import Device

top, (kills, epochs, *seeds) = Path(sys.argv[1]), map(int, sys.argv[2:])
settings = {"dataset": {"source": "digits"}, "loss": "nce+rce", "model": "mlp", "epochs": epochs,
            "noise": {"kind": "symmetric", "rate": 0.4}}
cpu = Device("cpu", "float32", channels_last=True)

train(plan(settings), top / "whole", cpu)

def begin():
    child = os.fork()
    if child == 0:
        train(plan(settings), folder, cpu, resume=(folder / CHECKPOINT).exists())
        os._exit(0)
    return child

def stamp():
    try:
        return (folder / METRICS).stat().st_mtime_ns
    except OSError:
        return None

def writing():
    return any((folder / CHECKPOINT).parent.glob(".last.pt.*"))

for seed in seeds:
    folder, draw, amid_writing = top / f"killed{seed}", random.Random(seed), 0
    for done in range(kills):
        before, child = stamp(), begin()
        while stamp() in (before, None):
            time.sleep(0.001)
        if done % 2:
            while not writing() and not (folder / RESULT).exists():
                time.sleep(0.0001)
        else:
            time.sleep(draw.uniform(0, 0.05))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        if (folder / RESULT).exists():
            raise SystemExit("the run ended before it was killed often enough")
        amid_writing += writing()
    assert os.waitpid(begin(), 0)[1] == 0
    print(amid_writing)
"""


def killed(top, kills, *, epochs, seeds):
    """Train `whole`, and for each seed a run through that many kills, `killed` and the seed.

    Return how many kills of each fell into writing.
    """
    done = subprocess.run(
        [sys.executable, "-c", KILLER, str(top), str(kills), str(epochs), *map(str, seeds)],
        env={**os.environ, "PYTHONPATH": str(TOP), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [int(word) for word in done.stdout.split()]


def outcome(folder):
    epochs = [json.loads(line) for line in (folder / METRICS).read_text().splitlines()]
    for epoch in epochs:
        del epoch["seconds"]
    result = json.loads((folder / RESULT).read_text())
    del result["train_seconds"]
    return (folder / WEIGHTS).read_bytes(), epochs, result


@pytest.mark.slow
def test_fifty_kills_in_two_runs(tmp_path):
    amid_writing = killed(tmp_path, 25, epochs=70, seeds=(0, 1))
    assert all(amid_writing)  # some fell into writing a checkpoint
    for seed in (0, 1):
        assert outcome(tmp_path / f"killed{seed}") == outcome(tmp_path / "whole")
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
