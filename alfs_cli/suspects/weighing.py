"""Models of the noise, weighted by their posterior probability, under which suspects are judged.

An estimate is a single T. Where classes overlap or examples are few, labels and evidence allow
others nearly as well, and a list of suspects that rests on one T promises too much. So each label
is judged under many models. They vary in three ways: the noise rate; where wrong labels go (evenly
to the other classes, as in the estimate's T, or where the evidence confuses classes); and how
confident the evidence is compared with what it says. The weight of a model is its likelihood times
a prior, under which a few per cent of labels are wrong.

Shapes and views of the evidence are all approximations: one of them soon exceeds the others by many
nats without being right. How many labels are wrong is averaged with the weights as they are. Which
ones is averaged with a power of the likelihood between shapes and views (Gruenwald, ALT 2012). On
labels whose truth is known that order is the better one.
"""

from dataclasses import dataclass, replace

import numpy as np

from alfs_cli.arrays import FloatArray, IntArray, Probabilities
from alfs_cli.estimators.joint.posterior import TrueClass, blocks, mended
from alfs_cli.estimators.plausible import leaning_rate
from alfs_cli.evidence.predictions import predictions_alone
from alfs_cli.results.estimate import Bounded
from alfs_cli.suspects.tuning import TUNING

RATES = np.geomspace(5e-4, 0.8, 24)  # noise rates of the models
EDGES = np.concatenate([[0.0], np.sqrt(RATES[1:] * RATES[:-1]), [1.0]])  # what each stands for
SHARES = 40  # shares of what disagrees with predictions alone, of which each may be noise
POWERS = np.array([0.5, 0.65, 0.8, 0.9, 1.0, 1.12, 1.27, 1.45, 1.7, 2.0, 2.5, 3.2])  # of evidence
SEEN, SEEN_NUMBERS = 5_000, 10**6  # examples and probabilities that the likelihood is computed on
MOST_QUANTILES = 4096  # points by which scores of a sample are carried over to other labels
LEAST_WEIGHT = 1e-3  # relative to the likeliest rate; lighter rates of a model are dropped
LEAST_SHARE = 1e-3  # of all weight; models that have less are dropped
TINY = 1e-12  # guard of divisions and logarithms


@dataclass(frozen=True, eq=False)
class Model:
    """Models of the noise with one shape (K, K), one for each rate (R,), and their weights (R,).

    T off the diagonal is a rate times `shape`, whose diagonal is 0 and whose row sums average to 1
    over the true classes.
    """

    shape: FloatArray
    rates: FloatArray
    weights: FloatArray

    def chances(self, q: FloatArray, given: IntArray) -> tuple[FloatArray, FloatArray]:
        """Return P(wrong | x, given) and P(given | x), both (R, n), from q(true | x) (n, K)."""
        leaves = self.shape.sum(axis=1)[given]
        wrong = self.rates[:, None] * (q * self.shape[:, given].T).sum(axis=1)
        stays = np.maximum(1 - self.rates[:, None] * leaves, TINY)
        seen = wrong + q[np.arange(len(given)), given] * stays
        return wrong / seen, seen


ByView = tuple[tuple[TrueClass, tuple[Model, ...]], ...]


@dataclass(frozen=True, eq=False)
class Weighed:
    """All models, grouped by their view of the evidence q(true | x); their weights sum to 1.

    `models` have the weights that say how many labels are wrong, `order` those that say which.
    `gain` is the log posterior, in nats, by which the best model exceeds the best model with next
    to no noise. `rate` is the estimate's noise rate with its bounds, `is_given` whether the
    evidence is of a model from elsewhere.
    """

    models: ByView
    order: ByView
    gain: float
    rate: Bounded
    is_given: bool = False

    @property
    def weights(self) -> FloatArray:
        """The weight of each rate of each model, (W,)."""
        return np.concatenate([model.weights for _, some in self.models for model in some])

    @property
    def rates(self) -> FloatArray:
        """The noise rate that belongs to each weight, (W,)."""
        return np.concatenate([model.rates for _, some in self.models for model in some])

    @property
    def expected_rate(self) -> float:
        """The noise rate, averaged over the models."""
        return float(self.rates @ self.weights)

    def by_rate(self) -> tuple[FloatArray, FloatArray]:
        """Return the different noise rates and the total weight of each, both (R,)."""
        rates, which = np.unique(self.rates, return_inverse=True)
        return rates, np.bincount(which, weights=self.weights).astype(np.float64)

    def scores(self, labels: IntArray) -> FloatArray:
        """Return the probability that each label is wrong, (N,).

        These are the averages over `models`, given to the labels in the order of those over
        `order`.
        """
        means = _averaged(self.models, labels)
        score = np.empty(len(labels))
        score[np.lexsort((means, _averaged(self.order, labels)))] = np.sort(means)
        return score

    def quantiles(self, labels: IntArray) -> FloatArray:
        """Return what averages over `order` and scores of as many labels are, rising, (2, Q)."""
        order, means = _averaged(self.order, labels), _averaged(self.models, labels)
        at = np.unique(np.linspace(0, len(labels) - 1, min(len(labels), MOST_QUANTILES)).round())
        both = np.stack([np.sort(order), np.sort(means)])[:, at.astype(np.int64)]
        values, place = np.unique(both[0], return_inverse=True)
        return np.stack([values, np.bincount(place, both[1]) / np.bincount(place)])

    def scores_by(self, quantiles: FloatArray, labels: IntArray) -> FloatArray:
        """Return the scores of labels (N,), each alone, by the `quantiles` of a sample."""
        return np.interp(_averaged(self.order, labels), *quantiles)

    @property
    def leaning_rate(self) -> float:
        """The noise rate between the estimate's and the average."""
        return leaning_rate(self.rate, self.expected_rate)

    def on(self, probs: Probabilities) -> "Weighed":
        """Return the same models and weights for other examples, by their evidence (n, K)."""
        models, order = (
            tuple((see.on(probs), some) for see, some in part) for part in (self.models, self.order)
        )
        return replace(self, models=models, order=order)


