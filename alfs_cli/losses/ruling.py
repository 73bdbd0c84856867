"""Rulings: for which rows of a transition matrix the rule of a loss decides, and how.

Rows `w` (M, K) are the weights of the labels: the true class is in column 0, the others follow in
descending order. The vertex is the point u that gives the true class probability 1.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from alfs_cli.arrays import BoolArray, FloatArray
    from alfs_cli.losses.terms import Computed


EQUAL = 1e-12  # relative tolerance within which weights, margins and risks are equal
EVEN = 1e-9  # relative tolerance within which labels are equally frequent: T is rounded in files
SMALLEST = 1e-300  # replaces a probability of 0 in logarithms


@dataclass(frozen=True, eq=False)
class Ruling:
    """What a rule says of each row; every array is (M,).

    `proved`: the vertex is the only minimiser of the risk. `tolerant`: the minimisers are those on
    clean labels, the vertex among them. `reached`: the risk tends to its infimum at the vertex,
    and perhaps elsewhere. `method` names the rule. `margin` is at least 1 where the rule holds, and
    None if no single number decides.
    """

    proved: "BoolArray"
    tolerant: "BoolArray"
    reached: "BoolArray"
    method: str
    margin: "FloatArray | None" = None


def ruling(
    w: "FloatArray",
    method: str,
    *,
    proved: "BoolArray | None" = None,
    tolerant: "BoolArray | None" = None,
    reached: "BoolArray | None" = None,
    margin: "FloatArray | None" = None,
) -> Ruling:
    """Return a ruling on rows w (M, K).

    A mask that is not given is False everywhere, but `reached` includes proved and tolerant rows.
    """
    import numpy as np

    nowhere = np.zeros(len(w), dtype=bool)
    proved = nowhere if proved is None else proved
    tolerant = nowhere if tolerant is None else tolerant & ~proved
    reached = nowhere if reached is None else reached
    return Ruling(proved, tolerant, reached | proved | tolerant, method, margin)


def levels(w: "FloatArray") -> "FloatArray":
    """Return the clean level of each row (M,), infinite for a row without noise."""
    import numpy as np

    with np.errstate(divide="ignore"):
        return np.asarray(np.where(w[:, 1] > 0, w[:, 0] / w[:, 1], np.inf))


def is_dominant(w: "FloatArray") -> "BoolArray":
    """Return for each row (M,) whether the true class alone is the most frequent label."""
    import numpy as np

    return np.asarray(w[:, 0] > w[:, 1] * (1 + EQUAL))


def is_even(w: "FloatArray") -> "BoolArray":
    """Return for each row (M,) whether all wrong labels are equally frequent."""
    import numpy as np

    return np.asarray(w[:, 1] - w[:, -1] <= EVEN * w[:, 0])


def vertices(w: "FloatArray", index: int) -> "FloatArray":
    """Return for every row the vertex of the class in column `index`, (M, K)."""
    import numpy as np

    u = np.zeros(w.shape)
    u[:, index] = 1.0
    return u


def rise_by_values(part: "Computed", u: "FloatArray", w: "FloatArray") -> "FloatArray":
    """Return an upper bound of R(u) - R(vertex) (M,), for a risk that is continuous at both.

    The bound adds the rounding error of both values: if it is negative, so is the difference.
    """
    import numpy as np

    with np.errstate(all="ignore"):
        here, _ = part.risk(np.log(np.maximum(u, SMALLEST)), w)
        there, _ = part.risk(np.log(np.maximum(vertices(w, 0), SMALLEST)), w)
        return np.asarray(here - there + EQUAL * (np.abs(here) + np.abs(there)))


def rise_from_infinity(
    part: "Computed", u: "FloatArray", w: "FloatArray", infinite: "BoolArray"
) -> "FloatArray":
    """Return the bound of `rise_by_values`, but -infinity for rows with an infinite R(vertex).

    `infinite` (M,) marks these rows; the bound is NaN if R(u) is not finite either.
    """
    import numpy as np

    with np.errstate(all="ignore"):
        here, _ = part.risk(np.log(np.maximum(u, SMALLEST)), w)
        finite = np.isfinite(here) & ((u > 0) | (w <= 0)).all(axis=1)
        falls = np.where(finite, -np.inf, np.nan)
        return np.asarray(np.where(infinite, falls, rise_by_values(part, u, w)))
