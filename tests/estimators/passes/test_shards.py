"""Shards merge to exactly what one pass over everything keeps."""

from dataclasses import fields
from itertools import pairwise

import numpy as np
import pytest

from alfs_cli.errors import InputError
from alfs_cli.estimators.passes.shards import (
    Open,
    Suspects,
    first_pass,
    load_shard,
    merged,
    reach_of,
    save_shard,
    second_pass,
)
from alfs_cli.estimators.passes.shards import Tallied as Shard
from alfs_cli.estimators.passes.tally import counts_of, tally

K = 6


@pytest.fixture(scope="module")
def problem():
    generator = np.random.default_rng(0)
    labels = generator.integers(0, K, 4000)
    logits = generator.normal(size=(4000, K))
    logits[np.arange(4000), labels] += 1.2
    probs = np.exp(logits)
    return (probs / probs.sum(axis=1, keepdims=True)).astype(np.float32), labels


def shard(probs, labels, first, last, reach=None):
    part, given = probs[first:last], labels[first:last]
    sums, odds = first_pass(part, given)
    reach = reach_of(sums) if reach is None else reach
    placed, still_open, suspects, sample = second_pass(part, given, first, reach, 40)
    counts = counts_of(placed, given, K)
    found = np.bincount(suspects.label, minlength=K)
    return Shard(sums, odds, counts, still_open, reach, suspects.worst(K), found, sample)


def same(first, second):
    for part in fields(Shard):
        a, b = getattr(first, part.name), getattr(second, part.name)
        if isinstance(a, np.ndarray):
            np.testing.assert_array_equal(a, b)
            continue
        for name in (inner.name for inner in fields(a)):
            np.testing.assert_array_equal(getattr(a, name), getattr(b, name), err_msg=name)


@pytest.mark.parametrize("cuts", [[2000], [5, 300, 301, 3000], list(range(500, 4000, 500))])
def test_shards_merge_to_one_pass(problem, cuts, tmp_path):
    probs, labels = problem
    sums, counts = tally(probs, labels)
    limits = sums.thresholds()
    whole = merged([shard(probs, labels, 0, 4000, np.stack([limits, limits]))], where=["all"])
    assert (whole.counts.joint == counts.joint).all()
    edges = [0, *cuts, 4000]
    parts = [shard(probs, labels, *pair) for pair in pairwise(edges)]
    assert any(len(part.open.label) for part in parts)
    names = [str(tmp_path / f"{i}.npz") for i in range(len(parts))]
    for name, part in zip(names, parts, strict=True):
        save_shard(tmp_path / name, part, {"part": 1})
    read = [load_shard(tmp_path / name)[0] for name in names]
    same(merged(read, where=names), whole)
    same(merged(read[::-1], where=names), whole)


def test_few_examples_stay_open(problem):
    probs, labels = problem
    tiled = np.tile(probs, (20, 1)), np.tile(labels, 20)
    assert len(shard(*tiled, 0, 80_000).open.label) < 0.35 * 80_000


def test_a_shard_unlike_the_others_is_refused(problem):
    probs, labels = problem
    sure = 0.99 * np.eye(K)[labels] + 0.01 / K
    unlike = [shard(probs, labels, 0, 4000), shard(sure, labels, 0, 4000)]
    with pytest.raises(InputError, match="unlike the other shards"):
        merged(unlike, where=["a", "b"])


def test_the_least_probable_labels_of_each_class_are_kept(monkeypatch):
    monkeypatch.setattr("alfs_cli.estimators.passes.shards.MAX_SUSPECTS", 4)
    monkeypatch.setattr("alfs_cli.estimators.passes.shards.MIN_SUSPECTS", 1)
    row = np.arange(8)
    label = np.array([0, 1, 0, 1, 0, 1, 0, 0])
    own = np.array([0.5, 0.1, 0.2, 0.3, 0.1, 0.2, 0.2, 0.9])
    kept = Suspects(row, label, 1 - label, own, own).worst(2)
    assert kept.row.tolist() == [1, 2, 4, 5]


def test_open_examples_follow_the_rule():
    open_ = Open(
        label=np.array([0, 0, 0]), top=np.array([2, 2, 2]), example=np.array([0, 1, 1, 2]),
        cls=np.array([1, 0, 1, 2]), prob=np.array([0.4, 0.3, 0.35, 0.5]),
    )  # fmt: skip
    assert open_.placed(np.array([0.2, 0.3, 0.6])).tolist() == [1, 2, -1]
    assert open_.placed(np.array([0.4, 0.3, 0.5])).tolist() == [1, 1, 2]


@pytest.mark.parametrize("arrays", [{}, {"about": "no json"}, {"about": '{"schema": "x/1"}'}])
def test_other_files_are_refused(tmp_path, arrays):
    np.savez(tmp_path / "x.npz", **{key: np.array(value) for key, value in arrays.items()})
    with pytest.raises(InputError):
        load_shard(tmp_path / "x.npz")
