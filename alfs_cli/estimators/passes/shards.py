"""The statistics that two passes over probabilities keep, for a whole file or a shard of it.

A shard does not know the thresholds of the whole data. It counts the examples whose confident class
is the same for every threshold within REACH of its own. It keeps the other examples open, with
their probabilities near a threshold. Once shards are merged the thresholds are known and the open
examples are counted too, so that the result is exactly that of one pass over everything.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from alfs_cli.arrays import FloatArray, IntArray, Probabilities
from alfs_cli.data import DataSpec
from alfs_cli.data.readers.arrays import load_npz
from alfs_cli.errors import InputError
from alfs_cli.estimators.passes.tally import (
    BINS,
    NOWHERE,
    TOLERANCE,
    UNIT,
    Counts,
    Placed,
    Sums,
    own_probabilities,
    place,
    reached_from,
    sums_of,
)
from alfs_cli.storage.arrays import save_npz
from alfs_cli.storage.files import as_file
from alfs_cli.text.numbers import whole_number

WRITTEN_BY = "alfs shard --pred-probs FILE --shard I/N --to FILE writes one"
SCHEMA = "alfs.stats/1"
REACH = 4.0  # 1 / sqrt(n): standard errors are at most 0.5 / sqrt(n), so this is 8 or more
ODDS, LARGEST_ODDS = 256, 16.0  # bins and range of the log odds that a label is wrong
MAX_SUSPECTS = 2 * 10**5  # suspects kept in all, the least probable labels of each class
MIN_SUSPECTS = 100  # suspects kept of each class, however many classes there are
LEAST_SUM, SUM_SLACK = 1e-3, 1e-2  # rounding error allowed of a probability, and of a row's sum
SAMPLE_NUMBERS = 2 * 10**5  # probabilities of the sample from which trust is graded


@dataclass(frozen=True, eq=False)
class Open:
    """The examples whose confident class depends on where in reach the thresholds lie.

    Args:
        label: the given label (m,) of each example.
        top: its most probable class (m,).
        example: for each class that may reach its threshold, the index of its example, (c,).
        cls: that class (c,).
        prob: its probability (c,).
    """

    label: IntArray
    top: IntArray
    example: IntArray
    cls: IntArray
    prob: FloatArray

    def placed(self, thresholds: FloatArray) -> IntArray:
        """Return the confident class (m,) of each example for thresholds (K,), -1 for none."""
        reached = self.prob >= thresholds[self.cls] - TOLERANCE
        number = np.bincount(self.example[reached], minlength=len(self.label))
        only = np.full(len(self.label), -1)
        only[self.example[reached]] = self.cls[reached]
        return np.where(number == 0, -1, np.where(number == 1, only, self.top))


@dataclass(frozen=True, eq=False)
class Suspects:
    """The examples whose label is not the most probable class, each array (s,).

    Args:
        row: the index of the example in the whole data.
        label: its given label.
        top: its most probable class.
        own: the probability of the label.
        highest: the probability of the most probable class.
    """

    row: IntArray
    label: IntArray
    top: IntArray
    own: FloatArray
    highest: FloatArray

    def worst(self, K: int) -> "Suspects":
        """Return the examples of each given label whose own probability is lowest, in row order."""
        most = max(MIN_SUSPECTS, MAX_SUSPECTS // K)
        order = np.lexsort((self.row, self.own, self.label))
        label = self.label[order]
        rank = np.arange(len(label)) - np.searchsorted(label, label)
        kept = np.sort(order[rank < most])
        kept = kept[np.argsort(self.row[kept], kind="stable")]
        return Suspects(*(getattr(self, part.name)[kept] for part in fields(self)))


@dataclass(frozen=True, eq=False)
class Sample:
    """Evenly spaced examples: their index in the data (s,), label (s,), probabilities (s, K)."""

    row: IntArray
    label: IntArray
    probs: Probabilities


@dataclass(frozen=True, eq=False)
class Tallied:
    """All statistics of a shard.

    Args:
        sums: the sums of pass one.
        odds: the number of examples by label and bin of the log odds that it is wrong, (K, ODDS).
        counts: the counts of pass two, without the open examples.
        open: the examples whose confident class is not known yet.
        reach: the lowest and highest thresholds for which `counts` and `open` hold, (2, K).
        suspects: the suspects that are kept.
        found: the number of all suspects by label, (K,).
        sample: evenly spaced examples.
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
    """Return the lowest and highest thresholds (2, K) that the whole data may have."""
    near = REACH / np.sqrt(np.maximum(sums.examples, 1))
    own = sums.thresholds()
    low = np.where(sums.examples > 0, np.maximum(own - near, 0.0), 0.0)
    return np.stack([low, np.where(sums.examples > 0, own + near, NOWHERE)])


