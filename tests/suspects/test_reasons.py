"""Neighbours of suspects: the nearest by brute force, in DATA's own numbering, for some of them."""

import json
from dataclasses import replace

import numpy as np
import pytest

from alfs_cli.data import DataSpec, LabelledDataset
from alfs_cli.suspects import reasons
from alfs_cli.suspects.reasons import Neighbour, in_words, neighbours_of, read, written
from alfs_cli.suspects.tuning import TUNING

N = 40
HOSTILE = 'a "cat", [or] =1+1;'


def dataset(count=N):
    return LabelledDataset(
        name="x", kind="arrays", spec=DataSpec(None), labels=np.arange(count) % 2,
        class_names=(HOSTILE, "dog"), fingerprint="0", positions=np.arange(count)[::-1] + 100,
    )  # fmt: skip


@pytest.mark.parametrize("width", [3, 200], ids=["as they are", "by principal components"])
def test_the_nearest_are_those_of_brute_force(width):
    X = np.random.default_rng(width).normal(size=(N, width)).astype(np.float32)
    X[:, 3:] *= 1e-4
    places = np.array([7, 0, 39])
    apart = np.sqrt(((X[:, None].astype(float) - X) ** 2).sum(axis=2)) + np.diag([np.inf] * N)
    for place, found in zip(places, neighbours_of(X, dataset(), places), strict=True):
        near = apart[place].argsort()[: TUNING.neighbours]
        assert [one.index for one in found] == [139 - other for other in near]
        assert [one.label for one in found] == [(HOSTILE, "dog")[other % 2] for other in near]
        assert [one.distance for one in found] == pytest.approx(apart[place][near], rel=1e-5)


def test_few_examples_have_few_neighbours_and_one_has_none():
    X = np.zeros((3, 2), np.float32)
    assert [len(found) for found in neighbours_of(X, dataset(3), np.array([1]))] == [2]
    assert neighbours_of(X[:1], dataset(1), np.array([0])) == [()]
    assert neighbours_of(X, dataset(3), np.array([], dtype=np.int64)) == []


def test_only_the_first_of_a_long_list_are_explained(monkeypatch):
    monkeypatch.setattr(reasons, "TUNING", replace(TUNING, most_explained=2))
    X = np.random.default_rng(0).normal(size=(N, 2)).astype(np.float32)
    found = neighbours_of(X, dataset(), np.arange(5))
    assert [bool(near) for near in found] == [True, True, False, False, False]


def test_a_cell_reads_back_whatever_the_names():
    near = (Neighbour(3, HOSTILE, 0.25), Neighbour(0, "\u00e9\n", 1e-7))
    assert read(written(near)) == near
    assert json.loads(written(near))[0] == [3, HOSTILE, 0.25]
    assert written(()) == ""
    assert read("") == ()
    assert in_words(near[:1]) == f"{HOSTILE} 0.25"


@pytest.mark.parametrize(
    "cell", [None, float("nan"), "[[1]]", "[1,2,3]", "{", '[["x","y",1]]', "[" * 10**5]
)
def test_an_edited_cell_has_no_neighbours(cell):
    assert read(cell) == ()
