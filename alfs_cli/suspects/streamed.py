"""Suspect labels of any number of examples: scored block by block, the worst of each class kept.

What scores a label (T, the view of the evidence, the weighed models of the noise) is fitted to a
sample, and then judges every block alike. A `Tally` keeps the counts of a block and the labels most
likely wrong of each class. Tallies add up: counts are whole numbers, and the worst of a whole are
among the worst of its parts, so that no result depends on how examples were cut into blocks.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alfs_cli.arrays import FloatArray, IntArray, Probabilities
from alfs_cli.estimators.joint.posterior import TrueClass, possible, true_class
from alfs_cli.estimators.passes.tally import BINS, UNIT
from alfs_cli.noise.threads import one_blas_thread
from alfs_cli.results.estimate import NoiseEstimate
from alfs_cli.suspects.precision import LIKELY
from alfs_cli.suspects.weighing import Weighed, weigh

MOST, LEAST = 2 * 10**5, 100  # suspects kept in all, and of each class however many there are
DOUBTED = 0.5  # own probability below which a label may be wrong although no class is likelier


@dataclass(frozen=True, eq=False)
class Judge:
    """What scores the labels of examples by their evidence; a process that has it needs no sample.

    `T` (K, K) has no impossible label, `see` tells what an example truly is, `weighed` are the
    models of the noise, and `quantiles` (2, Q) are those of the sample's scores.
    """

    T: FloatArray
    see: TrueClass
    weighed: Weighed
    quantiles: FloatArray

    def alone(self) -> "Judge":
        """Return the same without the examples that it was fitted to."""
        nothing = np.zeros((0, len(self.T)))
        return Judge(self.T, self.see.on(nothing), self.weighed.on(nothing), self.quantiles)


def judge_of(probs: Probabilities, labels: IntArray, estimate: NoiseEstimate) -> Judge:
    """Return the judge that a sample (n, K) of examples and their estimate make."""
    T = possible(np.array(estimate.transition), labels)
    see = true_class(probs, labels, T)
    prior = np.array(estimate.class_prior)
    is_given = estimate.evidence.kind == "pred-probs"
    weighed = weigh(probs, labels, T, prior, estimate.noise_rate, q=see, is_given=is_given)
    return Judge(T, see, weighed, weighed.quantiles(labels))


@dataclass(frozen=True, eq=False)
class Suspects:
    """Labels that may be wrong, each array (s,): row in DATA, classes, probabilities, score, path.

    `own` is the evidence's probability of the label, `other` that of the class suggested.
    """

    row: IntArray
    label: IntArray
    suggested: IntArray
    own: FloatArray
    other: FloatArray
    score: FloatArray
    path: NDArray[Any]

    def worst(self, K: int) -> "Suspects":
        """Return those of each given label with the highest scores, in the order of rows."""
        most = max(LEAST, MOST // K)
        order = np.lexsort((self.row, -self.score, self.label))
        label = self.label[order]
        rank = np.arange(len(label)) - np.searchsorted(label, label)
        kept = order[rank < most]
        kept = kept[np.argsort(self.row[kept], kind="stable")]
        return Suspects(*(getattr(self, part.name)[kept] for part in fields(self)))


@dataclass(frozen=True, eq=False)
class Tally:
    """What is kept of the examples of a block, or of many.

    Args:
        examples: the number of examples by given label, (K,).
        agreeing: the number whose label is the most probable class.
        hits: the same by bin of the highest probability, (BINS,).
        confidence: the sum of the highest probability in each bin, in units of 2^-32, (BINS,).
        likely: the number of labels scored LIKELY or more.
        claimed: the sum of their scores, in units of 2^-32.
        suspects: the labels of each class that are most likely wrong.
    """

    examples: IntArray
    agreeing: int
    hits: IntArray
    confidence: IntArray
    likely: int
    claimed: int
    suspects: Suspects

    @property
    def count(self) -> int:
        """The number of examples."""
        return int(self.examples.sum())

    @property
    def calibration_error(self) -> float:
        """The expected calibration error, sum_b n_b / N |accuracy_b - confidence_b|."""
        return float(np.abs(self.hits - self.confidence / UNIT).sum() / max(self.count, 1))

    def __add__(self, other: "Tally") -> "Tally":
        return added((self, other))


def added(parts: Sequence[Tally]) -> Tally:
    """Return the tally of all parts together; there is at least one."""
    K = len(parts[0].examples)
    names = [part.name for part in fields(Suspects)]
    columns = (np.concatenate([getattr(p.suspects, name) for p in parts]) for name in names)
    return Tally(
        np.sum([part.examples for part in parts], axis=0),
        sum(part.agreeing for part in parts),
        np.sum([part.hits for part in parts], axis=0),
        np.sum([part.confidence for part in parts], axis=0),
        sum(part.likely for part in parts),
        sum(part.claimed for part in parts),
        Suspects(*columns).worst(K),
    )


def tallied(
    judge: Judge,
    probs: Probabilities,
    labels: IntArray,
    rows: IntArray,
    paths: Sequence[str] | None = None,
) -> Tally:
    """Return the tally of a block: probabilities (n, K), labels (n,), rows in DATA (n,), paths."""
    K = len(judge.T)
    each = np.arange(len(labels))
    own = np.asarray(probs[each, labels], dtype=np.float64)
    top = probs.argmax(axis=1)
    highest = np.asarray(probs[each, top], dtype=np.float64)
    is_hit = top == labels
    bins = np.minimum((highest * BINS).astype(np.int64), BINS - 1)
    sums = np.bincount(bins, weights=np.rint(highest * UNIT), minlength=BINS)
    suspects = _suspects(
        judge, probs, labels, rows, paths, np.flatnonzero(~is_hit | (own < DOUBTED))
    )
    is_likely = suspects.score >= LIKELY
    return Tally(
        np.bincount(labels, minlength=K).astype(np.int64),
        int(is_hit.sum()),
        np.bincount(bins[is_hit], minlength=BINS).astype(np.int64),
        sums.astype(np.int64),
        int(is_likely.sum()),
        _units(suspects.score[is_likely]),
        suspects.worst(K),
    )


def _units(values: FloatArray) -> int:
    return int(np.rint(values * UNIT).astype(np.int64).sum())


def _suspects(
    judge: Judge,
    probs: Probabilities,
    labels: IntArray,
    rows: IntArray,
    paths: Sequence[str] | None,
    places: IntArray,
) -> Suspects:
    """Return the labels at some places with their scores; those that no class is likelier than."""
    seen, given = np.asarray(probs[places], dtype=np.float64), labels[places]
    each = np.arange(len(given))
    with one_blas_thread():
        score = judge.weighed.on(seen).scores_by(judge.quantiles, given)
        posterior = judge.see.on(seen)(slice(None)) * judge.T[:, given].T
    posterior[each, given] = -1
    suggested = posterior.argmax(axis=1).astype(np.int64)
    named = np.full(len(given), "", dtype=object)
    if paths is not None:
        named[:] = [paths[place] for place in places]
    return Suspects(
        rows[places], given, suggested, seen[each, given], seen[each, suggested], score, named
    )
