"""Whether labels held out bear out the family of T that fits best.

Where the evidence is weak, a family with noise gains hundreds of nats on labels that it has seen,
which no count of parameters foresees, and it loses as many on labels that it has not. Such a fit
says that a third of the labels are wrong where all are right.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from alfs_cli.arrays import FloatArray
from alfs_cli.data.folds import stratified_folds
from alfs_cli.estimators.joint.families import (
    EVEN,
    FREE,
    NONE,
    ROWS,
    STRONG,
    Candidate,
    candidates,
    is_plausible,
)
from alfs_cli.estimators.joint.head import HeadFit
from alfs_cli.estimators.joint.scores import Scores, head_probs
from alfs_cli.estimators.joint.tuning import HELD_OUT

SIMPLER_FIRST = ((NONE,), (EVEN, ROWS), (FREE, STRONG))
SMALLEST = 1e-12  # guard of a logarithm


def borne_out(
    found: Sequence[Candidate], start_T: FloatArray
) -> tuple[Candidate, tuple[Candidate, ...]]:
    """Return the family that T is taken from, and all that may have made the labels.

    It is the one of the highest score. If it has noise and few labels are foreseen, labels held out
    decide between it and the best of the simpler ones; those remain that chance may have put
    behind.
    """
    best = _best(found)
    if best.fit.family == NONE or len(found) == 1 or not _is_doubtful(found):
        return best, _near(found, best)
    groups = [[one for one in found if one.fit.family in families] for families in SIMPLER_FIRST]
    groups = [group for group in groups if group]
    groups = groups[: 1 + next(i for i, group in enumerate(groups) if best in group)]
    rivals = [_best(group) for group in groups]
    held_out = [_held_out(one, start_T) for one in rivals]
    taken = int(np.argmax([one.sum() for one in held_out]))
    near: list[Candidate] = []
    for group, rival, likelihoods in zip(groups, rivals, held_out, strict=True):
        gains = held_out[taken] - likelihoods
        if gains.sum() <= HELD_OUT.margin * gains.std() * np.sqrt(len(gains)):
            near += _near(group, rival)
    return rivals[taken], tuple(near)


def _best(found: Iterable[Candidate]) -> Candidate:
    return max(found, key=lambda candidate: candidate.score)


def _near(found: Iterable[Candidate], best: Candidate) -> tuple[Candidate, ...]:
    return tuple(one for one in found if is_plausible(one, best))


def _is_doubtful(found: Sequence[Candidate]) -> bool:
    """Say whether so few labels are foreseen that noise may fit too well, and folds can tell."""
    none = found[0]
    counts = np.diff(none.scores.start)
    foreseen = (none.fit.probs.argmax(axis=0) == none.scores.labels).mean()
    return bool(
        foreseen <= HELD_OUT.most_foreseen
        and len(counts) * counts.sum() <= HELD_OUT.max_numbers
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
