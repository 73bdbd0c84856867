"""Minimisers of the risk of a row, by formulas and one-dimensional iterations.

Rows `w` are (M, K) as in `ruling`; minimisers u (M, K) have the same order of classes.
"""

from typing import TYPE_CHECKING

from alfs_cli.losses.separable import AEL, AGCE, AUL, CE

if TYPE_CHECKING:
    from collections.abc import Callable

    from alfs_cli.arrays import FloatArray
    from alfs_cli.losses.combine import SeparableSum
    from alfs_cli.losses.terms import Separable


def convex_minimiser(loss: "SeparableSum", w: "FloatArray") -> "FloatArray":
    """Return the minimiser (M, K) for a convex l(u), by its optimality conditions.

    u_i = g^-1(lambda / w_i) clipped to [0, 1], where bisection finds the lambda for which they sum
    to 1. If g is constant on an interval, there are many solutions, and one of them is returned.
    """
    import numpy as np

    inverse = _inverse_slope(loss)
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        largest = w.max(axis=1)
        ends = loss.slope(np.array([1 / w.shape[1], 1.0]))
        low = np.log(np.maximum(largest * ends[1] * (1 - 1e-9), 1e-300))
        high = np.log(largest * ends[0] * (1 + 1e-9))

        def at(log_level: "FloatArray") -> "FloatArray":
            return inverse(np.where(w > 0, np.exp(log_level)[:, None] / w, np.inf))

        for _ in range(80):
            middle = (low + high) / 2
            too_much = at(middle).sum(axis=1) >= 1
            low, high = np.where(too_much, middle, low), np.where(too_much, high, middle)
        more, less = at(low), at(high)
    above, below = more.sum(axis=1) - 1, 1 - less.sum(axis=1)
    gap = above + below
    share = np.where(gap > 0, below / np.where(gap > 0, gap, 1), 1.0)
    u = less + share[:, None] * (more - less)
    return np.asarray(u / u.sum(axis=1, keepdims=True))


def _inverse_slope(loss: "SeparableSum") -> "Callable[[FloatArray], FloatArray]":
    """Return the function t -> g^-1(t), clipped to [0, 1]."""
    import numpy as np

    if len(loss.parts) == 1:
        weight, part = loss.parts[0]
        match part:
            case CE():
                return lambda t: np.clip(weight / t, 0, 1)
            case AGCE(a=a, q=q):
                return lambda t: np.clip((t / weight) ** (1 / (q - 1)) - a, 0, 1)
            case AUL(a=a, p=p):
                return lambda t: np.clip(a - (t / weight) ** (1 / (p - 1)), 0, 1)
            case AEL(a=a):
                return lambda t: np.clip(-a * np.log(a * t / weight), 0, 1)
            case _:
                pass
    tail = np.geomspace(1e-18, 0.5, 8000)
    u = np.concatenate([[0.0], tail, 1 - tail[-2::-1], [1.0]])
    log_slope = np.log(np.clip(loss.slope(u), 1e-300, 1e300))[::-1]
    return lambda t: np.interp(np.log(np.clip(t, 1e-300, 1e300)), log_slope, u[::-1])


def project_to_simplex(points: "FloatArray") -> "FloatArray":
    """Return the Euclidean projections of points (M, K) onto the simplex, (M, K)."""
    import numpy as np

    ordered = -np.sort(-points, axis=1)
    excess = (np.cumsum(ordered, axis=1) - 1) / np.arange(1, points.shape[1] + 1)
    count = (ordered > excess).sum(axis=1)
    level = excess[np.arange(len(points)), count - 1]
    return np.asarray(np.maximum(points - level[:, None], 0))


def ngce_minimiser(q: float, w: "FloatArray", num_classes: int) -> "FloatArray":
    """Return the minimiser (M, k) of normalised generalised cross entropy with q < 1.

    Dinkelbach's iteration: u_i is proportional to max(w_i - rho, 0)^{1/(1-q)}, and the next rho is
    the risk at u. rho decreases until it converges. If all weights of a row are equal, the risk is
    constant. `num_classes` is K, which is above k if `w` (M, k) leaves classes out.
    """
    import numpy as np

    K = num_classes
    rho = (w.sum(axis=1) - w[:, 0]) / (K - 1)
    u = np.zeros(w.shape)
    u[:, 0] = 1.0
    total = w.sum(axis=1)
    for _ in range(200):
        lead = np.maximum(w - rho[:, None], 0)
        most = lead.max(axis=1, keepdims=True)
        scaled = np.where(most > 0, lead / np.where(most > 0, most, 1), 1.0)  # 1 at constant risk
        u = scaled ** (1 / (1 - q))
        u /= u.sum(axis=1, keepdims=True)
        new = (total - (w * u**q).sum(axis=1)) / (K - (u**q).sum(axis=1))
        if (np.abs(new - rho) <= 1e-16).all():
            break
        rho = new
    return u


def nlnl_minimiser(w: "FloatArray") -> "FloatArray":
    """Return the minimiser (M, K) of negative learning: u_i = max(0, 1 - (1 - w_i) / lambda)."""
    import numpy as np

    c = w.sum(axis=1, keepdims=True) - w
    low, high = c.min(axis=1), np.full(len(w), float(w.shape[1]) + 1)
    for _ in range(100):
        middle = (low + high) / 2
        short = np.maximum(0, 1 - c / middle[:, None]).sum(axis=1) < 1
        low, high = np.where(short, middle, low), np.where(short, high, middle)
    u = np.maximum(0, 1 - c / high[:, None])
    return np.asarray(u / u.sum(axis=1, keepdims=True))


def normalised_minimiser(base: "Separable", w: "FloatArray") -> "FloatArray":
    """Return the limit (M, K) of minimisers over bounded logits, for a base infinite at u = 0.

    The infimum min w of the risk is approached wherever the probability of the rarest label tends
    to 0 fastest. Over bounded logits, the other probabilities minimise the base on the weights
    w - min w. If all weights of a row are equal, the risk is constant.
    """
    import numpy as np

    from alfs_cli.losses.combine import SeparableSum

    over = w - w.min(axis=1, keepdims=True)
    alike = over.max(axis=1) <= 0
    over[alike, :2] = 0.5
    u = convex_minimiser(SeparableSum(((1.0, base),)), over)
    u = np.where(over > 0, u, 0.0)
    return np.asarray(u / u.sum(axis=1, keepdims=True))
