"""`alfs estimate` on data that are not as they should be: judged with a word, or refused with help.

Never a NaN, never a traceback, never a result that says nothing of it.
"""

import json
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


def clouds(labels, seed=0):
    """Return features (N, 3) that tell the labels apart."""
    generator = np.random.default_rng(seed)
    centres = 6 * generator.standard_normal((int(max(labels)) + 1, 3))
    return centres[labels] + generator.standard_normal((len(labels), 3))


def judged(alfs, *words):
    """Return the document and stderr of an estimate; no number in it is NaN."""
    done = alfs("estimate", *words, "-f", "json")
    assert done.code == 0, done.err
    assert "NaN" not in done.out
    return json.loads(done.out, parse_constant=pytest.fail), done.err


def refused(alfs, *words):
    """Return stderr of an estimate that is refused, with nothing left behind."""
    done = alfs("estimate", *words)
    assert (done.code, done.out) == (2, ""), done.err
    assert "error: " in done.err
    assert "help: " in done.err
    assert "Traceback" not in done.err
    assert not Path("alfs-out/estimate.json").exists()
    return done.err


def folder(sizes):
    """Make data/<class>/<n>.png, so many of each class."""
    generator = np.random.default_rng(0)
    for shade, (name, count) in enumerate(sizes.items()):
        Path("data", name).mkdir(parents=True)
        for i in range(count):
            pixels = generator.integers(0, 60, (8, 8)) + 80 * shade
            Image.fromarray(pixels.astype(np.uint8)).save(f"data/{name}/{i:02}.png")


def test_a_class_smaller_than_the_folds_lowers_them(alfs):
    folder({"ant": 20, "bee": 20, "lynx": 3})
    document, err = judged(alfs, "data")
    assert "class 'lynx' has 3 examples, fewer than 5 folds: using 3 folds" in err
    assert document["evidence"]["folds"] == 3


def test_a_class_with_one_example_is_kept_and_not_judged(alfs):
    folder({"ant": 20, "bee": 20, "lynx": 1})
    document, _ = judged(alfs, "data")
    assert [row["judged"] for row in document["class_clean_level"]] == [True, True, False]
    assert document["trust"]["level"] == "low"
    assert any(
        "'lynx' has 1 example: set aside" in reason for reason in document["trust"]["reasons"]
    )


def test_an_empty_class_folder(alfs):
    folder({"ant": 6, "bee": 6})
    Path("data/lynx").mkdir()
    assert "class 'lynx' has no image" in refused(alfs, "data")
    document, _ = judged(alfs, "data", "--classes", "ant,bee,lynx")
    assert document["transition"][2] == [0, 0, 1]


def test_folders_of_splits_and_classes_side_by_side(alfs):
    folder({"train/ant": 3, "test/ant": 3, "bee": 3})
    assert "mixes" in refused(alfs, "data")


def test_too_many_pictures_that_cannot_be_read(alfs):
    folder({"ant": 10, "bee": 10})
    for i in range(3):
        Path(f"data/ant/{i:02}.png").write_bytes(b"not a picture")
    err = refused(alfs, "data")
    assert "3 of 20 images" in err
    assert "over 1 %" in err
    assert "data/ant/00.png" in err


def test_a_decompression_bomb_is_not_opened(alfs):
    folder({"ant": 70, "bee": 70})

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(
            ">I", zlib.crc32(kind + body)
        )  # fmt: skip

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    Path("data/ant/00.png").write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")
    )
    done = alfs("estimate", "data")
    assert done.code == 0, done.err
    assert "ALFS407" in done.out
    assert "data/ant/00.png" in done.out


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ("x,species\n1,ant\n2,bee\n", "has no column 'label'"),
        ("x,label\n1,ant\n2,\n3,bee\n4,\n", "2 rows have an empty label"),
        ("path,label\nno.png,ant\nnor.png,bee\n", "2 of 2 paths"),
        ("path,label\n../../x.png,ant\ny.png,bee\n", "outside"),
        ("x,label\n1,ant\n2,ant\n3,ant\n", "only one class ('ant')"),
        ("x,label\n1,ant\n", "only one class ('ant')"),
        ("x,label\n1,ant\n2,bee\n3,cow\n", "every class has a single example"),
        ("label\nant\nbee\n", "neither a column of image paths"),
    ],
)
def test_refused_tables(alfs, table, says):
    Path("t.csv").write_text(table)
    assert says in refused(alfs, "t.csv")


