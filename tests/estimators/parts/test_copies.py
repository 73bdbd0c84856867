"""An estimate of one example each, carried over to all: against the counts of all examples."""

import numpy as np
import pytest

from alfs_cli.data import random_sample
from alfs_cli.estimators.parts.copies import AnswerForAll, for_all, once_each
from alfs_cli.estimators.parts.counts import CountedEstimate
from alfs_cli.estimators.parts.sample import Sample


def sample(labels, trusted=None):
    K = int(labels.max()) + 1
    probs = np.full((len(labels), K), 0.05)
    probs[np.arange(len(labels)), labels] = 1
    return Sample(probs / probs.sum(axis=1, keepdims=True), labels, trusted=trusted)


def test_one_of_each_unit_is_drawn_whatever_the_order():
    generator = np.random.default_rng(0)
    units = generator.integers(0, 80, 300)
    labels = generator.integers(0, 3, 300)
    part, places = once_each(sample(labels), units)
    assert len(places) == len(np.unique(units))
    assert len(np.unique(units[places])) == len(places)
    order = generator.permutation(300)
    shuffled, elsewhere = once_each(sample(labels[order]), units[order])
    again = dict(zip(units[order][elsewhere], shuffled.labels, strict=True))
    assert again == dict(zip(units[places], part.labels, strict=True))


def test_labels_of_one_content_keep_their_shares():
    units, labels = np.repeat(np.arange(3000), 4), np.tile([0, 0, 0, 1], 3000)
    part, _ = once_each(sample(labels), units)
    assert (part.labels == 1).mean() == pytest.approx(0.25, abs=0.03)


def test_trusted_examples_stand_for_their_content():
    units, labels = np.repeat(np.arange(10), 3), np.repeat(np.arange(10) % 2, 3)
    known = random_sample([4, 29], [1, 1])
    part, places = once_each(sample(labels, known), units)
    assert {4, 29} <= set(places.tolist())
    np.testing.assert_array_equal(places[part.trusted.places], [4, 29])


def test_what_was_copied_weighs_more():
    """The joint of all examples, where one given label was copied, is that of their counts."""
    counts = np.array([[80.0, 20], [10, 90]])
    times = np.array([1.0, 6])
    inner = CountedEstimate("counts", counts, counts.sum(axis=0).astype(np.int64))
    answer = AnswerForAll(inner, np.tile(times, (2, 1)))
    wanted = counts * times / (counts * times).sum()
    np.testing.assert_allclose(answer.joint(), wanted)
    np.testing.assert_allclose(answer.transition(), wanted / wanted.sum(axis=1, keepdims=True))
    np.testing.assert_allclose(answer.prior() @ answer.transition(), wanted.sum(axis=0))


def spread_of(times, labels, counts):
    units = np.repeat(np.arange(len(labels)), times)
    everyone = sample(labels[units])
    part, places = once_each(everyone, units)
    inner = CountedEstimate("counts", counts, np.bincount(part.labels))
    found = for_all(inner, everyone, units, places)
    spread = found.spread(confidence=0.95, resamples=500, generator=np.random.default_rng(0))
    alone = inner.spread(confidence=0.95, resamples=500, generator=np.random.default_rng(0))
    return found, spread, alone


def test_copies_of_all_leave_the_bounds_as_they_were():
    labels = np.repeat([0, 1], [180, 220])
    counts = np.array([[150.0, 30], [30, 190]])
    found, spread, alone = spread_of(np.full(400, 5), labels, counts)
    assert found.widening == pytest.approx(1)
    assert spread.noise_rate == pytest.approx(alone.noise_rate, abs=0.01)
    assert spread.level == pytest.approx(alone.level, rel=0.05)


def test_copies_of_some_widen_the_bounds():
    labels = np.repeat([0, 1], [180, 220])
    counts = np.array([[150.0, 30], [30, 190]])
    times = np.where(np.arange(400) % 10 == 0, 30, 1)
    found, spread, alone = spread_of(times, labels, counts)
    assert found.widening > 2
    assert spread.noise_rate[1] - spread.noise_rate[0] > 1.5 * (
        alone.noise_rate[1] - alone.noise_rate[0]
    )
    assert spread.level[0] < alone.level[0]
