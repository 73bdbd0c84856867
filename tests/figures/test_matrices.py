"""Figure 6: which matrices it shows, and that each is a T."""

import csv
import io
from dataclasses import replace

import numpy as np
import pytest

from alfs_cli.errors import InputError
from alfs_cli.figures.matrices import dominant_and_not, from_files, of_estimate
from alfs_cli.noise import TransitionMatrix, clean_level, symmetric, write_transition
from alfs_cli.results.estimate import Truth


def test_one_dominates_and_the_other_does_not():
    dominant, other = dominant_and_not().panels
    assert clean_level(TransitionMatrix(dominant.values)) == pytest.approx(0.2 / 0.19)
    assert clean_level(TransitionMatrix(other.values)) == pytest.approx(0.2 / 0.3)
    assert (dominant.values[1:] == other.values[1:]).all()


def test_matrices_of_files_keep_their_names(tmp_path):
    write_transition(tmp_path / "T.csv", symmetric(0.3, 3), ("ant", "bee", "$x_1$"))
    np.save(tmp_path / "T.npy", symmetric(0.6, 4).array)
    named, plain = from_files((tmp_path / "T.csv", tmp_path / "T.npy")).panels
    assert named.names == ("ant", "bee", "$x_1$")
    assert plain.names == ("0", "1", "2", "3")
    np.testing.assert_allclose(named.values, symmetric(0.3, 3).array)


def test_what_is_no_transition_matrix(tmp_path):
    np.save(tmp_path / "T.npy", np.ones((3, 3)))
    with pytest.raises(InputError, match="sums to"):
        from_files((tmp_path / "T.npy",))


def test_the_true_one_beside_the_estimated(estimate):
    found = estimate()
    (alone,) = of_estimate(found).panels
    truth = Truth(0.1, 9.0, ((0.9, 0.1, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)), 0.05)
    both = of_estimate(replace(found, truth=truth))
    assert alone.panel.startswith("estimated")
    assert [panel.panel.split("\n")[0] for panel in both.panels] == ["estimated", "true"]
    rows = list(csv.DictReader(io.StringIO(both.csv())))
    cell = {"panel": both.panels[1].panel, "true class": "cat", "given label": "dog"}
    (value,) = [row["value"] for row in rows if cell.items() <= row.items()]
    assert float(value) == 0.1
