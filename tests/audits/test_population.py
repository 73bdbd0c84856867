import numpy as np
import pytest

from alfs_cli.audits.population import CHANCES, LEVELS, levels_of, load, population, save
from alfs_cli.errors import InputError


def test_levels_are_the_nearest_in_log_odds():
    assert levels_of(CHANCES).tolist() == list(range(LEVELS))
    assert levels_of([0, 1, 0.5]).tolist() == [0, LEVELS - 1, LEVELS // 2]
    p = np.random.default_rng(0).uniform(0.01, 0.99, 1000)
    off = np.log(CHANCES[levels_of(p)] / (1 - CHANCES[levels_of(p)])) - np.log(p / (1 - p))
    assert np.abs(off).max() <= 0.25 + 1e-9


def test_what_is_saved_is_loaded(made, tmp_path):
    for examples in (
        made(scores=False)[0],
        made(predictions={"a:b": [0] * 200}, columns={"x y": range(200)},
             known={3: (1,), 5: None, 9: (0, 2)})[0],
    ):  # fmt: skip
        save(examples, tmp_path / "audit.npz")
        again = load(tmp_path / "audit.npz")
        assert again.digest() == examples.digest()
        assert again.known == examples.known


def test_every_part_is_in_the_digest(made):
    base = made()[0].digest()
    others = [
        made(seed=1)[0], made(scores=False)[0], made(known={1: (0,)})[0],
        made(columns={"x": ["a"] * 200})[0], made(predictions={"m": [0] * 200})[0],
    ]  # fmt: skip
    assert len({base, *(one.digest() for one in others)}) == 6


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        ({"given": []}, "0 examples of 2 classes"),
        ({"given": [0, 2]}, "not all between 0 and 1"),
        ({"given": [0, 1], "probs": [[1, 0]]}, r"probs has the shape \(1, 2\), not \(2, 2\)"),
        ({"given": [0, 1], "noise_scores": [1]}, "noise_scores has the shape"),
        ({"given": [0, 1], "predictions": {"m": [0, 5]}}, "the predictions of 'm' are not all"),
        ({"given": [0, 1], "columns": {"c": ["x"]}}, "column 'c' has the shape"),
    ],
)
def test_arrays_that_do_not_fit_are_named(parts, says):
    with pytest.raises(InputError, match=says):
        population(classes="ab", fingerprint="x", **parts)
