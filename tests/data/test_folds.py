"""Folds deal classes out evenly and never part what belongs together."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alfs_cli.data.folds import num_groups, stratified_folds


@given(
    seed=st.integers(0, 2**32 - 1),
    rows=st.integers(20, 400),
    classes=st.integers(1, 6),
    each=st.integers(1, 9),
    folds=st.integers(2, 6),
)
def test_groups_stay_together_and_classes_even(seed, rows, classes, each, folds):
    generator = np.random.default_rng(seed)
    groups = generator.integers(0, max(1, rows // each), rows)
    labels = generator.integers(0, classes, groups.max() + 1)[groups]
    fold_of = stratified_folds(labels, folds, np.random.default_rng(1), groups=groups)
    assert fold_of.min() >= 0
    assert fold_of.max() < folds
    assert len(np.unique(np.column_stack([groups, fold_of]), axis=0)) == len(np.unique(groups))
    for cls in np.unique(labels):
        loads = np.bincount(fold_of[labels == cls], minlength=folds)
        largest = np.bincount(groups[labels == cls]).max()
        assert loads.max() - loads.min() <= largest


def test_groups_of_one_change_nothing():
    labels = np.random.default_rng(0).integers(0, 4, 200)
    plain = stratified_folds(labels, 5, np.random.default_rng(1))
    alone = stratified_folds(labels, 5, np.random.default_rng(1), groups=np.arange(200))
    np.testing.assert_array_equal(plain, alone)


def test_groups_are_counted_by_label():
    labels, groups = np.array([0, 0, 0, 1, 1, 2]), np.array([0, 0, 1, 1, 1, 5])
    np.testing.assert_array_equal(num_groups(labels, groups, 4), [2, 1, 1, 0])
    np.testing.assert_array_equal(num_groups(labels, None, 4), [3, 2, 1, 0])


@pytest.mark.parametrize("folds", [2, 5])
def test_singles_fill_up_what_groups_left(folds):
    labels, groups = np.zeros(103, dtype=np.int64), np.r_[np.zeros(13, int), np.arange(1, 91)]
    loads = np.bincount(stratified_folds(labels, folds, np.random.default_rng(0), groups=groups))
    assert loads.max() - loads.min() <= 1
