import itertools
from time import process_time

import numpy as np
import pytest

from alfs_cli.audits.draws import UNIT, balanced_weights, draws
from alfs_cli.audits.population import population
from alfs_cli.audits.tuning import TUNING


def test_the_order_is_a_function_of_seed_data_and_weights(made):
    examples, _ = made()
    even = np.full(len(examples), UNIT)
    order = draws(examples, even, 0).order
    assert sorted(order) == list(range(len(examples)))
    assert (draws(examples, even, 0).order == order).all()
    assert (draws(examples, even, 1).order != order).any()
    other, _ = made(seed=1)
    assert (draws(other, even, 0).order == order).all()  # by the fingerprint, not by the labels


def test_the_next_is_drawn_in_proportion_to_what_is_left():
    """Every order of four examples comes up as often as successive draws by weight say."""
    weights = np.array([100, 200, 300, 400])
    counts = dict.fromkeys(itertools.permutations(range(4)), 0)
    times, examples = 20_000, population([0, 1, 0, 1], "ab", "x")
    for seed in range(times):
        counts[tuple(draws(examples, weights, seed).order.tolist())] += 1
    for order, count in counts.items():
        chance, left = 1.0, 1000
        for i in order:
            chance *= weights[i] / left
            left -= weights[i]
        assert abs(count / times - chance) < 5 * np.sqrt(chance / times)


def test_what_is_known_is_never_drawn(made):
    examples, _ = made(known={3: (0,), 7: None})
    order = draws(examples, np.full(len(examples), UNIT), 0).order
    assert len(order) == len(examples) - 2
    assert not {3, 7} & set(order.tolist())


def test_a_twentieth_comes_again_after_a_while(made):
    examples, _ = made()
    drawn = draws(examples, np.full(len(examples), UNIT), 0)
    again = {n: drawn.repeat_after(n) for n in range(200)}
    due = {n: r for n, r in again.items() if r is not None}
    assert sorted(due) == list(range(TUNING.repeat_every - 1, 200, TUNING.repeat_every))
    assert all(0 <= r <= n - TUNING.repeat_distance for n, r in due.items())


def test_weights_look_after_what_is_rare_and_soon_decided():
    everything = np.ones(2_000, bool)
    rare = np.arange(2_000) < 20
    weights = balanced_weights([everything, rare])
    assert weights.dtype == np.int64
    assert weights.min() >= TUNING.least_weight
    assert 0.35 < weights[rare].sum() / weights.sum() < 0.65
    sooner = np.where(np.arange(2_000) < 1_000, 1.5, 0.5)
    aimed = balanced_weights([everything], 0.3, [sooner])
    assert set(aimed.tolist()) == {round(UNIT * 1.15), round(UNIT * 0.85)}
    assert (balanced_weights([everything]) == UNIT).all()
    assert (balanced_weights([~everything]) == UNIT).all()  # a claim about nothing asks for nothing


def test_a_million_examples():
    rng = np.random.default_rng(0)
    examples = population(
        rng.integers(0, 2, 10**6), "ab", "x", noise_scores=rng.random(10**6, dtype=np.float32)
    )
    weights = balanced_weights([np.ones(10**6, bool)])
    began = process_time()
    order = draws(examples, weights, 0).order
    assert process_time() - began < 5  # once; the next is then an element of it
    assert len(order) == 10**6


@pytest.mark.parametrize("seed", [0, 2**40])
def test_seeds_of_any_size(made, seed):
    examples, _ = made()
    assert len(draws(examples, np.full(200, UNIT), seed).order) == 200
