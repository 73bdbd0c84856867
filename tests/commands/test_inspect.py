"""`alfs inspect` as a hook calls it: whole images pass, each that is not is named."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def folder(alfs):
    """data/a with two whole pictures, one that is cut short, one that is text, and an empty one."""
    Path("data/a").mkdir(parents=True)
    for i in range(3):
        pixels = np.random.default_rng(i).integers(0, 256, (64, 64, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(f"data/a/{i}.jpg")
    whole = Path("data/a/2.jpg").read_bytes()
    Path("data/a/2.jpg").write_bytes(whole[: len(whole) // 2])
    Path("data/a/text.png").write_text("no picture")
    Path("data/empty.webp").touch()
    Path("data/notes.txt").write_text("passed over")
    return alfs


def test_whole_images_pass(folder):
    done = folder("inspect", "data/a/0.jpg", "data/a/1.jpg")
    assert (done.code, done.err) == (0, "")
    assert "PASS  2 images read" in done.out


def test_a_data_set_is_no_damaged_image(folder):
    Path("data.csv").write_text("path,label\ndata/a/0.jpg,a\n")
    done = folder("inspect", "data.csv")
    assert (done.code, done.out) == (2, "")
    assert "'data.csv' is a data set, no image" in done.err
    assert "help: alfs check data.csv" in done.err


def test_each_that_is_not_whole_is_named(folder):
    done = folder("inspect", "data", "data/a/0.jpg", "-f", "json")
    assert done.code == 1
    document = json.loads(done.out)
    assert (document["schema"], document["passed"]) == ("alfs.inspect/1", False)
    assert document["files"] == 5
    assert [(found["rule"], found["path"]) for found in document["findings"]] == [
        ("ALFS402", "data/a/2.jpg"), ("ALFS401", "data/a/text.png"), ("ALFS401", "data/empty.webp"),
    ]  # fmt: skip
    assert "3 of 5 images cannot be read whole" in folder("inspect", "data").out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "missing argument"),
        (("no.png",), "no such file or directory: 'no.png'"),
        (("data/a/0.jpg", "none"), "no images under 'none'"),
    ],
)
def test_refused(folder, words, says):
    Path("none").mkdir()
    done = folder("inspect", *words)
    assert (done.code, done.out) == (2, "")
    assert says in done.err
    assert "help: " in done.err


@pytest.mark.parametrize("name", ["--help.png", "-q.png", "--debug", "--merge", "-"])
def test_what_follows_two_dashes_is_a_file(folder, name):
    Path(name).write_bytes(Path("data/a/0.jpg").read_bytes())
    done = folder("inspect", "--", name, "data/a/1.jpg")
    assert (done.code, done.err) == (0, "")
    assert "PASS  2 images read" in done.out
