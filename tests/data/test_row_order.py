"""Rows that are out of step with the labels are found, and noise is not taken for them."""

import numpy as np
import pytest

from alfs_cli.data.matching import confusion_of
from alfs_cli.data.row_order import moved_rows, refuse_disorder, said_of_chance
from alfs_cli.errors import InputError

N = 1200


def drawn(K, seed, agree=0.85):
    """Return labels (N,) and predictions that agree with them but for errors of their own."""
    g = np.random.default_rng(seed)
    labels = g.integers(0, K, N)
    return labels, np.where(g.random(N) < agree, labels, g.integers(0, K, N)), g


MOVES = {
    "by one": (np.roll(np.arange(N), 1), "the row after"),
    "a row dropped": (np.r_[:500, 501:N, N - 1], "the row before"),
    "a row read twice": (np.r_[:500, 499 : N - 1], "the row after"),
    "four dropped": (np.r_[:300, 304:N, [N - 1] * 4], "the row 4 places before"),
    "a batch": (np.r_[:400, np.roll(np.arange(400, 800), -1), 800:N], "the row before"),
    "backwards": (np.arange(N)[::-1], "all rows read backwards"),
    "as text": (np.array(sorted(range(N), key=str)), "rows sorted as text, 10 before 2"),
}


@pytest.mark.parametrize("move", MOVES)
@pytest.mark.parametrize("K", [2, 10])
def test_moved_rows_are_found(move, K):
    rows, how = MOVES[move]
    for seed in range(3):
        labels, predicted, _ = drawn(K, seed)
        found = moved_rows(predicted[rows], labels, np.arange(N))
        assert found is not None
        assert found.how == how
        assert found.moved > 0.8 * found.count
        with pytest.raises(InputError, match="labels and probabilities look out of step") as caught:
            refuse_disorder(np.eye(K, dtype=int), tuple("abcdefghij"[:K]), found,
                            columns_as_given=False, rows_as_given=False)  # fmt: skip
        assert "--rows-as-given" in caught.value.help
        assert moved_rows(predicted, labels, np.arange(N)) is None


def test_rows_in_class_order_are_found():
    labels, predicted, _ = drawn(10, 0)
    found = moved_rows(predicted[np.argsort(labels, kind="stable")], labels, np.arange(N))
    assert found is not None
    assert found.how == "rows sorted by label"


def test_where_the_rows_moved_is_told():
    labels, predicted, g = drawn(10, 1)
    rows = np.r_[:400, np.roll(np.arange(400, 800), 1), 800:N]
    found = moved_rows(predicted[rows], labels, np.arange(N))
    assert found is not None
    assert abs(found.first - 400) < 10
    assert abs(found.last - 799) < 10
    order = g.permutation(N)[:900]  # some rows left out, the others in an order of their own
    again = moved_rows(predicted[rows][order], labels[order], order)
    assert again is not None
    assert again.how == found.how
    assert abs(again.first - 400) < 10


@pytest.mark.parametrize("agree", [0.05, 0.5, 0.9])
@pytest.mark.parametrize("K", [2, 10])
def test_noise_is_not_taken_for_it(K, agree):
    for seed in range(6):
        labels, _, g = drawn(K, seed)
        labels = np.sort(labels) if seed % 2 else labels
        predicted = np.where(g.random(N) < agree, labels, g.integers(0, K, N))
        batch = slice(400, 800)
        others = np.where(g.random(N) < 0.4, g.integers(0, K, N), labels)
        flipped, mixed = labels.copy(), labels.copy()
        flipped[batch] = K - 1 - flipped[batch]
        mixed[batch] = g.permutation(mixed[batch])
        for given in (labels, others, flipped, mixed):
            assert moved_rows(predicted, given, np.arange(N)) is None
        anyhow = g.permutation(N)
        assert moved_rows(predicted[anyhow], g.permutation(labels), np.arange(N)) is None


def test_the_order_that_explains_more_is_told():
    labels = np.arange(N) % 6  # in a pattern: columns moved by one fit the next row as well
    probs = np.eye(6)[labels] * 0.9 + 0.1 / 6
    names = tuple("abcdef")

    def refuse(probs, labels, **given):
        moved = moved_rows(probs.argmax(axis=1), labels, np.arange(N))
        refuse_disorder(confusion_of(probs, labels), names, moved,
                        **{"columns_as_given": False, "rows_as_given": False} | given)  # fmt: skip

    with pytest.raises(InputError, match="columns look permuted"):
        refuse(np.roll(probs, 1, axis=1), labels)
    with pytest.raises(InputError, match="out of step"):
        refuse(np.roll(probs, 1, axis=1), labels, columns_as_given=True)
    labels = np.r_[labels[: N // 2], np.random.default_rng(0).integers(0, 6, N // 2)]
    probs = np.roll(np.eye(6)[labels] * 0.9 + 0.1 / 6, 1, axis=0)
    with pytest.raises(InputError, match="out of step"):
        refuse(probs, labels)


def test_an_agreement_by_chance_is_told():
    g = np.random.default_rng(0)
    probs, labels = np.eye(3)[g.integers(0, 3, N)], g.integers(0, 3, N)
    assert "as often as by chance: are the rows" in (said_of_chance(probs, labels) or "")
    assert said_of_chance(probs, probs.argmax(axis=1)) is None
    rare = (g.random(N) < 0.01).astype(int)
    assert said_of_chance(np.tile([0.9, 0.1], (N, 1)), rare) is None  # says nothing either way
    assert said_of_chance(probs[:10], labels[:10]) is None
