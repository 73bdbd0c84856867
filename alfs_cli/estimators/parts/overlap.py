"""Overlap of the classes, for methods that count it as noise.

Probabilities p of the given label say nothing of which it is: were each label right, and drawn from
p, they would be the same. Surer ones that labels contradict may be too sure. So counts alone, which
assume nothing of how noise looks, prove none.
"""

from dataclasses import replace

import numpy as np

from alfs_cli.arrays import FloatArray, Probabilities
from alfs_cli.estimators.joint.posterior import true_class_probs
from alfs_cli.estimators.parts.counts import Spread
from alfs_cli.estimators.parts.grounds import Grounds, Remark
from alfs_cli.evidence.predictions import predictions_alone


def separation(probs: Probabilities, T: FloatArray) -> float:
    """Return the share of the true classes that probs (N, K) tell, if T (K, K) holds."""
    return float(true_class_probs(probs, T).max(axis=1).mean())


def with_bare_predictions(grounds: Grounds, probs: Probabilities, agreement: float) -> Grounds:
    """Return the grounds, lower where probs (N, K) are predictions alone, and some labels differ.

    Nothing is then left by which any method could tell overlap, unless people told true labels.
    """
    is_told = grounds.trusted or grounds.annotators
    if is_told or agreement == 1 or not predictions_alone(probs):
        return grounds
    text = "the probabilities are all equally sure: what they get wrong is counted as noise"
    return replace(grounds, remarks=(*grounds.remarks, Remark(text, 0)), overlap="noise")


def as_overlap(bounds: Spread) -> Spread:
    """Return bounds that hold if all that was counted as noise is overlap; those of more stay."""
    low, high = bounds.transition
    own = np.eye(len(low), dtype=bool)
    return replace(
        bounds,
        transition=(np.where(own, low, 0.0), np.where(own, 1.0, high)),
        noise_rate=(0.0, bounds.noise_rate[1]),
        gap=(bounds.gap[0], 1.0),
        class_levels=(bounds.class_levels[0], np.full(len(low), np.inf)),
        level=(bounds.level[0], np.inf),
    )
