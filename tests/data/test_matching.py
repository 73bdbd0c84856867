"""Columns that look permuted are refused, and honest noise is not taken for it."""

import numpy as np
import pytest

from alfs_cli.data.matching import confusion_of, refuse_permuted
from alfs_cli.errors import InputError
from alfs_cli.noise import transition_of

NAMES = tuple(f"class{place}" for place in range(12))


def drawn(T, count=4000, seed=0, *, is_clean=False, certainty=0.8):
    """Return probabilities (N, K) and given labels: a model of given labels, or of true ones."""
    T = np.asarray(T)
    K, g = len(T), np.random.default_rng(seed)
    true = g.integers(0, K, count)
    given = (T[true].cumsum(axis=1) < g.random(count)[:, None]).sum(axis=1).clip(max=K - 1)
    looks = np.where(g.random(count) < certainty, true, g.integers(0, K, count))
    sure = np.eye(K)[looks] * 0.8 + 0.2 / K
    probs = (sure if is_clean else sure @ T) * np.exp(0.2 * g.normal(size=(count, K)))
    return probs / probs.sum(axis=1, keepdims=True), given


def one_pair(rate, K=12):
    T = np.eye(K)
    T[3, 3], T[3, 4] = 1 - rate, rate
    return T


MOVES = {
    "as text": sorted(range(12), key=str),
    "backwards": list(range(12))[::-1],
    "by one": [*range(1, 12), 0],
    "two": [1, 0, *range(2, 12)],
}


@pytest.mark.parametrize("move", MOVES)
@pytest.mark.parametrize("noise", [("symmetric", 0.0), ("symmetric", 0.4), ("pair", 0.3)])
def test_moved_columns_are_refused(move, noise):
    probs, given = drawn(transition_of(*noise, 12))
    order = MOVES[move]
    with pytest.raises(InputError, match="columns look permuted") as caught:
        refuse_permuted(confusion_of(probs[:, order], given), NAMES)
    assert "--columns-as-given" in caught.value.help
    moved = [place for place in range(12) if order[place] != place]
    label = order[moved[0]]
    fits = NAMES[order.index(label)]
    if len(moved) == 2:
        assert f"'{NAMES[label]}' fits the column of '{fits}'" in str(caught.value)


@pytest.mark.parametrize("is_clean", [True, False])
@pytest.mark.parametrize("T", [
    one_pair(0.6), one_pair(0.9), transition_of("pair", 0.6, 12),
    transition_of("symmetric", 0.8, 12), np.full((12, 12), 1 / 12),
], ids=["one pair .6", "one pair .9", "pair .6", "symmetric .8", "labels by chance"])  # fmt: skip
@pytest.mark.parametrize("count", [100, 4000])
def test_honest_noise_is_not(T, is_clean, count):
    for seed in range(5):
        probs, given = drawn(T, count, seed, is_clean=is_clean)
        refuse_permuted(confusion_of(probs, given), NAMES)


def test_a_mutual_flip_beyond_one_half_is_told_and_not_refused():
    T = np.eye(12)
    T[:2, :2] = [[0.4, 0.6], [0.6, 0.4]]
    probs, given = drawn(T, 20_000, is_clean=True, certainty=1.0)
    text = refuse_permuted(confusion_of(probs, given), NAMES)
    assert text.startswith("the columns may be permuted: as they are")
    assert refuse_permuted(confusion_of(*drawn(np.eye(12))), NAMES) is None


def test_counts_are_by_column_and_label():
    probs = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]])
    assert confusion_of(probs, np.array([1, 1, 0])).tolist() == [[0, 2], [1, 0]]
