"""Numbers that Python reads otherwise than people write them, wherever one is typed or read."""

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from alfs_cli.cli import run
from alfs_cli.errors import is_out_of_memory
from alfs_cli.executors.local import threads_each
from alfs_cli.text.numbers import whole_number
from tests.conftest import make_estimate

LONG = "9" * 5000


@pytest.fixture(autouse=True)
def _data(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez("a.npz", features=np.zeros((40, 2)), labels=np.arange(40) % 2)
    make_estimate().save(Path("e.json"))


@pytest.mark.parametrize("text", ["\u00b2", "\u0663", "-1", "", " 1", "1_0", "1.0", LONG])
def test_what_is_no_plain_number(monkeypatch, text):
    assert whole_number(text) is None
    monkeypatch.setenv("OMP_NUM_THREADS", text)
    assert threads_each(1) >= 1
    document = make_estimate().document() | {"schema": f"alfs.estimate/{text}"}
    Path("s.json").write_text(json.dumps(document))
    assert run(["check", "s.json"]) == 2
    if text:
        assert run(["estimate", "a.npz", "--device", f"cuda:{text}"]) == 2
        assert run(["train", "a.npz", "--from", f"x.json#{text}"]) == 2
    if text != " 1":
        assert run(["sweep", "a.npz", "--loss", "ce", "--dry-run", "--seeds", text]) == 2
    words = ["--pred-probs", "a.npz", "--labels", "a.npz", "--to", "s.npz"]
    assert run(["shard", *words, "--shard", f"1/{text}"]) == 2


def test_numbers_of_thousands_of_digits():
    text = json.dumps(make_estimate().document()).replace('"seed": 0', f'"seed": {LONG}')
    Path("s.json").write_text(text)
    assert run(["check", "s.json"]) == 2
    rows = (f'{{"x": {LONG if i == 5 else i}, "label": "{"ab"[i % 2]}"}}\n' for i in range(40))
    Path("a.jsonl").write_text("".join(rows))
    assert run(["estimate", "a.jsonl"]) == 2
    hexadecimal = "0x" + "f" * 6000
    for number in (LONG, hexadecimal):
        Path("c.toml").write_text(f"[tool.alfs.check]\nmax-new-issues = {number}\n")
        Path("c.yaml").write_text(f"check:\n  min-clean-level: {number}\n")
        for file in ("c.toml", "c.yaml"):
            assert run(["check", "e.json", "--config", file]) == 2
        words = ["train", "a.npz", "--loss", "ce", "--dry-run", "--set"]
        assert run([*words, f"epochs={number}"]) == 2
        assert run([*words, f"optimizer.lr={number}"]) == 2


@pytest.mark.parametrize("seed", [2**64, 10**30, -1])
def test_seeds_that_no_generator_takes(seed):
    train = ["train", "a.npz", "--loss", "ce", "--dry-run"]
    noise = ["--noise", "symmetric", "--noise-rate", "0.1"]
    for words in (
        ["estimate", "a.npz", "--seed", str(seed)],
        ["demo", "--seed", str(seed)],
        [*train, "--seed", str(seed)],
        [*train, "--set", f"seed={seed}"],
        [*train, *noise, "--noise-seed", str(seed)],
        [*train, *noise, "--set", f"noise.seed={seed}"],
        ["sweep", "a.npz", "--loss", "ce", "--dry-run", "--seeds", str(seed)],
    ):
        assert run(words) == 2, words
    assert run([*train, "--seed", str(2**64 - 1)]) == 0


@pytest.fixture
def deep():
    """Return a folder that is removed again: Python's own ways give up so far down."""
    Path("deep").mkdir()
    yield Path("deep").resolve()
    subprocess.run(["rm", "-rf", Path("deep").resolve()], check=True)


def test_folders_a_thousand_and_a_half_deep(deep):
    here = os.getcwd()
    os.chdir("deep")
    for _ in range(1500):
        os.mkdir("d")
        os.chdir("d")
    Image.new("L", (8, 8)).save("1.png")
    os.chdir(here)
    assert run(["estimate", str(deep)]) == 2
    assert run(["inspect", "deep"]) == 0


@pytest.mark.parametrize(
    ("error", "is_memory"),
    [
        (RuntimeError("[enforce fail at alloc_cpu.cpp:1] DefaultCPUAllocator: can't"), True),
        (np.linalg.LinAlgError("singular"), False),
        (MemoryError(), True),
        (RuntimeError("mat1 and mat2"), False),
    ],
)
def test_memory_that_ran_out_is_no_bug(monkeypatch, tmp_path, error, is_memory):
    def fail(**_):
        raise error

    assert is_out_of_memory(error) == is_memory
    monkeypatch.setattr("alfs_cli.cli.app", fail)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert run(["estimate"]) == (3 if is_memory else 101)
