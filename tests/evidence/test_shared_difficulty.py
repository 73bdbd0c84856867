"""The model of annotators who err on the same examples, against sums over every state by hand."""

from itertools import product

import numpy as np
import pytest

from alfs_cli.evidence.shared_difficulty import (
    LEVELS,
    Account,
    _hard_shares,
    _states,
    shared_difficulty,
    shrunk,
)


@pytest.fixture(scope="module")
def account():
    """Return an account of two annotators and three classes, of two pairs, with numbers at will."""
    generator = np.random.default_rng(0)
    states = _states(np.array([0, 2]), np.array([1, 0]), 3)
    own = 0.7 * np.eye(3) + 0.3 * generator.dirichlet(np.ones(3), size=(2, 3))
    shares = generator.dirichlet(np.ones(len(states.true)))
    return Account(states, 0.5, shares, own, np.array([1.0, 2.0]))


def by_hand(account, labels):
    """Return P(labels, true class) (3,) by a loop over states; -1 is no label."""
    states, found = account.states, np.zeros(3)
    for s, share in enumerate(account.shares):
        chance = share
        for m, label in enumerate(labels):
            if label < 0:
                continue
            look = np.eye(3)[states.true[s]]
            if states.level[s] >= 0:
                odds = LEVELS[states.level[s]] / (1 - LEVELS[states.level[s]])
                t = odds ** account.ability[m] / (1 + odds ** account.ability[m])
                look = (1 - t) * look + t * states.lean[s]
            chance *= sum(look[c] * account.own[m, c, label] for c in range(3))
        found[states.true[s]] += chance
    return found


def test_labels_are_as_likely_as_a_loop_over_states_says(account):
    rows = list(product(range(-1, 3), repeat=2))
    found = np.exp(account.log_joint(np.array(rows)))
    for row, likely in zip(rows, found, strict=True):
        assert likely == pytest.approx(by_hand(account, row), rel=1e-9)
    assert found[0].sum() == pytest.approx(1)  # nobody has said anything
    assert found[0] == pytest.approx(account.prior)


def test_t_and_the_correlation_follow_from_these_chances(account):
    joint = np.zeros((3, 3, 3))  # true class, label of the one, label of the other
    for first, second in product(range(3), repeat=2):
        joint[:, first, second] = by_hand(account, (first, second))
    prior = joint.sum(axis=(1, 2))
    assert account.transitions[0] == pytest.approx(joint.sum(axis=2) / prior[:, None])
    assert account.transitions[1] == pytest.approx(joint.sum(axis=1) / prior[:, None])
    covariance = spread = 0.0
    for cls in range(3):
        right = joint[cls] / prior[cls]
        one, other = 1 - right.sum(axis=1)[cls], 1 - right.sum(axis=0)[cls]
        both = 1 - right[cls].sum() - right[:, cls].sum() + right[cls, cls]
        covariance += prior[cls] * (both - one * other)
        spread += prior[cls] * np.sqrt(one * (1 - one) * other * (1 - other))
    assert account.correlation() == pytest.approx(covariance / spread)


def test_counted_patterns_are_repeated_rows():
    generator = np.random.default_rng(1)
    y = generator.integers(3, size=(300, 1))
    labels = np.where(generator.random((300, 3)) < 0.2, generator.integers(3, size=(300, 3)), y)
    unique, counts = np.unique(labels, axis=0, return_counts=True)
    one = shared_difficulty(unique, counts.astype(float), 3)
    other = shared_difficulty(labels, np.ones(300), 3)
    assert one.transitions == pytest.approx(other.transitions, abs=1e-6)
    assert one.weights.sum() == pytest.approx(1)
    hard = [account.shares[account.states.level >= 0].sum() for account in one.accounts]
    assert hard == pytest.approx([account.hard for account in one.accounts], abs=0.01)


@pytest.mark.parametrize("total", [0.05, 0.3, 0.6])
def test_hard_shares_sum_up_and_none_other_that_do_is_likelier(total):
    expected, prior = np.array([0.1, 0.5, 0.3]), np.array([0.5, 0.2, 0.3])

    def worth(h):
        return float(prior @ (expected * np.log(h) + (1 - expected) * np.log(1 - h)))

    found = _hard_shares(expected, prior, total)
    assert prior @ found == pytest.approx(total, abs=1e-9)
    for move in np.array([[1, -1, 0], [0, 1, -1], [1, 0, -1]]) * 1e-3:
        for sign in (1, -1):
            assert worth(found + sign * move / prior) < worth(found)


def test_few_labels_are_drawn_to_what_is_typical_and_many_are_not():
    counts = np.tile(np.array([[90.0, 10.0], [10.0, 90.0]]), (20, 1, 1))
    counts[0] = [[0, 3], [0, 0]]
    own, prior, _ = shrunk(counts, np.array([500.0, 500.0]))
    assert own[0, 0, 0] > 0.6  # three wrong labels do not make a liar
    assert own[5] == pytest.approx(np.array([[0.9, 0.1], [0.1, 0.9]]), abs=0.02)
    assert prior == pytest.approx([0.5, 0.5])
    counts[0] = [[0, 3000], [3000, 0]]
    assert shrunk(counts, np.array([500.0, 500.0]))[0][0, 0, 0] < 0.1


@pytest.mark.parametrize("total", [1e-15, 1e-12, 1 - 1e-13, 1.0, 1 + 1e-12])
def test_next_to_none_or_all_of_the_examples_may_be_hard(total):
    found = _hard_shares(np.array([0.0, 0.3, 1.0]), np.array([0.2, 0.3, 0.5]), total)
    np.testing.assert_allclose(found, round(total), atol=1e-5)
