"""Answers in the order of the draws, to verdicts and intervals that hold at all times.

A judge takes the draws in their order, each with the classes that its answer leaves possible; None,
any class, stands for "can't tell" and for a draw without an answer. Each test is given the value
that is worst for it among those possible. What the judge says is a function of the population, the
weights, the claims, the risk and these answers, and of nothing else.
"""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass

import numpy as np

from alfs_cli.arrays import FloatArray, IntArray
from alfs_cli.audits.bets import Wealth
from alfs_cli.audits.claims import Claim
from alfs_cli.audits.pairs import GRID, MOST_FOR_GRID, Pairs
from alfs_cli.audits.population import Population
from alfs_cli.audits.quantities import (
    MEANS,
    RATIOS,
    Mean,
    Possible,
    Ratio,
    cells_of,
    grid,
    numbered,
    outcomes,
    packed,
    quantity,
    slice_members,
    wealth_of,
)

ACCEPTED, REJECTED, UNDECIDED = "accepted", "rejected", "undecided"
NOISE_RATE = Claim("noise-rate", number=0.0)


@dataclass(frozen=True)
class Measured:
    """What is known of a quantity: a point value where there is one, and an interval."""

    value: float | None
    low: float
    high: float
    answers: int  # of its own examples, "can't tell" among them


