"""The log-likelihood of the given labels under a head and T, with its gradient, block by block.

A fit asks for it hundreds of times, and each pass over a matrix (K, N) that no cache holds costs as
much as the arithmetic. Blocks of columns stay in the cache through all steps. Blocks of one label
each save a multiplication and lose more where there are many classes; threads gain nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alfs_cli.arrays import FloatArray, IntArray

Single = NDArray[np.float32]

BLOCK = 2**18  # numbers (K n) of a block: a megabyte in each of three buffers
LEAST_SHARE = 1e-6  # of the examples, of a class
LEAST = np.float32(1e-30)  # of a likelihood


@dataclass(frozen=True, eq=False)
class Block:
    """Some columns of the scores, sorted by given label.

    `sizes` (L,) says how many columns have each of the L `labels`, a range, and `given` (n, L)
    which of them a column has. `each` (n,) are ones, to sum with.
    """

    values: Single
    labels: slice
    sizes: IntArray
    given: Single
    each: Single
    probs: Single


@dataclass(frozen=True)
class Sums:
    """The log-likelihood, and sums over the examples.

    `counts` (K, K) are P(true | x, given) by given label, `shares` (K,) means of P(true | x).
    `by_A` and `by_b` (K,) are the derivatives of the log-likelihood, and of the prior's logarithm,
    by the head's weights and shifts.
    """

    log_likelihood: float
    counts: FloatArray
    shares: FloatArray
    by_A: FloatArray
    by_b: FloatArray


class Likelihood:
    """The likelihood of heads and T on scores (D, N), sorted by given label as `start` says."""

    def __init__(self, values: Single, start: IntArray, *, is_scaled: bool) -> None:
        self.is_scaled = is_scaled
        self.num_examples = values.shape[1]
        self.num_classes = len(start) - 1
        self.blocks = list(_blocks(values, start))
        self.of_classes = np.ones(self.num_classes, dtype=np.float32)

    def __call__(
        self, A: FloatArray, b: FloatArray, T: FloatArray, prior: FloatArray | None = None
    ) -> Sums:
        """Return the sums of a head (A, b) and T; `prior` (K,) are counts of each true class.

        It stands for so many examples whose true class is known, but not where they lie.
        """
        weights, shifts, cells = (np.asarray(one, dtype=np.float32) for one in (A, b, T))

        total = np.zeros(self.num_classes)
        for block in self.blocks:
            total += self._softmax(block, weights, shifts)
        shares = np.maximum(total / self.num_examples, LEAST_SHARE)
        pull = None
        if prior is not None:
            pull = (prior / (self.num_examples * shares)).astype(np.float32)
        counts = np.zeros((self.num_classes, self.num_classes))
        log_likelihood, by_A, by_b = 0.0, np.zeros(A.shape), np.zeros(len(b))
        for block in self.blocks:
            one, counted, weight, shift = self._residuals(block, cells, pull)
            log_likelihood += one
            counts[:, block.labels] += counted
            by_A += weight
            by_b += shift
        return Sums(log_likelihood, counts, shares, by_A, by_b)

    def _softmax(self, block: Block, weights: Single, shifts: Single) -> Single:
        """Put softmax(A s + b) into the block; return its sums (K,)."""
        Q = block.probs
        if self.is_scaled:
            np.multiply(weights[:, None], block.values, out=Q)
        else:
            np.matmul(weights, block.values, out=Q)
        Q += shifts[:, None]
        Q -= np.maximum.reduce(Q, axis=0)
        np.exp(Q, out=Q)
        Q /= self.of_classes @ Q
        return np.asarray(Q @ block.each)

    def _residuals(
        self, block: Block, T: Single, pull: Single | None
    ) -> tuple[float, Single, Single, Single]:
        """Return a block's log-likelihood, counts (K, L) and derivatives by the head."""
        Q = block.probs
        R = np.repeat(T[:, block.labels], block.sizes, axis=1)
        R *= Q
        likelihood = np.maximum(self.of_classes @ R, LEAST)
        R /= likelihood
        counts = np.asarray(R @ block.given, dtype=np.float32)
        if pull is None:
            R -= Q
        else:
            moved = np.subtract.outer(pull - 1, pull @ Q)
            moved *= Q
            R += moved
        seen = np.einsum("kn,kn->k", R, block.values) if self.is_scaled else R @ block.values.T
        by_A, by_b = (np.asarray(one, dtype=np.float32) for one in (seen, R @ block.each))
        return float(np.add.reduce(np.log(likelihood), dtype=np.float64)), counts, by_A, by_b


def _blocks(values: Single, start: IntArray) -> Iterator[Block]:
    K, N = len(start) - 1, values.shape[1]
    given = np.repeat(np.arange(K), np.diff(start))
    size = max(BLOCK // K, 1)
    for first in range(0, N, size):
        some, own = values[:, first : first + size], given[first : first + size]
        labels = slice(int(own[0]), int(own[-1]) + 1)
        yield Block(
            some,
            labels,
            sizes=np.bincount(own - own[0]),
            given=np.eye(labels.stop - labels.start, dtype=np.float32)[own - own[0]],
            each=np.ones(len(own), dtype=np.float32),
            probs=np.empty((K, len(own)), dtype=np.float32),
        )
