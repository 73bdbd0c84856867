"""What is one content or one group, told from rows that coincide by chance."""

import numpy as np
import pytest

from alfs_cli.data import DataSpec, LabelledDataset
from alfs_cli.evidence.alike import alike, joined, said_of_copies

N = 300


def dataset(X, labels, groups=None):
    return LabelledDataset(
        "t", "arrays", DataSpec(None), labels, ("a", "b", "c"), "f",
        features=X.astype(np.float32), groups=groups,
    )  # fmt: skip


@pytest.fixture
def generator():
    return np.random.default_rng(0)


def found(data):
    return alike(data, np.arange(len(data)), data.features, is_table=True)


def test_rows_of_measurements_that_repeat_are_copies(generator):
    X, labels = generator.standard_normal((N, 4)), generator.integers(0, 3, N)
    origin = np.r_[np.arange(N), np.arange(60)]
    same = found(dataset(X[origin], labels[origin]))
    assert same.summary().exact == 60
    assert same.summary().near == 0
    assert len(np.unique(same.units)) == N
    assert "60 of 360 examples repeat" in said_of_copies(same, None)[0]


def test_rows_of_few_values_that_repeat_are_none(generator):
    X, labels = generator.integers(0, 2, (N, 5)), generator.integers(0, 3, N)
    same = found(dataset(X, labels))
    assert len(np.unique(same.units)) == N
    assert said_of_copies(same, None) == ()


def test_a_table_of_few_values_that_was_doubled_is_copies(generator):
    X, labels = generator.integers(0, 9, (N, 9)), generator.integers(0, 3, N)
    origin = np.repeat(np.arange(N), 2)
    assert found(dataset(X[origin], labels[origin])).summary().contents == N


def test_groups_join_contents_and_count_once_where_they_have_one_label(generator):
    patient = np.repeat(np.arange(30), 10)
    X = generator.standard_normal((N, 4))
    by_patient = found(dataset(X, (patient % 3), groups=patient))
    assert by_patient.units is by_patient.groups
    assert len(np.unique(by_patient.groups)) == 30
    assert "each counts once" in " ".join(said_of_copies(by_patient, "patient"))
    by_example = found(dataset(X, generator.integers(0, 3, N), groups=patient))
    assert len(np.unique(by_example.groups)) == 30
    assert len(np.unique(by_example.units)) == N


def test_a_chain_of_either_joins():
    first, second = np.array([0, 0, 1, 2, 3]), np.array([5, 6, 6, 7, 8])
    numbers = joined(first, second)
    assert len(set(numbers[:3])) == 1
    assert len(set(numbers)) == 3
