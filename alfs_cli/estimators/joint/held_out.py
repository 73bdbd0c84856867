"""Whether labels held out bear out the family of T that fits best.

Where classes overlap much, free cells of T fit labels that they have seen by hundreds of nats that
no count of parameters foresees, and they lose as many on labels that they have not. Such a fit says
that a third of the labels are wrong where all are right.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from alfs_cli.arrays import FloatArray
from alfs_cli.data.folds import stratified_folds
from alfs_cli.estimators.joint.families import FREE, Candidate, candidates, is_plausible
from alfs_cli.estimators.joint.head import HeadFit
from alfs_cli.estimators.joint.scores import Scores, head_probs
from alfs_cli.estimators.joint.tuning import HELD_OUT

SMALLEST = 1e-12  # guard of a logarithm


def borne_out(
    found: Sequence[Candidate], start_T: FloatArray
) -> tuple[Candidate, tuple[Candidate, ...]]:
    """Return the family that T is taken from, and all that may have made the labels.

    It is the one of the highest score. If its cells are free and classes overlap, labels held out
    decide between it and the best of the simpler ones; both remain where chance may have decided.
    """
    best = _best(found)
    simpler = [one for one in found if one.fit.family != FREE]
    if best.fit.family != FREE or not simpler or not _is_doubtful(found):
        return best, _near(found, best)
    rival = _best(simpler)
    gains = _held_out(best, start_T) - _held_out(rival, start_T)
    gain, chance = float(gains.sum()), HELD_OUT.margin * float(gains.std() * np.sqrt(len(gains)))
    if gain > chance:
        return best, _near(found, best)
    if gain > 0:
        return best, (*_near(found, best), *(one for one in _near(simpler, rival)))
    free = [best] if gain > -chance else []
    return rival, (*_near(simpler, rival), *free)


def _best(found: Iterable[Candidate]) -> Candidate:
    return max(found, key=lambda candidate: candidate.score)


def _near(found: Iterable[Candidate], best: Candidate) -> tuple[Candidate, ...]:
    return tuple(one for one in found if is_plausible(one, best))


def _is_doubtful(found: Sequence[Candidate]) -> bool:
    """Say whether classes overlap so much that free cells may fit too well, and folds can tell."""
    none = found[0]
    counts = np.diff(none.scores.start)
    overlap = 1 - np.trace(none.soft_counts) / max(none.soft_counts.sum(), SMALLEST)
    return bool(
        overlap >= HELD_OUT.least_overlap
        and counts.sum() <= HELD_OUT.max_examples
        and counts.min() >= 2 * HELD_OUT.folds
    )


def _held_out(one: Candidate, start_T: FloatArray) -> FloatArray:
    """Return the log-likelihood of each given label (N,) under its family fitted to other folds."""
    labels = one.scores.labels
    fold_of = stratified_folds(labels, HELD_OUT.folds, np.random.default_rng(0))
    found = np.empty(len(labels))
    for fold in range(HELD_OUT.folds):
        held = fold_of == fold
        fitted = candidates(one.scores.among(np.flatnonzero(~held)), start_T)
        alike = next(other for other in fitted if other.fit.family == one.fit.family)
        found[held] = _log_likelihood(one.scores.among(np.flatnonzero(held)), alike.fit)
    return found


def _log_likelihood(scores: Scores, fit: HeadFit) -> FloatArray:
    """Return the log-likelihood (n,) of given labels under a head and T."""
    seen = (fit.transition[:, scores.labels] * head_probs(scores, fit.A, fit.b)).sum(axis=0)
    return np.asarray(np.log(np.maximum(seen, SMALLEST)), dtype=np.float64)
