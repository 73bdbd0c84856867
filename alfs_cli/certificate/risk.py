"""Minimisers of the conditional risk of a row, R(u) = sum_j w_j L(u, j), over the simplex.

`w` (M, K) are M rows of a transition matrix, with the true class in column 0 and the others in
descending order. Minimisers u (M, K) have the same order.
"""

import math
from collections.abc import Iterator
from typing import Literal

import numpy as np

from alfs_cli.arrays import FloatArray
from alfs_cli.losses import SeparableSum
from alfs_cli.losses.terms import Parts

Verdict = Literal["proved", "tolerant", "refuted", "not-refuted"]


def risk_at(parts: Parts, log_probs: FloatArray, w: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return R (M,) and its derivative by the logits (M, K) of a sum of terms, at log u (M, K)."""
    value, derivative = np.zeros(len(w)), np.zeros(w.shape)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):  # infinite at vertices
        for weight, part in parts:
            one, slope = part.risk(log_probs, w)
            value += weight * one
            derivative += weight * slope
    return value, derivative


def log_softmax(z: FloatArray) -> FloatArray:
    """Return log-probabilities (M, K) of logits (M, K)."""
    shifted = z - z.max(axis=-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)))


# Logits in a box.


def box_minimiser(parts: Parts, w: FloatArray, bound: float) -> FloatArray:
    """Return the minimisers u (M, K) over logits in [-bound, bound]^K, the best of three descents.

    The rows are independent: each descent (L-BFGS-B) minimises the sum of their risks.
    """
    from scipy.optimize import minimize

    def objective(flat: FloatArray) -> tuple[float, FloatArray]:
        value, derivative = risk_at(parts, log_softmax(flat.reshape(w.shape)), w)
        return float(value.sum()), derivative.ravel()

    best_u, best = np.zeros(w.shape), np.full(len(w), np.inf)
    for start in _starts(w, bound):
        found = minimize(
            objective,
            start.ravel(),
            jac=True,
            method="L-BFGS-B",
            bounds=[(-bound, bound)] * w.size,
            options={"maxiter": 1000, "maxfun": 2000, "ftol": 1e-15, "gtol": 1e-12},
        )
        log_probs = log_softmax(found.x.reshape(w.shape))
        value, _ = risk_at(parts, log_probs, w)
        better = value < best - 1e-15
        best_u[better] = np.exp(log_probs[better])
        best = np.where(better, value, best)
    return best_u


def _starts(w: FloatArray, bound: float) -> Iterator[FloatArray]:
    yield np.zeros(w.shape)
    yield np.clip(np.log(np.maximum(w, 1e-12)), -bound / 2, bound)
    toward = np.full(w.shape, -bound / 2)
    toward[:, 0] = bound / 2
    yield toward


# Losses of any shape: the slope at the vertex, then a maximal convolution on a grid.


def falling_step(loss: SeparableSum, w: FloatArray) -> FloatArray | None:
    """Return a point u (K,) near the vertex with a lower risk for a row w (K,), None without one.

    If probability t is moved from the true class to the largest other label, the risk changes at
    the rate w_m g(1 - t) - w_n g(t). The point is the largest t up to which the rate is negative,
    for all t tried from 1e-300 on.
    """
    at_zero, at_one = loss.end_slopes()
    if not w[1] * at_zero > w[0] * at_one * (1 + EQUAL_GAIN):
        return None
    t = np.geomspace(1e-300, 0.5, 2000)
    falls = w[1] * loss.slope(t) > w[0] * loss.slope(1 - t)
    count = len(t) if falls.all() else int(np.argmin(falls))
    if not count:
        return None
    u = np.zeros(len(w))
    u[:2] = 1 - t[count - 1], t[count - 1]
    return u


def convolution_verdict(
    loss: SeparableSum, w: FloatArray, *, cells: tuple[int, ...] = (600, 3000, 12000)
) -> tuple[Verdict, FloatArray | None]:
    """Return the verdict on one row (K,) for an l(u) of any shape, and a witness (K,) if refuted.

    With h(t) = l(0) - l(t) and D(s) = l(1 - s) - l(1), the vertex is the only minimiser if and only
    if w_m D(s) > H(s) for all s in (0, 1], where H(s) is the largest sum of w_i h(s_i) over s_i
    that sum to s. H is computed on grids of `cells` cells, each finer one only if the row is still
    undecided and the cost is acceptable.
    """
    rivals = w[1:][w[1:] > 0]
    if math.isinf(float(loss.value(np.zeros(1))[0])):
        return ("proved", None) if len(rivals) == 0 else ("refuted", None)
    for count in cells:
        if count > cells[0] and len(rivals) * count**2 > 2e9:  # operations
            break
        verdict, spent = _judge_on_grid(loss, float(w[0]), rivals, count)
        if verdict != "not-refuted":
            witness = None
            if spent is not None:
                witness = np.zeros(len(w))
                witness[1 : 1 + len(rivals)] = spent
                witness[0] = 1 - witness[1:].sum()
            return verdict, witness
    return "not-refuted", None


def _judge_on_grid(
    loss: SeparableSum, own: float, rivals: FloatArray, cells: int
) -> tuple[Verdict, FloatArray | None]:
    spare = len(rivals) + 2  # rounding each s_i up adds at most one cell
    grid = np.arange(cells + spare) / cells
    forward = loss.value(np.minimum(grid, 1.0))
    gain = forward[0] - forward
    back = loss.value(1 - grid[: cells + 1])
    D = back - back[0]
    layers = [np.zeros(len(grid))]
    for weight in rivals:
        layers.append(_max_plus(layers[-1], weight * gain))
    H = layers[-1]
    scale = EQUAL_GAIN * max(own, 1e-300) * float(gain[-1])
    low = own * D[1:] < H[1 : cells + 1] - scale
    if low.any():
        worst = int(np.argmin(own * D[1:] - H[1 : cells + 1])) + 1
        return "refuted", _backtrack(layers, rivals, gain, worst) / cells
    small = max(1, cells // 50)
    near_ends = np.array([1 - small / cells, 0.0]), np.array([1.0, small / cells])
    (least, _), (_, most) = np.transpose(slope_range(loss, *near_ends))
    top = rivals.max(initial=0.0)
    ks = np.arange(small, cells + 1)
    beyond = own * D[ks] > H[ks + 1 + len(rivals)]
    near = top == 0 or own * least > top * most
    return ("proved" if near and bool(np.all(beyond)) else "not-refuted"), None


EQUAL_GAIN = 1e-12  # relative tolerance of the comparison of D and H


def _max_plus(first: FloatArray, second: FloatArray) -> FloatArray:
    """Return the max-plus convolution: for each k, the maximum over i of first[i] + second[k - i].

    >>> _max_plus(np.array([0.0, 1.0]), np.array([0.0, 3.0]))
    array([0., 3.])
    """
    result = np.full(len(first), -np.inf)
    for i in range(len(first)):
        np.maximum(result[i:], first[i] + second[: len(first) - i], out=result[i:])
    return result


def _backtrack(
    layers: list[FloatArray], rivals: FloatArray, gain: FloatArray, total: int
) -> FloatArray:
    spent = np.zeros(len(rivals))
    left = total
    for index in range(len(rivals) - 1, -1, -1):
        options = layers[index][left::-1] + rivals[index] * gain[: left + 1]
        spent[index] = int(np.argmax(options))
        left -= int(spent[index])
    return spent


def slope_range(
    loss: SeparableSum, low: FloatArray, high: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return bounds (least, most) of g on [low, high]; assumes that each term's g is monotone."""
    with np.errstate(divide="ignore"):
        ends = [(c * part.slope(low), c * part.slope(high)) for c, part in loss.parts]
    least = sum((np.minimum(a, b) for a, b in ends), np.zeros(np.shape(low)))
    most = sum((np.maximum(a, b) for a, b in ends), np.zeros(np.shape(low)))
    return least, most
