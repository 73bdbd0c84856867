"""Which example is asked next: one fixed order, without replacement, by weights.

Each example has a clock that rings after an exponential time of rate w(x); the order is that in
which they ring. So the next is always drawn with chances w / (sum of w over what is left), whatever
was answered (Efraimidis & Spirakis, Information Processing Letters 2006): the order is a function
of the seed, the fingerprint of the data and the weights, and a draw once shown is final.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np

from alfs_cli.arrays import BoolArray, FloatArray, IntArray
from alfs_cli.audits.population import Population
from alfs_cli.audits.tuning import TUNING

UNIT = 256  # the weight of an even draw; weights are whole numbers, so that sums are exact


@dataclass(frozen=True)
class Draws:
    """The order in which the examples that can be drawn are, and the weights it came by (N)."""

    order: IntArray
    weights: IntArray
    key: str

    def repeat_after(self, number: int) -> int | None:
        """Return which earlier draw is shown again after draw `number` (from 0), or None."""
        if (number + 1) % TUNING.repeat_every:
            return None
        return whole(f"{self.key}|repeat|{number}") % (number + 1 - TUNING.repeat_distance)


def draws(examples: Population, weights: IntArray, seed: int) -> Draws:
    """Return the order of all examples that can be drawn; weights (N) are whole and above 0."""
    key = f"alfs.audit/1|{seed}|{examples.fingerprint}"
    open_ones = np.flatnonzero(examples.open)
    raw = np.random.PCG64(whole(key)).random_raw(len(examples))
    uniform = ((raw >> np.uint64(11)).astype(float) + 0.5) / 2.0**53
    rings = -np.log(uniform[open_ones]) / weights[open_ones]
    return Draws(open_ones[np.argsort(rings, kind="stable")], weights, key)


def whole(text: str) -> int:
    """Return a whole number of 128 bits that hangs on every letter."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "big")


def balanced_weights(
    supports: Sequence[BoolArray],
    share: float | None = None,
    sooner: Sequence[FloatArray | None] = (),
) -> IntArray:
    """Return whole weights (N) that look after every support (N) that a claim is about.

    Each has an equal part of the draws, spread over its members: all but a share evenly, that share
    by how much sooner (N, mean 1 over the members) each is worth asking about, where that is known.
    """
    part = TUNING.aimed if share is None else share
    parts = []
    for support, aims in zip_longest(supports, sooner):
        if support.any():
            even = support * (len(support) / support.sum())
            parts.append(even if aims is None else even * (1 - part + part * aims))
    mixed = np.mean(parts, axis=0) if parts else np.ones(len(supports[0]))
    return np.maximum(np.rint(UNIT * mixed), TUNING.least_weight).astype(np.int64)