class UnderTest:
    """One quantity under test: a Mean or a Ratio at many numbers at once."""

    def __init__(
        self,
        what: Mean | Ratio,
        examples: Population,
        weights: IntArray,
        claimed: Sequence[float],
        risk: float,
    ) -> None:
        self.what = what = packed(what, examples.open)
        self.weights, self.risk = weights, risk
        self.numbers = grid(claimed, MEANS if isinstance(what, Mean) else RATIOS)
        chosen = np.flatnonzero(what.members & examples.open)
        cells = cells_of(what.cell[chosen], weights[chosen].astype(float), len(what.chance))
        known = [
            outcomes(what, self.numbers, index, possible)
            for index, possible in examples.known.items()
            if what.members[index]
        ]
        start = np.sum(known, axis=0) if known else np.zeros(2 * len(self.numbers))
        self.wealth: Wealth = wealth_of(what, self.numbers, cells, start, int(what.members.sum()))
        # of the clear answers, by 1 / w: z (or with the property), one (or truly c), each one
        self.drawn, self.known = np.zeros(3), np.zeros(3)
        self.events = np.zeros((len(what.chance), 2))  # clear answers by cell: not so, so
        self.weight_left = float(weights[examples.open].sum())
        self.seen = 0
        for index, possible in examples.known.items():
            if what.members[index]:
                self.known += self._clear(index, possible)

    def enter(self, index: int, possible: Possible) -> None:
        """Take the next draw with what its answer leaves possible."""
        self.weight_left -= float(self.weights[index])
        if not self.what.members[index]:
            return
        z = outcomes(self.what, self.numbers, index, possible)
        weight = float(self.weights[index])
        self.wealth.enter(int(self.what.cell[index]), weight, z)
        self.drawn = self.drawn + self._clear(index, possible) / weight
        self._tally(index, possible)
        self.seen += 1

    def _tally(self, index: int, possible: Possible) -> None:
        least, most = self.what.bounds(index, possible)
        if least == most:
            self.events[self.what.cell[index]] += 1 - least, least

    @property
    def left(self) -> int:
        """How many of the quantity's own examples can still be drawn."""
        return round(float(self.wealth.counts.sum()))

    def part_left(self) -> float:
        """Return the chance that a draw is of this quantity's members."""
        return max(float(self.wealth.weights.sum()) / max(self.weight_left, 1e-9), 1e-9)

    def _clear(self, index: int, possible: Possible) -> FloatArray:
        """Return what an answer adds to the point value's sums; an unclear one adds nothing."""
        least, most = self.what.bounds(index, possible)
        if least != most:
            return np.zeros(3)
        if isinstance(self.what, Mean):
            return np.array([least, 1.0, 1.0])
        return np.array([least * self.what.property_of(index), least, 1.0])

    def copy(self) -> "UnderTest":
        """Return a copy that takes further draws without changing this one."""
        other = copy(self)
        other.wealth, other.events = self.wealth.copy(), self.events.copy()
        return other

    def measured(self) -> Measured:
        """Return the point value and the interval; the latter holds at all times."""
        low, high = self.interval()
        value = self._value()
        what = self.what
        first, last = (float(what.offset + what.slope * bound) for bound in (low, high))
        if value is not None:
            value = float(what.offset + what.slope * float(np.clip(value, low, high)))
        return Measured(value, first, last, self.seen)

    def interval(self) -> tuple[float, float]:
        """Return the bounds of the mean of z (or of the ratio) that no test has ruled out.

        From below: the last of the numbers in a row, from the first on, whose tests have all said
        "more than this". If the truth were less, the first number that is not less than it would
        have been ruled out, which happens with a chance of at most `risk`: nothing has to be
        monotone in the number. From above alike.
        """
        count = len(self.numbers)
        done = self.wealth.best >= -np.log(self.risk)
        below, above = done[:count], done[count:]
        first_open = int(np.argmin(below)) if not below.all() else count
        low = float(self.numbers[first_open - 1]) if first_open else 0.0
        last_open = int(np.argmin(above[::-1])) if not above.all() else count
        high = float(self.numbers[count - last_open]) if last_open else 1.0
        if isinstance(self.what, Mean):  # what the answers leave possible is certain: tests may err
            wealth = self.wealth
            least = float((wealth.answered[0] + wealth.sure[0]) / wealth.n)
            most = -float((wealth.answered[-1] + wealth.sure[-1]) / wealth.n)
            low, high = min(max(low, least), most), max(min(high, most), least)
        return (low, high) if low <= high else (high, low)

    def _value(self) -> float | None:
        """Return the weighted mean (or ratio) of the clear answers, those known as they are."""
        each = self.drawn[2]
        left = self.wealth.n - self.known[2]
        if each == 0 and left > 0:
            return None
        part, whole, _ = self.known + (left * self.drawn / each if each else 0)
        return float(part / whole) if whole > 0 else None

    def verdict(self, claim: Claim) -> str:
        """Return the verdict on a claim on this quantity."""
        at = int(np.searchsorted(self.numbers, numbered(claim)))
        count = len(self.numbers)
        done = self.wealth.best >= -np.log(self.risk)
        certain = self.wealth.reached()
        more, less = bool(done[at]), bool(done[count + at])
        not_less, not_more = more or bool(certain[at]), less or bool(certain[count + at])
        match claim.operator:
            case ">":
                return verdict_of(is_so=more, is_not=not_more)
            case ">=":
                return verdict_of(is_so=not_less, is_not=less)
            case _:
                return verdict_of(is_so=not_more, is_not=more)


def verdict_of(*, is_so: bool, is_not: bool) -> str:
    """Return the word for a claim that is shown to hold, shown not to hold, or neither."""
    return ACCEPTED if is_so else REJECTED if is_not else UNDECIDED


