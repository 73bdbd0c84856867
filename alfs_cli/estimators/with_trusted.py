"""T from the default method and a sample of examples whose true labels are known.

The joint model gives each example a posterior P(true | x, given). Given labels alone cannot check
it: where noise depends on the example, overlap of classes and noise look alike. Trusted examples
check it, whatever the noise depends on. They are used in four steps:

1. Likelihood. The posterior becomes a log-linear model of the joint model's q and T and of
   confident learning's p and C: P(i | x, j) ~ q_i(x)^a p_i(x)^b T_ij^c C_ij^d exp(e [i = j]). It is
   fitted to the trusted labels, with a normal prior centred on the joint model (a = c = 1,
   b = d = e = 0).
2. Correction. The sums of the posteriors over all examples are corrected by their errors on the
   trusted ones, weighted up within each given label. This is the difference estimator of survey
   sampling (Sarndal, Swensson & Wretman, 1992; "prediction-powered inference", Angelopoulos et al.,
   Science 2023), unbiased for any noise.
3. First shrinkage. The correction shrinks by the share of its square that chance explains.
4. Second shrinkage. So does the remaining difference to the default without trusted labels (Green &
   Strawderman, JASA 1991): one rate describes symmetric noise better than K * K counts.

The noise rate has bounds of its own (`parts/rate_bounds.py`): the corrections of K * K cells, each
of a few trusted labels, add up to more chance than one sum has. T is moved to a rate within them.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from alfs_cli.arrays import FloatArray, IntArray
from alfs_cli.estimators.combined import CombinedEstimate, combined
from alfs_cli.estimators.joint.posterior import blocks, true_class_probs
from alfs_cli.estimators.parts.counts import CountedEstimate, Spread, narrowest
from alfs_cli.estimators.parts.grounds import Remark
from alfs_cli.estimators.parts.rate_bounds import SampledRate, represented, sampled_rate
from alfs_cli.estimators.parts.resampled import ResampledEstimate
from alfs_cli.estimators.parts.sample import Sample, rate_of
from alfs_cli.estimators.tuning import PLAUSIBLE, WITH_TRUSTED
from alfs_cli.noise import class_clean_levels, rows_of_counts

CENTRE = np.array([1.0, 0.0, 1.0, 0.0, 0.0])  # the weights (a, b, c, d, e) of the joint model
STEPS = 12  # steps of Newton's method, and halvings of a step; the likelihood is concave
MOST_POSTERIORS, LEAST_EXAMPLES = 200_000, 2000  # size of the subsample that is summed


def gold(sample: Sample) -> CountedEstimate:
    """Return T from the trusted examples alone, counted by true class and given label.

    Within each given label the trusted examples stand for all examples that carry it, so a sample
    stratified by given label serves as well as a simple random one. Examples drawn with unequal
    probabilities count by the inverse of these, scaled to the effective sample size of their given
    label (Kish, 1965), so that the bounds allow for unequal weights. Raises InputError without
    trusted examples.
    """
    trusted = sample.needed_trusted("gold")
    counts = np.zeros((sample.num_classes, sample.num_classes))
    own, weights = sample.labels[trusted.places], trusted.weights
    sums = np.bincount(own, weights, minlength=len(counts))
    squares = np.bincount(own, weights**2, minlength=len(counts))
    np.add.at(counts, (trusted.true, own), weights * sums[own] / squares[own])
    given = np.bincount(sample.labels, minlength=len(counts))
    return CountedEstimate("gold", counts, given, are_true=True, examples=len(trusted))


def with_trusted(sample: Sample, without: CombinedEstimate | None = None) -> ResampledEstimate:
    """Return the default estimate, corrected by trusted examples.

    `without` is the default estimate without them, computed here where it is None. Raises
    InputError without trusted examples.
    """
    trusted = sample.needed_trusted("joint-ml")
    found = combined(sample.probs, sample.labels) if without is None else without
    most = max(MOST_POSTERIORS // sample.num_classes, LEAST_EXAMPLES)
    some = _spread_over(len(sample.labels), trusted.places, most)
    labels = sample.labels[some]
    model = Mended(
        views=_views_of(found, sample, some),
        labels=labels,
        totals=np.bincount(sample.labels, minlength=sample.num_classes).astype(np.float64),
        places=np.searchsorted(some, trusted.places),
        true=trusted.true,
        weights=trusted.weights,
    )
    once = model.joint(np.ones(len(trusted)))
    generator = np.random.default_rng(0)
    mended, shares = rows_of_counts(once), once.sum(axis=1) / once.sum()
    draws = np.stack(
        [rows_of_counts(model.redrawn(generator)) for _ in range(WITH_TRUSTED.replicates)]
    )
    plain = found.transition()
    chance = float(shares @ draws.var(axis=0).sum(axis=1))
    apart = float(shares @ ((mended - plain) ** 2).sum(axis=1))
    can_mend = apart > 0 and len(trusted) >= WITH_TRUSTED.least_to_mend
    share = max(0.0, 1 - chance / apart) if can_mend else 0.0
    T = (1 - share) * plain + share * mended
    prior = (1 - share) * found.prior() + share * shares
    sampled, counted = sampled_noise_rate(found, sample), gold(sample)
    bounds = sampled.bounds(WITH_TRUSTED.confidence)
    T, prior = _within(T, prior, bounds, counted.joint() / len(sample.labels))

    def redraw(generator: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        again = model.redrawn(generator, is_doubted=True)
        return rows_of_counts(again), again.sum(axis=1) / again.sum()

    return TrustedEstimate(
        f"joint-ml + {len(trusted):,} trusted",
        T,
        prior,
        redraw,
        len(trusted),
        remarks=_remarks(len(trusted), found, share, rate_of(counted)),
        beside=(*found.others(), counted),
        trusted=len(trusted),
        before=found,
        sampled=sampled,
        seen=counted.counts > 0,
    )


def sampled_noise_rate(found: CombinedEstimate, sample: Sample) -> SampledRate:
    """Return the noise rate by trusted labels and the scores of the estimate without them.

    Raises InputError without trusted examples.
    """
    trusted = sample.needed_trusted("joint-ml")
    wrong = (sample.labels[trusted.places] != trusted.true).astype(np.float64)
    weights = represented(sample.labels, trusted.places, trusted.weights)
    return sampled_rate(scores_of_wrong(found, sample), trusted.places, wrong, weights)


def _within(
    T: FloatArray, prior: FloatArray, bounds: tuple[float, float], counted: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return T (K, K) and the class shares (K,), moved to a noise rate within the bounds.

    All noise is scaled by one factor. Where there is next to none, so that it does not show where
    wrong labels go, a part of the joint distribution that was `counted` (K, K) is mixed in.
    """
    joint = prior[:, None] * T
    right = np.diag(np.diag(joint))
    rate, found = (float(J.sum() - np.trace(J)) for J in (joint, counted))
    wanted = float(np.clip(rate, *bounds))
    if wanted > rate and rate < PLAUSIBLE.shapeless:
        part = min((wanted - rate) / max(found - rate, 1e-12), 1.0)
        J = (1 - part) * joint + part * counted
    elif wanted != rate:
        J = (joint - right) * (wanted / rate) + right * ((1 - wanted) / (1 - rate))
    else:
        return T, prior
    shares = np.asarray(J.sum(axis=1), dtype=np.float64)
    return np.where(shares[:, None] > 0, rows_of_counts(J), T), shares


