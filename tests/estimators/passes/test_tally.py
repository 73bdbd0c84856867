"""Confident counts: cleanlab's, in any blocks, in any order."""

import operator
from functools import reduce

import numpy as np
import pytest
from cleanlab.count import compute_confident_joint, get_confident_thresholds

from alfs_cli.estimators.passes import tally as tallying
from alfs_cli.estimators.passes.tally import (
    Counting,
    count,
    counts_of,
    own_probabilities,
    place,
    sums_of,
    tally,
)
from alfs_cli.results.evaluation import calibration_error


def problem(N, K, sharpness=1.0, seed=0, dtype=np.float64):
    generator = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(K), generator.integers(0, K, N - K)])
    logits = generator.normal(size=(N, K))
    logits[np.arange(N), labels] += 1.5
    probs = np.exp(sharpness * logits)
    return (probs / probs.sum(axis=1, keepdims=True)).astype(dtype), labels


@pytest.mark.parametrize(
    ("N", "K", "sharpness", "dtype"),
    [(500, 2, 1, float), (5000, 10, 0.2, float), (5000, 10, 3, np.float32), (3000, 150, 2, float)],
)
def test_the_counts_are_cleanlabs(N, K, sharpness, dtype):
    probs, labels = problem(N, K, sharpness, dtype=dtype)
    sums, counts = tally(probs, labels)
    np.testing.assert_allclose(
        sums.thresholds(), get_confident_thresholds(labels, probs.astype(float)), atol=1e-9
    )
    theirs = compute_confident_joint(labels, probs, calibrate=False).T
    assert (counts.joint == theirs).all()
    assert counts.agreeing == (probs.argmax(axis=1) == labels).sum()
    assert counts.calibration_error(N) == pytest.approx(calibration_error(probs, labels))


def test_all_ways_to_reach_a_threshold():
    """None, one that is not the top, several of which the top is none: the rule in plain loops."""
    generator = np.random.default_rng(1)
    probs = generator.dirichlet(np.ones(5), 4000)
    labels = generator.integers(5, size=4000)
    limits = np.array([0.9, 0.2, 0.25, 0.5, 2.0])
    expected = []
    for row in probs:
        reached = np.flatnonzero(row >= limits - 1e-6)
        expected.append(
            -1 if not len(reached) else reached[0] if len(reached) == 1 else row.argmax()
        )
    found = place(probs, labels, limits).confident
    assert found.tolist() == expected
    assert {-1, 0, 1, 2, 3} <= set(expected)
    assert any(expected[i] not in np.flatnonzero(probs[i] >= limits) for i in range(4000)
               if expected[i] >= 0)  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_first_of_several_most_probable_of_many_classes(dtype):
    """With a label on any of them, or on none."""
    generator = np.random.default_rng(3)
    probs = generator.dirichlet(np.full(300, 0.01), 2000).astype(dtype)
    probs[::4] = 0
    probs[::4, [7, 200]] = 0.5
    labels = np.where(np.arange(2000) % 8 == 0, 200, probs.argmax(axis=1))
    labels[1::5] = generator.integers(300, size=400)
    found = place(probs, labels, np.full(300, 0.4))
    assert (found.top == probs.argmax(axis=1)).all()
    assert (found.highest == probs.max(axis=1)).all()


@pytest.mark.parametrize("size", [64, 1000, 10**7])
def test_blocks_change_nothing(monkeypatch, size):
    probs, labels = problem(3000, 7)
    whole = tally(probs, labels)
    monkeypatch.setattr(tallying, "BLOCK_NUMBERS", size)
    again = tally(probs, labels)
    assert (whole[0].own == again[0].own).all()
    assert (whole[1].joint == again[1].joint).all()
    assert (whole[1].confidence == again[1].confidence).all()


def test_shards_in_any_order_add_up_exactly():
    probs, labels = problem(9000, 6, dtype=np.float32)
    sums, counts = tally(probs, labels)
    shards = np.array_split(np.random.default_rng(0).permutation(9000), 7)
    merged = reduce(
        operator.add,
        [sums_of(own_probabilities(probs[rows], labels[rows]), labels[rows], 6) for rows in shards],
    )
    assert (merged.own == sums.own).all()
    limits = merged.thresholds()
    parts = [
        counts_of(place(probs[rows], labels[rows], limits), labels[rows], 6) for rows in shards
    ]
    total = parts[0]
    for part in parts[1:]:
        total = part + total
    total = total.at_least_one(merged.examples)
    assert (total.joint == counts.joint).all()
    assert (total.confidence == counts.confidence).all()


def test_a_class_that_no_example_carries_counts_for_nothing():
    probs, labels = problem(2000, 5)
    labels[labels == 3] = 1
    sums, counts = tally(probs, labels)
    assert counts.joint[3].sum() == counts.joint[:, 3].sum() == 0
    assert sums.thresholds()[3] > 1


def test_the_probabilities_are_not_copied():
    import tracemalloc

    probs, labels = problem(40_000, 50, dtype=np.float32)
    tracemalloc.start()
    count(probs, labels, np.full(50, 0.3), 50)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < probs.nbytes


def test_counting_in_blocks_is_counting_at_once(monkeypatch):
    monkeypatch.setattr(tallying, "EXACT_ROWS", 1000)
    probs, labels = problem(4000, 6)
    limits = tally(probs, labels)[0].thresholds()
    counting = Counting(6)
    for start in range(0, len(labels), 170):
        rows = slice(start, start + 170)
        counting.add(place(probs[rows], labels[rows], limits), labels[rows])
    once = counts_of(place(probs, labels, limits), labels, 6)
    assert (counting.finished().joint == once.joint).all()
    assert counting.finished().agreeing == once.agreeing
