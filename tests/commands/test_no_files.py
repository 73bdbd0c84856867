"""Pipes, devices and sockets in the place of a file: refused at once, whatever names them."""

import os
import signal
import socket
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import make_estimate

NOT_FILES = ("pipe", "zero", "socket")
OPTIONS = (
    ("estimate", "{}.csv"), ("estimate", "{}.tsv"), ("estimate", "{}.parquet"),
    ("estimate", "{}.jsonl"), ("estimate", "{}.npz"), ("estimate", "{}.png"), ("check", "{}.json"),
    ("inspect", "{}.png"),
    ("estimate", "good.npz", "--labels", "{}.npy"), ("estimate", "good.npz", "--labels", "{}.txt"),
    ("estimate", "good.npz", "--labels", "{}.npz"), ("estimate", "good.npz", "--labels", "{}.csv"),
    ("estimate", "good.npz", "--true-labels", "{}.parquet"),
    ("estimate", "good.npz", "--pred-probs", "{}.npy"),
    ("estimate", "good.npz", "--pred-probs", "{}*.csv"),
    ("estimate", "good.npz", "--pred-probs", "{}-folder"),
    ("estimate", "good.npz", "--features", "{}.npz"),
    ("estimate", "good.npz", "--trusted", "{}.csv"),
    ("estimate", "good.npz", "--trusted", "{}.npz"),
    ("estimate", "good.npz", "--classes", "{}.txt"),
    ("merge", "{}.npz"),
    ("check", "estimate.json", "--baseline", "{}.json"),
    ("check", "estimate.json", "--ignore-file", "{}.csv"),
    ("check", "estimate.json", "--config", "{}.yaml"),
    ("check", "estimate.json", "--config", "{}.toml"),
    ("fix", "good.npz", "--drop", "--allow-stale", "--issues", "{}.csv"),
    ("recommend", "{}.json"), ("report", "{}.json"), ("recipes", "validate", "{}.yaml"),
    ("losses", "check", "gce", "--transition", "{}.csv"),
    ("losses", "check", "gce", "--transition", "{}.npy"),
    ("losses", "check", "gce", "--estimate", "{}.json"),
    ("inject", "good.npz", "--noise", "{}.csv", "--rate", "0.1", "--to", "noisy.npz"),
    ("train", "good.npz", "--from", "{}.json"), ("train", "--config", "{}.yaml"),
    ("train", "good.npz", "--loss", "ce", "--transition", "{}.csv", "--correction", "forward"),
    ("train", "--recipe", "{}.yaml"), ("train", "good.npz", "--loss", "ce", "--test", "{}.csv"),
    ("train", "--resume", "{}-folder"), ("predict", "{}-folder", "good.npz"),
)  # fmt: skip


@pytest.fixture
def here(alfs):
    """A good.npz, an estimate.json, and beside them what is no file."""
    labels = np.arange(60) % 2
    np.savez("good.npz", features=np.random.default_rng(0).normal(size=(60, 3)), labels=labels)
    make_estimate().save(Path("estimate.json"))

    def stopped(number, frame):
        raise AssertionError("it waits")

    before = signal.signal(signal.SIGALRM, stopped)
    yield alfs
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def lay(kind, path):
    path.parent.mkdir(exist_ok=True)
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "zero":
        path.symlink_to("/dev/zero")
    else:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(str(path))


@pytest.mark.parametrize("words", OPTIONS, ids=" ".join)
@pytest.mark.parametrize("kind", NOT_FILES)
def test_what_is_no_file_is_not_waited_for(here, kind, words):
    named = next(word for word in words if "{}" in word)
    if "folder" in named:
        for name in ("a.npy", "config.yaml", "result.json", "checkpoints/last.pt"):
            Path("x-folder").mkdir(exist_ok=True)
            lay(kind, Path("x-folder", name))
    else:
        lay(kind, Path(named.replace("*", "").format("x")))
    signal.alarm(20)
    done = here(*(word.format("x") for word in words))
    assert (done.code, done.out) == (2, ""), done.err
    assert "help: " in done.err
    if "{}*" not in named:  # a pattern is for files alone
        assert "not a file" in done.err or "no " in done.err


@pytest.mark.parametrize("name", ["/dev/stdin", "/dev/zero", "/dev/fd/0"])
def test_streams_are_no_data(here, name):
    read, write = os.pipe()
    before = os.dup(0)
    os.dup2(read, 0)
    try:
        signal.alarm(20)
        done = here("check", name)
    finally:
        os.dup2(before, 0)
        for handle in (read, write, before):
            os.close(handle)
    assert (done.code, done.out) == (2, "")
    assert f"'{name}' is a " in done.err
    assert "help: save what it gives as a file" in done.err


@pytest.mark.parametrize("name", ["x.json", "x.yaml", "x.csv"])
def test_a_text_beyond_all_sense_is_not_read(here, name):
    with open(name, "wb") as file:
        file.truncate(1 << 40)  # takes no room
    words = {
        "x.json": ("check", "estimate.json", "--baseline"),
        "x.yaml": ("check", "estimate.json", "--config"),
        "x.csv": ("check", "estimate.json", "--ignore-file"),
    }
    signal.alarm(20)
    done = here(*words[name], name)
    assert (done.code, done.out) == (2, "")
    assert "has 1,099.5 GB" in done.err
