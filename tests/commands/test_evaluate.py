"""`alfs evaluate` as typed."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits

from alfs_cli.audits.claims import parse
from alfs_cli.audits.population import population
from alfs_cli.audits.record import start
from alfs_cli.data import DataSpec, load


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def run(alfs, trained_once):
    """Return the document of a short run on the digits."""
    words = ("--loss", "nce+rce", "--epochs", "3", "--noise", "symmetric", "--noise-rate", "0.3")
    return trained_once("digits", *words)


def test_a_manifest_of_other_columns_than_usual(alfs, run):
    """As the run was trained: evaluate and predict read it by the same options."""
    digits = load_digits()
    folder = Path("pictures")
    folder.mkdir()
    rows = ["file,species"]
    for place in range(40):
        Image.fromarray((digits.images[place] * 15).astype(np.uint8)).save(folder / f"{place}.png")
        rows.append(f"{place}.png,{digits.target[place]}")
    Path("pictures/m.csv").write_text("\n".join(rows) + "\n")
    words = ("pictures/m.csv", "--label-column", "species", "--path-column", "file")
    done = alfs("evaluate", run["run"], *words, "-f", "json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["test"]["n"] == 40
    done = alfs("predict", run["run"], *words, "--to", "p.npz", "-f", "json")
    assert done.code == 0, done.err


def test_the_data_it_was_trained_on_are_told_of(alfs, run):
    done = alfs("evaluate", run["run"], "digits", "--split", "train")
    assert done.code == 0, done.err
    assert "the run was trained on these data" in done.err


def test_on_its_own_test_data(alfs, run):
    done = alfs("evaluate", run["run"], "-f", "json")
    assert done.code == 0, done.err
    document = json.loads(done.out)
    assert list(document) == [
        "schema", "run", "test", "accuracy", "per_class", "ece", "confusion",
    ]  # fmt: skip
    assert document["schema"] == "alfs.evaluate/1"
    assert document["run"] == run["run"]
    assert document["test"] == run["test"]
    assert document["accuracy"] == pytest.approx(run["test_accuracy"]["last"])
    confusion = np.array(document["confusion"])
    assert confusion.shape == (10, 10)
    assert confusion.sum() == 360
    assert np.trace(confusion) / 360 == pytest.approx(document["accuracy"])
    for row, entry in zip(confusion, document["per_class"], strict=True):
        assert row.sum() == entry["n"]
    assert 0 <= document["ece"] <= 1


def test_by_id_in_text(alfs, run):
    done = alfs("evaluate", Path(run["run"]).name)
    assert done.code == 0
    assert "on 360 true labels of digits, split test" in done.out
    assert "expected calibration error" in done.out


def test_on_other_data(alfs, run):
    from sklearn.datasets import load_digits

    digits = load_digits()
    pixels = np.round(digits.images * 255 / 16).astype(np.uint8)
    np.savez("d.npz", images=pixels[:100], labels=digits.target[:100])
    done = alfs("evaluate", run["run"], "d.npz", "-f", "json")
    assert done.code == 0, done.err
    document = json.loads(done.out)
    assert document["test"]["labels"] == "given"
    assert document["test"]["n"] == 100
    assert "clean" not in done.out
    done = alfs("evaluate", run["run"], "d.npz", "--test-labels-are-true", "-f", "json")
    assert json.loads(done.out)["test"]["labels"] == "true"


def test_refusals(alfs, run, tmp_path):
    np.savez("f.npz", features=np.zeros((6, 3), np.float32), labels=np.arange(6) % 2)
    weights = Path(run["run"]) / "model.safetensors"
    cases = [
        ((run["run"], "f.npz"), "3 features"),
        ((run["run"] + "x",), "no such run"),
        ((str(tmp_path),), "is no run"),
        ((run["run"], "--split", "train"), "without DATA"),
        ((run["run"], "missing.npz"), "missing.npz"),
    ]
    for words, message in cases:
        done = alfs("evaluate", *words)
        assert (done.code, done.out) == (2, ""), words
        assert "error: " in done.err
        assert message in done.err
    good = weights.read_bytes()
    weights.write_bytes(good[: len(good) // 2])
    done = alfs("evaluate", run["run"])
    assert done.code == 2
    assert "cannot read" in done.err
    weights.unlink()
    done = alfs("evaluate", run["run"])
    assert done.code == 2
    assert f"alfs train --resume {run['run']}" in done.err


@pytest.fixture
def audited(alfs):
    """Two quick runs on the digits, and an audit of the test split, a tenth of it answered."""
    for loss in ("ce", "mae"):
        words = ("--loss", loss, "--epochs", "1", "--model", "linear", "-q")
        assert alfs("train", "digits", *words).code == 0
    dataset = load(DataSpec("digits", split="test"))
    examples = population(dataset.labels, dataset.class_names, dataset.fingerprint)
    record = start(Path("a"), examples, [parse("noise-rate <= 0.05")])
    for task in record.batch(60):
        record.answer(task, int(dataset.labels[task.index]))
    runs = sorted(path.as_posix() for path in Path("alfs-out/runs").iterdir())
    return alfs, runs


def test_accuracy_on_true_labels_by_an_audit(audited):
    """`evaluate` bounds it, and `compare` says which of two runs is right more often."""
    alfs, runs = audited
    right = {}
    for run in runs:
        words = ("evaluate", run, "digits", "--split", "test")
        done = alfs(*words, "--audit", "a", "-f", "json")
        assert done.code == 0, done.err
        document = json.loads(done.out)
        found = document["on_true_labels"]
        assert (found["answers"], found["risk"]) == (60, 0.05)
        assert found["low"] < document["accuracy"] < found["high"]
        right[Path(run).name] = document["accuracy"]
    words = ("--audit", "a", "--data", "digits", "--split", "test")
    done = alfs("compare", *runs, *words, "-f", "json")
    assert done.code == 0, done.err
    document = json.loads(done.out)["audited"]
    (pair,) = document["pairs"]
    gap = right[pair["first"]] - right[pair["second"]]
    assert pair["low"] <= gap <= pair["high"]
    if pair["better"] is not None:
        assert right[pair["better"]] == max(right.values())
    assert {one["run"] for one in document["runs"]} == set(right)
    text = " ".join(alfs("compare", *runs, *words).out.split())
    assert "Which run is better on true labels" in text
    assert "by 60 answers of the audit a" in text.lower()


def test_an_audit_needs_its_own_data(audited):
    alfs, runs = audited
    done = alfs("evaluate", runs[0], "--audit", "a")
    assert (done.code, done.out) == (2, "")
    assert "help: alfs evaluate" in done.err
    done = alfs("evaluate", runs[0], "digits", "--split", "train", "--audit", "a")
    assert (done.code, done.out) == (2, "")
    assert "is an audit of data with the fingerprint" in done.err
    done = alfs("compare", *runs, "--audit", "a")
    assert (done.code, done.out) == (2, "")
    assert "--audit and --data go together" in done.err
    done = alfs("compare", runs[0], "--audit", "a", "--data", "digits")
    assert (done.code, done.out) == (2, "")
    assert "2 to 6 runs" in done.err
