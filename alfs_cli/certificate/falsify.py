"""Search for a counter-example to the asymmetry of a user's own loss.

A loss is a function (logits (N, K), labels (N,)) -> (N,) of torch tensors. The search can refute
that the loss is asymmetric on a row. If it finds nothing, nothing is proved.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from alfs_cli.arrays import FloatArray
from alfs_cli.certificate.tuning import TUNING as SEARCH
from alfs_cli.errors import InputError
from alfs_cli.losses.tuning import TUNING

TorchLoss = Callable[[Any, Any], Any]

GAPS = (20.0, 25.0, 30.0)  # logit gaps of points near the vertex, where 1 - u is 1e-9 .. 1e-13
ENTRIES = 2_000_000  # logits evaluated in one call, which bounds the memory


@dataclass(frozen=True, eq=False)
class Found:
    """The verdict on a row, and the lowest point u (K,) that the search found."""

    verdict: Literal["refuted", "not-refuted"]
    method: str
    minimiser: FloatArray | None


def falsify(loss: TorchLoss, w: FloatArray) -> list[Found]:
    """Return for each row of w (M, K), true class first, the result of a search for lower points.

    A row is refuted if the risk has the same limit on several paths to the vertex and a point away
    from the vertex has a risk that is as low or lower; or if the risk increases without bound
    towards the vertex.
    """
    with _one_thread():
        z, low, starts = _lowest(loss, w, SEARCH.own_loss_bound)
        limits = _limits(loss, w)
    u = _softmax(z)
    method = f"search from {starts} starts"
    found = []
    for k in range(len(w)):
        if not np.isfinite(low[k]):
            found.append(Found("not-refuted", method, None))
            continue
        is_away = u[k, 0] < 1 - TUNING.vertex_distance / 2  # the L1 distance is 2 (1 - u_m)
        refuted = is_away and _is_below(float(low[k]), limits[k])
        found.append(Found("refuted" if refuted else "not-refuted", method, u[k]))
    return found


def mass_at_bound(loss: TorchLoss, w: FloatArray, bound: float) -> list[float | None]:
    """Return the true class's probability at the lowest point found for each row.

    Logits are in [-bound, bound]. None for a row on which the loss is nowhere finite.
    """
    with _one_thread():
        z, low, _ = _lowest(loss, w, bound)
    u = _softmax(z)
    return [float(u[k, 0]) if np.isfinite(low[k]) else None for k in range(len(w))]


def _is_below(low: float, limits: FloatArray) -> bool:
    """Return whether the lowest risk refutes a row; `limits` are the risks near the vertex.

    `limits` is (gaps, paths), as in `_limits`.
    """
    if not np.isfinite(limits).all():
        return False
    scale = max(1e-12, abs(low), float(np.abs(limits).max()))
    grows = bool((np.diff(limits, axis=0) > 1e-6 * scale).all())
    agree = float(np.ptp(limits[-1])) <= 1e-6 * scale
    at_vertex = float(limits[-1].min())
    if low <= at_vertex - 1e-9 * scale:
        return agree or grows
    return agree and not grows and abs(low - at_vertex) <= 1e-12 * scale


def _softmax(z: FloatArray) -> FloatArray:
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return np.asarray(e / e.sum(axis=-1, keepdims=True))


@contextmanager
def _one_thread() -> Iterator[None]:
    """Keep torch on one thread: for small tensors, starting threads costs more than it saves."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _risks(loss: TorchLoss, z: FloatArray, w: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return R (P,) at logits z (P, K) with weights w (P, K), and its derivative (P, K).

    Raises InputError where the loss fails or returns another shape.
    """
    import torch

    P, K = z.shape
    value, slope = np.empty(P), np.empty(z.shape)
    step = max(1, ENTRIES // (K * K))
    labels = torch.arange(K)
    for a in range(0, P, step):
        logits = torch.from_numpy(z[a : a + step].copy()).requires_grad_()
        count = len(logits)
        try:
            each = loss(logits.repeat_interleave(K, 0), labels.repeat(count))
        except Exception as error:
            raise InputError(
                f"the loss failed: {type(error).__name__}: {error}",
                help="a loss takes logits (N, K) and labels (N,) and returns (N,) values",
            ) from error
        if not isinstance(each, torch.Tensor) or each.shape != (count * K,):
            got = tuple(each.shape) if isinstance(each, torch.Tensor) else type(each).__name__
            raise InputError(
                f"the loss returned {got} for {count * K} examples, not a tensor ({count * K},)",
                help="a loss takes logits (N, K) and labels (N,) and returns (N,) values",
            )
        weights = torch.from_numpy(w[a : a + step].copy())
        terms = weights * each.double().reshape(count, K)
        risk = torch.where(weights > 0, terms, 0.0).sum(1)
        value[a : a + step] = risk.detach().numpy()
        if risk.requires_grad:
            (gradient,) = torch.autograd.grad(risk.sum(), logits)
            slope[a : a + step] = gradient.numpy()
        else:
            slope[a : a + step] = 0.0
    return value, slope


def _limits(loss: TorchLoss, w: FloatArray) -> FloatArray:
    """Return the risk near the vertex (M, gaps, paths).

    On one path all other classes are equally likely, on the others one class is much less likely.
    """
    M, K = w.shape
    deep = sorted({1, K - 1})
    points = np.zeros((len(GAPS), 1 + len(deep), K))
    for g, gap in enumerate(GAPS):
        points[g, :, 0] = gap
        for way, j in enumerate(deep):
            points[g, way + 1, j] = -9 * gap
    ways = points.reshape(-1, K)
    value, _ = _risks(loss, np.tile(ways, (M, 1)), np.repeat(w, len(ways), axis=0))
    return value.reshape(M, *points.shape[:2])


def _lowest(loss: TorchLoss, w: FloatArray, bound: float) -> tuple[FloatArray, FloatArray, int]:
    """Return the lowest points found (M, K), their risks (M,), and the number of starts."""
    from scipy.optimize import minimize

    points, lowest, count = np.zeros(w.shape), np.full(len(w), np.inf), 0
    rows = max(1, ENTRIES // (w.shape[1] ** 2 * 16))
    for a in range(0, len(w), rows):
        some = w[a : a + rows]
        starts = np.stack([np.clip(s, -bound, bound) for s in _starts(some)], axis=1)
        count = starts.shape[1]
        spread = np.repeat(some, count, axis=0)
        flat = starts.reshape(-1, w.shape[1])
        value, slope = _risks(loss, flat, spread)
        usable = np.isfinite(value) & np.isfinite(slope).all(axis=1)
        if not usable.any():
            continue

        def objective(
            z: FloatArray, spread: FloatArray = spread[usable]
        ) -> tuple[float, FloatArray]:
            value, slope = _risks(loss, z.reshape(spread.shape), spread)
            return float(value.sum()), slope.ravel()

        found = minimize(
            objective,
            flat[usable].ravel(),
            jac=True,
            method="L-BFGS-B",
            bounds=[(-bound, bound)] * int(usable.sum() * w.shape[1]),
            options={"maxiter": 200, "maxfun": 300, "ftol": 1e-15, "gtol": 1e-11},
        )
        ends = flat.copy()
        ends[usable] = found.x.reshape(-1, w.shape[1])
        value, _ = _risks(loss, ends, spread)
        value = np.where(np.isfinite(value), value, np.inf).reshape(-1, count)
        best = value.argmin(axis=1)
        index = np.arange(len(some))
        points[a : a + rows] = ends.reshape(len(some), count, -1)[index, best]
        lowest[a : a + rows] = value[index, best]
    return points, lowest, count


def _starts(w: FloatArray) -> Iterator[FloatArray]:
    """Yield starting logits (M, K): the centre, log w, points near vertices and faces, random."""
    M, K = w.shape
    rng = np.random.default_rng(0)
    yield np.zeros(w.shape)
    yield np.log(np.maximum(w, 1e-6))
    for k in range(min(K, 4)):
        yield np.tile(np.where(np.arange(K) == k, 8.0, -8.0), (M, 1))
    for j in sorted({1, K - 1}):
        yield np.tile(np.where(np.arange(K) == j, -15.0, 0.0), (M, 1))
    for alpha in (0.1, 1.0):
        yield np.tile(np.log(rng.dirichlet(np.full(K, alpha)) + 1e-9), (M, 1))
    for _ in range(SEARCH.random_starts):
        yield rng.normal(size=w.shape)
