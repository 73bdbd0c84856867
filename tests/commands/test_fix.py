"""`alfs fix` as typed: what it writes, what it says it changed, what it refuses."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from alfs_cli.data import DataSpec, load

HEAD = "index,path,given,suggested,self_confidence,suggested_confidence,score,decision"


@pytest.fixture
def clouds(alfs):
    """x.npz, three clouds of points with a fifth of the labels shifted, and its estimate."""
    generator = np.random.default_rng(0)
    true = np.arange(450) % 3
    given = np.where(generator.random(450) < 0.2, (true + 1) % 3, true)
    X = 4 * np.eye(3)[true] + generator.normal(size=(450, 3))
    np.savez(
        "x.npz", features=X, labels=given, true_labels=true, class_names=["ant", "bee", "cow"],
        ids=np.arange(450), transition=np.eye(3), extra=np.arange(7),
    )  # fmt: skip
    assert alfs("estimate", "x.npz", "-q").code == 0
    return alfs


@pytest.fixture
def pictures(alfs):
    """Twenty pictures in two classes, and a list of three suspects."""
    for label, name in enumerate(("cat", "dog")):
        Path("data", name).mkdir(parents=True)
        for number in range(10):
            Image.new("L", (4, 4), 100 * label + number).save(f"data/{name}/{number}.png")
    Path("alfs-out").mkdir()
    write("drop", "", "")
    return alfs


def write(*decisions, scores=(0.9, 0.8, 0.3)):
    rows = (
        f"0,data/cat/0.png,cat,dog,0.1,0.9,{scores[0]}",
        f"12,data/dog/2.png,dog,cat,0.2,0.6,{scores[1]}",
        f"19,data/dog/9.png,dog,cat,0.3,0.4,{scores[2]}",
    )
    lines = [f"{row},{word}" for row, word in zip(rows, decisions, strict=True)]
    Path("alfs-out/issues.csv").write_text("\n".join([HEAD, *lines]) + "\n")


def document(done):
    assert done.code == 0, done.err
    return json.loads(done.out)


def test_drop_leaves_suspects_out_of_every_array(clouds):
    listed = pd.read_csv("alfs-out/issues.csv")
    before = Path("x.npz").read_bytes()
    found = document(clouds("fix", "x.npz", "--drop", "--to", "c.npz", "-f", "json"))
    assert found["schema"] == "alfs.fix/1"
    assert (found["dropped"], found["relabelled"]) == (len(listed), 0)
    assert found["n_after"] == 450 - len(listed) == sum(found["given_counts_after"])
    assert sum(change["count"] for change in found["changes"]) == len(listed)
    assert {change["new"] for change in found["changes"]} == {None}
    rest = np.setdiff1d(np.arange(450), listed["index"])
    with np.load("c.npz") as copy, np.load("x.npz") as whole:
        assert copy["ids"].tolist() == rest.tolist()
        assert copy["extra"].tolist() == list(range(7))
        assert "transition" not in copy  # the labels are no draw from it any more
        for key in ("features", "labels", "true_labels"):
            assert (copy[key] == whole[key][rest]).all()
    truth = found["truth"]
    assert truth["noise_rate_before"] > 0.15 > 0.03 > truth["noise_rate_after"]
    assert truth["dropped_wrong"] + truth["dropped_right"] == len(listed)
    assert Path("x.npz").read_bytes() == before


def test_relabel_gives_the_suggested_class(clouds):
    done = clouds("fix", "x.npz", "--relabel", "--to", "c.npz")
    assert done.code == 0, done.err
    assert "beside the truth" in done.out
    listed = pd.read_csv("alfs-out/issues.csv")
    before, after = load(DataSpec("x.npz")), load(DataSpec("c.npz"))
    named = np.array(after.class_names)[after.labels]
    assert (named[listed["index"]] == listed.suggested).all()
    untouched = np.setdiff1d(np.arange(450), listed["index"])
    assert (after.labels[untouched] == before.labels[untouched]).all()
    assert (after.labels != after.true_labels).mean() < 0.03


def test_thresholds(pictures):
    write("", "", "")
    words = ("fix", "data", "-f", "json", "--to", "c.csv")
    assert document(pictures(*words, "--drop"))["dropped"] == 2
    assert document(pictures(*words, "--drop", "--min-score", "0.2"))["dropped"] == 3
    assert document(pictures(*words, "--drop", "--min-score", "0.95"))["dropped"] == 0
    assert document(pictures(*words, "--relabel", "--min-confidence", "0.7"))["relabelled"] == 1


def test_review_does_what_people_decided_and_nothing_else(pictures):
    write("drop", "keep", "cat")
    found = document(pictures("fix", "data", "--review", "--to", "c.csv", "-f", "json"))
    assert (found["decided"], found["dropped"], found["relabelled"]) == (3, 1, 1)
    assert found["truth"] is None
    frame = pd.read_csv("c.csv")
    assert list(frame.columns) == ["path", "label"]
    assert len(frame) == 19
    assert frame.path[0] == "data/cat/1.png"
    assert frame.label.tolist() == ["cat"] * 9 + ["dog"] * 9 + ["cat"]
    assert load(DataSpec("c.csv")).images.decode(np.arange(19))[1].all()


@pytest.mark.parametrize(("mode", "dropped", "relabelled"), [("--drop", 1, 1), ("--relabel", 0, 2)])
def test_decisions_come_before_the_mode(pictures, mode, dropped, relabelled):
    write("keep", "", "cat")
    found = document(pictures("fix", "data", mode, "--to", "c.csv", "-f", "json"))
    assert (found["dropped"], found["relabelled"]) == (dropped, relabelled)


def test_a_manifest_of_features_keeps_its_columns(alfs):
    rows = "".join(f"{i % 2 * 9 + i / 10},n{i},{'ab'[i % 2]}\n" for i in range(12))
    Path("m.csv").write_text("x,note,label\n" + rows)
    Path("list.csv").write_text(f"{HEAD}\n3,,b,a,0.1,0.9,0.9,\n")
    done = alfs("fix", "m.csv", "--drop", "--issues", "list.csv", "--to", "c.tsv")
    assert done.code == 0, done.err
    assert "only its rows are compared" in done.err
    frame = pd.read_csv("c.tsv", sep="\t")
    assert list(frame.columns) == ["x", "note", "label"]
    assert frame.note.tolist() == [f"n{i}" for i in range(12) if i != 3]


def test_without_to_it_lies_under_out(pictures):
    assert pictures("fix", "data", "--review").code == 0
    assert Path("alfs-out/cleaned.csv").exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "what shall be done"),
        (("--drop", "--relabel"), "--drop and --relabel exclude each other"),
        (("--drop", "--issues", "no.csv"), "'no.csv' is not there"),
        (("--drop", "--to", "c.npz"), "does not end in .csv or .tsv"),
        (("--drop", "--to", "alfs-out/issues.csv"), "is the list of suspects"),
        (("--drop", "--min-score", "2"), "min-score"),
    ],
)
def test_refused(pictures, words, says):
    done = pictures("fix", "data", *words)
    assert (done.code, done.out) == (2, "")
    assert says in done.err
    assert "help: " in done.err
    assert not Path("alfs-out/cleaned.csv").exists()


def test_wrong_decisions_write_nothing(pictures):
    write("cta", "", "leave")
    done = pictures("fix", "data", "--review", "--to", "c.csv")
    assert (done.code, done.out) == (2, "")
    assert "issues.csv:2: decision 'cta'" in done.err
    assert "issues.csv:4: decision 'leave'" in done.err
    assert not Path("c.csv").exists()
    write("", "", "")
    assert "has no decisions" in pictures("fix", "data", "--review").err


def test_an_estimate_of_other_labels_is_stale(clouds):
    with np.load("x.npz") as file:
        arrays = dict(file)
    safe = np.setdiff1d(np.arange(450), pd.read_csv("alfs-out/issues.csv")["index"])[0]
    arrays["labels"][safe] = (arrays["labels"][safe] + 1) % 3
    np.savez("y.npz", **arrays)
    done = clouds("fix", "y.npz", "--drop", "--to", "c.npz")
    assert done.code == 2
    assert "was made from data with the fingerprint" in done.err
    assert clouds("fix", "y.npz", "--drop", "--to", "c.npz", "--allow-stale").code == 0


def test_everything_dropped_is_refused(pictures):
    rows = [
        f"{i},data/{'cat' if i < 10 else 'dog'}/{i % 10}.png,{'cat' if i < 10 else 'dog'},dog,"
        "0,1,1,drop"
        for i in range(20)
    ]
    Path("alfs-out/issues.csv").write_text("\n".join([HEAD, *rows]))
    assert "every example would be dropped" in pictures("fix", "data", "--review").err
    Path("alfs-out/issues.csv").write_text("\n".join([HEAD, *rows[:10]]))
    done = pictures("fix", "data", "--review")
    assert (done.code, done.out) == (2, "")
    assert "no example would be left of 'cat': 10 of 20 examples would be dropped" in done.err
    assert not Path("alfs-out/cleaned.csv").exists()
    done = pictures("fix", "data", "--review", "--force")
    assert done.code == 0
    assert "no example is left of cat" in done.out
