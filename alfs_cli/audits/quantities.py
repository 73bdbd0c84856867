"""What a claim measures, as a mean of values that an answer bounds, and the bets on it.

A quantity's examples (its members) fall into cells whose members look alike. `Mean`: z in [0, 1]
per member, the quantity is its mean. `Ratio`: the share of those truly c that have a property of
their given label, tested at t by the mean of 1[true = c] (1[property] - t). Each is tested at many
numbers t at once, from below and from above; the interval is what no test has ruled out.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from alfs_cli.arrays import BoolArray, FloatArray, IntArray
from alfs_cli.audits.bets import Wealth, experts
from alfs_cli.audits.claims import Claim, Slice
from alfs_cli.audits.population import CHANCES, LEVELS, Population, levels_of
from alfs_cli.audits.tuning import TUNING
from alfs_cli.errors import InputError, UsageError, brief, did_you_mean, has

Possible = tuple[int, ...] | None  # the classes an answer leaves possible, None for any
MEANS, RATIOS = 400, 100  # numbers at which a mean, a ratio is tested
HALF = 0.5  # the mean of z at which two runs are even
OWN, ASKED, REST = 0, 1, 2  # a ratio's examples: given c; with the property; given another


@dataclass(frozen=True)
class Quantity:
    """Members and cells of one subject; what is reported is offset + slope * mean of z."""

    subject: str
    members: BoolArray  # (N)
    cell: IntArray  # (N), read for members only
    chance: FloatArray  # (C) of the event, as the scores have it; the event: z = 1, or true = c
    block: IntArray  # (C) what the cells' given labels have in common: a ratio's OWN, ASKED, REST
    has_scores: bool
    offset: float = 0.0
    slope: float = 1.0


@dataclass(frozen=True)
class Mean(Quantity):
    """z = 1 where the true label is `hit`, else 0.

    With `miss` z is 1 for `hit`, 0 for `miss` and one half for any other label.
    """

    hit: IntArray | None = None  # (N)
    miss: IntArray | None = None  # (N)
    hits_are_noise: bool = False  # z = 1 where it is NOT `hit`

    def bounds(self, index: int, possible: Possible) -> tuple[float, float]:
        """Return the least and the largest z of an example whose true label is one of these."""
        if self.hit is None or possible is None:
            return 0.0, 1.0
        values = [self._value(index, label) for label in possible]
        return min(values), max(values)

    def _value(self, index: int, label: int) -> float:
        is_hit = self.hit is not None and label == int(self.hit[index])
        if self.miss is None:
            return float(is_hit != self.hits_are_noise)
        return 1.0 if is_hit else 0.0 if label == int(self.miss[index]) else 0.5


@dataclass(frozen=True)
class Ratio(Quantity):
    """The share of those truly `target` whose given label has the property (N)."""

    target: int = 0
    has_property: BoolArray | None = None

    def bounds(self, _index: int, possible: Possible) -> tuple[bool, bool]:
        """Return whether the example is surely, and whether it can be, of the target."""
        if possible is None:
            return False, True
        return possible == (self.target,), self.target in possible

    def property_of(self, index: int) -> bool:
        """Whether the given label of an example has the property."""
        return self.has_property is not None and bool(self.has_property[index])


def quantity(claim: Claim, examples: Population) -> Mean | Ratio:
    """Return what the claim measures on these examples (any but the clean level).

    Raises UsageError for a slice by an unknown column, InputError for one that is empty.
    """
    members = slice_members(examples, claim.where)
    match claim.quantity:
        case "noise-rate":
            return noise_mean(claim, examples, members)
        case "given-noise":
            own = examples.given == examples.classes.index(claim.names[0])
            return noise_mean(claim, examples, members & own)
        case "accuracy":
            return accuracy_mean(claim, examples, members)
        case _:
            return class_ratio(claim, examples, members)


def numbered(claim: Claim) -> float:
    """Return the number that a claim's test is at; raises UsageError where it is not yet known."""
    if claim.is_comparison:
        return HALF
    if claim.number is None:
        raise UsageError(
            f"claim '{claim}' has no number yet", help="give it 1 / the loss's ratio: claim.at(...)"
        )
    return claim.number