@dataclass(frozen=True, eq=False, kw_only=True)
class TrustedEstimate(ResampledEstimate):
    """An estimate with trusted labels, and the estimate `before` it, without them.

    `sampled` is what the trusted labels and the scores say of the noise rate alone; `seen` (K, K)
    is whether any trusted label is of a true class and a given label.
    """

    before: CombinedEstimate
    sampled: SampledRate
    seen: NDArray[np.bool_]

    def spread(
        self, *, confidence: float, resamples: int, generator: np.random.Generator
    ) -> Spread:
        """Return the narrower of the bounds with and without trusted labels.

        The bounds without them count only where the trusted labels agree with them. So a few
        trusted labels never make bounds wider, with one exception: without them, overlap may look
        like noise between classes that have none. So a cell has noise at least only where a trusted
        label is in it, or where the trusted labels alone say so.
        """
        own, before = (
            spread(confidence=confidence, resamples=resamples, generator=generator)
            for spread in (super().spread, self.before.spread)
        )
        own = replace(own, noise_rate=self.sampled.bounds(confidence))
        level, rate = float(class_clean_levels(self.matrix).min()), rate_of(self)
        agree = (
            before.level[0] <= level <= before.level[1]
            and before.noise_rate[0] <= rate <= before.noise_rate[1]
            and own.level[0] <= before.level[1]
            and own.noise_rate[0] <= before.noise_rate[1]
            and before.noise_rate[0] <= own.noise_rate[1]
        )
        if not agree:
            return own
        both = narrowest([own, before])
        (low, high), (own_low, own_high) = both.transition, own.transition
        is_own = np.eye(len(low), dtype=bool)
        has_noise = (self.seen & ~is_own).any(axis=1, keepdims=True)
        low = np.where(is_own | self.seen, low, own_low)
        high = np.where(~is_own | has_noise, high, own_high)
        return replace(both, transition=(low, high))


