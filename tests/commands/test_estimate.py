"""`alfs estimate` as typed: what it writes, what it prints, what it refuses."""

import io
import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from alfs_cli.results.estimate import Promise, load_estimate
from alfs_cli.terminal.output import Terminal
from tests.estimators.problems import seen_exactly

T3 = np.array([[0.7, 0.3, 0.0], [0.0, 1.0, 0.0], [0.0, 0.1, 0.9]])
FILES = {"estimate.json", "transition.csv", "issues.csv", "issues.parquet"}
KEYS = {
    "schema", "alfs_version", "seed", "seconds", "confidence", "method", "data", "evidence",
    "noise_rate", "transition", "transition_low", "transition_high", "class_prior",
    "class_clean_level", "clean_level", "gap", "dominant", "trust", "other_estimates", "local",
    "truth", "issues", "trusted_examples", "annotators", "crowd",
}  # fmt: skip


@pytest.fixture
def arrays(alfs):
    """probs.npy and labels.npy of a known T, and the truth as true.npy."""
    probs, given, true = seen_exactly(T3, n_per_class=300)
    np.save("probs.npy", probs)
    np.save("labels.npy", given)
    np.save("true.npy", true)
    return alfs


@pytest.fixture
def features(alfs):
    """features.npz: three clouds of points, a fifth of the labels shifted."""
    generator = np.random.default_rng(0)
    true = np.arange(450) % 3
    given = np.where(generator.random(450) < 0.2, (true + 1) % 3, true)
    X = 4 * np.eye(3)[true] + generator.normal(size=(450, 3))
    names = np.array(["ant", "bee", "cow"])
    np.savez("features.npz", features=X, labels=given, true_labels=true, class_names=names)
    return alfs


def written(folder="alfs-out"):
    return {p.name for p in Path(folder).iterdir() if p.is_file()}


def test_probabilities_alone_without_torch(arrays, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "torchvision", None)
    done = arrays("estimate", "--pred-probs", "probs.npy", "--labels", "labels.npy", "-f", "json")
    assert done.code == 0, done.err
    assert written() == FILES
    assert done.out == Path("alfs-out/estimate.json").read_text()
    document = json.loads(done.out)
    assert set(document) == KEYS
    assert document["evidence"]["kind"] == "pred-probs"
    T = np.array(document["transition"])
    np.testing.assert_allclose(T, T3, atol=0.1)
    table = pd.read_csv("alfs-out/transition.csv", index_col=0)
    np.testing.assert_allclose(table.to_numpy(), T)


def test_features_with_truth(features):
    done = features("estimate", "features.npz", "-v")
    assert done.code == 0, done.err
    assert "beside the truth" in done.out
    estimate = load_estimate(Path("alfs-out/estimate.json"))
    assert estimate.data.classes == ("ant", "bee", "cow")
    assert estimate.truth.noise_rate == pytest.approx(0.2, abs=0.05)
    assert estimate.noise_rate.value == pytest.approx(estimate.truth.noise_rate, abs=0.04)
    assert estimate.noise_rate.low <= estimate.truth.noise_rate <= estimate.noise_rate.high
    assert estimate.truth.row_tv < 0.06
    issues = pd.read_csv("alfs-out/issues.csv")
    assert list(issues.columns) == [
        "index", "path", "given", "suggested", "self_confidence", "suggested_confidence", "score",
        "kind", "neighbours", "transition",
    ]  # fmt: skip
    names = np.load("features.npz")["labels"]
    near = json.loads(issues.neighbours[0])
    assert len(near) == 5
    assert [label for _, label, _ in near] == [
        ("ant", "bee", "cow")[names[index]] for index, _, _ in near
    ]
    entries = pd.read_csv("alfs-out/transition.csv", index_col=0)
    worst = issues.iloc[0]
    assert worst.transition == pytest.approx(entries.loc[worst.suggested, worst.given], rel=1e-4)
    assert len(issues) == estimate.issues.count
    assert list(dict.fromkeys(issues.kind)) == ["likely", "possible"]
    assert len(issues) <= np.ceil(estimate.noise_rate.high * 450)
    assert issues[issues.kind == "possible"].score.between(0, 0.5).all()
    issues = issues[issues.kind == "likely"]
    assert estimate.issues.counts.likely == len(issues)
    promised = estimate.issues.expected_precision
    assert promised == estimate.issues.by_kind.likely
    assert promised.value == pytest.approx(issues.score.mean(), abs=1e-5)
    assert promised.low <= estimate.issues.precision <= promised.high
    assert (issues.score.diff().dropna() <= 0).all()
    assert issues.score.between(0.5, 1).all()
    true = np.load("features.npz")["true_labels"]
    assert (
        true[issues["index"]] == issues.suggested.map({"ant": 0, "bee": 1, "cow": 2})
    ).mean() > 0.9


