"""`alfs predict` as typed."""

import json

import numpy as np
import pandas as pd
import pytest
import torch


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def run(alfs):
    """Return the document of a short run on the digits."""
    done = alfs("train", "digits", "--loss", "nce+rce", "--epochs", "2", "-f", "json")
    return json.loads(done.out)


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


def test_features_and_the_warning_about_training_data(alfs, run):
    done = alfs("predict", run["run"], "digits", "--features")
    assert done.code == 0
    assert "in-sample" in done.err
    with np.load("alfs-out/features.npz", allow_pickle=False) as file:
        assert file["features"].shape == (1437, 128)


def test_refusals(alfs, run):
    for words in ((run["run"], "digits", "--to", "p.csv"), (run["run"], "none"), ("x", "digits")):
        done = alfs("predict", *words)
        assert (done.code, done.out) == (2, ""), words
        assert "error: " in done.err
        assert "help: " in done.err
