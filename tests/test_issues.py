"""Which labels are wrong: the posterior against Bayes by hand, ranking, calibration, the files."""

import numpy as np
import pandas as pd
import pytest

from alfs_cli.data import DataSpec, LabelledDataset
from alfs_cli.issues import label_scores, suspects, true_class_probs, write_issues
from alfs_cli.noise import symmetric
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
    write_issues(tmp_path, dataset, scores, np.array([0, 2]))
    text = (tmp_path / "issues.csv").read_text().splitlines()
    assert text[0] == ("index,path,given,suggested,self_confidence,suggested_confidence,score")
    assert text[1].startswith("5,'+a.png,'=cat,dog,0.1,0.9,0.9")
    assert text[2].startswith("9,c.png,'=cat,'=cat,0.3,0.3,")
    exact = pd.read_parquet(tmp_path / "issues.parquet")
    assert list(exact.path) == ["+a.png", "c.png"]
    assert list(exact.given) == ["=cat", "=cat"]
    assert exact.score[0] == scores.score[0]
