"""Which labels are wrong: the posterior against Bayes by hand, ranking, calibration, the files."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from alfs_cli.data import DataSpec, LabelledDataset
from alfs_cli.estimators.joint import posterior
from alfs_cli.estimators.joint.posterior import Head, possible, true_class, true_class_probs
from alfs_cli.noise import symmetric
from alfs_cli.suspects.scores import (
    Listing,
    issues_table,
    label_scores,
    listing,
    suspects,
    write_issues,
)
from tests.estimators.problems import seen_exactly


@pytest.fixture(scope="module")
def problem():
    T = symmetric(0.3, 4).array
    probs, given, true = seen_exactly(T, n_per_class=1500, certainty=0.9)
    return T, probs, given, true


def test_deconvolution_undoes_the_noise(problem):
    T, probs, _, _ = problem
    q = true_class_probs(probs, T)
    np.testing.assert_allclose(q.sum(axis=1), 1)
    np.testing.assert_allclose(q @ T, probs, atol=2e-3)
    assert q.max(axis=1).mean() == pytest.approx(0.9, abs=0.02)


def test_scores_are_bayes_rule(problem):
    T, probs, given, true = problem
    scores = label_scores(probs, given, T, float((given != true).mean()))
    looks = np.repeat(np.arange(4), 1500)
    q = np.full(4, 0.1 / 3)
    for place in range(0, len(given), 331):
        mine = q.copy()
        mine[looks[place]] = 0.9
        joint = mine * T[:, given[place]]
        expected = 1 - joint[given[place]] / joint.sum()
        assert scores.score[place] == pytest.approx(expected, abs=0.03)


def test_scores_are_calibrated_and_rank(problem):
    T, probs, given, true = problem
    wrong = given != true
    scores = label_scores(probs, given, T, float(wrong.mean()))
    assert scores.score.mean() == pytest.approx(wrong.mean(), abs=1e-4)
    confident = scores.score > 0.7
    assert confident.sum() > 500
    assert wrong[confident].mean() == pytest.approx(scores.score[confident].mean(), abs=0.03)
    listed = suspects(scores, given, 0.5)
    assert (np.diff(scores.score[listed]) <= 0).all()
    assert wrong[listed].mean() > 0.75
    assert (scores.suggested[listed] != given[listed]).all()


def test_rotating_the_label_rotates_the_suspicion():
    """A transposed T must fail here: 0 is given as 1, never the other way round."""
    T = np.array([[0.6, 0.4], [0.0, 1.0]])
    probs, given, true = seen_exactly(T, n_per_class=1000, certainty=0.95)
    listed = suspects(label_scores(probs, given, T, 0.2), given, 0.5)
    assert (given[listed] == 1).all()
    assert (true[listed] == 0).mean() > 0.8


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_impossible_rates_leave_probabilities(rate):
    scores = label_scores(np.full((4, 2), 0.5), np.array([0, 1, 0, 1]), np.eye(2), rate)
    assert ((scores.score >= 0) & (scores.score <= 1)).all()


def test_files(tmp_path):
    names = ("=cat", "dog")
    labels = np.array([0, 1, 0])
    dataset = LabelledDataset(
        name="x", kind="npz", spec=DataSpec("x"), labels=labels, class_names=names,
        fingerprint="0", positions=np.array([5, 6, 9]), paths=("+a.png", "b.png", "c.png"),
    )  # fmt: skip
    probs = np.array([[0.1, 0.9], [0.25, 0.75], [0.3, 0.7]])
    scores = label_scores(probs, labels, np.eye(2) * 0.8 + 0.1, 0.5)
    listed = Listing(np.array([0, 2]), ("proven", "possible"))
    T = np.array([[0.9, 0.1], [0.25, 0.75]])
    X = np.array([[0.0], [3.0], [1.0]], dtype=np.float32)
    write_issues(tmp_path, issues_table(dataset, scores, listed, transition=T, features=X))
    text = (tmp_path / "issues.csv").read_text().splitlines()
    assert text[0] == (
        "index,path,given,suggested,self_confidence,suggested_confidence,score,kind,"
        "neighbours,transition"
    )
    assert text[1].startswith("5,'+a.png,'=cat,dog,0.1,0.9,0.")
    assert text[2].startswith("9,c.png,'=cat,")
    read = pd.read_csv(tmp_path / "issues.csv")
    assert list(read.kind) == ["proven", "possible"]
    assert json.loads(read.neighbours[0]) == [[9, "=cat", 1], [6, "dog", 3]]
    assert json.loads(read.neighbours[1]) == [[5, "=cat", 1], [6, "dog", 2]]
    assert list(read.transition) == [0.25, 0.25]  # of dogs, labelled as cats
    exact = pd.read_parquet(tmp_path / "issues.parquet")
    assert list(exact.path) == ["+a.png", "c.png"]
    assert list(exact.given) == ["=cat", "=cat"]
    assert exact.score[0] == scores.score[0]


def test_identical_examples_under_two_labels_come_first_and_one_is_wrong(problem):
    T, probs, given, _ = problem
    pair = np.flatnonzero(given == 0)[:1].tolist() + np.flatnonzero(given == 2)[:1].tolist()
    probs = probs.copy()
    probs[pair] = probs[pair[0]]  # looks like class 0
    scores = label_scores(probs, given, T, 0.3, identical=[tuple(pair)])
    assert scores.score[pair].sum() >= 1  # at most one of two labels is right
    assert scores.suggested[pair].tolist() == [0, 0]
    assert scores.score[pair[1]] > 0.9 > 0.1 > scores.score[pair[0]]
    listed = listing(scores, given, 0.5, most=len(given))
    assert listed.places[:2].tolist() == listed.of("proven").tolist() == pair[::-1]
    likely, doubted = listed.of("likely"), listed.of("possible")
    assert listed.places.tolist() == [*pair[::-1], *likely, *doubted]
    assert (np.diff(scores.score[likely]) <= 0).all()
    assert scores.score[likely].min() >= 0.5
    assert (scores.score[doubted] < 0.5).all()
    assert (probs.argmax(axis=1)[doubted] != given[doubted]).all()
    whole = listing(scores, given, 0.5, most=len(given), is_whole=True)
    assert whole.places[: len(listed.places)].tolist() == listed.places.tolist()
    assert np.sort(whole.places).tolist() == list(range(len(given)))
    assert set(whole.kinds[len(listed.places) :]) == {""}


def test_what_is_possible_gives_way_to_the_bound_and_what_is_likely_does_not(problem):
    T, probs, given, _ = problem
    scores = label_scores(probs, given, T, 0.3)
    scores = replace(scores, score=scores.score / (1 + np.arange(len(given)) % 2))
    everything = listing(scores, given, 0.5, most=len(given))
    likely, doubted = everything.of("likely"), everything.of("possible")
    assert min(len(likely), len(doubted)) > 20
    fewer = listing(scores, given, 0.5, most=len(likely) + 7)
    assert fewer.of("likely").tolist() == likely.tolist()
    assert fewer.of("possible").tolist() == doubted[:7].tolist()
    assert listing(scores, given, 0.5, most=5).places.tolist() == likely.tolist()


@pytest.mark.parametrize("classes", [3, 40, 250])
def test_classes_may_be_many_and_some_without_examples(classes):
    generator = np.random.default_rng(0)
    true = generator.integers(0, classes - 1, 2000)
    given = np.where(generator.random(2000) < 0.1, (true + 1) % (classes - 1), true)
    probs = np.full((2000, classes), 0.1 / classes)
    probs[np.arange(2000), true] += 0.9
    scores = label_scores(probs.astype(np.float32), given, symmetric(0.1, classes).array, 0.1)
    wrong = given != true
    assert np.isfinite(scores.score).all()
    assert scores.score[wrong].min() > scores.score[~wrong].max()
    assert (scores.suggested[wrong] == true[wrong]).all()


def test_a_head_that_calls_a_class_empty_is_not_taken(monkeypatch):
    """Likelier or not: where T errs on two classes that swap labels, an empty one is likelier."""
    generator = np.random.default_rng(0)
    given = np.arange(3).repeat(50)
    probs = generator.dirichlet(np.ones(3), 150) / 4 + 0.75 * np.eye(3)[given]
    T = possible(np.eye(3) * 0.7 + 0.1, given)
    without_last = np.array([[1.0, 0, 0], [0, 1, 0], [0, 1, 0]])[given]
    head_is_likelier = iter([1.0, 0.0, 1.0, 0.0])  # the head is asked first, then the power
    monkeypatch.setattr(posterior, "_likelihood", lambda *_: next(head_is_likelier))
    taken = true_class(probs, given, T)
    assert isinstance(taken, Head)
    monkeypatch.setattr(Head, "__call__", lambda self, rows: without_last[rows])
    assert not isinstance(true_class(probs, given, T), Head)
