"""What several labels of each example tell beside T: each annotator, agreement, the consensus."""

import numpy as np

from alfs_cli.arrays import FloatArray
from alfs_cli.estimators.parts.counts import widest
from alfs_cli.estimators.parts.raters import agreement
from alfs_cli.estimators.parts.resampled import spread_of
from alfs_cli.evidence.crowd import Crowd
from alfs_cli.results.estimate import AnnotatorSummary, Bounded, CrowdSummary


def crowd_summary(crowd: Crowd, *, confidence: float) -> CrowdSummary:
    """Return each annotator's T with bounds, and how far annotators agree and err alike."""
    votes = crowd.votes
    cast = votes.sum(axis=1)
    agreed = agreement(votes, confidence=confidence)
    per_example = float(cast[cast > 0].mean())
    correlation = _correlation(crowd, confidence)
    return CrowdSummary(
        annotators=_annotators(crowd, confidence),
        labels_per_example=per_example,
        kappa=agreed["kappa"],
        ac1=agreed["ac1"],
        alpha=agreed["alpha"],
        error_correlation=correlation,
        effective=Bounded(
            effective_number(per_example, correlation.value),
            effective_number(per_example, correlation.high),
            effective_number(per_example, correlation.low),
        ),
        disputed=int(((votes > 0).sum(axis=1) > 1).sum()),
    )


def effective_number(labels: float, correlation: float) -> float:
    """Return how many annotators, erring independently, tell as much as `labels` of them.

    The share of wrong ones among n labels of an example, each wrong with probability p and any two
    correlated by c, has variance p (1 - p) (1 + (n - 1) c) / n: that of n / (1 + (n - 1) c)
    independent labels, the design effect of Kish, Survey Sampling, 1965.

    >>> effective_number(3, 0.0), effective_number(3, 1.0), effective_number(3, 0.5)
    (3.0, 1.0, 1.5)
    """
    return labels / (1 + (labels - 1) * min(max(correlation, 0.0), 1.0))


def _correlation(crowd: Crowd, confidence: float) -> Bounded:
    """Return the correlation of errors; its bounds reach over all credible accounts."""
    from scipy.special import ndtri

    model = crowd.model
    each = [one.correlation() for one in model.accounts]
    value = float(model.weights @ each)
    drawn = np.array([
        [one.correlation() for one in replicate.accounts] for _, replicate in crowd.replicates
    ])  # fmt: skip
    error = float(ndtri(confidence)) * drawn.std(axis=0)
    low = min(each[a] - error[a] for a in model.credible)
    high = max(each[a] + error[a] for a in model.credible)
    return Bounded(value, max(min(low, value), 0.0), min(max(high, value), 1.0))


def _annotators(crowd: Crowd, confidence: float) -> tuple[AnnotatorSummary, ...]:
    model, found = crowd.model, []
    values, prior = model.transitions, model.prior
    labels = (crowd.marks >= 0).sum(axis=0)
    drawn = {
        a: (
            np.stack([one.accounts[a].transitions for _, one in crowd.replicates]),
            np.stack([one.accounts[a].prior for _, one in crowd.replicates]),
        )
        for a in model.credible
    }
    for m, name in enumerate(crowd.annotators):
        spread = widest([
            spread_of(T[:, m], priors, confidence=confidence, size=max(float(labels[m]), 1.0))
            for T, priors in drawn.values()
        ])  # fmt: skip
        rate = float(1 - prior @ np.diag(values[m]))
        found.append(
            AnnotatorSummary(
                name=name,
                labels=int(labels[m]),
                noise_rate=Bounded(
                    rate, min(spread.noise_rate[0], rate), max(spread.noise_rate[1], rate)
                ),
                transition=_rows(values[m]),
                transition_low=_rows(np.minimum(spread.transition[0], values[m])),
                transition_high=_rows(np.maximum(spread.transition[1], values[m])),
            )
        )
    return tuple(found)


def _rows(matrix: FloatArray) -> tuple[tuple[float, ...], ...]:
    return tuple(map(tuple, matrix.tolist()))
