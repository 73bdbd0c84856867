"""A second evidence is joined as far as it makes the labels likelier."""

import numpy as np
import pytest
from scipy.special import softmax

from alfs_cli.evidence.interface import evidence_from_probs
from alfs_cli.evidence.second import joined, with_second

K = 4


def views(count=2000, seed=0):
    """Return two models' probabilities (N, K) from features of their own, and labels."""
    rng = np.random.default_rng(seed)
    true = rng.integers(K, size=count)

    def view(distance):
        X = distance * np.eye(K)[true] + rng.normal(size=(count, K))
        return softmax(distance * X, axis=1)

    labels = np.where(rng.random(count) < 0.1, rng.integers(K, size=count), true)
    return view(1.5), view(1.5), labels


def hits(probs, labels):
    return (probs.argmax(axis=1) == labels).mean()


def test_two_views_together_see_more_than_each():
    own, second, labels = views()
    found = joined(own, second, labels)
    assert found.own_power == pytest.approx(found.second_power, abs=0.1)  # they are alike
    assert hits(found.probs, labels) > max(hits(own, labels), hits(second, labels)) + 0.03
    np.testing.assert_allclose(found.probs.sum(axis=1), 1)


def test_the_powers_are_those_of_a_regression_of_other_code():
    from sklearn.linear_model import LogisticRegression

    own, second, labels = views()
    two = own[:, :2] / own[:, :2].sum(axis=1, keepdims=True)
    other = second[:, :2] / second[:, :2].sum(axis=1, keepdims=True)
    some = labels < 2
    odds = [np.log(p[some, 0] / p[some, 1]) for p in (two, other)]
    slow = LogisticRegression(C=1e9).fit(np.column_stack(odds), labels[some] == 0)
    found = joined(two[some], other[some], labels[some])
    assert [found.own_power, found.second_power] == pytest.approx(slow.coef_[0].tolist(), rel=0.02)


@pytest.mark.parametrize("useless", ["flat", "shuffled", "upside down"])
def test_what_says_nothing_gets_no_power(useless):
    own, second, labels = views()
    bad = {
        "flat": np.full_like(own, 1 / K),
        "shuffled": np.random.default_rng(1).permutation(second),
        "upside down": np.roll(second, 1, axis=1),
    }[useless]
    found = joined(own, bad, labels)
    assert found.second_power < 0.05
    assert hits(found.probs, labels) > hits(own, labels) - 0.005


def test_zeros_and_certainty_stay_finite():
    own, _, labels = views(200)
    sure = np.eye(K)[labels]
    assert np.isfinite(joined(own, sure, labels).probs).all()
    assert np.isfinite(joined(sure, 1 - sure, labels).probs).all()


def test_the_note_says_what_it_decided():
    own, second, labels = views()
    found = with_second(evidence_from_probs(own, labels), second, labels)
    assert found.summary().second == found.second
    assert found.second.agreement == hits(second, labels)
    assert found.second.own_agreement == hits(own, labels)
    assert f"{100 * found.agreement:.1f} %" in found.notes[-1]
    assert "adds nothing" not in found.notes[-1]
    flat = with_second(evidence_from_probs(own, labels), np.full_like(own, 1 / K), labels)
    assert "adds nothing" in flat.notes[-1]