def log_odds(own: FloatArray) -> FloatArray:
    """Return the log odds (n,) that labels of probabilities `own` (n,) are wrong.

    They are clipped to just within LARGEST_ODDS, so that each falls in a bin.
    """
    p = np.clip(own, 1e-12, 1 - 1e-12)
    limit = LARGEST_ODDS * (1 - 1e-9)
    return np.asarray(np.clip(np.log1p(-p) - np.log(p), -limit, limit), dtype=np.float64)


def first_pass(probs: Probabilities, labels: IntArray) -> tuple[Sums, IntArray]:
    """Return the sums of a block, and its histogram of log odds by label (K, ODDS)."""
    K = probs.shape[1]
    own = own_probabilities(probs, labels)
    odds = log_odds(own)
    bins = ((odds + LARGEST_ODDS) * (ODDS / (2 * LARGEST_ODDS))).astype(np.int64)
    histogram = np.bincount(labels * ODDS + bins, minlength=K * ODDS).reshape(K, ODDS)
    return sums_of(own, labels, K), histogram.astype(np.int64, copy=False)


def second_pass(
    probs: Probabilities, labels: IntArray, start: int, reach: FloatArray, stride: int
) -> tuple[Placed, Open, Suspects, Sample]:
    """Return the confident classes, open examples, suspects and sample of a block.

    `start` is the index of the block's first row in the data, `reach` (2, K) are the lowest and
    highest thresholds, and every `stride`-th row enters the sample.
    """
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
    """Return the concatenation of open examples."""
    starts = np.cumsum([0, *(len(part.label) for part in parts)])[:-1]
    return Open(
        np.concatenate([part.label for part in parts]),
        np.concatenate([part.top for part in parts]),
        np.concatenate([part.example + at for part, at in zip(parts, starts, strict=True)]),
        np.concatenate([part.cls for part in parts]),
        np.concatenate([part.prob for part in parts]),
    )


def side_by_side(kind: Any, parts: Sequence[Any]) -> Any:
    """Return the concatenation of suspects or samples, in row order; `kind` is their class."""
    order = np.argsort(np.concatenate([part.row for part in parts]), kind="stable")
    names = [part.name for part in fields(kind)]
    return kind(*(np.concatenate([getattr(p, name) for p in parts])[order] for name in names))


