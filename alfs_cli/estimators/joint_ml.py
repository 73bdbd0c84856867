"""T and a softmax head by maximum likelihood together, so that overlap is not called noise.

The families of T (`joint/families.py`) whose scores come near the best count in the bounds. What
the likelihood cannot see: noise that depends on the example inside its class looks exactly like
overlap of classes; `combined.py` widens the bounds for that.
"""

from dataclasses import dataclass

import numpy as np

from alfs_cli.arrays import FloatArray, IntArray
from alfs_cli.estimators.confident import confident
from alfs_cli.estimators.joint.bounds import wald
from alfs_cli.estimators.joint.families import (
    STRONG,
    Candidate,
    heads_of,
    left_by_sample,
    with_background,
)
from alfs_cli.estimators.joint.head import HeadFit, cell_covariance
from alfs_cli.estimators.joint.held_out import borne_out
from alfs_cli.estimators.joint.scores import Scores
from alfs_cli.estimators.joint.tuning import HEAD
from alfs_cli.estimators.parts.counts import CountedEstimate, Spread, widest
from alfs_cli.estimators.parts.grounds import Grounds
from alfs_cli.results.estimate import Bounded

MAX_NUMBERS = 2 * 10**6  # scores (N K) that are fitted; of more examples a random sample is fitted


@dataclass(frozen=True, eq=False)
class JointEstimate:
    """The best family, and those that may as well have made the labels.

    `soft_counts` (K, K) are sums of the head's P(true | x) by given label: counts as they would be
    if labels knew nothing beyond x. `confusion` (K, K) is E[q_i q_j] / E[q_i].
    """

    method: str
    matrix: FloatArray
    class_prior: FloatArray
    soft_counts: FloatArray
    confusion: FloatArray
    best: Candidate
    plausible: tuple[Candidate, ...]
    present: IntArray
    num_classes: int

    def transition(self) -> FloatArray:
        """Return T (K, K)."""
        return self.matrix

    def prior(self) -> FloatArray:
        """Return the share of each true class, (K,)."""
        return self.class_prior

    def spread(
        self, *, confidence: float, resamples: int, generator: np.random.Generator
    ) -> Spread:
        """Return bounds from the information matrix, over all plausible families.

        They hold for noise that depends on the class alone and a head of about this form: a
        quarter of the overlap is allowed to have been taken for noise.
        """
        return widest([self._spread_of(found, confidence) for found in self.plausible])

    def others(self) -> tuple[CountedEstimate, ...]:
        """Return no other methods: none was asked."""
        return ()

    def grounds(self, rate: Bounded) -> Grounds:
        """Return what it rests on: where the evidence cannot tell classes, noise is in doubt."""
        return Grounds(overlap="doubt")

    def error(self) -> float:
        """Return the summed sampling variance of T's cells."""
        found = self.best
        if not len(found.fit.theta):
            return 0.0
        covariance, jacobian = cell_covariance(found.scores, found.fit)
        flat = jacobian.reshape(-1, len(found.fit.theta))
        return float(((flat @ covariance) * flat).sum())

    def _spread_of(self, found: Candidate, confidence: float) -> Spread:
        K = self.num_classes
        bounds = wald(found, confidence)
        place = np.ix_(self.present, self.present)
        T_low, T_high = np.eye(K), np.eye(K)
        T_low[place], T_high[place] = bounds.transition
        low, high = np.full(K, np.inf), np.full(K, np.inf)
        low[self.present], high[self.present] = bounds.class_levels
        return Spread((T_low, T_high), bounds.noise_rate, bounds.gap, (low, high), bounds.level)


def joint_ml(probs: FloatArray, labels: IntArray) -> JointEstimate:
    """Fit T and a softmax head on the scores together, by the likelihood of the given labels.

    Goldberger & Ben-Reuven, ICLR 2017, in two stages. Up to HEAD.max_classes classes; beyond that
    nothing is fitted, and T is the identity.
    """
    return joint_from(probs, labels, confident(probs, labels))


def joint_from(probs: FloatArray, labels: IntArray, counted: CountedEstimate) -> JointEstimate:
    """Return the joint estimate, with `counted` as one of the starts."""
    K = probs.shape[1]
    present = np.flatnonzero(np.bincount(labels, minlength=K))
    place = np.full(K, -1)
    place[present] = np.arange(len(present))
    kept = _thinned(len(labels), len(present))
    given = place[labels[kept]]
    seen = probs[kept][:, present]
    seen = seen / np.maximum(seen.sum(axis=1, keepdims=True), 1e-300)
    start_T = counted.transition()[np.ix_(present, present)]
    start_T = start_T / np.maximum(start_T.sum(axis=1, keepdims=True), 1e-12)
    if len(present) > HEAD.max_classes:
        found = [_unfitted(probs, labels, seen, given, present)]
    else:
        found = []
        for head in left_by_sample(heads_of(seen, given), start_T):
            found += head.fitted(start_T, found)
    best, plausible = borne_out(found, start_T)
    T, prior = np.eye(K), np.zeros(K)
    T[np.ix_(present, present)] = (
        with_background(best.fit, counted.counts[np.ix_(present, present)])
        if best.fit.family == STRONG
        else best.fit.transition
    )
    prior[present] = best.prior
    soft = np.zeros((K, K))
    soft[np.ix_(present, present)] = best.soft_counts
    Q = best.fit.probs.astype(np.float64)
    confusion = np.eye(K)
    confusion[np.ix_(present, present)] = (Q @ Q.T) / np.maximum(Q.sum(axis=1)[:, None], 1e-12)
    return JointEstimate(
        f"joint-ml ({best.fit.family})",
        T,
        prior,
        soft,
        confusion,
        best,
        plausible,
        present,
        K,
    )


def _thinned(N: int, K: int) -> IntArray:
    """Return the places of the examples to fit: all, or as many as MAX_NUMBERS allows."""
    count = max(MAX_NUMBERS // K, 2000)
    if count >= N:
        return np.arange(N)
    return np.sort(np.random.default_rng(0).permutation(N)[:count])


def _unfitted(
    probs: FloatArray, labels: IntArray, seen: FloatArray, given: IntArray, present: IntArray
) -> Candidate:
    """Return T = I and the probabilities as they are: a head for so many costs too much."""
    from scipy.sparse import csr_array

    N, K = len(labels), len(present)
    fit = HeadFit(
        family="too many classes",
        tie=np.full((K, K), -1),
        A=np.zeros((K, 0)),
        b=np.zeros(K),
        theta=np.zeros(0),
        transition=np.eye(K),
        log_likelihood=0.0,
        probs=seen.T.astype(np.float32),
    )
    scores = Scores(
        np.zeros((0, len(given)), dtype=np.float32),
        np.zeros(K + 1, dtype=np.int64),
        np.arange(len(given)),
        np.zeros((K, 0)),
        np.zeros(K),
    )
    by_label = csr_array((np.ones(N), (labels, np.arange(N))), shape=(probs.shape[1], N))
    soft = np.asarray(by_label @ probs)[np.ix_(present, present)].T
    prior = soft.sum(axis=1)
    return Candidate(scores, fit, 0.0, soft, prior / prior.sum())
