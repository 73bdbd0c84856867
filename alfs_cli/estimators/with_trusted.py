"""T from the joint model and examples whose true labels are known.

The joint model gives each example a posterior P(true | x, given) that no likelihood of given labels
can check: where noise depends on the example, overlap and noise look alike to it. Trusted examples
do check it, whatever the noise depends on. Four steps, each as strong as they allow:

1. Their likelihood. The posterior becomes a log-linear model of what the joint model and confident
   learning say, P(i | x, j) ~ q_i(x)^a p_i(x)^b T_ij^c C_ij^d exp(e [i = j]), fitted to the trusted
   labels with a penalty that draws it to the joint model, a = c = 1 and b = d = e = 0.
2. Its sums over all examples are corrected by its errors on the trusted ones, weighted up within
   each given label: the difference estimator of survey sampling (Sarndal, Swensson & Wretman, 1992;
   "prediction-powered inference", Angelopoulos et al., Science 2023), unbiased for any noise.
3. The correction is shrunk by the share of it that may be chance,
4. and so is what then differs from the T of the combination without trusted labels (Green &
   Strawderman, JASA 1991): noise that is symmetric is better described by one rate than by counts.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alfs_cli.estimators.combined import CombinedEstimate, combined
from alfs_cli.estimators.joint.posterior import true_class_probs
from alfs_cli.estimators.parts.counts import CountedEstimate, Spread, narrowest
from alfs_cli.estimators.parts.grounds import Remark
from alfs_cli.estimators.parts.resampled import ResampledEstimate
from alfs_cli.estimators.parts.sample import Sample, rate_of
from alfs_cli.noise import class_clean_levels, rows_of_counts

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

CENTRE = np.array([1.0, 0.0, 1.0, 0.0, 0.0])  # the joint model as it is
PRECISION = np.array([4.0, 4.0, 4.0, 4.0, 1.0])  # a half either way; one of the log odds
SMALLEST = 1e-4  # of probabilities: no model is surer than a sample of this kind can show
STEPS = 12  # of Newton's method; the likelihood is concave
MOST, LEAST = 200_000, 2000  # posteriors (over K) that are summed: the other examples are like them
CHANCES = 20  # draws that tell how much of a difference is chance
LEAST_TO_MEND = 30  # trusted examples; draws of fewer do not tell how much of them is chance
FEW = 100  # trusted examples below which trust is not high


def gold(sample: Sample) -> CountedEstimate:
    """Count the given labels of the trusted examples by their true ones.

    By given label the counted ones stand for all of it, so that a sample that was drawn evenly over
    the given labels does as well as one at random. Those drawn with unequal chances count by their
    inverse, scaled to the effective number of each given label (Kish, 1965), so that bounds are as
    wide as the weights make them.
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
    """Return the estimate of the default, checked by trusted examples and mended.

    `without` is the default without them, where it is there already.
    """
    trusted = sample.needed_trusted("joint-ml")
    found = combined(sample.probs, sample.labels) if without is None else without
    most = max(MOST // sample.num_classes, LEAST)
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
    draws = np.stack([rows_of_counts(model.redrawn(generator)) for _ in range(CHANCES)])
    plain = found.transition()
    chance = float(shares @ draws.var(axis=0).sum(axis=1))
    apart = float(shares @ ((mended - plain) ** 2).sum(axis=1))
    share = max(0.0, 1 - chance / apart) if apart > 0 and len(trusted) >= LEAST_TO_MEND else 0.0
    prior = (1 - share) * found.prior() + share * shares

    def redraw(generator: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        again = model.redrawn(generator, is_doubted=True)
        return rows_of_counts(again), again.sum(axis=1) / again.sum()

    counted = gold(sample)
    return TrustedEstimate(
        f"joint-ml + {len(trusted):,} trusted",
        (1 - share) * plain + share * mended,
        prior,
        redraw,
        len(trusted),
        remarks=_remarks(len(trusted), found, share, rate_of(counted)),
        beside=(*found.others(), counted),
        trusted=len(trusted),
        before=found,
    )


@dataclass(frozen=True, eq=False, kw_only=True)
class TrustedEstimate(ResampledEstimate):
    """An estimate with trusted labels, and the one without them."""

    before: CombinedEstimate

    def spread(
        self, *, confidence: float, resamples: int, generator: np.random.Generator
    ) -> Spread:
        """Return bounds by resampling, or those without trusted labels where they are narrower.

        The latter only where the trusted labels agree with them: a few true labels take nothing
        away.
        """
        own, before = (
            spread(confidence=confidence, resamples=resamples, generator=generator)
            for spread in (super().spread, self.before.spread)
        )
        level, rate = float(class_clean_levels(self.matrix).min()), rate_of(self)
        agree = (
            before.level[0] <= level <= before.level[1]
            and before.noise_rate[0] <= rate <= before.noise_rate[1]
            and own.level[0] <= before.level[1]
            and own.noise_rate[0] <= before.noise_rate[1]
            and before.noise_rate[0] <= own.noise_rate[1]
        )
        return narrowest([own, before]) if agree else own


def _remarks(count: int, found: CombinedEstimate, share: float, rate: float) -> tuple[Remark, ...]:
    said = (
        f"{count:,} trusted labels, {100 * rate:.1f} % of them wrong when weighed by given label; "
        f"without them the estimate would be {100 * rate_of(found):.1f} %"
    )
    change = (
        "too few to mend T by"
        if count < LEAST_TO_MEND
        else "they confirm the joint model"
        if share == 0
        else f"T is moved {100 * share:.0f} % of the way to what they ask for"
    )
    return (Remark(said, 2 if count >= FEW else 1), Remark(change, 2))


def _spread_over(count: int, places: IntArray, most: int) -> IntArray:
    """Return at most `most` places of `count`, and the trusted ones, in order."""
    if count <= most:
        return np.arange(count)
    chosen = np.random.default_rng(0).permutation(count)[:most]
    return np.unique(np.concatenate([chosen, places]))


def _views_of(found: CombinedEstimate, sample: Sample, some: IntArray) -> FloatArray:
    """Return the logarithms (n, K, 5) of q, p, T, C, and whether a class is the given one."""
    probs, labels = sample.probs[some], sample.labels[some]
    T, C = found.joint.transition(), found.counted.transition()
    best = found.joint.plausible_best
    if best.fit.probs.shape[1] == len(sample.labels):
        q = np.zeros_like(sample.probs)
        q[np.ix_(best.scores.order, found.joint.present)] = best.fit.probs.T
        q = q[some]
    else:  # the head has seen a part of the examples only
        q = true_class_probs(probs, T)
    own = np.zeros_like(q)
    own[np.arange(len(labels)), labels] = 1
    views = [
        np.log(np.maximum(one, SMALLEST)) for one in (q, probs, T[:, labels].T, C[:, labels].T)
    ]
    return np.stack([*views, own], axis=2)


@dataclass(frozen=True, eq=False)
class Mended:
    """What is needed to sum posteriors over all examples, given trusted ones.

    `views` (n, K, 5), `labels` (n,) of some examples that stand for `totals` (K,) by given label;
    trusted examples are at `places` (m,) among them, of classes `true` (m,), and stand for
    `weights` (m,) others each, up to a factor. The likelihood needs none: what is drawn hangs on
    the evidence and the given label, which it is given.
    """

    views: FloatArray
    labels: IntArray
    totals: FloatArray
    places: IntArray
    true: IntArray
    weights: FloatArray

    def joint(self, times: FloatArray, *, is_doubted: bool = False) -> FloatArray:
        """Return counts (K, K) by true class and given label; trusted ones count `times` (m,).

        Shrinkage hides a bias whose square is within the chance variation of the correction's
        square. Where it `is_doubted`, the share of the correction is what such a bias would ask
        for at the least.
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
        """Return the counts with the trusted examples drawn again, and then all examples."""
        m = len(self.true)
        times = generator.multinomial(m, np.full(m, 1 / m)).astype(np.float64)
        J = self.joint(times, is_doubted=is_doubted)
        drawn = generator.multinomial(int(self.totals.sum()), J.ravel() / J.sum())
        return np.asarray(drawn.reshape(J.shape), dtype=np.float64)

    def _correction(self, fitted: FloatArray, times: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return what posteriors (m, K) miss on the trusted examples, weighted up, (K, K).

        And the variances of these numbers. Five weights are too few to hide a miss.
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
            squared = part * self.weights[here] / total  # of each that is counted, 1 / m if even
            mean = part @ missed[here]
            spread = squared @ (missed[here] - mean) ** 2
            expected = squared @ (fitted[here] * (1 - fitted[here]))
            correction[:, j] = self.totals[j] * mean
            chance[:, j] = self.totals[j] ** 2 * np.maximum(spread, expected)
        return correction, chance


def fit_weights(views: FloatArray, true: IntArray, times: FloatArray) -> FloatArray:
    """Return the weights (5,) of highest penalised likelihood of true labels (m,).

    The likelihood is concave; Newton's method halves a step that would lower it.
    """
    each = np.arange(len(true))

    def objective(weights: FloatArray) -> tuple[float, FloatArray]:
        P = _posterior(views, weights)
        loss = -float(times @ np.log(np.maximum(P[each, true], 1e-300)))
        return loss + 0.5 * float(PRECISION @ (weights - CENTRE) ** 2), P

    weights = CENTRE
    loss, P = objective(weights)
    for _ in range(STEPS):
        expected = np.einsum("nk,nkf->nf", P, views)
        weighted = views * (times[:, None] * P)[:, :, None]
        curvature = np.einsum("nkf,nkg->fg", weighted, views, optimize=True)
        curvature -= (expected * times[:, None]).T @ expected
        slope = times @ (expected - views[each, true]) + PRECISION * (weights - CENTRE)
        step = np.linalg.solve(curvature + np.diag(PRECISION), slope)
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
    """Return P(true | x, given) (n, K)."""
    eta = views @ weights
    eta -= eta.max(axis=1, keepdims=True)
    np.exp(eta, out=eta)
    return np.asarray(eta / eta.sum(axis=1, keepdims=True))
