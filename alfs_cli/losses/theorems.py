"""What theorems of Zhou et al., ICML 2021, say of a loss: 3 (symmetry), 7 (two classes), 8 (r_u).

Where the shape of l(u) is known the numbers have closed forms. Otherwise they are the extremes over
a grid of u, from which an infimum may differ by the error of the grid.
"""

import math
from dataclasses import dataclass

from alfs_cli.losses.combine import Loss, SeparableSum
from alfs_cli.losses.normalised import Unbounded
from alfs_cli.losses.ruling import SMALLEST
from alfs_cli.losses.terms import Separable
from alfs_cli.storage.documents import Number

POINTS = 64  # points at which the sum over the labels is compared
EQUAL_SUMS = 1e-9  # difference up to which sums are equal, as a share of what the loss varies by
ROUNDING = 1e-13  # the same as a share of the sums themselves
CELLS = 2000  # of the grid of u, which is finer near both ends
NEAREST = 1e-7  # distance of the grid's last points from its ends; nearer, differences cancel


@dataclass(frozen=True)
class BinaryWeights:
    """Theorem 7 for two classes: the excess noisy risk is a weight times the excess clean risk.

    With w_y and w_n the shares of right and wrong labels of the true class, the weight at a
    prediction u is w_y - c w_n, where c = (l(0) - l(1 - u)) / (l(u) - l(1)) is from `least` to
    `most`. Weights are positive if the clean level w_y / w_n is above `most`.
    """

    least: Number
    most: Number


def symmetric_constant(loss: Loss, num_classes: int) -> float | None:
    """Return C = sum_k L(u, k) for K classes, None if it depends on u.

    An l(u) that is strictly convex or concave is not symmetric; one that is affine is. The sums of
    other losses, which are analytic but for a few kinks, are compared at random points.

    >>> from alfs_cli.losses import parse_loss
    >>> symmetric_constant(parse_loss("mae"), 10)
    9.0
    """
    import numpy as np

    separable = loss.separable(num_classes) if loss.is_separable() else None
    if separable is not None and separable.shape in ("convex", "concave"):
        return None
    if separable is not None and separable.shape == "affine":
        at_zero, at_one = separable.value(np.array([0.0, 1.0]))
        return float((num_classes - 1) * at_zero + at_one)
    rng = np.random.default_rng(0)
    flat = rng.dirichlet(np.ones(num_classes), POINTS // 2)
    peaked = rng.dirichlet(np.full(num_classes, 0.2), POINTS // 2)
    log_probs = np.log(np.maximum(np.concatenate([flat, peaked]), SMALLEST))
    everyone = np.ones(log_probs.shape)
    first = np.eye(num_classes)[np.zeros(POINTS, dtype=int)]
    parts = loss.parts(num_classes)
    with np.errstate(all="ignore"):
        sums, own = (
            sum(weight * part.risk(log_probs, w)[0] for weight, part in parts)
            for w in (everyone, first)
        )
        equal = EQUAL_SUMS * np.ptp(own) + ROUNDING * np.abs(sums).max()
    if not np.isfinite(sums).all() or np.ptp(sums) > equal:
        return None
    return float(np.median(sums))


def sufficient_ratio(loss: Loss) -> float | None:
    """Return a ratio such that the loss is asymmetric where r >= 1 / ratio, None without any.

    A sum with NCE or NFL has that of its other terms, as their risk has its infimum at e_m too.

    >>> from alfs_cli.losses import parse_loss
    >>> sufficient_ratio(parse_loss("nce+mae")), sufficient_ratio(parse_loss("nce"))
    (1.0, None)
    """
    others = [part for _, part in loss.parts(2) if not isinstance(part, Separable)]
    return loss.term_ratio() if all(isinstance(part, Unbounded) for part in others) else None


def necessary_ratio(loss: SeparableSum) -> float:
    """Return r_u = inf_u (l(u) - l(1)) / (l(0) - l(1 - u)), Eq. 8; a loss needs r_u x level >= 1.

    It is at least the asymmetry ratio, and equal to it for convex, concave and affine losses. For
    two classes r_u alone decides.
    """
    if loss.shape != "other":
        return loss.asymmetry_ratio()
    return 1 / _shares(loss)[1]


def binary_weights(loss: Loss) -> BinaryWeights | None:
    """Return the weights of Theorem 7, None where they are not known.

    For a symmetric loss c is 1. A sum of symmetric terms and an l(u) has a c between 1 and that of
    l(u), which it comes as near as one likes if the slope of the symmetric terms vanishes at u = 1,
    as that of NCE and NFL does.
    """
    others = [part for _, part in loss.parts(2) if not isinstance(part, Separable)]
    if any(symmetric_constant(Loss((part,), (1.0,)), 2) is None for part in others):
        return None
    separable = loss.separable()
    if separable is None:
        return BinaryWeights(1.0, 1.0)
    slope = separable.escape_slope()
    if separable.shape != "other" and slope is not None:
        return BinaryWeights(min(1.0, slope), max(1.0, slope))
    return BinaryWeights(*_shares(separable))


def _shares(loss: SeparableSum) -> tuple[float, float]:
    """Return the least and greatest c; it is 1 at u = 0 and tends to g(0) / g(1) for u -> 1."""
    import numpy as np

    tail = np.geomspace(NEAREST, 0.5, CELLS // 2)
    u = np.concatenate([tail, 1 - tail[-2::-1]])
    at_zero, at_one = loss.value(np.array([0.0, 1.0]))
    if np.isinf(at_zero):
        return 1.0, math.inf
    c = (at_zero - loss.value(1 - u)) / (loss.value(u) - at_one)
    slope = loss.escape_slope()
    known = [1.0] if slope is None else [1.0, slope]
    return float(min(c.min(), *known)), float(max(c.max(), *known))