def _remarks(count: int, found: CombinedEstimate, share: float, rate: float) -> tuple[Remark, ...]:
    said = (
        f"{count:,} trusted labels, {100 * rate:.1f} % of them wrong (weighted by given label); "
        f"without them the estimate would be {100 * rate_of(found):.1f} %"
    )
    change = (
        "too few trusted labels to correct T"
        if count < WITH_TRUSTED.least_to_mend
        else "the trusted labels confirm the joint model"
        if share == 0
        else f"T is moved {100 * share:.0f} % of the way to what the trusted labels say"
    )
    return (Remark(said, 2 if count >= WITH_TRUSTED.enough else 1), Remark(change, 2))


def _spread_over(count: int, places: IntArray, most: int) -> IntArray:
    """Return `most` random indices below `count`, or all, and the trusted ones, in order."""
    if count <= most:
        return np.arange(count)
    chosen = np.random.default_rng(0).permutation(count)[:most]
    return np.unique(np.concatenate([chosen, places]))


def scores_of_wrong(found: CombinedEstimate, sample: Sample) -> FloatArray:
    """Return the joint model's probability that each given label is wrong, (N,)."""
    every = np.arange(len(sample.labels))
    q, T = _true_class_of(found, sample, every), found.joint.transition()
    least, scores = WITH_TRUSTED.least_probability, np.empty(len(every))
    for rows in blocks(len(every), sample.num_classes):
        labels = sample.labels[rows]
        chances = np.maximum(q[rows], least) * np.maximum(T[:, labels].T, least)
        total = chances.sum(axis=1)
        chances[np.arange(len(labels)), labels] = 0
        scores[rows] = chances.sum(axis=1) / total
    return scores


def _true_class_of(found: CombinedEstimate, sample: Sample, some: IntArray) -> FloatArray:
    """Return the joint model's q(true | x) (n, K) of some examples."""
    best = found.joint.best
    if best.fit.probs.shape[1] == len(sample.labels):
        q = np.zeros_like(sample.probs)
        q[np.ix_(best.scores.order, found.joint.present)] = best.fit.probs.T
        return np.asarray(q[some])
    # the head was fitted to a part of the examples only
    return true_class_probs(sample.probs[some], found.joint.transition())


def _views_of(found: CombinedEstimate, sample: Sample, some: IntArray) -> FloatArray:
    """Return the terms (n, K, 5) of the log-linear model, before they are weighted.

    They are the logarithms of q, p, T and C, and whether the class is the given label.
    """
    probs, labels = sample.probs[some], sample.labels[some]
    T, C = found.joint.transition(), found.counted.transition()
    q = _true_class_of(found, sample, some)
    own = np.zeros_like(q)
    own[np.arange(len(labels)), labels] = 1
    views = [
        np.log(np.maximum(one, WITH_TRUSTED.least_probability))
        for one in (q, probs, T[:, labels].T, C[:, labels].T)
    ]
    return np.stack([*views, own], axis=2)