@pytest.mark.parametrize(
    ("probs", "labels", "says"),
    [
        (np.full((9, 2), 0.5), np.arange(10) % 2, "10"),
        (np.full((24, 3), 1 / 3), np.arange(24) % 12, "3"),
        (np.full((24, 12), 1 / 12), (np.arange(24) % 12).astype(str), "two ways|--classes"),
        (np.array([[3.0, -2.0], [1.0, 0.5]] * 6), np.arange(12) % 2, "logits"),
        (np.array([[np.nan, 1.0], [0.5, 0.5]] * 6), np.arange(12) % 2, "NaN"),
        (np.full((6, 2), 0.5), np.array([{}] * 6, dtype=object), "objects"),
        (np.zeros((0, 2)), np.zeros(0, int), "no examples|empty|holds"),
        (np.full((1, 1), 1.0), np.zeros(1, int), "class"),
    ],
)  # fmt: skip
def test_refused_probabilities(alfs, probs, labels, says):
    np.save("p.npy", probs)
    np.save("y.npy", labels, allow_pickle=True)
    err = refused(alfs, "--pred-probs", "p.npy", "--labels", "y.npy")
    assert any(word in err for word in says.split("|")), err


def test_more_classes_than_can_be_judged(alfs):
    labels = np.arange(20_000) % 10_000
    np.savez("wide.npz", features=np.zeros((20_000, 2), np.float32), labels=labels)
    assert "10,000 classes: T would have 100,000,000 cells" in refused(alfs, "wide.npz")


def test_two_classes(alfs):
    labels = np.arange(80) % 2
    np.savez("two.npz", features=clouds(labels), labels=labels)
    document, _ = judged(alfs, "two.npz")
    assert document["noise_rate"]["value"] < 0.05


def test_a_class_that_nobody_predicts(alfs):
    generator = np.random.default_rng(0)
    labels = generator.integers(3, size=150)
    probs = np.eye(3)[labels] * 0.8 + 0.1
    probs[:, 1] = 0
    probs /= probs.sum(axis=1, keepdims=True)
    np.save("p.npy", probs)
    np.save("y.npy", labels)
    document, _ = judged(alfs, "--pred-probs", "p.npy", "--labels", "y.npy")
    assert np.array(document["transition"]).sum(axis=1) == pytest.approx(np.ones(3))


def test_examples_that_are_all_one_contradict_each_other(alfs):
    np.savez("same.npz", features=np.zeros((90, 3)), labels=np.arange(90) % 3)
    document, _ = judged(alfs, "same.npz")
    assert document["trust"]["level"] == "low"
    assert "ALFS103" in alfs("estimate", "same.npz").out


def test_features_that_are_one_in_each_class_are_the_label_again(alfs):
    labels = np.arange(90) % 3
    np.savez("same.npz", features=5 * np.eye(3)[labels], labels=labels)
    assert "'0' holds part of the label" in refused(alfs, "same.npz")


def test_in_sample_probabilities_are_called_so(alfs):
    labels = np.arange(300) % 3
    np.save("p.npy", 0.97 * np.eye(3)[labels] + 0.01)
    np.save("y.npy", labels)
    document, err = judged(alfs, "--pred-probs", "p.npy", "--labels", "y.npy")
    assert "look in-sample" in err
    assert document["trust"]["level"] == "low"
