"""The families of T, each fitted together with a head, and compared by likelihood.

Families of T (none, symmetric, one rate a class, all cells free) are fitted with a linear head and,
where there is data for it, one with all products of scores. With less data there is one with
squares, under which cells of T are never free: it explains overlap that a linear head cannot. With
more than `max_mixed_classes` classes the head scales each class's score alone, and T has one rate a
class and free cells where they stand out. The score of a fit is its log-likelihood less the number
of parameters in use, with the correction for few examples (AICc; Hurvich & Tsai, Biometrika 1989).

Between classes that lie apart, a head can explain rare wrong labels as overlap just as well: it
then mixes each such pair of classes everywhere, with a parameter for each pair. A head that does
not mix classes needs none of these parameters, so noise is the shorter explanation there. Some fits
therefore start from such a head.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from alfs_cli.arrays import FloatArray, IntArray
from alfs_cli.estimators.joint.head import HeadFit, fit_head
from alfs_cli.estimators.joint.scores import (
    Scores,
    counts_by_label,
    head_probs,
    scaled_scores_of,
    scores_of,
    through,
)
from alfs_cli.estimators.joint.ties import (
    full_tie,
    row_tie,
    strong_tie,
    symmetric_tie,
    tied_logits,
    tied_transition,
)
from alfs_cli.estimators.joint.tuning import FAMILIES, HEAD
from alfs_cli.noise import rows_of_counts

NONE, EVEN, ROWS = "no noise", "symmetric", "rate by class"
FREE, STRONG = "full", "strong cells"  # the families with free cells


@dataclass(frozen=True, eq=False)
class Candidate:
    """A fitted family: its T among the classes that occur, and its penalised log-likelihood."""

    scores: Scores
    fit: HeadFit
    score: float
    soft_counts: FloatArray
    prior: FloatArray


def is_plausible(one: Candidate, best: Candidate) -> bool:
    """Say whether the labels may come from a family though another one fits them better.

    Parameters that stand for nothing gain half a nat each, give or take the square root of half
    their number: by so much the best may be better by chance.
    """
    more = max(best.fit.log_likelihood - best.score - (one.fit.log_likelihood - one.score), 0.0)
    chance = FAMILIES.chance_margin * float(np.sqrt(more / 2))
    return one.score >= best.score - FAMILIES.near_best - chance


@dataclass(frozen=True, eq=False)
class Head:
    """The scores that a kind of head is fitted on, and what its parameters cost in nats.

    `has_free` says whether cells of T are free under it as well.
    """

    scores: Scores
    price: float = 0.0
    has_free: bool = True

    @property
    def products(self) -> float:
        """How many parameters it has for products of scores."""
        return self.price / HEAD.product_price

    def fitted(self, start_T: FloatArray, rivals: Sequence[Candidate] = ()) -> list[Candidate]:
        """Return the families fitted with it, as long as they may come near those of `rivals`."""
        found: list[Candidate] = []
        for one in candidates(self.scores, start_T, has_free=self.has_free):
            found.append(replace(one, score=one.score - self.price))
            if rivals and _are_hopeless(found, rivals):
                break
        return found


def _are_hopeless(found: list[Candidate], rivals: Sequence[Candidate]) -> bool:
    """Say whether the families that follow cannot come near the best of the rivals.

    What a richer T brings differs between heads, but not by orders of magnitude: it is taken to be
    at most `richer_gain` times what it brought a rival with the head before.
    """
    last = found[-1].fit.family
    alike = [one.score for one in rivals if one.fit.family == last]
    best = max(one.score for one in rivals)
    gain = FAMILIES.richer_gain * (best - max(alike, default=-np.inf))
    return max(one.score for one in found) + gain < best - FAMILIES.hopeless


def heads_of(probs: FloatArray, labels: IntArray) -> list[Head]:
    """Return the kinds of head that there is data for."""
    N, K = probs.shape
    is_scaled = HEAD.max_mixed_classes < K or HEAD.examples_per_weight * K**2 > N
    found = [Head((scaled_scores_of if is_scaled else scores_of)(probs, labels))]
    if 1 < K <= HEAD.max_quadratic_classes:
        if HEAD.examples_per_product * _num_products(K) <= N:
            curved = scores_of(probs, labels, products="all")
            found.append(Head(curved, HEAD.product_price * _num_products(K)))
        elif HEAD.examples_per_product * K * (K - 1) <= N:
            curved = scores_of(probs, labels, products="squares")
            found.append(Head(curved, HEAD.product_price * K * (K - 1), has_free=False))
    return found


def left_by_sample(heads: list[Head], start_T: FloatArray) -> list[Head]:
    """Return the kinds of head that may be the best: of many examples, by a sample of them.

    What is behind there goes on if chance may have put it there: a likelihood gains half a nat a
    parameter by chance, give or take the square root of that, however many the examples are.
    """
    N = heads[0].scores.values.shape[1]
    if len(heads) < 2 or FAMILIES.both_heads_examples >= N:
        return heads
    size = max(FAMILIES.sample_examples, N // FAMILIES.sample_part)
    some = np.sort(np.random.default_rng(0).permutation(N)[:size])
    expected = []
    for head in heads:
        tried = replace(head, scores=head.scores.among(some)).fitted(start_T)
        best = max(tried, key=lambda candidate: candidate.score)
        gain = best.fit.log_likelihood - head.products / 2
        cost = best.fit.log_likelihood - best.score
        expected.append(gain * N / size + head.products / 2 - cost)
    chance = (
        N / size * FAMILIES.sample_margin * np.sqrt(1 + max(head.products for head in heads) / 2)
    )
    least = max(expected) - chance - FAMILIES.near_best
    return [head for head, value in zip(heads, expected, strict=True) if value >= least]


def _num_products(K: int) -> int:
    """Return how many parameters a quadratic head has beyond a linear one."""
    return (K - 1) * K * (K + 1) // 2


def candidates(
    scores: Scores, start_T: FloatArray, *, has_free: bool = True
) -> Iterator[Candidate]:
    """Yield every family of T fitted with one kind of head; `start_T` (K, K) starts some fits."""
    K, N = len(start_T), scores.values.shape[1]
    none = fit_head(scores, NONE, None)
    yield _candidate(scores, none, 0.0)
    if K < 2:
        return
    found = [
        _candidate(scores, fit_head(scores, EVEN, symmetric_tie(K), head, near=_even(K, rate)), 1.0)
        for head, rate in _starts(scores, none, start_T)
    ]
    yield from found
    same = max(found, key=lambda candidate: candidate.score).fit
    rows = same
    if K > 2:
        rows = fit_head(scores, ROWS, row_tie(K), same, near=same.transition)
        found.append(_candidate(scores, rows, K / 2 * np.log(N / K)))
        yield found[-1]
    if not has_free:
        return
    near = 0.7 * start_T + 0.3 * same.transition
    if scores.is_scaled:
        yield _strong_candidate(scores, rows, near)
        return
    free = [fit_head(scores, FREE, full_tie(K), same, near=near), _told_apart(scores, none)]
    if free[0].log_likelihood < rows.log_likelihood:
        free.append(fit_head(scores, FREE, full_tie(K), rows, near=rows.transition))
    found += [_free_candidate(scores, fit) for fit in free]
    yield from found[-len(free) :]
    best = max([_candidate(scores, none, 0.0), *found], key=lambda candidate: candidate.score).fit
    if best.family == FREE and FAMILIES.many_examples >= N:
        yield _free_candidate(scores, fit_head(scores, FREE, full_tie(K), none, near=start_T))


def _starts(scores: Scores, none: HeadFit, start_T: FloatArray) -> Iterator[tuple[HeadFit, float]]:
    """Yield heads and noise rates from which one rate for all classes is fitted."""
    yield none, float(np.clip(1 - np.diag(start_T).mean(), FAMILIES.starting_rate, 0.9)) / 2
    if len(scores.values) <= len(start_T):  # a quadratic head adds nothing where classes lie apart
        missed = float((none.probs.argmax(axis=0) != scores.labels).mean())
        yield _times(FAMILIES.sharper, none), max(missed, FAMILIES.least_rate)


def _free_candidate(scores: Scores, fit: HeadFit) -> Candidate:
    margin = min(FAMILIES.free_margin, _pairs_in_use(fit))
    return _candidate(scores, fit, _cells_in_use(fit) + margin)


def _times(factor: float, fit: HeadFit) -> HeadFit:
    """Return a fit whose head is surer: its logits times a factor."""
    return replace(fit, A=factor * fit.A, b=factor * fit.b)


def _told_apart(scores: Scores, fit: HeadFit) -> HeadFit:
    """Return T with all cells free under a head that is certain, and held: what it counts."""
    tie, head = full_tie(len(fit.b)), _times(FAMILIES.certain, fit)
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
    tie = strong_tie(
        (counts - expected) / np.sqrt(expected), least=FAMILIES.strong_cell, most=2 * K
    )
    num_free = int(tie.max()) + 1 - K
    fit = fit_head(scores, STRONG, tie, rows, near=near)
    choice = num_free * np.log(K * (K - 1) / max(num_free, 1))
    return _candidate(scores, fit, _cells_in_use(fit) + choice + FAMILIES.free_margin)


def with_background(fit: HeadFit, counts: FloatArray) -> FloatArray:
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
    shared = np.minimum(np.asarray(Q @ Q.T, dtype=np.float64) / FAMILIES.shared_examples, 1.0)
    return float(min(shared.sum() - np.trace(shared), fit.A.size + len(fit.b)))
