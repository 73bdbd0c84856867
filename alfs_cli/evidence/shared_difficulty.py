"""A model of annotators who err on the same examples.

What an example looks like is shared: it looks clearly like its true class i, or to a degree t like
another class j, or like any other. Given that, annotators err independently, each in an own way:

    P(label l | i, j, t, annotator m) = sum_c look_c E_m[c, l],   look = (1 - t_m) e_i + t_m e_j

E_m are the annotator's own errors. t_m = logistic(-a_m z) has a level z that belongs to the example
and an ability a_m to see through it (the idea of GLAD, Whitehill et al., NIPS 2009). Where all
examples are clear this is the model of Dawid & Skene (Applied Statistics 1979).

Few votes for each example hardly tell how many examples are hard: two annotators against one may
have seen a hard example, or the one erred alone. So the model is fitted for several shares of hard
examples, its accounts, and what they say is averaged by their likelihoods. These are tempered,
since small differences for each example may be the fault of the model. An
example that looks more like j than like its own class i cannot be told by votes from one of class j
that looks a little like i. How many there are follows from a beta distribution of t whose mean is
at most a third, so that a majority is rather right than wrong.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache, cached_property
from math import asinh, sinh

import numpy as np
from scipy.optimize import brentq
from scipy.sparse import csc_array, csr_array
from scipy.special import expit, gammaln, logit

from alfs_cli.arrays import BoolArray, FloatArray, IntArray
from alfs_cli.evidence.tuning import DIFFICULTY

LEVELS = np.array([0.1, 0.25, 0.4, 0.6, 0.8])  # degrees t at ability 1
SHAPES = tuple((a, b) for a in (0.7, 1.0, 1.5, 2.0) for b in (2.0, 3.0, 4.0, 6.0) if b >= 2 * a)
STRENGTHS = 2.0 ** np.arange(1, 10)  # labels, of a Dirichlet prior
ABILITIES = np.exp(np.linspace(-1.5, 1.5, 7))
FIRST_STEPS, MAX_STEPS, TOLERANCE = 30, 80, 3e-6  # EM steps; gain in nats for an example
BLOCK = 2**22  # responsibilities in memory at once


@dataclass(frozen=True)
class Strengths:
    """How strongly priors draw what few labels tell, in labels: found by empirical Bayes.

    Args:
        typical: a row of an annotator's own errors, to what is typical of them and of the class.
        even: the errors of a class, to the same share of each other class.
        prior: the shares of the classes, to the same share of each.
    """

    typical: float
    even: float
    prior: float


@dataclass(frozen=True, eq=False)
class States:
    """What an example may look like: S states, of which the first K are clear.

    Args:
        true: the true class of each state, (S,).
        other: the class that it also looks like, (S,); the true one stands for any other.
        level: the index into LEVELS, (S,), -1 where it is clear.
        lean: the class that it also looks like as shares, (S, K).
    """

    true: IntArray
    other: IntArray
    level: IntArray
    lean: FloatArray

    @property
    def num_classes(self) -> int:
        """K."""
        return int(self.lean.shape[1])

    def looks(self, ability: FloatArray) -> FloatArray:
        """Return the class that annotators of each ability (M,) perceive, (M, S, K)."""
        t = np.where(self.is_hard, expit(-ability[:, None] * self._levels), 0.0)[:, :, None]
        return np.asarray((1 - t) * self._clear + t * self.lean)

    @cached_property
    def is_hard(self) -> BoolArray:
        """Whether a state is of hard examples, (S,)."""
        return np.asarray(self.level >= 0)

    @cached_property
    def of_class(self) -> FloatArray:
        """1 for the states of each class, (K, S)."""
        return np.eye(self.num_classes)[:, self.true]

    @cached_property
    def hard_pairs(self) -> tuple[IntArray, BoolArray]:
        """The number of the pair of classes of each hard state, and which of (K * K) there are."""
        K = self.num_classes
        pairs = (self.true * K + self.other)[self.is_hard]
        return pairs, np.bincount(pairs, minlength=K * K) > 0

    @cached_property
    def _levels(self) -> FloatArray:
        return -np.asarray(logit(LEVELS))[self.level]

    @cached_property
    def _clear(self) -> FloatArray:
        return np.eye(self.num_classes)[self.true]


@dataclass(frozen=True, eq=False)
class Account:
    """The model of M annotators with a given share of hard examples.

    Args:
        states: what an example may look like.
        hard: the share of hard examples.
        shares: the share of each state, (S,).
        own: the errors of each annotator given what is perceived, (M, K, K).
        ability: of each annotator, (M,).
        likelihood: the log-likelihood of the labels it was fitted to, before the last step.
    """

    states: States
    hard: float
    shares: FloatArray
    own: FloatArray
    ability: FloatArray
    likelihood: float = -np.inf

    @property
    def chances(self) -> FloatArray:
        """P(label | state) of each annotator, (M, S, K)."""
        return np.asarray(self.states.looks(self.ability) @ self.own)

    @property
    def prior(self) -> FloatArray:
        """The share of each true class, (K,)."""
        K = self.states.num_classes
        return _summed(self.states.true, self.shares, K)

    @property
    def transitions(self) -> FloatArray:
        """T of each annotator over all examples of a class, (M, K, K)."""
        joint = np.einsum("is,msl->mil", self.states.of_class * self.shares, self.chances)
        return np.asarray(joint / joint.sum(axis=2, keepdims=True))

    def correlation(self) -> float:
        """Return the correlation of two annotators' errors on examples of the same class.

        It is the mean covariance of a pair over the mean product of their standard deviations.
        """
        right = self.chances[:, np.arange(len(self.shares)), self.states.true]
        of_class = self.states.of_class * self.shares
        prior = of_class.sum(axis=1)
        each = (of_class @ (1 - right).T) / prior[:, None]  # (K, M)
        apart = (1 - right)[None] - each[:, :, None]  # (K, M, S)
        covariance = (of_class * (apart.sum(axis=1) ** 2 - (apart**2).sum(axis=1))).sum()
        spread = np.sqrt(np.maximum(each * (1 - each), 0))
        limit = prior @ (spread.sum(axis=1) ** 2 - (spread**2).sum(axis=1))
        return float(covariance / limit) if limit > 1e-12 else 0.0

    def log_joint(self, marks: IntArray) -> FloatArray:
        """Return log P(labels, true class) of examples with labels (N, M), (N, K)."""
        K = self.states.num_classes
        A, log_shares = _Cast(marks, K), self.log_shares()
        table = _table(np.maximum(self.chances, 1e-12))
        found = np.empty((len(marks), K))
        for rows, part, _ in A.blocks(len(self.shares)):
            logs = part @ table + log_shares
            top = logs.max(axis=1, keepdims=True)
            sums = np.exp(logs - top) @ self.states.of_class.T
            found[rows] = np.log(np.maximum(sums, 1e-300)) + top
        return found

    def log_shares(self) -> FloatArray:
        """Return the logarithm of the share of each state, (S,)."""
        return np.asarray(np.log(np.maximum(self.shares, 1e-300)))


@dataclass(frozen=True, eq=False)
class SharedDifficulty:
    """The accounts of the same labels, and how far each is believed; weights (A,) sum to 1.

    `strengths` are those of the priors of the annotators' own errors.
    """

    accounts: tuple[Account, ...]
    weights: FloatArray
    strengths: Strengths

    @property
    def prior(self) -> FloatArray:
        """The share of each true class, (K,)."""
        return np.asarray(self.weights @ np.stack([one.prior for one in self.accounts]))

    @property
    def transitions(self) -> FloatArray:
        """T of each annotator, (M, K, K)."""
        return self.averaged(np.stack([one.transitions for one in self.accounts]))

    @property
    def credible(self) -> tuple[int, ...]:
        """The indices of the accounts that the labels do not speak against."""
        return tuple(np.flatnonzero(self.weights > DIFFICULTY.credible * self.weights.max()))

    def averaged(self, transitions: FloatArray) -> FloatArray:
        """Return the mean of T by account (A, ..., K, K), rows weighted by class shares."""
        priors = np.stack([one.prior for one in self.accounts]) * self.weights[:, None]
        found = np.einsum("ai,a...ij->...ij", priors, transitions)
        return np.asarray(found / found.sum(axis=-1, keepdims=True))

    def posterior(self, marks: IntArray) -> FloatArray:
        """Return P(true class | labels) of examples with labels (N, M), (N, K)."""
        logs = (normalised(one.log_joint(marks)) for one in self.accounts)
        return np.asarray(sum(w * found for w, found in zip(self.weights, logs, strict=True)))

    def likelihoods(self, marks: IntArray) -> FloatArray:
        """Return P(labels | true class) of examples (N, M) up to a factor of each, (N, K)."""
        found = self.posterior(marks) / np.maximum(self.prior, 1e-12)
        return np.asarray(found / found.sum(axis=1, keepdims=True))


class _Cast:
    """Which labels each example has, (N, M * K), one column for an annotator's label."""

    def __init__(self, marks: IntArray, K: int) -> None:
        rows, people = np.nonzero(marks >= 0)
        columns = people * K + marks[rows, people]
        shape = (len(marks), marks.shape[1] * K)
        self._all = csr_array((np.ones(len(rows)), (rows, columns)), shape=shape)
        self._kept: dict[int, list[tuple[slice, csr_array, csc_array]]] = {}

    def blocks(self, width: int) -> list[tuple[slice, csr_array, csc_array]]:
        """Return blocks of rows, which they are and the block's transpose, for so many states."""
        size = max(BLOCK // width, 1)
        if size not in self._kept:
            places = [slice(first, first + size) for first in range(0, self._all.shape[0], size)]
            parts = [(rows, self._all[rows]) for rows in places]
            self._kept[size] = [(rows, part, part.T) for rows, part in parts]
        return self._kept[size]


def normalised(logs: FloatArray) -> FloatArray:
    """Return probabilities (N, K) from their logarithms up to a constant of each row."""
    found = np.exp(logs - logs.max(axis=1, keepdims=True))
    return np.asarray(found / found.sum(axis=1, keepdims=True))


def shared_difficulty(patterns: IntArray, counts: FloatArray, num_classes: int) -> SharedDifficulty:
    """Return the accounts of label patterns (U, M) seen `counts` (U,) times.

    A pattern holds the label of each of M annotators, -1 for none.
    """
    A = _Cast(patterns, num_classes)
    first = _first(patterns, counts, num_classes)
    first, strengths = _stepped(first, A, counts, None, learns_ability=False)
    for step in range(1, FIRST_STEPS):
        first, strengths = _stepped(first, A, counts, None, learns_ability=step % 3 == 2)
    accounts = [
        _fitted(_with_hard(first, hard), A, counts, strengths, MAX_STEPS)
        for hard in DIFFICULTY.shares
    ]
    return _weighed(accounts, counts, strengths)


def refitted(
    model: SharedDifficulty, patterns: IntArray, draws: Iterable[FloatArray], steps: int
) -> Iterator[SharedDifficulty]:
    """Yield the model after some EM steps on each other counts (U,) of the patterns (U, M)."""
    A = _Cast(patterns, model.accounts[0].states.num_classes)
    for counts in draws:
        accounts = [_fitted(one, A, counts, model.strengths, steps) for one in model.accounts]
        yield replace(model, accounts=tuple(accounts))


def _weighed(accounts: list[Account], counts: FloatArray, strengths: Strengths) -> SharedDifficulty:
    logs = np.array([one.likelihood for one in accounts])
    logs = (logs - logs.max()) / (1 + DIFFICULTY.doubt * counts.sum())
    weights = np.exp(logs)
    return SharedDifficulty(tuple(accounts), weights / weights.sum(), strengths)


def _fitted(
    account: Account,
    A: _Cast,
    counts: FloatArray,
    strengths: Strengths,
    steps: int,
) -> Account:
    total, before = max(float(counts.sum()), 1e-12), -np.inf
    for step in range(steps):
        account, _ = _stepped(account, A, counts, strengths, learns_ability=step % 3 == 2)
        if abs(account.likelihood - before) < TOLERANCE * total:
            break
        before = account.likelihood
    return account


def _summed(numbers: IntArray, weights: FloatArray, size: int) -> FloatArray:
    """Return the sum of the weights of each number below `size`, (size,)."""
    return np.bincount(numbers, weights=weights, minlength=size).astype(np.float64)


def _stepped(
    account: Account,
    A: _Cast,
    counts: FloatArray,
    strengths: Strengths | None,
    *,
    learns_ability: bool,
) -> tuple[Account, Strengths]:
    """Return the account after one EM step, with the strengths of the priors, found if None."""
    states, M = account.states, len(account.own)
    looks = states.looks(account.ability)
    chances = np.maximum(looks @ account.own, 1e-12)
    by_state, by_label, likelihood = _expected(A, counts, _table(chances), account.log_shares())
    by_label = by_label.reshape(M, states.num_classes, -1)
    ratio = by_label.transpose(0, 2, 1) / chances
    perceived = account.own * np.matmul(looks.transpose(0, 2, 1), ratio)
    by_class = _summed(states.true, by_state, states.num_classes)
    own, prior, strengths = shrunk(perceived, by_class, strengths)
    ability = account.ability
    if learns_ability and account.hard > 0:
        ability = _abilities(states, own, by_label)
    shares = _shares(states, by_state, prior, account.hard)
    return Account(states, account.hard, shares, own, ability, likelihood), strengths


def _table(chances: FloatArray) -> FloatArray:
    """Return the logarithm of P(label | state) (M, S, K) with a row for each label, (M * K, S)."""
    logs = np.log(chances)
    return np.asarray(logs.transpose(0, 2, 1).reshape(-1, chances.shape[1]))


def _expected(
    A: _Cast, counts: FloatArray, table: FloatArray, log_shares: FloatArray
) -> tuple[FloatArray, FloatArray, float]:
    """Return the expected examples of each state (S,), of each label and state, the likelihood."""
    by_state, by_label, total = np.zeros(len(log_shares)), np.zeros(table.shape), 0.0
    for rows, part, turned in A.blocks(len(log_shares)):
        logs = part @ table + log_shares
        top = logs.max(axis=1, keepdims=True)
        found = np.exp(logs - top)
        sums = found.sum(axis=1, keepdims=True)
        found *= counts[rows, None] / sums
        total += float(counts[rows] @ (top + np.log(sums))[:, 0])
        by_state += found.sum(axis=0)
        by_label += turned @ found
    return by_state, by_label, total


def shrunk(
    counts: FloatArray, by_class: FloatArray, found: Strengths | None = None
) -> tuple[FloatArray, FloatArray, Strengths]:
    """Return annotators' errors (M, K, K) and class shares (K,) from expected counts of both.

    An annotator's row is drawn to a right share that is theirs for all classes, and to errors that
    are everybody's; their right share is itself drawn to everybody's, and everybody's errors to
    even ones. How strongly is what makes the counts likeliest, or is given.
    """
    K = counts.shape[1]
    each, even = np.arange(K), np.full(K, 1 / K)
    right, seen = counts[:, each, each].sum(axis=1), counts.sum(axis=(1, 2))
    usual = (right.sum() + 1) / (seen.sum() + 2)
    skill = (right + DIFFICULTY.alike * usual) / (seen + DIFFICULTY.alike)
    other = ~np.eye(K, dtype=bool)
    wrong = counts.sum(axis=0)[other].reshape(K, K - 1)
    among = np.full(K - 1, 1 / (K - 1))
    strengths = found
    if strengths is None:
        strengths = Strengths(1.0, _strength(wrong, among), _strength(by_class[None], even))
    wrong = wrong + strengths.even * among
    typical = skill[:, None, None] * np.eye(K)
    typical[:, other] += (1 - skill)[:, None] * (wrong / wrong.sum(axis=1, keepdims=True)).ravel()
    if found is None:
        strengths = replace(strengths, typical=_strength(counts, typical, DIFFICULTY.typical))
    own = counts + strengths.typical * typical
    prior = by_class + strengths.prior * even
    own /= own.sum(axis=2, keepdims=True)
    return own, prior / prior.sum(), strengths


def _strength(counts: FloatArray, means: FloatArray, most: float = np.inf) -> float:
    """Return the strength of the Dirichlet prior around `means` that makes rows likeliest."""
    found = []
    for strength in STRENGTHS[most >= STRENGTHS]:
        prior = strength * np.maximum(means, 1e-9)
        rows = (gammaln(counts + prior) - gammaln(prior)).sum(axis=-1)
        rows += gammaln(strength) - gammaln(counts.sum(axis=-1) + strength)
        found.append((float(rows.sum()), float(strength)))
    return max(found)[1]


def _shares(
    states: States, by_state: FloatArray, prior: FloatArray, hard_share: float
) -> FloatArray:
    """Return the share of each state (S,), given those of classes (K,) and of hard examples."""
    K, is_hard = states.num_classes, states.is_hard
    of_class = _summed(states.true, by_state, K) + 0.5
    hard_of = _hard_shares(1 - (by_state[:K] + 0.5) / of_class, prior, hard_share)
    pairs, is_known = states.hard_pairs
    directed = _summed(pairs, by_state[is_hard], K * K)
    directed = np.where(is_known, directed + DIFFICULTY.even / K, 0.0).reshape(K, K)
    directed = directed / directed.sum(axis=1, keepdims=True)
    true, other, level = (one[is_hard] for one in (states.true, states.other, states.level))
    shares = prior[states.true] * (1 - hard_of)[states.true]
    degrees = _degrees(_summed(level, by_state[is_hard], len(LEVELS)))
    shares[is_hard] = (prior * hard_of)[true] * directed[true, other] * degrees[level]
    return np.asarray(shares / shares.sum(), dtype=np.float64)


def _hard_shares(expected: FloatArray, prior: FloatArray, total: float) -> FloatArray:
    """Return the share of hard examples of each class (K,), likeliest where `total` is that of all.

    It maximises sum_i prior_i (e_i log h_i + (1 - e_i) log(1 - h_i)) given sum_i prior_i h_i, with
    e the expected shares (K,): h_i solves e - h = c h (1 - h), and c is found by root finding.
    """
    if total <= 0:
        return np.zeros(len(prior))
    e = np.clip(expected, 1e-6, 1 - 1e-6)

    def solved(c: float) -> FloatArray:
        if abs(c) < 1e-9:
            return e
        return np.asarray((1 + c - np.sqrt((1 + c) ** 2 - 4 * c * e)) / (2 * c))

    def over(place: float) -> float:
        return float(prior @ solved(sinh(place))) - total

    most = asinh(1e6)
    if over(-most) <= 0:  # next to all are hard, beyond what rounding tells apart
        return solved(sinh(-most))
    if over(most) >= 0:  # next to none
        return solved(sinh(most))
    return solved(sinh(brentq(over, -most, most, xtol=1e-14, rtol=1e-14)))


def _degrees(seen: FloatArray) -> FloatArray:
    """Return the shares of the levels under the beta distribution that makes `seen` likeliest."""
    shares = _shapes()
    return np.asarray(shares[(np.log(shares) @ seen).argmax()], dtype=np.float64)


@cache
def _shapes() -> FloatArray:
    """Return the shares of the levels under each beta distribution, (F, L)."""
    a, b = np.array(SHAPES).T[:, :, None]
    found = LEVELS ** (a - 1) * (1 - LEVELS) ** (b - 1)
    return np.asarray(found / found.sum(axis=1, keepdims=True))


def _abilities(states: States, own: FloatArray, by_label: FloatArray) -> FloatArray:
    """Return the likeliest ability of each annotator, (M,), under a log-normal prior."""
    prior = -0.5 * (np.log(ABILITIES) / DIFFICULTY.ability) ** 2
    worth = np.empty((len(ABILITIES), len(own)))
    for place, ability in enumerate(ABILITIES):
        looks = states.looks(np.array([ability]))[0]
        logs = np.log(np.maximum(looks @ own, 1e-12)).transpose(0, 2, 1)
        worth[place] = (by_label * logs).sum(axis=(1, 2)) + prior[place]
    return np.asarray(ABILITIES[worth.argmax(axis=0)], dtype=np.float64)


def _first(patterns: IntArray, counts: FloatArray, K: int) -> Account:
    """Return the account that EM begins at: classes by majority, some examples hard."""
    votes = np.stack([(patterns == cls).sum(axis=1) for cls in range(K)], axis=1).astype(float)
    share = votes / np.maximum(votes.sum(axis=1, keepdims=True), 1)
    states = _states(*_pairs(votes, counts), K)
    agreed = np.zeros((patterns.shape[1], K, K))
    for m in range(len(agreed)):
        rows = np.flatnonzero(patterns[:, m] >= 0)
        np.add.at(agreed[m].T, patterns[rows, m], share[rows] * counts[rows, None])
    return _with_hard(
        Account(
            states,
            0.2,
            (counts @ share + 1)[states.true] * np.where(states.level < 0, 1.0, 0.1),
            shrunk(agreed, counts @ share)[0],
            np.ones(len(agreed)),
        ),
        0.2,
    )


def _with_hard(account: Account, hard: float) -> Account:
    """Return an account to begin at, with another share of hard examples.

    Where many examples are hard, annotators are good: EM finds the way there but slowly.
    """
    shares, is_hard = account.shares.copy(), account.states.level >= 0
    for part, total in ((is_hard, max(hard, 1e-12)), (~is_hard, 1 - hard)):
        shares[part] *= total / max(float(shares[part].sum()), 1e-300)
    own, K = account.own, account.states.num_classes
    if hard > 0.2:
        own = (own + 2 * np.eye(K)) / 3
    return replace(account, hard=hard, shares=shares, own=own)


def _pairs(votes: FloatArray, counts: FloatArray) -> tuple[IntArray, IntArray]:
    """Return the pairs of classes that most often both have votes, as many as time allows."""
    together = (votes > 0).astype(float)
    both = (together * counts[:, None]).T @ together
    K = len(both)
    np.fill_diagonal(both, 0)
    most = min(DIFFICULTY.pairs, DIFFICULTY.cells // (len(votes) * len(LEVELS)), K * (K - 1))
    order = np.argsort(-both, axis=None, kind="stable")[:most]
    one, other = np.unravel_index(np.sort(order[both.ravel()[order] > 0]), both.shape)
    return one.astype(np.int64), other.astype(np.int64)


def _states(one: IntArray, other: IntArray, K: int) -> States:
    """Return the clear states, those of pairs of classes, and of each class with any other."""
    each, L = np.arange(K), len(LEVELS)
    i, j = np.concatenate([one, each]), np.concatenate([other, each])
    true = np.concatenate([each, np.repeat(i, L)])
    to = np.concatenate([each, np.repeat(j, L)])
    level = np.concatenate([np.full(K, -1), np.tile(np.arange(L), len(i))])
    any_other = (1 - np.eye(K)) / max(K - 1, 1)
    lean = np.where((true == to)[:, None], any_other[true], np.eye(K)[to])
    return States(true, to, level, lean)
