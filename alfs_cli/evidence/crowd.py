"""A crowd: the labels of several annotators, the model fitted to them, and its replicates."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from alfs_cli.arrays import FloatArray, IntArray
from alfs_cli.evidence.shared_difficulty import (
    Account,
    SharedDifficulty,
    normalised,
    refitted,
    shared_difficulty,
)
from alfs_cli.evidence.tuning import DIFFICULTY


@dataclass(frozen=True, eq=False)
class Crowd:
    """The labels (N, M) of M annotators, -1 for none, in K classes; `names` are the annotators'.

    `given` (N,) are the given labels, None where they are the annotators' own.
    """

    marks: IntArray
    num_classes: int
    names: tuple[str, ...] = ()
    given: IntArray | None = None

    @property
    def size(self) -> int:
        """M."""
        return int(self.marks.shape[1])

    @property
    def annotators(self) -> tuple[str, ...]:
        """The names of the annotators, numbers where they have none."""
        return self.names or tuple(str(number + 1) for number in range(self.size))

    def among(self, places: IntArray) -> "Crowd":
        """Return the crowd of the examples at the indices `places` (n,), not fitted yet."""
        given = None if self.given is None else self.given[places]
        return Crowd(self.marks[places], self.num_classes, self.names, given)

    @property
    def votes(self) -> IntArray:
        """The number of votes for each class, (N, K)."""
        classes = range(self.num_classes)
        return np.stack([(self.marks == cls).sum(axis=1) for cls in classes], axis=1)

    @cached_property
    def model(self) -> SharedDifficulty:
        """The fitted model."""
        return shared_difficulty(self._patterns[0], self._patterns[2], self.num_classes)

    @cached_property
    def posterior(self) -> FloatArray:
        """P(true class | labels) of each example, (N, K)."""
        patterns, back, _ = self._patterns
        return self.model.posterior(patterns)[back]

    def joined(self, q: FloatArray) -> FloatArray:
        """Return P(true class | labels, evidence) (N, K), where evidence alone says `q` (N, K).

        The evidence counts as one more vote, to a power at which the votes of all examples are
        likeliest: the power is near 0 where it is of no use, and below 1 where it is too sure.
        """
        patterns, back, _ = self._patterns
        votes = self.model.likelihoods(patterns)[back]
        prior = self.model.prior
        logs = np.log(np.maximum(q, 1e-6)) - np.log(np.maximum(prior, 1e-6))
        best, chosen = -np.inf, normalised(np.log(np.maximum(votes * prior, 1e-300)))
        for power in DIFFICULTY.powers:
            before = normalised(np.log(np.maximum(prior, 1e-300)) + power * logs)
            both = votes * before
            worth = float(np.log(np.maximum(both.sum(axis=1), 1e-300)).sum())
            if worth > best:
                best, chosen = worth, both / np.maximum(both.sum(axis=1, keepdims=True), 1e-300)
        return np.asarray(chosen)

    @cached_property
    def replicates(self) -> tuple[tuple[FloatArray, SharedDifficulty], ...]:
        """Bootstrap replicates over examples: how often each pattern was drawn (U,), the model."""
        patterns, _, counts = self._patterns
        generator, total = np.random.default_rng(3), int(counts.sum())
        draws = [
            generator.multinomial(total, counts / total).astype(np.float64)
            for _ in range(DIFFICULTY.replicates)
        ]
        models = refitted(self.model, patterns, draws, DIFFICULTY.steps)
        return tuple(zip(draws, models, strict=True))

    def shares(self, drawn: FloatArray | None = None) -> FloatArray:
        """Return the share of all labels that each annotator gave, (M,)."""
        patterns, _, counts = self._patterns
        given = (counts if drawn is None else drawn) @ (patterns >= 0)
        return np.asarray(given / given.sum())

    def of_given(
        self, model: SharedDifficulty, drawn: FloatArray | None = None
    ) -> Iterator[tuple[FloatArray, FloatArray]]:
        """Yield T of the given labels (K, K) and class shares (K,), by each account of a model.

        Where the given labels are the annotators' own, T is that of an annotator on average.
        """
        for account in model.accounts:
            if self.given is None:
                mean = np.einsum("m,mij->ij", self.shares(drawn), account.transitions)
                yield mean, account.prior
            else:
                yield self._by_labels(account, self.given, drawn)

    def of_labels(self, labels: IntArray) -> list[tuple[FloatArray, FloatArray]]:
        """Return T of some labels (N,) and class shares (K,), by each account."""
        return [self._by_labels(account, labels, None) for account in self.model.accounts]

    def _by_labels(
        self, account: Account, labels: IntArray, drawn: FloatArray | None
    ) -> tuple[FloatArray, FloatArray]:
        patterns, back, counts = self._patterns
        shares = np.zeros((len(patterns), self.num_classes))
        np.add.at(shares, (back, labels), 1)
        posterior = normalised(account.log_joint(patterns))
        weights = (counts if drawn is None else drawn) / counts
        joint = (posterior * weights[:, None]).T @ shares
        joint += np.eye(self.num_classes) * 1e-9
        prior = joint.sum(axis=1)
        return joint / prior[:, None], prior / prior.sum()

    @cached_property
    def _patterns(self) -> tuple[IntArray, IntArray, FloatArray]:
        """The different rows of labels (U, M), the row of each example (N,), their counts (U,)."""
        patterns, back, counts = np.unique(
            self.marks, axis=0, return_inverse=True, return_counts=True
        )
        return patterns, back.ravel(), counts.astype(np.float64)
