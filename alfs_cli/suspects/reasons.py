"""Why a label is suspect: the examples nearest to it, and how often T has its classes confused."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from alfs_cli.arrays import Features, FloatArray, IntArray
from alfs_cli.evidence.neighbours import nearest
from alfs_cli.suspects.tuning import TUNING

if TYPE_CHECKING:
    from alfs_cli.data import LabelledDataset

NEIGHBOURS = "neighbours"  # a column of issues.csv: [[index, label, distance], ...], nearest first
TRANSITION = "transition"  # a column of issues.csv: the share of the suggested class labelled so


@dataclass(frozen=True)
class Neighbour:
    """An example near another one: its place in DATA, its label, and how far it is."""

    index: int
    label: str
    distance: float


def neighbours_of(
    X: Features, dataset: "LabelledDataset", places: IntArray
) -> list[tuple[Neighbour, ...]]:
    """Return the nearest other examples of those at `places` (n,), nearest first.

    Distances are Euclidean, in the features X (N, D) that the labels were judged by. Those of the
    first places are found, up to `most_explained`; the rest have none.
    """
    from alfs_cli.data.dataset import positions_of

    count = min(TUNING.neighbours, len(X) - 1)
    asked = places[: TUNING.most_explained]
    if count < 1 or not len(asked):
        return [() for _ in places]
    near, distances = _by_distance(X, asked, nearest(X, count, of=asked))
    positions, labels = positions_of(dataset)[near], dataset.labels[near]
    found = [
        tuple(
            Neighbour(int(position), dataset.class_names[label], float(distance))
            for position, label, distance in zip(*rows, strict=True)
        )
        for rows in zip(positions, labels, distances, strict=True)
    ]
    return found + [() for _ in places[len(asked) :]]


def _by_distance(X: Features, asked: IntArray, near: IntArray) -> tuple[IntArray, FloatArray]:
    """Return the places near (n, k) by their distances in all features, and these."""
    apart = X[near].astype(np.float64) - X[asked][:, None]
    distances = np.sqrt(np.einsum("nkd,nkd->nk", apart, apart))
    order = np.argsort(distances, axis=1, kind="stable")
    return np.take_along_axis(near, order, axis=1), np.take_along_axis(distances, order, axis=1)


def written(neighbours: tuple[Neighbour, ...]) -> str:
    """Return a cell of issues.csv, empty without neighbours.

    >>> written((Neighbour(7, "cat", 0.5), Neighbour(2, "dog", 1.25)))
    '[[7,"cat",0.5],[2,"dog",1.25]]'
    """
    if not neighbours:
        return ""
    rows = [[one.index, one.label, float(f"{one.distance:.4g}")] for one in neighbours]
    return json.dumps(rows, separators=(",", ":"))


def read(cell: object) -> tuple[Neighbour, ...]:
    """Return the neighbours of a cell of issues.csv; of one that was edited, none.

    >>> read('[[7,"cat",0.5]]')
    (Neighbour(index=7, label='cat', distance=0.5),)
    """
    try:
        rows = json.loads(str(cell))
        return tuple(Neighbour(int(index), str(label), float(d)) for index, label, d in rows)
    except (ValueError, TypeError, RecursionError):
        return ()


def in_words(neighbours: tuple[Neighbour, ...]) -> str:
    """Return the labels and distances of neighbours, for people.

    >>> in_words((Neighbour(7, "cat", 0.5), Neighbour(2, "dog", 1.25)))
    'cat 0.5, dog 1.25'
    """
    return ", ".join(f"{one.label} {_short(one.distance)}" for one in neighbours)


def _short(distance: float) -> str:
    return f"{distance:,.0f}" if distance >= 1000 else f"{distance:.3g}"