def merged(shards: Sequence[Tallied], *, where: Sequence[str]) -> Tallied:
    """Return the statistics that one pass over all shards would have kept.

    `where` are the names of the shards' files. Raises InputError where a shard is so unlike the
    rest that the merged thresholds are out of its reach.
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
                "have different probabilities",
                help="shuffle the data before it is cut, or use fewer shards",
            )
        confident = shard.open.placed(limits)
        kept = confident >= 0
        cells = confident[kept] * K + shard.open.label[kept]
        joint = shard.counts.joint + np.bincount(cells, minlength=K * K).reshape(K, K)
        whole = replace(shard.counts, joint=joint)
        counts = whole if counts is None else counts + whole
    if counts is None:
        raise InputError("no shards to merge", help="alfs merge 1.npz 2.npz")
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


def save_shard(path: Path, shard: Tallied, about: dict[str, Any]) -> None:
    """Write the statistics of a shard, and `about`, which says what it is a shard of."""
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
    save_npz(path, arrays, is_compressed=True)


def load_shard(path: Path) -> tuple[Tallied, dict[str, Any]]:
    """Return the statistics of a shard and what it is a shard of.

    Raises InputError where the file is missing, damaged or of another kind.
    """
    if not as_file(path).is_file():
        raise InputError(
            f"no such file: '{path}'",
            help=WRITTEN_BY,
        )
    stored = load_npz(path)
    about = _about_of(stored, path)
    n = Lengths(stored)
    K = n.of("examples")
    sizes = {
        "examples": (K,), "own": (K,), "odds": (K, ODDS), "joint": (K, K), "agreeing": (),
        "hits": (BINS,), "confidence": (BINS,), "reach": (2, K), "found": (K,),
        **dict.fromkeys(("open_label", "open_top"), (n.of("open_label"),)),
        **dict.fromkeys(("open_example", "open_cls", "open_prob"), (n.of("open_prob"),)),
        **dict.fromkeys((f"suspects_{p.name}" for p in fields(Suspects)), (n.of("suspects_row"),)),
        **dict.fromkeys(("sample_row", "sample_label"), (n.of("sample_row"),)),
        "sample_probs": (n.of("sample_row"), K),
    }  # fmt: skip
    read = {key: _typed(stored, key, shape, path) for key, shape in sizes.items()}
    shard = Tallied(
        Sums(read["examples"], read["own"]),
        read["odds"],
        Counts(read["joint"], int(read["agreeing"]), read["hits"], read["confidence"]),
        Open(*(read[f"open_{part.name}"] for part in fields(Open))),
        read["reach"],
        Suspects(*(read[f"suspects_{part.name}"] for part in fields(Suspects))),
        read["found"],
        Sample(read["sample_row"], read["sample_label"], read["sample_probs"]),
    )
    for wrong in _contradictions(shard):
        raise _damaged(path, wrong)
    return shard, about


def check_about(about: Mapping[str, Any], shard: Tallied, path: Path) -> None:
    """Raise InputError where what a file says about itself is invalid or contradicts its data."""
    for wrong in _misnamed(about, shard):
        raise _damaged(path, wrong)


PROBS = ("open_prob", "suspects_own", "suspects_highest", "sample_probs", "reach")


class Lengths:
    """The lengths of stored arrays."""

    def __init__(self, stored: Mapping[str, NDArray[Any]]) -> None:
        self.stored = stored

    def of(self, key: str) -> int:
        """Return the length of an array, 0 where it is missing or has none."""
        array = self.stored.get(key)
        return 0 if array is None or array.ndim == 0 else len(array)


def _damaged(path: Path, wrong: str) -> InputError:
    return InputError(
        f"'{path}' holds no statistics of a shard: {wrong}",
        help=WRITTEN_BY,
    )


def _about_of(stored: Mapping[str, NDArray[Any]], path: Path) -> dict[str, Any]:
    """Return what the file says it is a shard of, with types checked."""
    try:
        about = json.loads(str(stored["about"].item()))
        family, _, number = str(about["schema"]).partition("/")
    except (KeyError, TypeError, ValueError, RecursionError):
        raise _damaged(path, "it does not say of what") from None
    version = whole_number(number)
    if family != "alfs.stats" or version is None or version > 1:
        raise InputError(
            f"{path}: schema is '{str(about['schema'])[:100]}', and this alfs reads '{SCHEMA}'",
            help="upgrade alfs: pip install --upgrade alfs-cli",
        )
    return dict(about)


def _misnamed(about: Mapping[str, Any], shard: Tallied) -> Iterator[str]:
    part, parts, count = cast("list[int]", [about.get(key) for key in ("part", "parts", "count")])
    if not all(type(number) is int and 0 < number < 2**62 for number in (part, parts, count)):
        yield "part, parts and count are not all whole numbers above 0"
    if part > parts or parts > count:
        yield f"part {part} of {parts} of {count} rows"
    names: Any = about.get("classes")
    spec: Any = about.get("spec")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        yield "classes are not a list of names"
    total, K = int(shard.sums.examples.sum()), len(shard.sums.examples)
    if len(set(names)) != K or len(names) != K:
        yield f"classes are not {K} different names"
    if not isinstance(about.get("fingerprint"), str) or not isinstance(spec, dict):
        yield "fingerprint or spec is missing"
    known = {field.name for field in fields(DataSpec)} - {"source", "lenient"}
    values = spec.values()
    if not known.issuperset(spec) or not all(v is None or isinstance(v, str) for v in values):
        yield "spec does not name data"
    if total != count * part // parts - count * (part - 1) // parts:
        yield f"{total} examples are not part {part} of {parts} of {count}"
    for name, row in (("suspects", shard.suspects.row), ("sample", shard.sample.row)):
        if len(row) and row.max() >= count:
            yield f"'{name}_row' holds {row.max()}, and there are {count} rows"


def _typed(
    stored: Mapping[str, NDArray[Any]], key: str, shape: tuple[int, ...], path: Path
) -> NDArray[Any]:
    """Return an array after checks of its shape and of its values.

    The arrays in PROBS hold probabilities, the others whole numbers from 0.
    """
    array = stored.get(key)
    if array is None:
        raise _damaged(path, f"'{key}' is missing")
    if array.shape != shape:
        raise _damaged(path, f"'{key}' has shape {array.shape}, not {shape}")
    is_share = key in PROBS
    if array.dtype.kind not in ("f" if is_share else "iu"):
        raise _damaged(path, f"'{key}' is of type {array.dtype}")
    if not is_share:
        if array.size and (array.min() < 0 or array.max() >= 2**62):
            raise _damaged(path, f"'{key}' holds {array.min()} to {array.max()}")
        return array.astype(np.int64)
    most = 1 + REACH + NOWHERE if key == "reach" else 1 + LEAST_SUM
    if not (np.isfinite(array) & (array >= -LEAST_SUM) & (array <= most)).all():
        raise _damaged(path, f"'{key}' holds values that are no probabilities")
    if array.dtype.itemsize not in (2, 4, 8):
        raise _damaged(path, f"'{key}' is of type {array.dtype}")
    return array.astype(array.dtype.newbyteorder("="))


def _contradictions(shard: Tallied) -> Iterator[str]:
    """Yield contradictions between arrays that are each valid."""
    K, total = len(shard.sums.examples), int(shard.sums.examples.sum())
    if (shard.sums.own > shard.sums.examples * (UNIT * (1 + LEAST_SUM))).any():
        yield "'own' sums to more than its examples"
    if (shard.odds.sum(axis=1) != shard.sums.examples).any():
        yield "'odds' and 'examples' count different examples"
    counts = shard.counts
    if (counts.joint.sum(axis=0) > shard.sums.examples).any():
        yield "'joint' counts more than the examples"
    if counts.agreeing > total or int(counts.hits.sum()) != counts.agreeing:
        yield "'agreeing' and 'hits' count different examples"
    if (counts.confidence > total * UNIT * (1 + LEAST_SUM)).any():
        yield "'confidence' sums to more than the examples"
    if (shard.found > shard.sums.examples).any() or len(shard.suspects.row) > shard.found.sum():
        yield "'found' and the suspects count different examples"
    if (shard.reach[0] > shard.reach[1]).any():
        yield "'reach' has a lowest threshold above the highest"
    yield from _misplaced(shard, K)


def _misplaced(shard: Tallied, K: int) -> Iterator[str]:
    """Yield the arrays that hold classes or rows out of range, or a row twice."""
    labels = {
        "open_label": shard.open.label, "open_top": shard.open.top, "open_cls": shard.open.cls,
        "suspects_label": shard.suspects.label, "suspects_top": shard.suspects.top,
        "sample_label": shard.sample.label,
    }  # fmt: skip
    for name, values in labels.items():
        if len(values) and values.max() >= K:
            yield f"'{name}' holds {values.max()}, and there are {K} classes"
    example = shard.open.example
    if len(example) and example.max() >= len(shard.open.label):
        yield "'open_example' refers to more examples than there are"
    for name, row in (("suspects", shard.suspects.row), ("sample", shard.sample.row)):
        if len(np.unique(row)) < len(row):
            yield f"'{name}_row' holds a row twice"
    if len(shard.sample.row) and not np.allclose(
        shard.sample.probs.sum(axis=1, dtype=np.float64), 1, atol=SUM_SLACK
    ):
        yield "'sample_probs' do not sum to 1"
