"""`alfs predict` as typed."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.datasets import load_digits


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def run(alfs, trained_once):
    """Return the document of a short run on the digits."""
    return trained_once("digits", "--loss", "nce+rce", "--epochs", "2")


def test_probabilities_agree_with_the_accuracy(alfs, run):
    done = alfs("predict", run["run"], "digits", "--split", "test", "--to", "p.npz", "-f", "json")
    assert done.code == 0, done.err
    document = json.loads(done.out)
    assert (document["n"], document["columns"], document["file"]) == (360, 10, "p.npz")
    with np.load("p.npz", allow_pickle=False) as file:
        probs, labels, names = file["pred_probs"], file["labels"], file["class_names"]
    np.testing.assert_allclose(probs.sum(1), 1, atol=1e-5)
    hits = names[probs.argmax(1)] == labels
    assert hits.mean() == pytest.approx(run["test_accuracy"]["last"])
    assert alfs("predict", run["run"], "digits", "--split", "test", "--to", "p.parquet").code == 0
    frame = pd.read_parquet("p.parquet")
    assert list(frame)[:2] == ["p_0", "p_1"]
    np.testing.assert_array_equal(frame.filter(like="p_").to_numpy(), probs)
    assert list(frame["label"]) == list(labels)


def test_parts_predicted_by_workers_are_the_whole(alfs, run, monkeypatch):
    from pathlib import Path

    from alfs_cli.console import Quiet
    from alfs_cli.data import DataSpec
    from alfs_cli.predicting import outputs
    from alfs_cli.results.run import find_run
    from alfs_cli.storage.workers import Threads

    monkeypatch.setattr(outputs, "BATCHES", 1)
    monkeypatch.setattr("alfs_cli.training.prediction.BATCH", 100)  # so there are four parts
    folder = find_run(run["run"], Path("alfs-out"))
    for kind in ("pred_probs", "features"):
        whole, parts = (
            outputs.outputs_of(
                folder, DataSpec("digits", split="test"), kind=kind, device="cpu",
                cache=Path("cache"), console=Quiet(), workers=workers,
            )
            for workers in (None, Threads(1))
        )  # fmt: skip
        np.testing.assert_array_equal(whole.values, parts.values)
        assert (whole.columns, list(whole.given)) == (parts.columns, list(parts.given))
    done = alfs("predict", run["run"], "digits", "--cross-val", "2", "--executor", "ray")
    assert (done.code, "trains networks in this process" in done.err) == (2, True)


def test_features_and_the_warning_about_training_data(alfs, run):
    done = alfs("predict", run["run"], "digits", "--features")
    assert done.code == 0
    assert "in-sample" in done.err
    with np.load("alfs-out/features.npz", allow_pickle=False) as file:
        assert file["features"].shape == (1437, 128)


def test_data_of_other_classes_are_told_of(alfs, run):
    digits = load_digits()
    names = np.array([*"01234567", "eight", "nine"])
    np.savez("named.npz", images=digits.images.astype(np.uint8), labels=names[digits.target])
    done = alfs("predict", run["run"], "named.npz", "--to", "p.npz")
    assert done.code == 0, done.err
    assert "'named.npz' has the class 'eight' and 1 more that the run does not know" in done.err


def test_refusals(alfs, run):
    for words in ((run["run"], "digits", "--to", "p.csv"), (run["run"], "none"), ("x", "digits")):
        done = alfs("predict", *words)
        assert (done.code, done.out) == (2, ""), words
        assert "error: " in done.err
        assert "help: " in done.err


@pytest.mark.slow
def test_cross_validated_probabilities_are_out_of_fold(alfs):
    """On labels drawn at random a network knows those it was trained on, and no others."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(90, 60)).astype(np.float32)
    labels = rng.integers(0, 3, 90)
    np.savez("d.npz", features=features, labels=labels)
    words = ("train", "d.npz", "--loss", "ce", "--model", "mlp", "--epochs", "15", "--lr", "0.1",
             "--noise", "symmetric", "--noise-rate", "0.1")  # fmt: skip
    run = json.loads(alfs(*words, "--holdout", "0", "-f", "json").out)["run"]

    def accuracy(*words):
        done = alfs("predict", run, "d.npz", "--to", "p.npz", *words, "-f", "json")
        assert done.code == 0, done.err
        with np.load("p.npz") as file:
            assert file["pred_probs"].shape == (90, 3)
            np.testing.assert_allclose(file["pred_probs"].sum(1), 1, atol=1e-5)
            assert file["labels"].tolist() == [str(label) for label in labels]
            return (file["pred_probs"].argmax(1) == labels).mean(), done

    seen, _ = accuracy()
    unseen, done = accuracy("--cross-val", "3")
    assert seen > 0.8
    assert unseen < 0.55
    assert "fold 3 of 3: 60 examples to train on" in done.err
    assert "in-sample" not in done.err
    assert json.loads(done.out)["folds"] == 3
    again, done = accuracy("--cross-val", "3")
    assert again == unseen
    assert "fold 1" not in done.err  # those trainings are there already


def test_cross_validation_of_digits_is_good_evidence(alfs):
    words = ("--loss", "ce", "--model", "mlp", "--lr", "0.1", "--epochs", "6", "-f", "json")
    run = json.loads(alfs("train", "digits", *words).out)
    done = alfs("predict", run["run"], "digits", "--cross-val", "2", "--to", "p.npz")
    assert done.code == 0, done.err
    assert "2 networks with its settings" in done.out
    with np.load("p.npz") as file:
        hits = file["class_names"][file["pred_probs"].argmax(1)] == file["labels"]
    assert len(hits) == 1437
    assert hits.mean() > 0.9


def test_cross_validation_refusals(alfs, run):
    np.savez("d.npz", features=np.eye(4, dtype=np.float32), labels=[0, 1, 0, 1])
    for words, message in (
        (("digits", "--cross-val", "2", "--features"), "both given"),
        (("digits", "--cross-val", "1"), "--cross-val"),
        (("d.npz", "--cross-val", "5"), "cnn4"),
    ):
        done = alfs("predict", run["run"], *words)
        assert (done.code, done.out) == (2, "")
        assert message in done.err