def slice_members(examples: Population, where: Slice | None) -> BoolArray:
    """Return which examples (N,) a slice is of, all without one; raises where it is empty."""
    if where is None:
        return np.ones(len(examples), dtype=bool)
    if where.column not in examples.columns:
        raise InputError(
            f"no column '{brief(where.column)}' to slice by"
            f"{did_you_mean(where.column, examples.columns)}",
            help=has(examples.columns, [where.column]),
        )
    column = examples.columns[where.column]
    members = np.asarray(column == where.value)
    if not members.any():
        values = sorted(set(column.tolist()))
        raise InputError(
            f"no example has '{brief(where.value)}' in column '{brief(where.column)}'"
            f"{did_you_mean(where.value, values)}",
            help=has(values, [where.value]),
        )
    return members


def noise_mean(claim: Claim, examples: Population, members: BoolArray) -> Mean:
    """Return the noise rate of these members, as a mean."""
    levels = examples.noise_levels
    return Mean(
        subject=claim.subject,
        members=nonempty(claim, members),
        cell=np.zeros(len(examples), np.int64) if levels is None else levels.astype(np.int64),
        chance=CHANCES,
        block=np.zeros(LEVELS, np.int64),
        has_scores=levels is not None,
        hit=examples.given,
        hits_are_noise=True,
    )


def accuracy_mean(claim: Claim, examples: Population, members: BoolArray) -> Mean:
    """Return the accuracy of a run, or by how much the first of two is better than the second."""
    first = examples.predictions[claim.names[0]]
    rows = np.arange(len(examples))
    levels = examples.class_levels
    if not claim.is_comparison:
        cell = np.zeros(len(examples), np.int64) if levels is None else levels[rows, first]
        return Mean(
            subject=claim.subject,
            members=nonempty(claim, members),
            cell=cell.astype(np.int64),
            chance=CHANCES,
            block=np.zeros(LEVELS, np.int64),
            has_scores=levels is not None,
            hit=first,
        )
    second = examples.predictions[claim.names[1]]
    differ = members & (first != second)
    if levels is None:
        cell = np.zeros(len(examples), np.int64)
    else:
        ahead = (CHANCES[levels[rows, first]] - CHANCES[levels[rows, second]] + 1) / 2
        cell = levels_of(ahead).astype(np.int64)
    part = differ.sum() / members.sum()
    return Mean(
        subject=claim.subject,
        members=nonempty(claim, differ, "the two runs predict the same for all of it"),
        cell=cell,
        chance=CHANCES,
        block=np.zeros(LEVELS, np.int64),
        has_scores=levels is not None,
        offset=-part,
        slope=2 * part,
        hit=first,
        miss=second,
    )


def class_ratio(claim: Claim, examples: Population, members: BoolArray) -> Ratio:
    """Return class-noise:c or pair:c>g: of those truly c, how many are given another, given g."""
    target = examples.classes.index(claim.names[0])
    own = examples.given == target
    if claim.quantity == "pair":
        has_property = examples.given == examples.classes.index(claim.names[1])
    else:
        has_property = ~own
    levels = examples.class_levels
    level = np.zeros(len(examples), np.int64) if levels is None else levels[:, target]
    block = np.where(own, OWN, np.where(has_property, ASKED, REST))
    return Ratio(
        subject=claim.subject,
        members=nonempty(claim, members),
        cell=(block * LEVELS + level).astype(np.int64),
        chance=np.tile(CHANCES, 3),
        block=np.arange(3 * LEVELS) // LEVELS,
        has_scores=levels is not None,
        target=target,
        has_property=has_property,
    )


def nonempty(claim: Claim, members: BoolArray, why: str = "no example is of its kind") -> BoolArray:
    """Return the members; raises InputError where there are none."""
    if not members.any():
        raise InputError(f"claim '{claim}' is about nothing: {why}", help="leave the claim out")
    return members


# ---- the tests of a quantity ------------------------------------------------------------------


def grid(numbers: Sequence[float], count: int) -> FloatArray:
    """Return the numbers at which to test: even in arcsine, where a share's error is even."""
    even = np.sin(np.linspace(0, np.pi / 2, count + 1)[1:-1]) ** 2
    return np.unique(np.concatenate([even, np.asarray(numbers, dtype=float)]))


