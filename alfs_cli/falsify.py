"""Look for a counter-example to a loss that alfs knows nothing about.

A loss is a function (logits (N, K), labels (N,)) -> (N,) of torch tensors. The search can refute
that the loss is asymmetric on a row; that it finds nothing proves nothing.
"""

import math
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from alfs_cli.errors import InputError

FloatArray = NDArray[np.float64]
GAPS = (20.0, 25.0, 30.0)  # logit gaps that stand for the vertex: 1 - u is 1e-9 .. 1e-13
BOX = 30.0
RANDOM_STARTS = 8


class TorchRisk:
    """R(z) = sum_j w_j L(z, j) of a user's loss, in float64, with its derivative."""

    def __init__(self, loss: Callable[[Any, Any], Any], w: FloatArray) -> None:
        import torch

        self.loss, self.w, self.calls = loss, torch.from_numpy(w.copy()), 0
        self.labels = torch.arange(len(w))

    def __call__(self, z: FloatArray) -> tuple[float, FloatArray]:
        """Return R and its derivative by the logits (K,)."""
        import torch

        self.calls += 1
        logits = torch.from_numpy(np.array(z)).requires_grad_()
        K = len(self.w)
        values = self.loss(logits.expand(K, K), self.labels)
        if not isinstance(values, torch.Tensor) or values.shape != (K,):
            shape = tuple(getattr(values, "shape", ())) or type(values).__name__
            raise InputError(
                f"the loss returned {shape} for {K} examples, not a tensor ({K},)",
                help="a loss takes logits (N, K) and labels (N,) and returns (N,) values",
            )
        used = self.w > 0
        total = (self.w[used] * values[used]).sum()
        if not total.requires_grad:
            return float(total), np.zeros(K)
        (slope,) = torch.autograd.grad(total, logits)
        return float(total), slope.numpy()


def falsify(
    loss: Callable[[Any, Any], Any], w: FloatArray
) -> tuple[Literal["refuted", "not-refuted"], str, None, FloatArray | None]:
    """Search one row w (K,), true class first; return verdict, method, None and the witness.

    Refuted only where several approaches to the vertex agree on the risk there and a point away
    from it is lower, or as low; or where the risk grows without bound towards it.
    """
    R = TorchRisk(loss, w)
    point, low, starts = _lowest(R, len(w), BOX)
    u = _softmax(point)
    method = f"search from {starts} starts"
    if not math.isfinite(low) or u[0] > 1 - 1e-3 / 2:
        return "not-refuted", method, None, None if not math.isfinite(low) else u
    at_vertex = _limits(R, len(w))
    scale = max(1e-12, abs(low), float(np.abs(at_vertex).max()))
    if not np.isfinite(at_vertex).all():
        return "not-refuted", method, None, u
    grows = bool((np.diff(at_vertex, axis=0) > 1e-6 * scale).all())
    agree = float(np.ptp(at_vertex[-1])) <= 1e-6 * scale and not grows
    lower = low <= float(at_vertex[-1].min()) - 1e-9 * scale or (
        agree and abs(low - float(at_vertex[-1].min())) <= 1e-12 * scale
    )
    if lower and (agree or grows):
        return "refuted", method, None, u
    return "not-refuted", method, None, u


def mass_at_bound(loss: Callable[[Any, Any], Any], w: FloatArray, bound: float) -> float | None:
    """Return the true class's probability at the lowest point found in [-bound, bound]^K."""
    R = TorchRisk(loss, w)
    point, low, _ = _lowest(R, len(w), bound)
    return float(_softmax(point)[0]) if math.isfinite(low) else None


def _softmax(z: FloatArray) -> FloatArray:
    e = np.exp(z - z.max())
    return np.asarray(e / e.sum())


def _limits(R: TorchRisk, K: int) -> FloatArray:
    """Return the risk near the vertex: a row for each gap, a column for each way there."""
    found = []
    for gap in GAPS:
        tails = [np.zeros(K)] + [np.eye(K)[j] * -9 * gap for j in sorted({1, K - 1})]
        found.append([R(np.concatenate([[gap], tail[1:]]))[0] for tail in tails])
    return np.array(found)


def _lowest(R: TorchRisk, K: int, bound: float) -> tuple[FloatArray, float, int]:
    from scipy.optimize import minimize

    best, low = np.zeros(K), math.inf
    starts = _starts(R.w.numpy(), bound)
    for start in starts:
        value, slope = R(start)
        if not (math.isfinite(value) and np.isfinite(slope).all()):
            continue
        found = minimize(
            R,
            start,
            jac=True,
            method="L-BFGS-B",
            bounds=[(-bound, bound)] * K,
            options={"maxiter": 200, "ftol": 1e-15, "gtol": 1e-11},
        )
        if math.isfinite(found.fun) and found.fun < low:
            best, low = np.asarray(found.x), float(found.fun)
    return best, low, len(starts)


def _starts(w: FloatArray, bound: float) -> list[FloatArray]:
    K = len(w)
    rng = np.random.default_rng(0)
    half = bound / 2
    towards = [np.where(np.arange(K) == k, half, -half) / 2 for k in range(min(K, 4))]
    empty = [np.where(np.arange(K) == j, -half, 0.0) for j in sorted({1, K - 1})]
    spread = [np.log(rng.dirichlet(np.full(K, a)) + 1e-9) for a in (0.1, 1.0)]
    noise = [rng.normal(size=K) for _ in range(RANDOM_STARTS - 2)]
    logs = np.log(np.maximum(w, 1e-6))
    points = [np.zeros(K), logs, *towards, *empty, *spread, *noise]
    return [np.clip(point, -bound, bound) for point in points]