@dataclass(frozen=True, eq=False)
class Mended:
    """The log-linear model of the posterior, and the data it is fitted to and summed over.

    The weights of the draws enter the correction but not the likelihood: the draw depends on the
    evidence and the given label, and the likelihood is conditional on both.

    Args:
        views: the terms (n, K, 5) of the model for a subsample of n examples.
        labels: the given labels (n,) of the subsample.
        totals: the number of all examples by given label, (K,).
        places: indices (m,) of the trusted examples in the subsample.
        true: their true classes (m,).
        weights: how many examples each of them stands for (m,), up to a factor.
    """

    views: FloatArray
    labels: IntArray
    totals: FloatArray
    places: IntArray
    true: IntArray
    weights: FloatArray

    def joint(self, times: FloatArray, *, is_doubted: bool = False) -> FloatArray:
        """Return counts (K, K) of all examples by true class and given label.

        Each trusted example counts `times` (m,): 1, or how often a bootstrap replicate drew it.
        Shrinkage can hide a bias as large as the correction's chance variation. Where the result
        `is_doubted`, as for bounds, at least the share that such a bias would need is applied.
        """
        K = len(self.totals)
        seen = self.views[self.places]
        weights = fit_weights(seen, self.true, times)
        J = np.zeros((K, K))
        np.add.at(J.T, self.labels, _posterior(self.views, weights))
        J *= self.totals / np.maximum(J.sum(axis=0), 1e-12)
        correction, chance = self._correction(_posterior(seen, weights), times)
        size, expected = float((correction**2).sum()), float(chance.sum())
        share = max(0.0, 1 - expected / size) if size > 0 else 0.0
        if is_doubted and expected > 0:
            share = max(share, float(2 * (chance**2).sum() / expected**2) ** 0.25)
        return np.maximum(J + share * correction, 0.0)

    def redrawn(self, generator: np.random.Generator, *, is_doubted: bool = False) -> FloatArray:
        """Return the counts (K, K) of a bootstrap replicate.

        The trusted examples are drawn again first, then all examples from the fitted counts.
        """
        m = len(self.true)
        times = generator.multinomial(m, np.full(m, 1 / m)).astype(np.float64)
        J = self.joint(times, is_doubted=is_doubted)
        drawn = generator.multinomial(int(self.totals.sum()), J.ravel() / J.sum())
        return np.asarray(drawn.reshape(J.shape), dtype=np.float64)

    def _correction(self, fitted: FloatArray, times: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the correction (K, K) of the counts, and its sampling variances (K, K).

        It is the error of the `fitted` posteriors (m, K) on the trusted examples, weighted up
        within each given label. Five fitted weights are too few to overfit these errors.
        """
        m, K = len(self.true), len(self.totals)
        missed = -fitted
        missed[np.arange(m), self.true] += 1
        given = self.labels[self.places]
        correction, chance = np.zeros((K, K)), np.zeros((K, K))
        for j in np.unique(given[times > 0]):
            here = given == j
            total = times[here] @ self.weights[here]
            part = times[here] * self.weights[here] / total
            squared = part * self.weights[here] / total  # for the variance of a weighted mean
            mean = part @ missed[here]
            spread = squared @ (missed[here] - mean) ** 2
            expected = squared @ (fitted[here] * (1 - fitted[here]))
            correction[:, j] = self.totals[j] * mean
            chance[:, j] = self.totals[j] ** 2 * np.maximum(spread, expected)
        return correction, chance


def fit_weights(views: FloatArray, true: IntArray, times: FloatArray) -> FloatArray:
    """Return the weights (5,) of highest penalised likelihood.

    `views` (m, K, 5) are the terms of the trusted examples, `true` (m,) their true classes, and
    `times` (m,) how often each counts. Newton's method, with steps halved until they do not lower
    the likelihood.
    """
    each, precision = np.arange(len(true)), np.array(WITH_TRUSTED.prior_precision)

    def objective(weights: FloatArray) -> tuple[float, FloatArray]:
        P = _posterior(views, weights)
        loss = -float(times @ np.log(np.maximum(P[each, true], 1e-300)))
        return loss + 0.5 * float(precision @ (weights - CENTRE) ** 2), P

    weights = CENTRE
    loss, P = objective(weights)
    for _ in range(STEPS):
        expected = np.einsum("nk,nkf->nf", P, views)
        weighted = views * (times[:, None] * P)[:, :, None]
        curvature = np.einsum("nkf,nkg->fg", weighted, views, optimize=True)
        curvature -= (expected * times[:, None]).T @ expected
        slope = times @ (expected - views[each, true]) + precision * (weights - CENTRE)
        step = np.linalg.solve(curvature + np.diag(precision), slope)
        for _ in range(STEPS):
            tried, P_tried = objective(weights - step)
            if tried <= loss + 1e-12:
                break
            step = step / 2
        gained = loss - tried
        weights, loss, P = weights - step, tried, P_tried
        if gained < 1e-6:
            break
    return np.asarray(weights)


def _posterior(views: FloatArray, weights: FloatArray) -> FloatArray:
    """Return P(true | x, given) (n, K) from the terms (n, K, 5) and their weights (5,)."""
    eta = views @ weights
    eta -= eta.max(axis=1, keepdims=True)
    np.exp(eta, out=eta)
    return np.asarray(eta / eta.sum(axis=1, keepdims=True))
