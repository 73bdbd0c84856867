"""The nearest examples, as a slower search finds them; a broken file is none."""

import numpy as np
import pytest

from alfs_cli.auditing.neighbours import SHOWN, file_of, keep, near_of


@pytest.mark.parametrize("width", [3, 80])
def test_the_nearest_are_those_of_a_slow_search(tmp_path, width):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 8)).astype(np.float32) @ rng.normal(size=(8, width))
    X = 50 * X.astype(np.float32)
    X[7] = np.nan
    keep(tmp_path, "digest", X)
    near = near_of(tmp_path, "digest", 300)
    for index in (0, 150, 299):
        apart = np.linalg.norm(X - X[index], axis=1)
        apart[[index, 7, 11]] = np.inf
        assert near.of(index, [11]) == np.argsort(apart)[:SHOWN].tolist()
    assert near.of(7) == []


def test_few_examples_have_few_neighbours(tmp_path):
    keep(tmp_path, "digest", np.zeros((3, 2), dtype=np.float32))
    assert near_of(tmp_path, "digest", 3).of(1) == [0, 2]


def test_without_a_file_or_with_a_broken_one_there_are_none(tmp_path):
    assert near_of(tmp_path, "digest", 3) is None
    keep(tmp_path, "digest", np.zeros((3, 2), dtype=np.float32))
    assert near_of(tmp_path, "digest", 4) is None
    file_of(tmp_path, "digest").write_bytes(b"\x93NUMPY")
    assert near_of(tmp_path, "digest", 3) is None
