"""The verdicts on rows of a transition matrix, for losses that alfs has formulas of.

The rulings of the terms decide first. A row that they leave undecided is refuted if a candidate for
the minimiser has a lower risk than the vertex, and not-refuted otherwise.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alfs_cli.arrays import FloatArray
from alfs_cli.certificate import risk
from alfs_cli.certificate.risk import Verdict
from alfs_cli.certificate.tuning import TUNING
from alfs_cli.certificate.witness import moves_in_bounds, rise
from alfs_cli.losses import Loss, SeparableSum
from alfs_cli.losses.minimisers import convex_minimiser
from alfs_cli.losses.normalised import Unbounded
from alfs_cli.losses.ruling import EQUAL, SMALLEST, Ruling, is_dominant, levels, ruling, vertices
from alfs_cli.losses.terms import Computed, Parts, Separable


@dataclass(frozen=True, eq=False)
class Decision:
    """The verdict on one row.

    `minimiser` (K,) is in the order of `w`: the true class, then the others in descending order.
    """

    verdict: Verdict
    method: str
    margin: float | None = None
    minimiser: FloatArray | None = None


@dataclass(frozen=True, eq=False)
class Judged:
    """A loss on rows w (M, K), split into l(u) and the terms of the whole vector, with rulings.

    `deciding` are the terms that determine the minimiser of the sum. For three classes or more, NCE
    and NFL approach their infimum at the vertex and elsewhere, so that the other terms determine
    it. `grid` has a verdict and a point for each row if l(u) has shape "other"; otherwise it is
    empty.
    """

    parts: Parts
    w: FloatArray
    separable: SeparableSum | None
    vectors: list[tuple[float, Computed]]
    rulings: list[Ruling]
    deciding: list[tuple[SeparableSum | Computed, Ruling]]
    grid: list[tuple[Verdict, FloatArray | None]]


def decide(loss: Loss, w: FloatArray) -> list[Decision]:
    """Return the decision for each row of w (M, K), the true class first, the others descending."""
    judged = _take_apart(loss, w)
    rulings = judged.rulings
    reached, some = np.all([r.reached for r in rulings], 0), np.any([r.proved for r in rulings], 0)
    proved = reached & some
    tolerant = np.all([r.tolerant | r.proved for r in rulings], axis=0) & ~proved
    refuted = _refute(judged, np.flatnonzero(~proved & ~tolerant))
    margins, method = _words(judged)
    dominant = is_dominant(w)
    decisions = []
    for k in range(len(w)):
        margin = None if margins is None else float(margins[k])
        how = method if dominant[k] else "the true class is not the likeliest label"
        if proved[k] or tolerant[k]:
            decisions.append(Decision("proved" if proved[k] else "tolerant", how, margin))
        elif k in refuted:
            decisions.append(Decision("refuted", how, margin, refuted[k]))
        else:
            decisions.append(Decision("not-refuted", f"{how}; no lower point found", margin))
    return decisions


def _take_apart(loss: Loss, w: FloatArray) -> Judged:
    K = w.shape[1]
    separable = loss.separable(K)
    vectors = [(c, part) for c, part in loss.parts(K) if not isinstance(part, Separable)]
    terms: list[tuple[SeparableSum | Computed, Ruling]] = [(p, p.ruling(w)) for _, p in vectors]
    grid: list[tuple[Verdict, FloatArray | None]] = []
    if separable is not None:
        if separable.shape == "other":
            grid = [_on_grid(separable, row) for row in w]
        terms.append((separable, _separable_ruling(separable, w, grid)))
    deciding = [term for term in terms if K == 2 or not isinstance(term[0], Unbounded)] or terms
    return Judged(loss.parts(K), w, separable, vectors, [r for _, r in terms], deciding, grid)


def _on_grid(loss: SeparableSum, row: FloatArray) -> tuple[Verdict, FloatArray | None]:
    """Judge a row (K,) on a grid; a loss with a term of shape "other" is never proved.

    For such a term, the bounds of the slope on the cells of the grid are not known to hold.
    """
    if not is_dominant(row[None])[0]:
        return "not-refuted", None
    verdict, point = risk.convolution_verdict(loss, row)
    known = all(part.shape != "other" for _, part in loss.parts)
    if verdict == "not-refuted" and known:
        point = risk.falling_step(loss, row)
    return "proved" if verdict == "proved" and known else "not-refuted", point


def _separable_ruling(
    loss: SeparableSum, w: FloatArray, grid: list[tuple[Verdict, FloatArray | None]]
) -> Ruling:
    """Judge l(u): by exact conditions if it is convex, concave or affine, otherwise by a grid."""
    if loss.shape == "other":
        proved = np.array([verdict == "proved" for verdict, _ in grid])
        return ruling(w, "convolution on a grid", proved=proved)
    level, dominant = levels(w), is_dominant(w)
    with np.errstate(invalid="ignore"):
        margin = np.where(np.isinf(level), np.inf, level * loss.asymmetry_ratio())
    if loss.shape == "convex":  # margin 1 suffices: all are strictly convex near u = 1
        return ruling(w, "convex in u", proved=dominant & (margin >= 1 - EQUAL), margin=margin)
    return ruling(w, f"{loss.shape} in u", proved=dominant, margin=margin)


def _words(judged: Judged) -> tuple[FloatArray | None, str]:
    """Return the margins (M,) of the deciding condition, if there is only one, and its name."""
    if len(judged.deciding) > 1:
        return None, "each term by its own condition"
    ((_, only),) = judged.deciding
    alone = len(judged.rulings) == 1
    return only.margin, only.method if alone else f"its passive part: {only.method}"


# Refutations.


def _refute(judged: Judged, rows: NDArray[np.intp]) -> dict[int, FloatArray]:
    """Return, for each of the rows that is refuted, the lowest point found.

    A row is refuted if the point has a lower risk than the vertex; for NCE and NFL, if it has a
    lower risk within every bound of the logits. If the true class is not the only likeliest label,
    a point of equal risk exists, such as the vertex of the likeliest one, and the row is refuted.
    """
    if not len(rows):
        return {}
    w = judged.w[rows]
    lowest, risks, points = np.full(len(w), np.inf), np.full(len(w), np.inf), np.zeros(w.shape)
    for u in _candidates(judged, rows):
        found = rise(judged.separable, judged.vectors, u, w)
        value, _ = risk.risk_at(judged.parts, np.log(np.maximum(u, SMALLEST)), w)
        # among points whose rise is -inf, the lowest risk is the best
        better = (found < lowest) | ((found == lowest) & (value < risks))
        lowest, risks = np.where(better, found, lowest), np.where(better, value, risks)
        points = np.where(better[:, None], u, points)
    known, leads = lowest < np.inf, is_dominant(w)
    tied = np.all([r.reached[rows] for r in judged.rulings], axis=0)
    refuted = {}
    for k, row in enumerate(rows.tolist()):
        is_lower = lowest[k] < 0 or (known[k] and not leads[k])
        if is_lower or (tied[k] and moves_in_bounds(judged.parts, points[k], w[k])):
            refuted[row] = points[k]
    return refuted


def _candidates(judged: Judged, rows: NDArray[np.intp]) -> Iterator[FloatArray]:
    """Yield candidates u (M, K) for the minimisers of the rows, the most promising first."""
    w = judged.w[rows]
    K = w.shape[1]
    faces = K > 2 and any(isinstance(part, Unbounded) for _, part in judged.vectors)
    formulas = 0
    for term, _ in judged.deciding:
        on_face = faces and not isinstance(term, Unbounded)
        if on_face and (u := _minimiser(term, w[:, :-1], K)) is not None:
            yield np.concatenate([u, np.zeros((len(u), 1))], axis=1)
        if (u := _minimiser(term, w, K)) is not None:
            formulas += 1
            yield u
    if judged.grid:
        found = [judged.grid[k][1] for k in rows]
        yield np.array([vertices(w[:1], 1)[0] if u is None else u for u in found])
    yield vertices(w, 1)
    has_formula = formulas == 1 or (judged.separable is not None and not judged.grid)
    if len(judged.deciding) == 1 and has_formula:
        return
    u = risk.box_minimiser(judged.parts, w, TUNING.search_bound)
    yield u
    if faces:
        face = u.copy()
        face[:, -1] = 0.0
        yield face / face.sum(axis=1, keepdims=True)


def _minimiser(term: SeparableSum | Computed, w: FloatArray, num_classes: int) -> FloatArray | None:
    if isinstance(term, SeparableSum):
        return convex_minimiser(term, w) if term.shape == "convex" else None
    return term.minimiser(w, num_classes)


# Logits in a box.


def masses(
    loss: Loss, w: FloatArray, decisions: list[Decision], bound: float
) -> Iterator[float | None]:
    """Yield for each row the true class's probability at the minimiser over bounded logits.

    Logits are in [-bound, bound]. Yields None for a row whose minimiser is not known.
    """
    separable = loss.separable(w.shape[1]) if loss.is_separable() else None
    if separable is None or separable.shape == "other":
        yield from risk.box_minimiser(loss.parts(w.shape[1]), w, bound)[:, 0].tolist()
        return
    corner = 1 / (1 + (w.shape[1] - 1) * math.exp(-2 * bound))
    for decision in decisions:
        if decision.verdict == "proved":
            yield corner
        elif decision.minimiser is None:
            yield None
        else:
            yield float(np.clip(decision.minimiser[0], corner * math.exp(-2 * bound), corner))
