"""What two passes over blocks of probabilities keep, for a whole file or for a shard of it.

A shard does not know the thresholds of the whole. It counts what holds for every threshold within
reach of its own, and keeps the few other examples open: their probabilities near a threshold. When
shards are merged the thresholds are known, and the open examples are placed: the result is exactly
that of one pass over everything.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alfs_cli.data.arrays import load_npz
from alfs_cli.documents import replacing
from alfs_cli.errors import InputError
from alfs_cli.estimators.tally import (
    NOWHERE,
    TOLERANCE,
    Counts,
    Placed,
    Probabilities,
    Sums,
    own_probabilities,
    place,
    reached_from,
    sums_of,
)
from alfs_cli.files import as_file

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

SCHEMA = "alfs.stats/1"
REACH = 4.0  # a shard's threshold lies within 4 / sqrt(n): 8 standard errors at the very most
ODDS, LARGEST_ODDS = 256, 16.0  # bins of the log odds that a label is wrong
MAX_SUSPECTS = 2 * 10**5  # that are kept, the least probable labels of each class
MIN_SUSPECTS = 100  # of a class
SAMPLE_NUMBERS = 2 * 10**5  # probabilities of the sample that the trust level is judged on


@dataclass(frozen=True, eq=False)
class Open:
    """Examples that thresholds within reach would place differently.

    Label and most probable class (m,); the classes that may reach their threshold, with their
    probabilities, one after another (c,), and which example each belongs to (c,).
    """

    label: IntArray
    top: IntArray
    example: IntArray
    cls: IntArray
    prob: FloatArray

    def placed(self, thresholds: FloatArray) -> IntArray:
        """Return the confident class of each under the thresholds, -1 for none, (m,)."""
        reached = self.prob >= thresholds[self.cls] - TOLERANCE
        number = np.bincount(self.example[reached], minlength=len(self.label))
        only = np.full(len(self.label), -1)
        only[self.example[reached]] = self.cls[reached]
        return np.where(number == 0, -1, np.where(number == 1, only, self.top))


@dataclass(frozen=True, eq=False)
class Suspects:
    """Examples whose label is not the most probable class: row, label, top class, both probs."""

    row: IntArray
    label: IntArray
    top: IntArray
    own: FloatArray
    highest: FloatArray

    def worst(self, K: int) -> "Suspects":
        """Return the examples of each label whose label is least probable, by row."""
        most = max(MIN_SUSPECTS, MAX_SUSPECTS // K)
        order = np.lexsort((self.row, self.own, self.label))
        label = self.label[order]
        rank = np.arange(len(label)) - np.searchsorted(label, label)
        kept = np.sort(order[rank < most])
        kept = kept[np.argsort(self.row[kept], kind="stable")]
        return Suspects(*(getattr(self, part.name)[kept] for part in fields(self)))


@dataclass(frozen=True, eq=False)
class Sample:
    """Every so many-th example: row (s,), label (s,), probabilities (s, K)."""

    row: IntArray
    label: IntArray
    probs: Probabilities


@dataclass(frozen=True, eq=False)
class Tallied:
    """All that is kept of the rows of a shard.

    `odds` (K, ODDS) counts examples by label and log odds of it being wrong; `reach` (2, K) are the
    thresholds between which `counts` and `open` hold; `found` (K,) are all suspects by label.
    """

    sums: Sums
    odds: IntArray
    counts: Counts
    open: Open
    reach: FloatArray
    suspects: Suspects
    found: IntArray
    sample: Sample


def reach_of(sums: Sums) -> FloatArray:
    """Return the lowest and the highest threshold (2, K) that the whole data can have."""
    near = REACH / np.sqrt(np.maximum(sums.examples, 1))
    own = sums.thresholds()
    low = np.where(sums.examples > 0, np.maximum(own - near, 0.0), 0.0)
    return np.stack([low, np.where(sums.examples > 0, own + near, NOWHERE)])


def log_odds(own: FloatArray) -> FloatArray:
    """Return the log odds of a label being wrong by its probability alone, within limits."""
    p = np.clip(own, 1e-12, 1 - 1e-12)
    limit = LARGEST_ODDS * (1 - 1e-9)
    return np.asarray(np.clip(np.log1p(-p) - np.log(p), -limit, limit), dtype=np.float64)


def first_pass(probs: Probabilities, labels: IntArray) -> tuple[Sums, IntArray]:
    """Return the sums of a block and its histogram of log odds, (K, ODDS)."""
    K = probs.shape[1]
    own = own_probabilities(probs, labels)
    odds = log_odds(own)
    bins = ((odds + LARGEST_ODDS) * (ODDS / (2 * LARGEST_ODDS))).astype(np.int64)
    histogram = np.bincount(labels * ODDS + bins, minlength=K * ODDS).reshape(K, ODDS)
    return sums_of(own, labels, K), histogram.astype(np.int64, copy=False)


def second_pass(
    probs: Probabilities, labels: IntArray, start: int, reach: FloatArray, stride: int
) -> tuple[Placed, Open, Suspects, Sample]:
    """Return where examples of a block belong under thresholds in reach; `start` is its first."""
    each = np.arange(len(labels))
    placed = place(probs, labels, reach[1])
    if (reach[0] == reach[1]).all():
        open_ = _open(np.zeros(0, np.int64), probs, labels, placed, reach)
    else:
        is_sure = placed.highest >= reach[1][placed.top] - TOLERANCE
        may = np.flatnonzero(~is_sure)
        near = probs[may]
        low, high = (reached_from(limits, probs.dtype) for limits in reach)
        differs = ((near >= low) != (near >= high)).any(axis=1)
        open_ = _open(may[differs], probs, labels, placed, reach)
        placed.confident[may[differs]] = -1
    wrong = np.flatnonzero(placed.top != labels)
    suspects = Suspects(
        start + wrong,
        labels[wrong],
        placed.top[wrong],
        np.asarray(probs[wrong, labels[wrong]], dtype=np.float64),
        placed.highest[wrong],
    )
    some = each[(start + each) % stride == 0]
    return (
        placed,
        open_,
        suspects,
        Sample(start + some, labels[some], np.array(probs[some])),
    )


def _open(
    rows: IntArray, probs: Probabilities, labels: IntArray, placed: Placed, reach: FloatArray
) -> Open:
    example, cls = np.nonzero(probs[rows] >= reached_from(reach[0], probs.dtype))
    prob = np.asarray(probs[rows[example], cls], dtype=np.float64)
    return Open(labels[rows], placed.top[rows], example, cls, prob)


def joined(parts: Sequence[Open]) -> Open:
    """Return open examples one after another."""
    starts = np.cumsum([0, *(len(part.label) for part in parts)])[:-1]
    return Open(
        np.concatenate([part.label for part in parts]),
        np.concatenate([part.top for part in parts]),
        np.concatenate([part.example + at for part, at in zip(parts, starts, strict=True)]),
        np.concatenate([part.cls for part in parts]),
        np.concatenate([part.prob for part in parts]),
    )


def side_by_side(kind: Any, parts: Sequence[Any]) -> Any:
    """Return suspects or samples one after another, by row."""
    order = np.argsort(np.concatenate([part.row for part in parts]), kind="stable")
    names = [part.name for part in fields(kind)]
    return kind(*(np.concatenate([getattr(p, name) for p in parts])[order] for name in names))


def merged(shards: Sequence[Tallied], *, where: Sequence[str]) -> Tallied:
    """Return what one pass over all shards would have kept.

    Raises InputError where a shard is so unlike the rest that the thresholds are out of its reach.
    """
    sums = shards[0].sums
    for shard in shards[1:]:
        sums = sums + shard.sums
    limits = sums.thresholds()
    K = len(limits)
    counts = None
    for shard, name in zip(shards, where, strict=True):
        out = (limits < shard.reach[0]) | (limits > shard.reach[1])
        if out.any():
            raise InputError(
                f"'{name}' is unlike the other shards: its examples of class {int(out.argmax())} "
                "have other probabilities than theirs",
                help="shuffle the data before it is cut, or use fewer shards",
            )
        confident = shard.open.placed(limits)
        kept = confident >= 0
        cells = confident[kept] * K + shard.open.label[kept]
        joint = shard.counts.joint + np.bincount(cells, minlength=K * K).reshape(K, K)
        whole = replace(shard.counts, joint=joint)
        counts = whole if counts is None else counts + whole
    if counts is None:
        raise InputError("no shards to merge")
    return Tallied(
        sums,
        np.sum([shard.odds for shard in shards], axis=0),
        counts.at_least_one(sums.examples),
        _none_open(),
        np.stack([limits, limits]),
        side_by_side(Suspects, [shard.suspects for shard in shards]).worst(K),
        np.sum([shard.found for shard in shards], axis=0),
        side_by_side(Sample, [shard.sample for shard in shards]),
    )


def _none_open() -> Open:
    none = np.zeros(0, np.int64)
    return Open(none, none, none, none, np.zeros(0))


# Files.


def save_shard(path: Path, shard: Tallied, about: dict[str, Any]) -> None:
    """Write the statistics of a shard and what it is a shard of."""
    counts, sample = shard.counts, shard.sample
    arrays = {
        "examples": shard.sums.examples,
        "own": shard.sums.own,
        "odds": shard.odds,
        "joint": counts.joint,
        "agreeing": np.array(counts.agreeing),
        "hits": counts.hits,
        "confidence": counts.confidence,
        "reach": shard.reach,
        "found": shard.found,
        **{f"open_{part.name}": getattr(shard.open, part.name) for part in fields(Open)},
        **{
            f"suspects_{part.name}": getattr(shard.suspects, part.name) for part in fields(Suspects)
        },
        "sample_row": sample.row,
        "sample_label": sample.label,
        "sample_probs": sample.probs,
        "about": np.array(json.dumps({"schema": SCHEMA, **about})),
    }
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)


def load_shard(path: Path) -> tuple[Tallied, dict[str, Any]]:
    """Read the statistics of a shard; raises InputError where the file is no such thing."""
    if not as_file(path).is_file():
        raise InputError(f"no such file: '{path}'", help="alfs estimate --shard I/N --stats FILE")
    stored = load_npz(path)
    try:
        about = dict(json.loads(str(stored["about"].item())))
        family, number = str(about["schema"]).split("/")
        if family != "alfs.stats" or int(number) > 1:
            raise InputError(
                f"{path}: schema is '{about['schema']}', and this alfs reads '{SCHEMA}'",
                help="upgrade alfs: pip install --upgrade alfs-cli",
            )
        shard = Tallied(
            Sums(stored["examples"], stored["own"]),
            stored["odds"],
            Counts(
                stored["joint"],
                int(stored["agreeing"]),
                stored["hits"],
                stored["confidence"],
            ),
            Open(*(stored[f"open_{part.name}"] for part in fields(Open))),
            stored["reach"],
            Suspects(*(stored[f"suspects_{part.name}"] for part in fields(Suspects))),
            stored["found"],
            Sample(stored["sample_row"], stored["sample_label"], stored["sample_probs"]),
        )
    except (KeyError, ValueError, TypeError, json.JSONDecodeError):
        raise InputError(
            f"'{path}' holds no statistics of a shard",
            help="alfs estimate --shard I/N --stats FILE writes them",
        ) from None
    return shard, about
