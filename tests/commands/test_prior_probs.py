"""`alfs estimate --prior-probs`: a second evidence, from the command and from Python."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

import alfs_cli as alfs
from alfs_cli.cli import run
from alfs_cli.errors import InputError

pytestmark = pytest.mark.usefixtures("estimates_made_once")


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """Half of the digits by few pixels, a tenth of the labels moved on; a model of the others."""
    folder = tmp_path_factory.mktemp("prior")
    X, true = load_digits(return_X_y=True)
    elsewhere = np.arange(len(true)) % 2 == 0
    model = LogisticRegression(max_iter=500).fit(X[elsewhere], true[elsewhere])
    X, true = X[~elsewhere], true[~elsewhere]
    given = np.where(np.random.default_rng(0).random(len(true)) < 0.1, (true + 1) % 10, true)
    np.savez(folder / "d.npz", features=X[:, :20], labels=given)
    np.save(folder / "prior.npy", model.predict_proba(X))
    return folder


def result(folder, *words):
    out = folder / "out"
    data = str(folder / "d.npz")
    assert run(["estimate", data, "--out", str(out), "-q", *map(str, words)]) == 0
    return json.loads((out / "estimate.json").read_text())


def test_what_the_own_evidence_leaves_open_is_decided(digits, capsys):
    alone = result(digits)
    both = result(digits, "--prior-probs", digits / "prior.npy")
    assert alone["evidence"]["second"] is None
    assert alone["trust"]["level"] == "low"
    assert both["trust"]["level"] != "low"
    assert both["noise_rate"]["low"] < 0.11 < both["noise_rate"]["high"]
    width = both["noise_rate"]["high"] - both["noise_rate"]["low"]
    assert width < 0.5 * (alone["noise_rate"]["high"] - alone["noise_rate"]["low"])
    second = both["evidence"]["second"]
    assert second["agreement"] > second["own_agreement"]
    assert second["second_power"] > 0
    assert both["evidence"]["name"].endswith("joined with --prior-probs")


def test_named_columns_of_any_order_arrays_and_frames_are_the_same(digits):
    probs = np.load(digits / "prior.npy")
    with np.load(digits / "d.npz") as stored:
        X, y = stored["features"], stored["labels"]
    names = [f"p_{k}" for k in range(10)]
    turned = pd.DataFrame(probs, columns=names)[names[::-1]]
    turned.to_parquet(digits / "prior.parquet")
    file = result(digits, "--prior-probs", digits / "prior.parquet")
    for prior in (probs, turned, str(digits / "prior.npy")):
        found = alfs.estimate(features=X, labels=y, prior_probs=prior)
        assert found.noise_rate.value == pytest.approx(file["noise_rate"]["value"], abs=1e-9)


def test_rows_go_with_their_examples(digits):
    """The order of DATA changes nothing, as long as both have the same."""
    order = np.random.default_rng(3).permutation(898)
    with np.load(digits / "d.npz") as stored:
        X, y = stored["features"], stored["labels"]
    probs = np.load(digits / "prior.npy")
    plain = alfs.estimate(features=X, labels=y, prior_probs=probs)
    moved = alfs.estimate(features=X[order], labels=y[order], prior_probs=probs[order])
    apart = alfs.estimate(features=X, labels=y, prior_probs=probs[order])
    assert moved.noise_rate == plain.noise_rate
    assert (
        apart.result.evidence.second.second_power < 0.1 < plain.result.evidence.second.second_power
    )


@pytest.mark.parametrize(
    ("prior", "said"),
    [
        (lambda p: p[:100], "100 rows, the data 898 examples"),
        (lambda p: np.vstack([p, p]), "1,796 rows, the data 898 examples"),
        (lambda p: p[:, :9] / p[:, :9].sum(axis=1, keepdims=True), "9 columns, the data 10"),
        (lambda p: np.roll(p, 1, axis=1), "columns look permuted"),
        (lambda p: np.where(np.arange(10) == 3, np.nan, p), "prior_probs"),
        (lambda p: 2 * p, "prior_probs"),
        (lambda p: pd.DataFrame(p).rename(columns=lambda k: f"p_x{k}"), "no column for class '0'"),
    ],
)
def test_what_does_not_fit_is_refused(digits, prior, said):
    with np.load(digits / "d.npz") as stored:
        X, y = stored["features"], stored["labels"]
    with pytest.raises(InputError, match=said):
        alfs.estimate(features=X, labels=y, prior_probs=prior(np.load(digits / "prior.npy")))


def test_a_mistake_in_the_file_is_told(digits, capsys):
    data = str(digits / "d.npz")
    assert run(["estimate", data, "--prior-probs", "nowhere.npy"]) == 2
    assert "nowhere.npy" in capsys.readouterr().err
    assert run(["estimate", data, "--prior-probs", "s3://bucket/p.npy"]) == 2
    assert "no path on this machine" in capsys.readouterr().err