def tilted(chance: FloatArray, counts: FloatArray, mean: FloatArray) -> FloatArray:
    """Return the chances (..., C) moved by one step of log odds so that their mean is `mean`."""
    share = counts / counts.sum()
    log_odds = TUNING.shape * np.log(chance / (1 - chance))
    low, high = np.full(mean.shape, -40.0), np.full(mean.shape, 40.0)
    for _ in range(30):
        middle = (low + high) / 2
        below = (share / (1 + np.exp(-(log_odds + middle[..., None])))).sum(-1) < mean
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return np.asarray(1 / (1 + np.exp(-(log_odds + low[..., None]))))


def beyond(m: FloatArray, steps: FloatArray) -> FloatArray:
    """Return the shares whose odds are those of m times each step (..., E)."""
    safe = np.clip(m, 1e-6, 1 - 1e-6)
    odds = (safe / (1 - safe))[..., None] * steps
    return unsure(odds / (1 + odds))


def unsure(chances: FloatArray) -> FloatArray:
    """Return chances of an alternative, none of them nearer to 0 or 1 than one may be."""
    return np.asarray(np.clip(chances, TUNING.never, 1 - TUNING.never))


def packed(what: Mean | Ratio, open_ones: BoolArray) -> Mean | Ratio:
    """Return the quantity without the cells that have no member to draw."""
    used = np.unique(what.cell[what.members & open_ones])
    if not len(used):
        used = np.zeros(1, np.int64)
    place = np.zeros(len(what.chance), np.int64)
    place[used] = np.arange(len(used))
    return replace(what, cell=place[what.cell], chance=what.chance[used], block=what.block[used])


def both_sides(m: FloatArray, odds: Sequence[float]) -> FloatArray:
    """Return alternatives (2 G, E): above m for the tests from below, under it for the others."""
    count, steps = len(m) // 2, np.array(odds)
    return np.concatenate([beyond(m[:count], steps), beyond(m[count:], 1 / steps)])


@dataclass(frozen=True)
class Cells:
    """Members that can be drawn, summed by cell (C)."""

    counts: FloatArray
    weights: FloatArray
    lightest: FloatArray
    heaviest: FloatArray


def cells_of(cell: IntArray, weights: FloatArray, num_cells: int) -> Cells:
    """Return the sums of these examples' weights (n) by cell (n)."""
    lightest = np.full(num_cells, np.inf)
    heaviest = np.zeros(num_cells)
    np.minimum.at(lightest, cell, weights)
    np.maximum.at(heaviest, cell, weights)
    counts = np.bincount(cell, minlength=num_cells).astype(float)
    return Cells(
        counts=counts,
        weights=np.bincount(cell, weights=weights, minlength=num_cells).astype(float),
        lightest=np.where(counts > 0, lightest, 1.0),
        heaviest=np.where(counts > 0, heaviest, 1.0),
    )


def wealth_of(
    what: Mean | Ratio, numbers: FloatArray, cells: Cells, known: FloatArray, n: int
) -> Wealth:
    """Return the tests at each number from below, then from above: 2 G forms.

    `known` (2 G) is what the answers known beforehand add to each form; n counts them too.
    """
    gain, m = forms(what, numbers)
    left = cells.counts.sum()
    rest = (n * m - known) / max(left, 1)
    if isinstance(what, Mean):
        alternatives = mean_alternatives(what, np.abs(np.clip(rest, -1, 1)), cells)
        first = mean_prior(has_scores=what.has_scores)
    else:
        alternatives = ratio_alternatives(what, numbers, cells)
        by_scores = len(TUNING.scored_odds) * what.has_scores
        first = prior(len(TUNING.ratio_plain), by_scores, TUNING.scored)
    return Wealth(
        bets=experts(alternatives, gain, rest, cells.weights, cells.counts, first),
        low=np.minimum(gain, 0),
        high=np.maximum(gain, 0),
        m=m,
        n=n,
        known=known,
        weights=cells.weights,
        counts=cells.counts,
        lightest=cells.lightest,
        heaviest=cells.heaviest,
    )


def prior(plain: int, scored: int, share: float) -> FloatArray:
    """Return what each expert begins with: those without scores first, then those with a share."""
    if not scored:
        return np.full(plain, 1 / plain)
    return np.repeat([(1 - share) / plain, share / scored], [plain, scored])


def mean_prior(*, has_scores: bool) -> FloatArray:
    """Return what each of the experts of `mean_alternatives` begins with."""
    plain = np.full(len(TUNING.odds), 1 / len(TUNING.odds))
    if not has_scores:
        return plain
    level, scored = TUNING.believed, TUNING.scored
    parts = np.array([1 - TUNING.believed_scored, TUNING.believed_scored])
    return np.concatenate([(1 - scored) * np.append((1 - level) * plain, level), scored * parts])


