"""Simulated crowds whose workers err on the same examples, each with another kind of difficulty.

A crowd's truth is exact: the chance of every answer is known for every worker and task, so T is the
mean of these chances over the tasks of a class.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from alfs_cli.noise import class_clean_levels

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Crowd:
    """Answers (N, M), -1 for none, of M workers to N tasks whose true classes are known.

    `chances` (N, M, K) is the chance of each answer.
    """

    answers: NDArray[np.int64]
    true: NDArray[np.int64]
    chances: Array

    @property
    def num_classes(self) -> int:
        """K."""
        return int(self.chances.shape[2])

    @property
    def transitions(self) -> Array:
        """T of each worker over all tasks, (M, K, K)."""
        of_class = np.eye(self.num_classes)[self.true]
        joint = np.einsum("ni,nmj->mij", of_class, self.chances)
        return np.asarray(joint / joint.sum(axis=2, keepdims=True))

    @property
    def transition(self) -> Array:
        """T of a worker on average, weighted by answers, (K, K)."""
        weights = (self.answers >= 0).sum(axis=0)
        return np.asarray(np.einsum("m,mij->ij", weights / weights.sum(), self.transitions))

    @property
    def clean_level(self) -> float:
        """Return r of a worker on average."""
        return float(class_clean_levels(self.transition).min())


def crowd(
    generator: np.random.Generator, true: NDArray[np.int64], chances: Array, votes: int
) -> Crowd:
    """Return a crowd where `votes` workers, drawn at random, answer each task."""
    N, M, K = chances.shape
    u = generator.random((N, M, 1))
    answers = np.minimum((chances.cumsum(axis=2) < u).sum(axis=2), K - 1).astype(np.int64)
    silent = generator.random((N, M)).argsort(axis=1) >= votes
    answers[silent] = -1
    return Crowd(answers, true, chances)


def _one_coin(right: Array, true: NDArray[np.int64], K: int) -> Array:
    """Return the chances (N, M, K) of answers right with chances (N, M), else any other class."""
    spread = np.repeat((1 - right)[:, :, None] / (K - 1), K, axis=2)
    spread[np.arange(len(true)), :, true] = right
    return spread


def two_classes(generator: np.random.Generator) -> Crowd:
    """Ability times easiness, as in GLAD: 20 workers, 800 tasks, 5 answers each."""
    true = generator.integers(2, size=800)
    ability = generator.normal(1.2, 0.8, 20)
    easiness = np.exp(generator.normal(0, 1, 800))
    return crowd(generator, true, _one_coin(expit(easiness[:, None] * ability), true, 2), 5)


def look_alikes(generator: np.random.Generator) -> Crowd:
    """A third of the tasks look like the next class: 12 workers, 600 tasks, 5 answers each."""
    K, N, M = 4, 600, 12
    true = generator.choice(K, N, p=[0.4, 0.3, 0.2, 0.1])
    seen = np.where(generator.random(N) < 0.35, generator.uniform(0.2, 0.6, N), 0.0)
    perceived = np.eye(K)[true] * (1 - seen[:, None]) + np.eye(K)[(true + 1) % K] * seen[:, None]
    own = np.stack(
        [
            np.diag(a := generator.beta(8, 1.5, K)) + (1 - a)[:, None] * _apart(generator, K)
            for _ in range(M)
        ]
    )
    return crowd(generator, true, np.einsum("nc,mcl->nml", perceived, own), 5)


def _apart(generator: np.random.Generator, K: int) -> Array:
    """Return rows that spread over the other classes, (K, K)."""
    rows = generator.dirichlet(np.ones(K), K) * (1 - np.eye(K))
    return np.asarray(rows / rows.sum(axis=1, keepdims=True))


def few_answers(generator: np.random.Generator) -> Crowd:
    """Three answers to each of 1,000 tasks by 60 workers; difficulty without a direction."""
    K, N, M = 5, 1000, 60
    true = generator.integers(K, size=N)
    ability = generator.uniform(0.5, 0.97, M)
    clear = generator.beta(3, 1, N)
    right = 1 / K + (ability - 1 / K) * clear[:, None]
    return crowd(generator, true, _one_coin(right, true, K), 3)


def people(generator: np.random.Generator) -> Crowd:
    """Three people, 10 classes, 4,000 tasks; what a task looks like is a Dirichlet draw."""
    K, N = 10, 4000
    true = generator.integers(K, size=N)
    T = 0.82 * np.eye(K) + 0.04 / K
    T[np.arange(K), np.arange(K) ^ 1] += 0.10
    T[np.arange(K), (np.arange(K) + 2) % K] += 0.04
    T /= T.sum(axis=1, keepdims=True)
    looks = np.stack([generator.dirichlet(2.5 * T[cls]) for cls in true])
    own = [(1 - e) * np.eye(K) + e / K for e in (0.02, 0.05, 0.1)]
    return crowd(generator, true, np.stack([looks @ each for each in own], axis=1), 3)


def spammers(generator: np.random.Generator) -> Crowd:
    """A third of 24 workers answer blindly, rare classes are hard: 700 tasks, 6 answers each."""
    K, N, M = 3, 700, 24
    true = generator.choice(K, N, p=[0.6, 0.3, 0.1])
    depth = generator.normal(np.array([2.5, 1.5, 0.8])[true], 1.5)
    skill = generator.normal(0, 0.6, M)
    chances = _one_coin(1 / K + (1 - 1 / K) * expit(depth[:, None] + skill), true, K)
    for m in range(M // 3):
        habit = generator.dirichlet(np.ones(K) if m % 2 else np.full(K, 0.1))
        chances[:, m] = habit
    return crowd(generator, true, chances, 6)


CROWDS: dict[str, Callable[[np.random.Generator], Crowd]] = {
    "two classes": two_classes,
    "look-alikes": look_alikes,
    "few answers": few_answers,
    "people": people,
    "spammers": spammers,
}


def made(name: str, seed: int) -> Crowd:
    """Return a crowd of CROWDS."""
    return CROWDS[name](np.random.default_rng([list(CROWDS).index(name), seed]))
