"""What a loss says of the rows of a transition matrix by its own rule, and where rows stand.

Rows `w` (M, K) weigh the labels: the true class is in column 0, the others follow from the largest
down. The vertex is the point u that gives the true class all probability.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from alfs_cli.arrays import BoolArray as Mask
    from alfs_cli.arrays import FloatArray as Points
    from alfs_cli.losses.terms import Computed


EQUAL = 1e-12  # relative: weights, margins and risks nearer than this count as equal
EVEN = 1e-9  # relative: labels nearer than this count as equally frequent, as T is written in files
SMALLEST = 1e-300  # stands for a probability of 0


@dataclass(frozen=True, eq=False)
class Ruling:
    """What is known of each row, (M,) each.

    `proved`: the risk is least at the vertex and nowhere else. `tolerant`: where it is least is
    where it is on clean labels, the vertex among them. `reached`: its infimum is reached in the
    limit at the vertex, alone or not. `margin` is None where no single number decides.
    """

    proved: "Mask"
    tolerant: "Mask"
    reached: "Mask"
    method: str
    margin: "Points | None" = None


def ruling(
    w: "Points",
    method: str,
    *,
    proved: "Mask | None" = None,
    tolerant: "Mask | None" = None,
    reached: "Mask | None" = None,
    margin: "Points | None" = None,
) -> Ruling:
    """Return a ruling on rows; what is not given holds nowhere, or follows from what is."""
    import numpy as np

    nowhere = np.zeros(len(w), dtype=bool)
    proved = nowhere if proved is None else proved
    tolerant = nowhere if tolerant is None else tolerant & ~proved
    reached = nowhere if reached is None else reached
    return Ruling(proved, tolerant, reached | proved | tolerant, method, margin)


def levels(w: "Points") -> "Points":
    """Return the clean level of each row, infinite where it is clean."""
    import numpy as np

    with np.errstate(divide="ignore"):
        return np.asarray(np.where(w[:, 1] > 0, w[:, 0] / w[:, 1], np.inf))


def is_dominant(w: "Points") -> "Mask":
    """Say for each row whether the true class is the only likeliest label."""
    import numpy as np

    return np.asarray(w[:, 0] > w[:, 1] * (1 + EQUAL))


def is_even(w: "Points") -> "Mask":
    """Say for each row whether all wrong labels are equally frequent."""
    import numpy as np

    return np.asarray(w[:, 1] - w[:, -1] <= EVEN * w[:, 0])


def vertices(w: "Points", index: int) -> "Points":
    """Return the vertex of one column for every row, (M, K)."""
    import numpy as np

    u = np.zeros(w.shape)
    u[:, index] = 1.0
    return u


def rise_by_values(part: "Computed", u: "Points", w: "Points") -> "Points":
    """Return R(u) - R(vertex) (M,) from above, for a risk that is continuous at both.

    Rounding is added, so that a negative number is one.
    """
    import numpy as np

    with np.errstate(all="ignore"):
        here, _ = part.risk(np.log(np.maximum(u, SMALLEST)), w)
        there, _ = part.risk(np.log(np.maximum(vertices(w, 0), SMALLEST)), w)
        return np.asarray(here - there + EQUAL * (np.abs(here) + np.abs(there)))


def rise_from_infinity(part: "Computed", u: "Points", w: "Points", infinite: "Mask") -> "Points":
    """Return the rise of a risk that is infinite at the vertex of some rows: -infinity there."""
    import numpy as np

    with np.errstate(all="ignore"):
        here, _ = part.risk(np.log(np.maximum(u, SMALLEST)), w)
        finite = np.isfinite(here) & ((u > 0) | (w <= 0)).all(axis=1)
        falls = np.where(finite, -np.inf, np.nan)
        return np.asarray(np.where(infinite, falls, rise_by_values(part, u, w)))