def weigh(
    probs: Probabilities,
    labels: IntArray,
    T: FloatArray,
    prior: FloatArray,
    rate: Bounded,
    *,
    q: TrueClass,
    is_given: bool = False,
) -> Weighed:
    """Return the weighted models for probabilities (N, K), labels (N,) and an estimate.

    The estimate is T (K, K), the shares of the true classes `prior` (K,), the noise rate with its
    bounds, and its view of the evidence `q`, which returns q(true | x) for given rows. `is_given`
    says that the probabilities are of a model from elsewhere.
    """
    if predictions_alone(probs):
        return Weighed(*_of_predictions(probs, labels, rate), rate, is_given)
    N, K = probs.shape
    rows = np.linspace(0, N - 1, min(N, SEEN, max(SEEN_NUMBERS // K, 500))).astype(np.int64)
    given = labels[rows]
    cells = int((N * prior[:, None] * T * (1 - np.eye(K)) >= 1).sum())  # free cells of T
    own = _scaled(T + TUNING.shape_floor / (K - 1), prior)
    even, confused = _scaled(np.ones((K, K)), prior), _confusion(probs[rows], prior)
    shapes = ((even, 0.0), (confused, TUNING.confusion_cost))
    views: list[tuple[TrueClass, float, tuple[tuple[FloatArray, float], ...]]]
    views = [(q, -TUNING.own_bonus, ((own, cells),))]
    better = mended(probs, labels, rows)
    for seen in (_AsGiven(probs), *(() if better is None else (better,))):
        for power in POWERS:
            unlikely = 0.5 * ((np.log(power) - TUNING.power_centre) / TUNING.power_spread) ** 2
            views.append((_Powered(seen, float(power)), unlikely, (*shapes, (own, cells))))
    expected = _expected(rate, RATES, EDGES)
    found = []
    for see, unlikely, some in views:
        of_rows = _with_blunders(see(rows))
        for shape, fitted in some:
            can_be = RATES * shape.sum(axis=1).max() < 1
            model = Model(shape, RATES[can_be], np.ones(int(can_be.sum())))
            likelihood = np.log(np.maximum(model.chances(of_rows, given)[1], 1e-300)).sum(axis=1)
            found.append((see, model, likelihood + expected[can_be] - unlikely - fitted))
    return Weighed(*_kept(found), rate, is_given)


def _of_predictions(
    probs: Probabilities, labels: IntArray, rate: Bounded
) -> tuple[ByView, ByView, float]:
    """Return models for predictions alone: any share of what disagrees with them may be noise.

    The rest is wrong predictions, which go the same ways. The labels are as likely under each of
    these models, so that only the prior and the bounds of the noise rate weigh them.
    """
    K = probs.shape[1]
    predicted = probs.argmax(axis=1)
    counts = np.bincount(predicted * K + labels, minlength=K * K).reshape(K, K).astype(np.float64)
    ways = counts + TUNING.shape_floor * counts.sum(axis=1, keepdims=True) / K
    shape = _scaled(ways, counts.sum(axis=1) / len(labels))
    most = min(1 - 1e-6, 1 / float(shape.sum(axis=1).max()))  # no row gives away more than it has
    disagreement = min(float((predicted != labels).mean()), most)
    parts = max(disagreement, TINY) * np.linspace(0, 1, 2 * SHARES + 1) ** 2
    rates, edges = parts[1::2], parts[::2]
    found: list[tuple[TrueClass, Model, FloatArray]] = []
    for noise, log in zip(rates, _expected(rate, rates, edges), strict=True):
        see = _Predicted(probs, shape, (disagreement - noise) / (1 - noise))
        found.append((see, Model(shape, np.array([noise]), np.ones(1)), np.array([log])))
    return _kept(found)


def _averaged(by_view: ByView, labels: IntArray) -> FloatArray:
    """Return the probability that each label is wrong, averaged over models, (N,)."""
    score = np.zeros(len(labels))
    K = len(by_view[0][1][0].shape)
    for rows in blocks(len(labels), K):
        for see, some in by_view:
            q = _with_blunders(see(rows))
            for model in some:
                score[rows] += model.weights @ model.chances(q, labels[rows])[0]
    return score


def _kept(found: list[tuple[TrueClass, Model, FloatArray]]) -> tuple[ByView, ByView, float]:
    """Return the models whose weight matters, from logarithms of likelihood times prior (R,).

    They come with the weights that say how many labels are wrong, with those that say which, and
    with the gain.
    """
    highest = max(float(log.max(initial=-np.inf)) for *_, log in found)
    clean = max(
        float(log[model.rates <= TUNING.clean_rate].max(initial=-np.inf)) for _, model, log in found
    )
    return _by_view(found, 1.0), _by_view(found, TUNING.tempering), highest - clean


def _by_view(found: list[tuple[TrueClass, Model, FloatArray]], power: float) -> ByView:
    """Return the models that matter.

    Between shapes and views a power of the likelihood counts, among the rates of one all of it.
    """
    totals = np.array([np.logaddexp.reduce(log) for *_, log in found])
    shares = np.exp(power * (totals - totals.max()))
    shares[shares < LEAST_SHARE * shares.sum()] = 0
    shares /= shares.sum()
    by_view: dict[TrueClass, list[Model]] = {}
    for (see, model, log), share in zip(found, shares, strict=True):
        if share > 0:
            keep = log > log.max() + np.log(LEAST_WEIGHT)
            weights = np.exp(log[keep] - log.max())
            kept = Model(model.shape, model.rates[keep], share * weights / weights.sum())
            by_view.setdefault(see, []).append(kept)
    return tuple((see, tuple(some)) for see, some in by_view.items())


def _with_blunders(q: FloatArray) -> FloatArray:
    return np.asarray((1 - TUNING.blunders) * q + TUNING.blunders / q.shape[1], dtype=np.float64)


@dataclass(frozen=True, eq=False)
class _AsGiven:
    """The evidence (N, K) as it is."""

    probs: Probabilities

    def __call__(self, rows: slice | IntArray) -> FloatArray:
        return np.asarray(self.probs[rows], dtype=np.float64)

    def on(self, probs: Probabilities) -> "_AsGiven":
        return _AsGiven(probs)


@dataclass(frozen=True, eq=False)
class _Powered:
    """The evidence raised to a power; a power above 1 makes it more confident."""

    see: TrueClass
    power: float

    def __call__(self, rows: slice | IntArray) -> FloatArray:
        log_q = self.power * np.log(np.maximum(self.see(rows), TINY))
        raised: FloatArray = np.exp(log_q - log_q.max(axis=1, keepdims=True))
        return np.asarray(raised / raised.sum(axis=1, keepdims=True), dtype=np.float64)

    def on(self, probs: Probabilities) -> "_Powered":
        return _Powered(self.see.on(probs), self.power)


@dataclass(frozen=True, eq=False)
class _Predicted:
    """Predictions (N, K) of which a share `wrong` goes the ways of `shape` (K, K)."""

    probs: Probabilities
    shape: FloatArray
    wrong: float

    def __call__(self, rows: slice | IntArray) -> FloatArray:
        predicted = self.probs[rows].argmax(axis=1)
        leaves = self.wrong * self.shape.sum(axis=1)
        return np.asarray((self.wrong * self.shape + np.diag(1 - leaves))[predicted], np.float64)

    def on(self, probs: Probabilities) -> "_Predicted":
        return replace(self, probs=probs)


def _confusion(probs: Probabilities, prior: FloatArray) -> FloatArray:
    """Return E[p_i p_j] / E[p_i] off the diagonal, the classes that the evidence confuses."""
    p = np.asarray(probs, dtype=np.float64)
    return _scaled((p.T @ p) / np.maximum(p.sum(axis=0), TINY)[:, None] + TINY, prior)


def _scaled(rows: FloatArray, prior: FloatArray) -> FloatArray:
    off = rows * (1 - np.eye(len(rows)))
    return np.asarray(off / max(float(prior @ off.sum(axis=1)), TINY), dtype=np.float64)


def _expected(rate: Bounded, rates: FloatArray, edges: FloatArray) -> FloatArray:
    """Return the log prior of each rate (R,), which stands for those between two edges (R + 1,).

    It has normal tails outside of the estimate's bounds.
    """
    from scipy.special import betainc  # scipy.stats takes most of a second to import

    chances = np.log(np.maximum(np.diff(betainc(*TUNING.rate_prior, edges)), 1e-300))
    below = np.maximum(rate.low - rates, 0) / (
        TUNING.bound_softness * (rate.value - rate.low) + 2e-3
    )
    above = np.maximum(rates - rate.high, 0) / (
        TUNING.bound_softness * (rate.high - rate.value) + 2e-3
    )
    return np.asarray(chances - 0.5 * (below**2 + above**2), dtype=np.float64)
