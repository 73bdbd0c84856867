"""`alfs shard`, and probabilities in passes: --max-examples, many classes, what is refused."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

WORDS = ("estimate", "--pred-probs", "parts", "-q")
SHARD = ("shard", "--pred-probs", "parts", "-q")
CSV = ("transition.csv", "issues.csv")


@pytest.fixture
def parts(alfs):
    """Three Parquet files of 1,000 rows in small row groups; a fifth of the labels is shifted."""
    generator = np.random.default_rng(0)
    true = generator.integers(0, 4, 3000)
    given = np.where(generator.random(3000) < 0.2, (true + 1) % 4, true)
    logits = (
        generator.normal(size=(3000, 4)) + 3 * np.eye(4)[true] + 1.5 * np.eye(4)[(true + 1) % 4]
    )
    probs = np.exp(logits)
    probs /= probs.sum(axis=1, keepdims=True)
    frame = pd.DataFrame(probs, columns=[f"p_{name}" for name in ("ant", "bee", "=c", "dog")])
    frame["label"] = np.array(["ant", "bee", "=c", "dog"])[given]
    Path("parts").mkdir()
    for i in range(3):
        frame[1000 * i : 1000 * (i + 1)].to_parquet(f"parts/{i}.parquet", row_group_size=170)
    np.save("p.npy", probs)
    np.save("y.npy", given)
    return alfs


def made(folder):
    document = json.loads(Path(folder, "estimate.json").read_text())
    document.pop("seconds")
    return document, [Path(folder, name).read_bytes() for name in CSV]


@pytest.mark.parametrize("count", [2, 7])
def test_shards_merge_to_the_bytes_of_one_pass(parts, monkeypatch, count):
    monkeypatch.setattr("alfs_cli.estimating.in_passes.TOO_MANY", {"confident": 100})
    assert parts(*WORDS, "--method", "confident", "--out", "whole").code == 0
    for i in range(1, count + 1):
        done = parts(*SHARD, "--shard", f"{i}/{count}", "--to", f"stats/{i}.npz")
        assert (done.code, done.out) == (0, ""), done.err
    files = [f"stats/{i}.npz" for i in range(count, 0, -1)]
    done = parts("merge", *files, "--out", "merged", "-f", "json")
    assert done.code == 0, done.err
    assert made("merged") == made("whole")
    document = json.loads(done.out)
    assert document["method"] == "confident"
    assert document["data"]["n"] == 3000 == sum(document["data"]["given_counts"])
    issues = pd.read_csv("merged/issues.csv")
    assert len(issues) == document["issues"]["count"] > 100
    likely = issues[issues.kind == "likely"]
    assert len(likely) == document["issues"]["counts"]["likely"] > 100
    assert (likely.score.diff().dropna() <= 1e-6).all()
    promised = document["issues"]["expected_precision"]
    assert promised["low"] <= promised["value"] <= promised["high"]
    assert promised["value"] == pytest.approx(likely.score.mean(), abs=1e-5)
    assert set(issues.kind) <= {"likely", "possible"}


def test_passes_count_what_memory_counts(parts, monkeypatch):
    words = ("--pred-probs", "p.npy", "--labels", "y.npy", "--method", "confident", "-q")
    assert parts("estimate", *words, "--out", "memory").code == 0
    monkeypatch.setattr("alfs_cli.estimating.in_passes.TOO_MANY", {"confident": 100})
    assert parts("estimate", *words, "--out", "passes").code == 0
    memory, passes = (
        json.loads(Path(f, "estimate.json").read_text()) for f in ("memory", "passes")
    )
    for key in ("transition", "transition_low", "noise_rate", "clean_level", "class_clean_level"):
        assert memory[key] == passes[key], key
    for key in ("agreement", "calibration_error"):
        assert memory["evidence"][key] == pytest.approx(passes["evidence"][key])


def test_a_stray_class_is_set_aside_in_passes_too(parts, monkeypatch):
    """Out of sample no example is thought to be of a class with one: all reach its threshold."""
    probs, given = np.load("p.npy"), np.load("y.npy")
    given[given == 3] = 0
    given[5] = 3
    probs[:, 3] *= 1e-4
    np.save("p.npy", probs / probs.sum(axis=1, keepdims=True))
    np.save("y.npy", given)
    words = ("--pred-probs", "p.npy", "--labels", "y.npy", "--method", "confident", "-q")
    assert parts("estimate", *words, "--out", "memory").code == 0
    monkeypatch.setattr("alfs_cli.estimating.in_passes.TOO_MANY", {"confident": 100})
    assert parts("estimate", *words, "--out", "passes").code == 0
    memory, passes = (
        json.loads(Path(f, "estimate.json").read_text()) for f in ("memory", "passes")
    )
    assert memory["clean_level"]["value"] > 1
    for key in ("clean_level", "noise_rate"):
        assert passes[key]["value"] == pytest.approx(memory[key]["value"], rel=0.02)
        assert passes[key]["low"] == pytest.approx(memory[key]["low"], rel=0.03)
    assert passes["trust"]["reasons"] == memory["trust"]["reasons"]
    assert [cls["judged"] for cls in passes["class_clean_level"]] == [True, True, True, False]
    issues = pd.read_csv("passes/issues.csv")
    assert (issues.given[issues.kind == "likely"].astype(str) != "3").all()


def test_a_sample_is_judged_and_said(parts):
    words = ("--pred-probs", "p.npy", "--labels", "y.npy", "--max-examples", "600", "-f", "json")
    done = parts("estimate", *words)
    document = json.loads(done.out)
    assert document["data"]["n"] == 600
    assert "600 of 3,000 examples judged" in done.err
    given = np.bincount(np.load("y.npy"))
    np.testing.assert_allclose(document["data"]["given_counts"], given / 5, atol=1)
    issues = pd.read_csv("alfs-out/issues.csv")
    names = np.array(document["data"]["classes"])
    assert (names[np.load("y.npy")[issues["index"]]] == issues.given.astype(str)).all()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--pred-probs", "parts", "--shard", "1/2"), "missing option '--to'"),
        (("--pred-probs", "parts", "--to", "s.npz"), "missing option '--shard'"),
        (("--pred-probs", "parts", "--shard", "0/2", "--to", "s.npz"), "not I/N"),
        (("--pred-probs", "parts", "--shard", "3/2", "--to", "s.npz"), "not I/N"),
        (("--labels", "y.npy", "--shard", "1/2", "--to", "s.npz"), "probabilities and labels"),
        (("--pred-probs", "p.npy", "--shard", "1/2", "--to", "s.npz"), "have no labels"),
        (("digits", "--shard", "1/2", "--to", "s.npz"), "unexpected extra argument"),
    ],
)
def test_refused(parts, words, says):
    done = parts("shard", *words)
    assert (done.code, done.out) == (2, "")
    assert says in done.err
    assert "help: " in done.err
    assert not Path("s.npz").exists()


def test_too_many_classes_are_refused(parts):
    np.save("wide.npy", np.full((3000, 10_000), 1e-4, dtype=np.float32))
    for words in (("estimate",), ("shard", "--shard", "1/2", "--to", "s.npz")):
        done = parts(*words, "--pred-probs", "wide.npy", "--labels", "y.npy", "-q")
        assert (done.code, done.out) == (2, "")
        assert "2,000 classes are the most" in done.err


def test_the_old_words_do_the_same_and_say_the_new(parts):
    """`estimate --shard`, `--stats` and `--merge` are understood for one version more."""
    for i in (1, 2):
        done = parts(*WORDS, f"--shard={i}/2", "--stats", f"old{i}.npz")
        assert done.code == 0
        assert "alfs shard" in done.err
        assert parts(*SHARD, "--shard", f"{i}/2", "--to", f"new{i}.npz").code == 0
    done = parts("estimate", "-q", "--merge", "old1.npz", "--merge", "old2.npz", "--out", "old")
    assert done.code == 0
    assert "alfs merge" in done.err
    assert parts("merge", "new1.npz", "new2.npz", "--out", "new").code == 0
    assert made("old") == made("new")
