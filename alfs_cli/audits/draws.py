"""Which example is asked next: one fixed order, without replacement, by weights.

Each example has a clock that rings after an exponential time of rate w(x); the order is that in
which they ring. So the next is always drawn with chances w / (sum of w over what is left), whatever
was answered (Efraimidis & Spirakis, Information Processing Letters 2006): the order is a function
of the seed, the fingerprint of the data and the weights, and a draw once shown is final.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alfs_cli.arrays import IntArray
from alfs_cli.audits.population import CHANCES, Population
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


def doubt_weights(examples: Population, share: float) -> NDArray[np.float64]:
    """Return weights of mean 1 (N): even ones, a share by sqrt(s (1 - s)) of the noise score s."""
    if examples.noise_levels is None:
        return np.ones(len(examples))
    spread = np.sqrt(CHANCES * (1 - CHANCES))[examples.noise_levels]
    return np.asarray(1 - share + share * spread / spread.mean())


def balanced_weights(
    examples: Population, supports: list[NDArray[np.bool_]], share: float | None = None
) -> IntArray:
    """Return whole weights (N) that look after every support that a claim is about.

    Each support (N) has an equal part of the draws, spread evenly over its members, so that one
    that is rare does not hold its claim up; within them the doubtful come sooner.
    """
    doubt = doubt_weights(examples, TUNING.by_doubt if share is None else share)
    parts = [support * (len(support) / support.sum()) for support in supports if support.any()]
    mixed = doubt * np.mean(parts, axis=0) if parts else doubt
    return np.maximum(np.rint(UNIT * mixed), TUNING.least_weight).astype(np.int64)
