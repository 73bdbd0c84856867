"""T and the head by maximum likelihood together, so that overlap of classes is not called noise.

Families of T (none, symmetric, one rate a class, full) are fitted with a linear and,
where there is data for it, a quadratic head (beyond MAX_MIXED classes one that scales each class's
score, and T with one rate a class and the cells free that stand out), and compared by likelihood
less the parameters in use, for so many examples (AICc; Hurvich & Tsai, Biometrika 1989); those that
come near the best count in the bounds.

Between classes that lie apart a head can take rare wrong labels for overlap as likely as noise: it
then mixes each such pair at every depth, with a parameter for each. A head that tells the classes
apart for sure uses none, so that noise is the shorter account there; some fits start from such a
head. What the likelihood cannot see: noise that depends on the example inside its class looks
exactly like overlap (alfs_cli/estimators/combined.py widens the bounds for that).
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from alfs_cli.estimators.confident import confident
from alfs_cli.estimators.joint.head import (
    HeadFit,
    Scores,
    cell_covariance,
    counts_by_label,
    fit_head,
    full_tie,
    head_probs,
    row_tie,
    scaled_scores_of,
    scores_of,
    strong_tie,
    symmetric_tie,
    through,
    tied_logits,
    tied_transition,
)
from alfs_cli.estimators.parts.counts import CountedEstimate, Spread, widest
from alfs_cli.estimators.parts.grounds import Grounds
from alfs_cli.noise import rows_of_counts
from alfs_cli.results.estimate import Bounded

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

MAX_QUADRATIC = 12  # classes up to which a quadratic head is tried too
EXAMPLES_PER_PRODUCT = 10  # below that it cannot win
PRODUCT_PRICE = 1.25  # nats a parameter: curves of the head can pass for noise, noise for curves
MAX_NUMBERS = 2 * 10**6  # scores that are fitted; more examples than this allows are thinned out
MAX_MIXED = 30  # classes up to which the head has K^2 parameters; beyond, two a class
EXAMPLES_PER_WEIGHT = 10  # below that many for each of the K^2, a head learns labels by heart
MAX_CLASSES = 200  # beyond that a class has too few examples to tell its noise from overlap
STRONG_CELL = 5.0  # standard errors by which a cell of T must stand out to be free
MIXED = 0.1  # examples that a pair of classes shares from which the head's numbers for it count
FREE_MARGIN = 10.0  # nats by which free cells must win: a head that mixes is never quite right
NEAR = 5.0  # nats within which a family is as good as the best
OVERLAP_ERROR = 0.25  # share of the overlap that may be taken for noise; benchmarks/estimators.py
RATE_ERROR = 0.01  # of the rate itself: the head is not quite of this form
STARTING_RATE = 0.1
SHARPER, CERTAIN = 4.0, 20.0  # times the head's logits: classes hardly overlap, or not at all
LEAST_RATE = 1e-4
MANY = (
    10_000  # examples beyond which free cells hardly stop in a poor optimum, and starts cost time
)
FREE, STRONG = "full", "strong cells"  # the families with free cells
BOTH_FITTED = 30_000  # examples up to which both heads see all
SAMPLED, PART = 10_000, 7  # examples of a sample at least; one in so many
SURELY = 2.0  # standard errors by which a head must be behind on the sample to be left out


@dataclass(frozen=True, eq=False)
class Candidate:
    """A fitted family: its T among the classes that occur, and its penalised log-likelihood."""

    scores: Scores
    fit: HeadFit
    score: float
    soft_counts: FloatArray
    prior: FloatArray


@dataclass(frozen=True, eq=False)
class JointEstimate:
    """The best family, and those too near it to be told apart.

    `soft_counts` (K, K) are sums of the head's P(true | x) by given label: counts as they would be
    if labels knew nothing beyond x. `confusion` (K, K) is E[q_i q_j] / E[q_i].
    """

    method: str
    matrix: FloatArray
    class_prior: FloatArray
    soft_counts: FloatArray
    confusion: FloatArray
    plausible: tuple[Candidate, ...]
    present: IntArray
    num_classes: int

    @property
    def plausible_best(self) -> Candidate:
        """The family that T is taken from."""
        return max(self.plausible, key=lambda candidate: candidate.score)

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
        found = self.plausible_best
        if not len(found.fit.theta):
            return 0.0
        covariance, jacobian = cell_covariance(found.scores, found.fit)
        flat = jacobian.reshape(-1, len(found.fit.theta))
        return float(((flat @ covariance) * flat).sum())

    def _spread_of(self, found: Candidate, confidence: float) -> Spread:
        K = self.num_classes
        bounds = _wald(found, confidence)
        place = np.ix_(self.present, self.present)
        T_low, T_high = np.eye(K), np.eye(K)
        T_low[place], T_high[place] = bounds.transition
        low, high = np.full(K, np.inf), np.full(K, np.inf)
        low[self.present], high[self.present] = bounds.class_levels
        return Spread((T_low, T_high), bounds.noise_rate, bounds.gap, (low, high), bounds.level)


def joint_ml(probs: FloatArray, labels: IntArray) -> JointEstimate:
    """Fit T and a softmax head on the scores together, by the likelihood of the given labels.

    Goldberger & Ben-Reuven, ICLR 2017, in two stages. Up to MAX_CLASSES classes; beyond that
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
    if len(present) > MAX_CLASSES:
        found = [_unfitted(probs, labels, seen, given, present)]
    else:
        heads = _heads_of(seen, given)
        found = [one for head in _left_by_sample(heads, start_T) for one in head.fitted(start_T)]
    best = max(found, key=lambda candidate: candidate.score)
    plausible = tuple(one for one in found if one.score >= best.score - NEAR)
    T, prior = np.eye(K), np.zeros(K)
    T[np.ix_(present, present)] = (
        _with_background(best.fit, counted.counts[np.ix_(present, present)])
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
        plausible,
        present,
        K,
    )


