"""Grey and colour, few bits and many, mixed between the data trained on, tested on, and new."""

import json

import numpy as np
import pytest
from PIL import Image

from alfs_cli.data import FileImages

G = np.random.default_rng(0)


def pictures(top, *, colour=(), count=12, dtype=np.uint8, scale=1.0, suffix=".png"):
    """Write two classes of bright and dark pictures; those at `colour` in colour."""
    for number in range(count):
        cls = ("dark", "light")[number % 2]
        (top / cls).mkdir(parents=True, exist_ok=True)
        grey = (40 + 60 * (number % 2) + G.normal(0, 5, (8, 8))).clip(0, 255)
        pixels = np.repeat(grey[..., None], 3, 2) if number in colour else grey * scale
        kind = np.uint8 if number in colour else dtype
        Image.fromarray(pixels.astype(kind)).save(top / cls / f"{number:02}{suffix}")


GREY, COLOUR, ONE_IN_FOUR = (), tuple(range(12)), (0, 5, 8)


@pytest.mark.parametrize("trained", [GREY, COLOUR, ONE_IN_FOUR])
@pytest.mark.parametrize("new", [GREY, COLOUR, ONE_IN_FOUR])
def test_grey_and_colour(alfs, tmp_path, trained, new):
    pictures(tmp_path / "a", colour=trained)
    pictures(tmp_path / "b", colour=new)
    done = alfs("train", "a", "--test", "b", "--loss", "mae", "--epochs", "1", "-f", "json")
    assert done.code == 0, done.err
    run = json.loads(done.out)["run"]
    said = done.err
    for words in (("evaluate", run), ("evaluate", run, "b"), ("predict", run, "b")):
        done = alfs(*words)
        assert done.code == 0, done.err
    mixed = "are in colour, the others grey"
    assert (mixed in said) == (ONE_IN_FOUR in (trained, new))
    assert ("read as grey, as trained" in done.err) == (trained == GREY and new != GREY)


def test_arrays_and_files(alfs, tmp_path):
    pictures(tmp_path / "a")
    pixels = G.integers(0, 256, (12, 8, 8, 3), dtype=np.uint8)
    np.savez(tmp_path / "b.npz", images=pixels, labels=np.array(["dark", "light"] * 6))
    for train, test in (("a", "b.npz"), ("b.npz", "a")):
        done = alfs("train", train, "--test", test, "--loss", "mae", "--epochs", "1")
        assert done.code == 0, done.err


def test_one_picture_in_four_is_in_colour(alfs, tmp_path):
    pictures(tmp_path / "a", colour=ONE_IN_FOUR)
    done = alfs("estimate", "a", "--evidence", "pixels", "--folds", "2")
    assert done.code == 0
    assert "note: 3 of 12 pictures are in colour, the others grey" in done.err


@pytest.mark.parametrize(("dtype", "scale", "suffix"), [
    (np.uint8, 1, ".png"), (np.uint16, 1, ".png"), (np.uint16, 16, ".png"),
    (np.uint16, 500, ".png"), (np.float32, 60, ".tif"), (np.float32, 0.0001, ".tif"),
])  # fmt: skip
def test_brightness_tells_the_class_whatever_the_depth(alfs, tmp_path, dtype, scale, suffix):
    pictures(tmp_path / "a", dtype=dtype, scale=scale, suffix=suffix, count=40)
    done = alfs("estimate", "a", "--evidence", "pixels", "--folds", "4", "-f", "json")
    assert done.code == 0
    assert json.loads(done.out)["evidence"]["agreement"] > 0.9
    assert ("more than 8 bits" in done.err) == (dtype != np.uint8 and scale != 500)


def test_new_pictures_are_read_by_the_scale_of_the_run(alfs, tmp_path, monkeypatch):
    pictures(tmp_path / "a", dtype=np.uint16, scale=16)
    pictures(tmp_path / "b", dtype=np.uint16, scale=4)  # darker, and seen so
    seen = []
    decode = FileImages.decode

    def watched(self, indices, **options):
        pixels, readable = decode(self, indices, **options)
        seen.append(pixels.max())
        return pixels, readable

    monkeypatch.setattr(FileImages, "decode", watched)
    done = alfs("train", "a", "--test", "b", "--loss", "mae", "--epochs", "1", "-f", "json")
    assert done.code == 0, done.err
    run = json.loads(done.out)["run"]
    assert alfs("predict", run, "b").code == 0
    assert alfs("evaluate", run, "b").code == 0
    assert seen[0] == 255
    assert max(seen[1:]) < 100
