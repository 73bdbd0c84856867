"""A cache answers for its own data alone: any change of content is one, wherever it is."""

import json
import os

import numpy as np
import pytest
from PIL import Image

from alfs_cli.data import DataSpec, load
from alfs_cli.data.readers.streaming import open_probabilities

TRAIN = ("train", "--epochs", "1", "--model", "linear", "--set", "image_size=8")
LARGE = 150  # px: a bitmap of 67 kB, whose last rows lie beyond its first 64 KiB


def bitmap(path, seed, size=LARGE):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (size, size, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)


@pytest.fixture
def data(tmp_path):
    for number in range(12):
        bitmap(tmp_path / "data" / ("cat", "dog")[number % 2] / f"{number:02}.bmp", number)
    return tmp_path / "data"


def flip_last_byte(path):
    """Change the end of a file and nothing that its entry in the folder says."""
    before = os.stat(path)
    with open(path, "r+b") as file:
        file.seek(-1, os.SEEK_END)
        last = file.read(1)[0]
        file.seek(-1, os.SEEK_END)
        file.write(bytes([last ^ 255]))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = os.stat(path)
    assert (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns)


def swap(one, other):
    kept = one.with_suffix(".kept")
    one.rename(kept)
    other.rename(one)
    kept.rename(other)


def swap_content(one, other):
    first, second = one.read_bytes(), other.read_bytes()
    times = [(os.stat(path).st_atime_ns, os.stat(path).st_mtime_ns) for path in (one, other)]
    one.write_bytes(second)
    other.write_bytes(first)
    for path, ns in zip((one, other), times, strict=True):
        os.utime(path, ns=ns)


CHANGES = {
    "the end of a file": lambda d: flip_last_byte(d / "cat/00.bmp"),
    "swapped files": lambda d: swap(d / "cat/00.bmp", d / "dog/01.bmp"),
    "swapped contents": lambda d: swap_content(d / "cat/00.bmp", d / "dog/01.bmp"),
    "a label": lambda d: (d / "cat/00.bmp").rename(d / "dog/00.bmp"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_evidence_of_other_pictures_is_not_reused(alfs, data, change):
    words = ("estimate", "data", "--evidence", "pixels", "--folds", "2")
    assert alfs(*words).code == 0
    assert "evidence taken from" in alfs(*words).err
    before = load(DataSpec(str(data)))
    CHANGES[change](data)
    done = alfs(*words)
    assert done.code == 0
    assert "evidence taken from" not in done.err
    assert load(DataSpec(str(data))).fingerprint != before.fingerprint
    assert alfs("recommend").code in (0, 1)
    assert alfs(*TRAIN).code == 0  # the estimate is that of the data again
    CHANGES["the end of a file"](data) if change != "a label" else flip_last_byte(
        data / "dog/00.bmp"
    )
    assert alfs(*TRAIN).code == 2


def test_a_manifest_whose_rows_move_or_whose_pictures_change(alfs, data, tmp_path):
    rows = [f"data/{name}/{n:02}.bmp,{name}" for n in range(12) for name in [("cat", "dog")[n % 2]]]
    manifest = tmp_path / "m.csv"
    words = ("estimate", "m.csv", "--evidence", "pixels", "--folds", "2")
    seen = set()
    for change in (lambda: None, rows.reverse, lambda: flip_last_byte(data / "cat/00.bmp")):
        change()
        manifest.write_text("path,label\n" + "\n".join(rows) + "\n")
        assert "evidence taken from" not in alfs(*words).err
        seen.add(
            json.loads((tmp_path / "alfs-out/estimate.json").read_text())["data"]["fingerprint"]
        )
    assert len(seen) == 3


def test_evidence_of_another_array_is_not_reused(alfs, tmp_path):
    g = np.random.default_rng(0)
    X, y = g.normal(size=(600, 5)).astype(np.float32), np.arange(600) % 2
    X[:, 0] += 4 * y
    np.savez(tmp_path / "x.npz", features=X, labels=y)
    words = ("estimate", "x.npz", "--folds", "2", "--method", "confident")
    assert alfs(*words).code == 0
    for place in (0, 1_500, -1):
        assert "evidence taken from" in alfs(*words).err
        X.reshape(-1)[place] += 1
        np.savez(tmp_path / "x.npz", features=X, labels=y)
        assert "evidence taken from" not in alfs(*words).err


def test_a_finished_run_says_nothing_of_other_features(alfs, tmp_path):
    for number in range(8):
        bitmap(tmp_path / "d" / ("cat", "dog")[number % 2] / f"{number}.bmp", number, 8)
    X = np.random.default_rng(0).normal(size=(8, 3))
    np.save(tmp_path / "x.npy", X)
    words = (
        "train",
        "d",
        "--features",
        "x.npy",
        "--loss",
        "mae",
        "--epochs",
        "1",
        "--holdout",
        "0",
    )
    assert alfs(*words).code == 0
    assert alfs(*words).code == 0
    X[3, 1] += 1
    np.save(tmp_path / "x.npy", X)
    done = alfs(*words)
    assert done.code == 2
    assert "trained on other features" in done.err


def test_a_finished_run_says_nothing_of_test_data_that_changed(alfs, tmp_path):
    for top, count in (("train", 8), ("test", 4)):
        for number in range(count):
            bitmap(tmp_path / top / ("cat", "dog")[number % 2] / f"{number}.bmp", number + count)
    words = ("train", "train", "--test", "test", "--loss", "mae", *TRAIN[1:])
    assert alfs(*words).code == 0
    assert "is there already" in alfs(*words).err
    flip_last_byte(tmp_path / "test/cat/0.bmp")
    done = alfs(*words)
    assert done.code == 2
    assert "tested on other data" in done.err
    assert "--overwrite" in done.err
    assert alfs(*words, "--overwrite").code == 0
    assert alfs(*words).code == 0


def test_streams_of_other_probabilities(tmp_path):
    g = np.random.default_rng(0)
    np.save(tmp_path / "p.npy", g.dirichlet(np.ones(4), 5000))
    np.save(tmp_path / "y.npy", np.arange(5000) % 4)
    spec = DataSpec(None, pred_probs=str(tmp_path / "p.npy"), labels=str(tmp_path / "y.npy"))
    before = open_probabilities(spec).fingerprint
    flip_last_byte(tmp_path / "p.npy")
    assert open_probabilities(spec).fingerprint != before
    before = open_probabilities(spec).fingerprint
    flip_last_byte(tmp_path / "y.npy")
    assert open_probabilities(spec).fingerprint != before