@pytest.mark.slow
def test_evidence_is_cached_and_the_seed_decides(features, fits):
    first = features("estimate", "features.npz", "-f", "json")
    fits.clear()
    again = features("estimate", "features.npz", "-f", "json")
    assert "evidence taken from" in again.err
    fits.clear()
    fresh = features("estimate", "features.npz", "-f", "json", "--no-cache")
    assert "evidence taken from" not in fresh.err
    documents = [json.loads(done.out) for done in (first, again, fresh)]
    for document in documents:
        document.pop("seconds")
    assert documents[0] == documents[1] == documents[2]


@pytest.mark.slow
def test_verbosity(features):
    quiet, plain, verbose = (
        features("estimate", "features.npz", "--no-cache", *words).err.splitlines()
        for words in (["-q"], [], ["-v"])
    )
    assert quiet == []
    assert len(plain) == 2
    assert len(verbose) == 5
    assert verbose[0].startswith("read 450 examples in ")


@pytest.mark.slow
def test_a_log_is_told_of_progress_now_and_then(features, monkeypatch, fits):
    fits.clear()
    assert "fitting folds" not in features("estimate", "features.npz", "--no-cache").err
    monkeypatch.setattr("alfs_cli.terminal.output.QUIET_SECONDS", 0.0)
    fits.clear()
    lines = features("estimate", "features.npz", "--no-cache").err.splitlines()
    assert lines[:2] == ["fitting folds: 0 of 2", "fitting folds: 1 of 2"]
    assert features("estimate", "features.npz", "--no-cache", "-q").err == ""


class Screen(io.StringIO):
    def isatty(self):
        return True


