"""Labels held out decide whether cells of T are free."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from alfs_cli.estimators.combined import combined
from alfs_cli.estimators.confident import confident
from alfs_cli.estimators.joint import held_out
from alfs_cli.estimators.joint.families import FREE
from alfs_cli.estimators.joint_ml import joint_from
from alfs_cli.noise import TransitionMatrix, inject, transition_of


def least_rate(probs, labels):
    """Return the lower bound of the noise rate."""
    spread = combined(probs, labels).spread(
        confidence=0.95, resamples=50, generator=np.random.default_rng(0)
    )
    return spread.noise_rate[0]


def by_few_pixels(pixels, sureness):
    """Return probabilities of a model that sees few pixels of other digits, and true labels."""
    X, y = load_digits(return_X_y=True)
    seen = np.arange(len(y)) % 5 == 0
    model = LogisticRegression(max_iter=2000).fit(X[seen][:, pixels], y[seen])
    return softmax(sureness * model.decision_function(X[~seen][:, pixels]), axis=1), y[~seen]


@pytest.mark.parametrize(
    ("pixels", "sureness"), [([10, 20, 30], 2.0), ([18, 21, 43], 1.0), ([18, 21, 43], 2.0)]
)
def test_weak_evidence_proves_no_noise_where_all_labels_are_right(pixels, sureness):
    assert least_rate(*by_few_pixels(pixels, sureness)) < 0.01


def overlapping(T, count=3000):
    """Return P(true | x) of overlapping Gaussians, given labels, and which are wrong."""
    rng = np.random.default_rng(5)
    K = len(T)
    centres = rng.normal(size=(K, 5))
    true = rng.integers(K, size=count)
    X = 1.6 * centres[true] + rng.normal(size=(count, 5))
    clean = softmax(1.6 * X @ centres.T - 1.28 * (centres**2).sum(axis=1), axis=1)
    given = inject(true, TransitionMatrix(T), rng)
    return clean, given, given != true


def test_free_cells_that_held_out_labels_bear_out_are_kept():
    T = transition_of("pair", 0.25, 6).array
    probs, given, wrong = overlapping(T)
    found = joint_from(probs, given, confident(probs, given))
    assert found.best.fit.family == FREE
    assert 0.05 < least_rate(probs, given) < wrong.mean()


def test_where_the_evidence_is_sure_no_fold_is_fitted(monkeypatch):
    monkeypatch.setattr(held_out, "_held_out", None)  # calling it would fail
    T = transition_of("pair", 0.1, 6).array
    probs, given, _ = overlapping(T)
    sure = softmax(8 * np.log(probs), axis=1)
    labels = sure.argmax(axis=1)
    joint_from(sure, labels, confident(sure, labels))
    rare = np.where(np.arange(len(given)) < 3, 0, np.maximum(given, 1))
    joint_from(probs, rare, confident(probs, rare))  # folds cannot tell: a class of three


def test_the_better_of_two_families_on_labels_held_out(monkeypatch):
    """The verdict follows the folds alone: ahead, ahead by chance, behind by chance, behind."""
    T = transition_of("pair", 0.25, 6).array
    probs, given, _ = overlapping(T)
    found = list(joint_from(probs, given, confident(probs, given)).plausible)
    best = max(found, key=lambda one: one.score)
    simple = replace(best, fit=replace(best.fit, family="symmetric"), score=best.score - 80)
    monkeypatch.setattr(held_out, "_is_doubtful", lambda found: True)
    verdicts = []
    for gain in (1.0, 0.01, -0.01, -1.0):
        noise = np.random.default_rng(0).normal(size=len(given))
        gains = {FREE: gain + noise - noise.mean(), "symmetric": np.zeros(len(given))}
        monkeypatch.setattr(
            held_out, "_held_out", lambda one, _, gains=gains: gains[one.fit.family]
        )
        taken, near = held_out.borne_out([simple, best], T)
        verdicts.append((taken.fit.family, sorted({one.fit.family for one in near})))
    assert verdicts == [
        (FREE, [FREE]),
        (FREE, [FREE, "symmetric"]),
        ("symmetric", [FREE, "symmetric"]),
        ("symmetric", ["symmetric"]),
    ]