class LevelUnderTest:
    """The clean level under test at several levels at once."""

    def __init__(
        self,
        claim: Claim,
        examples: Population,
        weights: IntArray,
        claimed: Sequence[float],
        risk: float,
    ) -> None:
        extra = GRID if len(examples.classes) <= MOST_FOR_GRID else ()
        levels = tuple(sorted({*claimed, *extra}))
        self.members = slice_members(examples, claim.where)
        self.pairs = Pairs(examples, self.members, weights, levels, risk)
        self.weights, self.risk, self.given = weights, risk, examples.given
        num_classes = len(examples.classes)
        self.table = np.zeros((num_classes, num_classes))  # [true, given], by 1 / w
        self.tally = np.zeros((num_classes, num_classes))  # as they are
        self.seen = 0

    def enter(self, index: int, possible: Possible) -> None:
        """Take the next draw with what its answer leaves possible."""
        if not self.members[index]:
            return
        self.pairs.enter(index, float(self.weights[index]), possible)
        self.seen += 1
        if possible is not None and len(possible) == 1:
            self.table[possible[0], self.given[index]] += 1 / float(self.weights[index])
            self.tally[possible[0], self.given[index]] += 1

    @property
    def left(self) -> int:
        """How many of its examples can still be drawn."""
        return round(float(self.pairs.counts[0].sum()))

    def copy(self) -> "LevelUnderTest":
        """Return a copy that takes further draws without changing this one."""
        other = copy(self)
        other.pairs = self.pairs.copy()
        other.table, other.tally = self.table.copy(), self.tally.copy()
        return other

    def measured(self) -> Measured:
        """Return r among the answers, and the levels between which it lies at all times."""
        accepted, rejected = self.pairs.accepted(), self.pairs.rejected()
        levels = self.pairs.levels
        first_open = int(np.argmin(accepted)) if not accepted.all() else len(levels)
        last_open = int(np.argmin(rejected[::-1])) if not rejected.all() else len(levels)
        low = float(levels[first_open - 1]) if first_open else 0.0
        high = float(levels[len(levels) - last_open]) if last_open else np.inf
        apart = ~np.eye(len(self.table), dtype=bool)
        own = np.broadcast_to(self.table.diagonal()[:, None], self.table.shape)[apart]
        other = self.table[apart]
        value = float((own[other > 0] / other[other > 0]).min()) if (other > 0).any() else None
        return Measured(value, low, max(low, high), self.seen)

    def verdict(self, claim: Claim) -> str:
        """Return the verdict on a claim on this quantity."""
        at = int(np.flatnonzero(self.pairs.levels == claim.number)[0])
        is_less = bool(self.pairs.rejected()[at])
        if claim.operator == "<=":
            is_more = bool(self.pairs.accepted(strictly=True)[at])
            return verdict_of(is_so=is_less, is_not=is_more)
        return verdict_of(is_so=bool(self.pairs.accepted()[at]), is_not=is_less)


class Judge:
    """All claims and the noise rate over one sequence of draws."""

    def __init__(
        self, examples: Population, weights: IntArray, claims: Sequence[Claim], risk: float
    ) -> None:
        self.claims, self.risk, self.entered = tuple(claims), risk, 0
        self.left = int(examples.open.sum())
        subjects: dict[str, list[Claim]] = {NOISE_RATE.subject: []}
        for claim in claims:
            subjects.setdefault(claim.subject, []).append(claim)
        self.tested: dict[str, UnderTest | LevelUnderTest] = {}
        for subject, about in subjects.items():
            first = about[0] if about else NOISE_RATE
            numbers = [numbered(claim) for claim in about]
            if first.is_level:
                self.tested[subject] = LevelUnderTest(first, examples, weights, numbers, risk)
            else:
                what = quantity(first, examples)
                self.tested[subject] = UnderTest(what, examples, weights, numbers, risk)

    def enter(self, index: int, possible: Possible) -> None:
        """Take the next draw with what its answer leaves possible."""
        for tested in self.tested.values():
            tested.enter(index, possible)
        self.entered += 1
        self.left -= 1

    def copy(self) -> "Judge":
        """Return a copy that takes further draws without changing this one."""
        other = copy(self)
        other.tested = {subject: tested.copy() for subject, tested in self.tested.items()}
        return other

    def verdict(self, claim: Claim) -> str:
        """Return the verdict on a claim on this quantity."""
        return self.tested[claim.subject].verdict(claim)

    def measured(self, claim: Claim) -> Measured:
        """Return what is known of the quantity that a claim is about."""
        return self.tested[claim.subject].measured()

    def noise_rate(self) -> Measured:
        """Return what is known of the noise rate, claimed or not."""
        return self.tested[NOISE_RATE.subject].measured()