def test_a_terminal_sees_that_work_goes_on(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    shown = []
    for stream, verbosity in ((Screen(), 0), (Screen(), -1), (io.StringIO(), 0)):
        monkeypatch.setattr(sys, "stderr", stream)
        with Terminal(verbosity).working("fitting T"):
            pass
        shown.append("fitting T" in stream.getvalue())
    assert shown == [True, False, False]


@pytest.mark.slow
def test_other_features_are_other_evidence(features):
    """Features laid over DATA are no part of its fingerprint; the cache must tell them apart."""
    given = np.load("features.npz")["labels"]
    np.save("noise.npy", np.random.default_rng(1).normal(size=(450, 3)))
    np.savez("plain.npz", images=np.zeros((450, 8, 8), np.uint8), labels=given)
    np.save("good.npy", np.load("features.npz")["features"])
    words = ("estimate", "plain.npz", "-f", "json", "--features")
    good, noise = (json.loads(features(*words, f).out) for f in ("good.npy", "noise.npy"))
    assert good["evidence"]["agreement"] > 0.7
    assert noise["evidence"]["agreement"] < 0.5


@pytest.mark.slow
def test_a_broken_cache_is_passed_over(features):
    assert features("estimate", "features.npz", "-q").code == 0
    (cached,) = Path("alfs-out/cache").iterdir()
    cached.write_bytes(b"not an npz")
    done = features("estimate", "features.npz")
    assert done.code == 0
    assert "evidence taken from" not in done.err


def test_other_labels_are_another_estimate(features):
    assert features("estimate", "features.npz", "-q").code == 0
    true = np.load("features.npz")["true_labels"]
    np.save("clean.npy", true)
    done = features("estimate", "features.npz", "--labels", "clean.npy", "-f", "json")
    assert json.loads(done.out)["noise_rate"]["value"] < 0.05


def test_all_scores_and_threshold(features):
    features("estimate", "features.npz", "--all-scores", "-q")
    whole = pd.read_csv("alfs-out/issues.csv", keep_default_na=False)
    assert len(whole) == 450
    assert list(dict.fromkeys(whole.kind)) == ["likely", "possible", ""]
    features("estimate", "features.npz", "--issue-threshold", "0.99", "-q")
    strict = pd.read_csv("alfs-out/issues.csv")
    assert (strict.score[strict.kind == "likely"] >= 0.99).all()
    assert (strict.score[strict.kind == "possible"] < 0.99).all()


def test_disagreement_is_listed_though_the_estimate_sees_no_noise(alfs):
    """Overlapping classes: T says no noise; what the evidence speaks against is worth a look."""
    generator = np.random.default_rng(0)
    true = generator.integers(0, 3, 600)
    probs = generator.dirichlet(np.ones(3), 600)
    true = (probs.cumsum(axis=1) > generator.random((600, 1))).argmax(axis=1)
    np.save("p.npy", probs)
    np.save("y.npy", true)
    done = alfs("estimate", "--pred-probs", "p.npy", "--labels", "y.npy")
    assert done.code == 0, done.err
    estimate = load_estimate(Path("alfs-out/estimate.json"))
    issues = pd.read_csv("alfs-out/issues.csv")
    assert estimate.trust.level == "low"
    assert set(issues.kind) == {"possible"}
    assert estimate.issues.expected_precision == Promise()
    assert estimate.issues.by_kind.possible.value < 0.5
    assert (probs.argmax(axis=1)[issues["index"]] == issues.suggested).all()
    between = f"between 0 % and {100 * estimate.noise_rate.high:.1f} % of the labels are wrong"
    assert between.replace(".0 %", " %") in done.out
    assert len(done.out.rstrip().split("\n")) <= 12
    assert "Transition matrix" not in done.out
    words = ("--pred-probs", "p.npy", "--labels", "y.npy", "-v")
    assert "Transition matrix" in alfs("estimate", *words).out


def test_outputs_in_every_format(features):
    words = [f"{name}=made/r.{name}" for name in ("json", "markdown", "csv", "html", "text")]
    done = features("estimate", "features.npz", *(w for o in words for w in ("-o", o)))
    assert done.code == 0, done.err
    assert {p.suffix for p in Path("made").iterdir()} == {
        ".json", ".markdown", ".csv", ".html", ".text",
    }  # fmt: skip
    assert "Transition matrix" in Path("made/r.html").read_text()


def test_in_sample_probabilities_are_distrusted(alfs):
    labels = np.arange(300) % 3
    np.save("p.npy", np.eye(3)[labels] * 0.97 + 0.01)
    np.save("y.npy", labels)
    words = ("estimate", "--pred-probs", "p.npy", "--labels", "y.npy", "-f", "json")
    done = alfs(*words)
    document = json.loads(done.out)
    assert document["evidence"]["in_sample"] is True
    assert document["trust"]["level"] == "low"
    assert "in-sample" in done.err
    assert json.loads(alfs(*words, "--in-sample-ok").out)["trust"]["level"] != "low"


def test_a_picture_that_cannot_be_read_is_left_out_and_named(alfs):
    generator = np.random.default_rng(0)
    for name in ("a", "b"):
        Path("data", name).mkdir(parents=True)
        for i in range(60):
            pixels = generator.integers(0, 80, (8, 8)).astype(np.uint8) + 150 * (name == "b")
            Image.fromarray(pixels.astype(np.uint8)).save(f"data/{name}/{i:02}.png")
    whole = Path("data/a/00.png").read_bytes()
    Path("data/a/00.png").write_bytes(whole[: len(whole) // 2])
    done = alfs("estimate", "data", "-f", "json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["data"]["n"] == 119
    shown = alfs("estimate", "data")
    assert "data/a/00.png" in shown.out
    assert "ALFS40" in shown.out
    issues = pd.read_csv("alfs-out/issues.csv")
    assert (issues["index"] > 0).all()


PROBS = np.full((6, 2), 0.5)


@pytest.mark.parametrize(
    ("make", "words", "says"),
    [
        ({}, ["no-such"], "no such file or directory: 'no-such'"),
        ({}, ["digit"], "did you mean 'digits'"),
        ({}, [], "nothing to judge"),
        ({"p.npy": PROBS}, ["--pred-probs", "p.npy"], "nothing to judge"),
        ({"p.npy": PROBS, "y.npy": np.arange(5) % 2}, ["ARRAYS"], "5"),
        ({"p.npy": PROBS * np.nan, "y.npy": np.arange(6) % 2}, ["ARRAYS"], "NaN"),
        ({"p.npy": PROBS * 8 - 6, "y.npy": np.arange(6) % 2}, ["ARRAYS"], "logits"),
        ({"p.npy": PROBS * 3, "y.npy": np.arange(6) % 2}, ["ARRAYS"], "sums to 3"),
        ({"p.npy": PROBS, "y.npy": np.arange(6) % 3}, ["ARRAYS"], "2"),
        ({"p.npy": PROBS, "y.npy": np.array(["a", {}] * 3, object)}, ["ARRAYS"], "objects"),
        ({"p.npy": PROBS[:, 0], "y.npy": np.arange(6) % 2}, ["ARRAYS"], "shape"),
        ({}, ["digits", "--method", "confidant"], "did you mean 'confident'"),
        ({}, ["digits", "--evidence", "pixel"], "did you mean 'pixels'"),
        ({}, ["digits", "--evidence", "features"], "no features here"),
        ({}, ["digits", "--folds", "1"], "--folds is 1"),
        ({}, ["digits", "--confidence", "0.2"], "--confidence is 0.2"),
        ({}, ["digits", "--bootstrap", "3"], "--bootstrap is 3"),
        ({}, ["digits", "--split", "valid"], "valid"),
        ({}, ["digits", "--issue-threshold", "2"], "issue-threshold"),
    ],
)
def test_refused(alfs, make, words, says):
    for name, array in make.items():
        np.save(name, array, allow_pickle=array.dtype == object)
    if words == ["ARRAYS"]:
        words = ["--pred-probs", "p.npy", "--labels", "y.npy"]
    done = alfs("estimate", *words)
    assert done.code == 2, done.err
    assert done.out == ""
    assert says in done.err
    assert done.err.splitlines()[0].startswith("error: ")
    assert "help: " in done.err
    assert "Traceback" not in done.err
    assert (
        not any(p.is_file() for p in Path("alfs-out").rglob("*"))
        if Path("alfs-out").exists()
        else True
    )


@pytest.mark.parametrize(
    ("folders", "says"),
    [
        ([], "no images"),
        (["cat"], "only one class"),
        (["train/cat", "dog"], "mixes"),
    ],
)
def test_refused_folders(alfs, folders, says):
    Path("data").mkdir()
    for folder in folders:
        Path("data", folder).mkdir(parents=True)
        for i in range(4):
            Image.new("L", (8, 8), i).save(f"data/{folder}/{i}.png")
    done = alfs("estimate", "data")
    assert (done.code, done.out) == (2, "")
    assert says in done.err
    assert "help: " in done.err


def test_an_interrupted_estimate_leaves_the_previous_result(features, monkeypatch):
    assert features("estimate", "features.npz", "-q").code == 0
    before = {p: p.read_bytes() for p in Path("alfs-out").iterdir() if p.is_file()}

    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("alfs_cli.estimating.in_memory.estimate_noise", stop)
    assert features("estimate", "features.npz", "--confidence", "0.9").code == 130
    assert {p: p.read_bytes() for p in Path("alfs-out").iterdir() if p.is_file()} == before