@dataclass(frozen=True, eq=False)
class _Head:
    """The scores that a kind of head is fitted on, and what its parameters cost in nats."""

    scores: Scores
    price: float = 0.0

    @property
    def products(self) -> float:
        """How many parameters it has for products of scores."""
        return self.price / PRODUCT_PRICE

    def fitted(self, start_T: FloatArray) -> list[Candidate]:
        """Return the families fitted with it."""
        found = _candidates(self.scores, start_T)
        return [replace(one, score=one.score - self.price) for one in found]


def _heads_of(probs: FloatArray, labels: IntArray) -> list[_Head]:
    """Return the kinds of head that there is data for."""
    N, K = probs.shape
    is_scaled = K > MAX_MIXED or N < EXAMPLES_PER_WEIGHT * K**2
    found = [_Head((scaled_scores_of if is_scaled else scores_of)(probs, labels))]
    products = _num_products(K)
    if 1 < K <= MAX_QUADRATIC and EXAMPLES_PER_PRODUCT * products <= N:
        curved = scores_of(probs, labels, is_quadratic=True)
        found.append(_Head(curved, PRODUCT_PRICE * products))
    return found


def _left_by_sample(heads: list[_Head], start_T: FloatArray) -> list[_Head]:
    """Return the kinds of head that may be the best: of many examples, by a sample of them.

    What is behind there goes on if chance may have put it there: a likelihood gains half a nat a
    parameter by chance, give or take the square root of that, however many the examples are.
    """
    N = heads[0].scores.values.shape[1]
    if len(heads) < 2 or N <= BOTH_FITTED:
        return heads
    size = max(SAMPLED, N // PART)
    some = np.sort(np.random.default_rng(0).permutation(N)[:size])
    expected = []
    for head in heads:
        tried = replace(head, scores=head.scores.among(some)).fitted(start_T)
        best = max(tried, key=lambda candidate: candidate.score)
        gain = best.fit.log_likelihood - head.products / 2
        cost = best.fit.log_likelihood - best.score
        expected.append(gain * N / size + head.products / 2 - cost)
    chance = N / size * SURELY * np.sqrt(1 + max(head.products for head in heads) / 2)
    least = max(expected) - chance - NEAR
    return [head for head, value in zip(heads, expected, strict=True) if value >= least]


def _num_products(K: int) -> int:
    """Return how many parameters a quadratic head has beyond a linear one."""
    return (K - 1) * K * (K + 1) // 2


def _thinned(N: int, K: int) -> IntArray:
    """Return the places of the examples to fit: all, or as many as MAX_NUMBERS allows."""
    count = max(MAX_NUMBERS // K, 2000)
    if count >= N:
        return np.arange(N)
    return np.sort(np.random.default_rng(0).permutation(N)[:count])


def _candidates(scores: Scores, start_T: FloatArray) -> list[Candidate]:
    K = len(start_T)
    none = fit_head(scores, "no noise", None)
    found = [_candidate(scores, none, 0.0)]
    if K < 2:
        return found
    rate = np.clip(1 - np.diag(start_T).mean(), STARTING_RATE, 0.9) / 2
    missed = float((none.probs.argmax(axis=0) != scores.labels).mean())
    starts = [(none, rate)]
    if len(scores.values) <= K:  # a quadratic head adds nothing where classes lie apart
        starts.append((_times(SHARPER, none), max(missed, LEAST_RATE)))
    for head, share in starts:
        fit = fit_head(scores, "symmetric", symmetric_tie(K), head, near=_even(K, share))
        found.append(_candidate(scores, fit, 1.0))
    same = max(found[1:], key=lambda candidate: candidate.score).fit
    rows = same
    if K > 2:
        rows = fit_head(scores, "rate by class", row_tie(K), same, near=same.transition)
        price = K / 2 * np.log(scores.values.shape[1] / K)
        found.append(_candidate(scores, rows, price))
    near = 0.7 * start_T + 0.3 * same.transition
    if scores.is_scaled:
        return [*found, _strong_candidate(scores, rows, near)]
    free = [fit_head(scores, FREE, full_tie(K), same, near=near), _told_apart(scores, none)]
    if free[0].log_likelihood < rows.log_likelihood:
        free.append(fit_head(scores, FREE, full_tie(K), rows, near=rows.transition))
    found += [_free_candidate(scores, fit) for fit in free]
    best = max(found, key=lambda candidate: candidate.score).fit
    if best.family == FREE and scores.values.shape[1] <= MANY:  # one more must not decide on it
        found.append(
            _free_candidate(scores, fit_head(scores, FREE, full_tie(K), none, near=start_T))
        )
    return found


def _free_candidate(scores: Scores, fit: HeadFit) -> Candidate:
    margin = min(FREE_MARGIN, _pairs_in_use(fit))
    return _candidate(scores, fit, _cells_in_use(fit) + margin)


def _times(factor: float, fit: HeadFit) -> HeadFit:
    """Return a fit whose head is surer: its logits times a factor."""
    return replace(fit, A=factor * fit.A, b=factor * fit.b)


def _told_apart(scores: Scores, fit: HeadFit) -> HeadFit:
    """Return T with all cells free under a head that is certain, and held: what it counts."""
    tie, head = full_tie(len(fit.b)), _times(CERTAIN, fit)
    Q = head_probs(scores, head.A, head.b)
    theta = tied_logits(rows_of_counts(counts_by_label(scores, Q)), tie)
    T = tied_transition(theta, tie)
    return HeadFit(FREE, tie, head.A, head.b, theta, T, through(scores, Q, T)[1], Q)


def _even(K: int, rate: float) -> FloatArray:
    """Return T (K, K) of symmetric noise."""
    T = np.full((K, K), rate / (K - 1))
    np.fill_diagonal(T, 1 - rate)
    return T


def _strong_candidate(scores: Scores, rows: HeadFit, near: FloatArray) -> Candidate:
    """Return the fit with one rate a class and the cells free that stand out in T near the counts.

    Overlap stands out there too, and the fit then finds nothing in the cell. Each cell chosen costs
    a parameter and the choice among K (K - 1), on the scale of nats.
    """
    K = len(near)
    counts = near * rows.probs.sum(axis=1, dtype=np.float64)[:, None]
    off = counts[~np.eye(K, dtype=bool)].reshape(K, K - 1)
    expected = np.maximum(np.median(off, axis=1), 1.0)[:, None]
    tie = strong_tie((counts - expected) / np.sqrt(expected), least=STRONG_CELL, most=2 * K)
    num_free = int(tie.max()) + 1 - K
    fit = fit_head(scores, STRONG, tie, rows, near=near)
    choice = num_free * np.log(K * (K - 1) / max(num_free, 1))
    return _candidate(scores, fit, _cells_in_use(fit) + choice + FREE_MARGIN)


def _with_background(fit: HeadFit, counts: FloatArray) -> FloatArray:
    """Return T with what a row spreads over its tied cells shared out as the counts (K, K) do.

    The shares are pulled toward equal ones by a Dirichlet prior, whose weight is had from how much
    more unequal the counts are than draws with equal shares (method of moments).
    """
    K = len(fit.transition)
    tied = (fit.tie >= 0) & (fit.tie < K)
    m, n = tied.sum(axis=1, keepdims=True), np.where(tied, counts, 0.0)
    total = n.sum(axis=1, keepdims=True)
    even = tied * total / np.maximum(m, 1)
    used = (total[:, 0] > 1) & (m[:, 0] > 1)
    if not used.any():
        return fit.transition
    spread = ((n - even) ** 2).sum(axis=1)[used] / (total * (1 - 1 / np.maximum(m, 2)))[used, 0]
    inequality = float(np.clip((spread - 1).sum() / (total[used, 0] - 1).sum(), 1e-9, 1.0))
    weight = 1 / inequality - 1
    share = (n + weight * tied / np.maximum(m, 1)) / np.maximum(total + weight, 1e-12)
    background = np.where(tied, fit.transition, 0.0).sum(axis=1, keepdims=True)
    T = np.where(tied, background * share, fit.transition)
    return np.asarray(T / T.sum(axis=1, keepdims=True))


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


def _cells_in_use(fit: HeadFit) -> float:
    """Return how many parameters stand for one example or more: those at 0 fit nothing."""
    K = len(fit.transition)
    expected = fit.probs.sum(axis=1, dtype=np.float64)[:, None] * fit.transition
    off = fit.tie >= 0
    return float((np.bincount(fit.tie[off], expected[off]) > 1).sum()) if K > 1 else 0.0


def _candidate(scores: Scores, fit: HeadFit, price: float) -> Candidate:
    """Return a fit with its score; `price` counts T's parameters, what the head uses is added."""
    prior = fit.probs.mean(axis=1, dtype=np.float64)
    soft = counts_by_label(scores, fit.probs)
    used = price + _pairs_in_use(fit)
    N = fit.probs.shape[1]
    used += used * (used + 1) / max(N - used - 1, 1.0)
    return Candidate(scores, fit, fit.log_likelihood - used, soft, prior / prior.sum())


def _pairs_in_use(fit: HeadFit) -> float:
    """Return how many pairs of classes the head mixes: so many of its parameters fit anything."""
    Q = fit.probs
    shared = np.minimum(np.asarray(Q @ Q.T, dtype=np.float64) / MIXED, 1.0)
    return float(min(shared.sum() - np.trace(shared), fit.A.size + len(fit.b)))


# Bounds.


def _wald(found: Candidate, confidence: float) -> Spread:
    """Return bounds by the delta method; ratios by Fieller's, which hold where T_ij is near 0."""
    T, prior = found.fit.transition, found.prior
    K = len(T)
    overlap = 1 - float(np.trace(found.soft_counts) / found.soft_counts.sum())
    rate = float(1 - prior @ np.diag(T))
    slack = OVERLAP_ERROR * max(overlap - rate, 0.0) + RATE_ERROR * rate
    if not len(found.fit.theta):
        inf = np.full(K, np.inf)
        return Spread((np.eye(K), np.eye(K)), (0.0, slack), (1.0, 1.0), (inf, inf), (np.inf,) * 2)
    covariance, jacobian = cell_covariance(found.scores, found.fit)
    z, z_any = ndtri(confidence), ndtri(1 - (1 - confidence) / (K * (K - 1)))
    flat = jacobian.reshape(K * K, -1)
    error = np.sqrt(np.maximum(((flat @ covariance) * flat).sum(axis=1), 0)).reshape(K, K)
    of_rate = -(prior[:, None] * jacobian[np.arange(K), np.arange(K)]).sum(axis=0)
    rate_error = float(np.sqrt(max(of_rate @ covariance @ of_rate, 0)))
    own = jacobian[np.arange(K), np.arange(K)]
    own_variance = np.diag(error)[:, None] ** 2
    shared = np.einsum("ip,ijp->ij", own @ covariance, jacobian)
    low, high = ratio_bounds(T, own_variance, error**2, shared, z)
    _, high_any = ratio_bounds(T, own_variance, error**2, shared, z_any)
    apart = np.sqrt(np.maximum(own_variance - 2 * shared + error**2, 0))
    np.fill_diagonal(low, np.inf)
    np.fill_diagonal(high, np.inf)
    np.fill_diagonal(high_any, np.inf)
    lead = np.diag(T)[:, None] - T
    lead[np.arange(K), np.arange(K)] = np.inf
    optimism = (found.fit.A.size + K) / found.fit.probs.shape[1]  # of a fit to so few examples
    rate_low = max(float(rate - z * rate_error - slack - optimism), 0.0)
    # overlap taken for noise may sit in any cell: no cell is surely noisier than this share of it
    kept = rate_low / rate if rate > 0 else 0.0
    stretch = 1 / kept if kept > 0 else np.inf
    T_low, T_high = np.clip(T - z * error, 0, 1) * kept, np.clip(T + z * error, 0, 1)
    own_low, own_high = np.diag(np.clip(T - z * error, 0, 1)), np.diag(T_high)
    np.fill_diagonal(T_low, own_low)
    np.fill_diagonal(T_high, 1 - kept * (1 - own_high))
    gap_high = 1 - kept * (1 - min(float((lead + z_any * apart).min()), 1.0))
    return Spread(
        (T_low, T_high),
        (rate_low, min(float(rate + z * rate_error + slack), 1.0)),
        (float((lead - z * apart).min()), gap_high),
        (low.min(axis=1), high_any.min(axis=1) * stretch),
        (float(low.min()), float(high_any.min()) * stretch),
    )


def ratio_bounds(
    T: FloatArray, own: FloatArray, other: FloatArray, shared: FloatArray, z: float
) -> tuple[FloatArray, FloatArray]:
    """Return bounds of T_ii / T_ij: where T_ii - c T_ij is z of its standard errors from 0."""
    a, b = np.diag(T)[:, None], T
    squared = b**2 - z**2 * other
    mixed = a * b - z**2 * shared
    constant = np.maximum(a**2 - z**2 * own, 0.0)
    root = np.sqrt(np.maximum(mixed**2 - squared * constant, 0))
    below = np.maximum(mixed + root, 1e-12)
    low = np.where(constant > 0, constant / below, 0.0)
    high = np.where(squared > 0, (mixed + root) / np.where(squared > 0, squared, 1.0), np.inf)
    return low, np.asarray(high)