def forms(what: Mean | Ratio, numbers: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return what an event in a cell adds (2 G, C) and the mean it is held against (2 G)."""
    num_cells = len(what.chance)
    if isinstance(what, Mean):
        gain = np.ones((len(numbers), num_cells))
        return np.concatenate([gain, -gain]), np.concatenate([numbers, -numbers])
    gain = (what.block == ASKED)[None, :] - numbers[:, None]
    return np.concatenate([gain, -gain]), np.zeros(2 * len(numbers))


def mean_alternatives(what: Mean, m: FloatArray, cells: Cells) -> FloatArray:
    """Return chances (2 G, E, C): above m for the tests from below, under it for the others.

    With scores two more: the mean that they expect, alike in all cells and by the scores; on the
    side of m where it does not lie, one further from m stands in its place.
    """
    plain = both_sides(m, TUNING.odds)
    if not what.has_scores:
        return np.repeat(plain[..., None], len(what.chance), -1)
    near, far = both_sides(m, TUNING.scored_odds).T
    is_below = np.arange(len(m)) < len(m) // 2
    expected = expected_mean(what.chance, cells.counts)
    barely = both_sides(m, (TUNING.beyond,))[:, 0]
    is_beyond = np.where(is_below, expected > barely, expected < barely)
    flat = np.column_stack([plain, np.where(is_beyond, expected, plain[:, 1])])
    means = np.column_stack([near, np.where(is_beyond, expected, far)])
    scored = tilted(what.chance, cells.counts, means)
    alike = np.repeat(flat[..., None], len(what.chance), -1)
    return unsure(np.concatenate([alike, scored], axis=1))


def expected_mean(chance: FloatArray, counts: FloatArray) -> float:
    """Return the mean that the scores expect, of cells (C) with so many members."""
    return float(counts @ chance / max(counts.sum(), 1))


def ratio_alternatives(what: Ratio, numbers: FloatArray, cells: Cells) -> FloatArray:
    """Return chances of being truly c (2 G, E, C) under which the ratio lies beyond each number."""
    block = what.block
    parts = [cells.counts * (block == b) for b in (OWN, ASKED, REST)]
    both = np.concatenate([numbers, numbers])
    right = np.array([share for _, share in TUNING.ratio_plain])
    plain = both_sides(both, [odds for odds, _ in TUNING.ratio_plain])
    flat = np.stack(ratio_parts(plain, right, parts), -1)[..., block]
    if not what.has_scores:
        return flat
    right = parts[OWN] @ what.chance / max(parts[OWN].sum(), 1)
    found = ratio_parts(both_sides(both, TUNING.scored_odds), unsure(right), parts)
    scored = np.zeros((*found[0].shape, len(block)))
    for b, part in enumerate(parts):
        if part.any():
            scored[..., block == b] = tilted(what.chance, part, found[b])[..., block == b]
    return unsure(np.concatenate([flat, scored], axis=1))


def ratio_parts(ratios: FloatArray, right: FloatArray, parts: list[FloatArray]) -> list[FloatArray]:
    """Return the chance of being truly c in each block, so that the ratio is this (2 G, E).

    `right` is the share of those given c that are c.
    """
    own, asked, _ = (part.sum() for part in parts)
    # own * right are given c; so many more as makes the ratio what it should be
    wanted = own * right * ratios / (1 - ratios) / max(asked, 1)
    return [
        np.broadcast_to(right, ratios.shape),
        unsure(wanted),
        np.full(ratios.shape, TUNING.never),
    ]


def outcomes(what: Mean | Ratio, numbers: FloatArray, index: int, possible: Possible) -> FloatArray:
    """Return the lowest value (2 G) that an answer leaves each form of this example."""
    count = len(numbers)
    found = np.empty(2 * count)
    if isinstance(what, Mean):
        least, most = what.bounds(index, possible)
        found[:count], found[count:] = least, -most
        return found
    surely, maybe = what.bounds(index, possible)
    value = float(what.property_of(index)) - numbers
    if surely:
        found[:count], found[count:] = value, -value
    elif maybe:
        found[:count], found[count:] = np.minimum(value, 0), np.minimum(-value, 0)
    else:
        found[:] = 0
    return found
