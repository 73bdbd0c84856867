"""Probabilities of 0 that come from counting or rounding."""

import json

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.neighbors import KNeighborsClassifier

from alfs_cli.cli import run
from alfs_cli.estimating import from_probabilities, in_passes
from alfs_cli.evidence.zeros import filled, step_of

pytestmark = pytest.mark.usefixtures("estimates_made_once")


@pytest.fixture(scope="module")
def by_neighbours():
    """Shares of nine neighbours among half of the digits, for the other half; true labels."""
    X, y = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(y))
    some, rest = order[:900], order[900:]
    return KNeighborsClassifier(9).fit(X[some, :24], y[some]).predict_proba(X[rest, :24]), y[rest]


def test_zeros_share_a_step_and_the_rest_keeps_its_proportions(by_neighbours):
    P, _ = by_neighbours
    step = step_of(P)
    assert step == pytest.approx(1 / 9)
    found = filled(P, step)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    zeros = np.where(P == 0, found, 0).sum(axis=1)
    np.testing.assert_allclose(zeros, np.where((P == 0).any(axis=1), 0.1, 0))
    assert (found.argmax(axis=1) == P.argmax(axis=1)).all()
    np.testing.assert_array_equal(filled(P[:7], step), found[:7])  # a block is as the whole


@pytest.mark.parametrize(
    "P",
    [
        np.array([[1.0, 0.0], [0.0, 1.0]]),  # classes, of which nobody says how sure they are
        np.array([[1.0, 0.0], [0.5, 1e-30]]),  # a softmax that underflowed
        np.array([[0.9, 0.1], [0.5, 0.5]]),
        np.zeros((0, 2)),
    ],
)
def test_what_says_nothing_of_steps_stays(P):
    assert filled(P, step_of(P)) is P


def estimated(folder, P, labels, capsys):
    np.save(folder / "p.npy", P)
    np.save(folder / "y.npy", labels)
    words = ["--pred-probs", str(folder / "p.npy"), "--labels", str(folder / "y.npy")]
    assert run(["estimate", *words, "--out", str(folder), "-f", "json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_vote_without_a_class_does_not_make_right_labels_likely_wrong(
    by_neighbours, tmp_path, capsys
):
    P, y = by_neighbours
    assert (P[np.arange(len(y)), y] == 0).sum() > 10
    found = estimated(tmp_path, P, y, capsys)
    assert found["issues"]["counts"]["likely"] == 0
    assert found["noise_rate"]["low"] == 0


def test_in_passes_it_is_the_same(by_neighbours, tmp_path, capsys, monkeypatch):
    """Zeros are of the whole file's step, in whichever block they lie."""
    P, y = by_neighbours
    given = np.where(np.random.default_rng(1).random(len(y)) < 0.15, (y + 1) % 10, y)
    monkeypatch.setitem(in_passes.TOO_MANY, "auto", 100)
    found = estimated(tmp_path, P, given, capsys)
    monkeypatch.setattr(from_probabilities, "block_rows", lambda _: 90)
    blocks = estimated(tmp_path, P, given, capsys)
    assert blocks["transition"] == found["transition"]
    assert blocks["issues"] == found["issues"]
    already = estimated(tmp_path, filled(P, step_of(P)), given, capsys)
    np.testing.assert_allclose(already["transition"], found["transition"], atol=1e-6)
    assert already["issues"]["by_kind"] == found["issues"]["by_kind"]
