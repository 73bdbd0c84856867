"""The clean level of single examples, and the closed bounds from nearest neighbours."""

from dataclasses import replace

import numpy as np
import pytest
from problems import estimated, gaussians, held_out, noisy, whole_problem

from alfs_cli.errors import InputError
from alfs_cli.estimators.parts.local import local_clean_level
from alfs_cli.estimators.parts.neighbourhood import neighbour_check, neighbourhood_of
from alfs_cli.estimators.parts.sample import Sample

SYMMETRIC = 0.7 * np.eye(3) + 0.1


def sample_of(T, distance=10.0, count=3000):
    X, y = gaussians(len(T), count, distance)
    given = noisy(y, T, 7)
    return Sample(held_out(X, given, len(T)), given, features=X), y


def test_lower_bounds_lie_below_the_level_of_their_examples():
    """One level for all examples here, 0.8 / 0.1: at most one bound in twenty may exceed it."""
    sample, _ = sample_of(SYMMETRIC)
    found = local_clean_level(sample, confidence=0.95, seed=0)
    assert found.k == 400
    assert found.quantiles["0.95"] <= 8
    assert found.median > 3
    assert found.share_below_1 < 0.02
    assert list(found.quantiles.values()) == sorted(found.quantiles.values())


def test_examples_without_a_leader_are_seen():
    """A class whose labels are a coin toss: a third of the examples."""
    sample, _ = sample_of(np.array([[0.5, 0.5, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]))
    found = local_clean_level(sample, confidence=0.95, seed=0)
    assert found.share_below_1 == pytest.approx(1 / 3, abs=0.05)


def test_too_few_examples_are_refused():
    sample, _ = sample_of(SYMMETRIC, count=150)
    with pytest.raises(InputError, match="--local needs 50 neighbours"):
        local_clean_level(sample, confidence=0.95, seed=0)
    with pytest.raises(InputError, match="needs features"):
        local_clean_level(replace(sample, features=None), confidence=0.95, seed=0)


@pytest.mark.parametrize("distance", [3.0, 10.0])
@pytest.mark.parametrize(
    "T", [np.eye(3), SYMMETRIC, np.array([[0.7, 0.3, 0.0], [0.0, 0.7, 0.3], [0.3, 0.0, 0.7]])]
)
def test_closed_bounds_hold(T, distance):
    """With the true T the noise rate lies between them, pure neighbours or not."""
    sample, y = sample_of(T, distance)
    found = neighbour_check(neighbourhood_of(sample), sample, T, confidence=0.95)
    rate = (sample.labels != y).mean()
    assert found.noise_low <= rate <= found.noise_high
    assert found.examples == 3000
    if distance == 10.0:
        assert found.purity > 0.75


def test_disagreement_lowers_trust_and_says_why():
    """Features that say nothing beside probabilities that are sure: neighbours contradict them."""
    problem = whole_problem(SYMMETRIC, distance=12.0)
    agreed = estimated("auto", problem)
    assert any("nearest neighbours carry the same label" in r for r in agreed.trust.reasons)
    copied = replace(problem, X=(np.eye(3)[problem.given] * 9).astype(np.float32))
    doubted = estimated("auto", copied)
    assert doubted.trust.level == "low"
    assert any("; the estimate is more" in reason for reason in doubted.trust.reasons)
    assert doubted.evidence.neighbours.noise_high < doubted.noise_rate.low
