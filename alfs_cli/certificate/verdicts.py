"""Is a loss asymmetric on a noise model? Proved, refuted with a counter-example, or not refuted.

A loss L(u, y) is asymmetric on the weights w (a row of T, class m the true one) when every
minimising sequence of the risk R(u) = sum_j w_j L(u, j) over the open simplex tends to the vertex
e_m: Zhou et al., ICML 2021, Definition 2, put so that it also speaks of losses that are infinite
at vertices. `certify` decides this for each row by the rule that fits the loss:

- l(u) convex: e_m is the minimiser iff w_m g(1) >= w_i g(0) for every other i, g = -l';
- l(u) concave or affine: iff w_m is the only largest weight;
- l(u) of another shape: a maximal convolution on a grid, rigorous where it says proved;
- losses of the whole vector, and sums with them: a rule for each;
- a user's own loss: a search from many starts, which can refute and never prove.

T[i, j] = P(given = j | true = i): the weights are rows. Noise is taken as class-conditional.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field
from threadpoolctl import threadpool_limits

from alfs_cli.certificate import risk
from alfs_cli.certificate.risk import Verdict
from alfs_cli.documents import Number, to_document
from alfs_cli.losses import Loss, SeparableSum, parse_loss
from alfs_cli.losses.softened import LDRKL, LS, EpsCE, HardBootstrap, SoftBootstrap
from alfs_cli.losses.terms import Computed, Parts, Separable
from alfs_cli.losses.vector import AMSE, NCE, NFL, NGCE, NLNL, Flipped
from alfs_cli.noise import TransitionMatrix, as_array

FloatArray = NDArray[np.float64]

TorchLoss = Callable[[Any, Any], Any]
"""A user's loss: logits (N, K) and labels (N,) to losses (N,)."""

SCHEMA = "alfs.certificate/1"
EQUAL = 1e-12  # relative: weights or margins nearer than this count as equal
BOUNDARY = 1e-9  # a margin this near 1 hangs on rounding in T: it is labelled
MASS_ENTRIES = 5000  # up to so many entries in distinct rows the mass needs no asking for
LOGIT_BOUND = 10.0


@dataclass(frozen=True)
class RowCertificate:
    """What holds for one true class.

    `margin` is at least 1 where the loss is asymmetric, by the condition that decides (for l(u):
    clean level times asymmetry ratio); None where no single number does. `runner_up` is the class
    that binds. `minimiser` is where the risk is least, or a point of lower risk than the vertex's;
    None where proved, the minimiser being the vertex itself. `mass_at_bound` is the true class's
    probability at the minimiser over logits in [-10, 10]. `is_argmax_consistent` says whether the
    minimiser still ranks the true class first.
    """

    class_: Annotated[int | str, Field(alias="class")]
    verdict: Verdict
    margin: Number | None
    runner_up: int | str
    minimiser: tuple[float, ...] | None
    mass_at_bound: float | None
    method: str
    is_boundary: bool
    is_argmax_consistent: bool | None


@dataclass(frozen=True)
class Certificate:
    """The verdict on a loss and a transition matrix: the worst of its rows'."""

    loss: str
    verdict: Verdict
    rows: tuple[RowCertificate, ...]

    def document(self) -> dict[str, Any]:
        """Return the JSON document `alfs.certificate/1`."""
        return to_document(SCHEMA, self)


@dataclass(frozen=True, eq=False)
class Decision:
    """The verdict on one row, in the order true class, then the others from the largest down."""

    verdict: Verdict
    method: str
    margin: float | None = None
    minimiser: FloatArray | None = None


def certify(
    loss: Loss | str | TorchLoss,
    T: TransitionMatrix | ArrayLike,
    *,
    class_names: Sequence[str] | None = None,
    mass: bool | None = None,
    bound: float = LOGIT_BOUND,
) -> Certificate:
    """Judge whether a loss is asymmetric on every row of T (K, K).

    A loss may be given by its text. One that alfs does not know, (logits, labels) -> (N,) tensors,
    is searched for a counter-example. `mass` asks for the mass at the bound; by default it is there
    where it costs little. Rows that are the same up to the order of classes are judged once.
    """
    with threadpool_limits(1, user_api="blas"):  # thousands of tiny problems: threads only wait
        return _certify(
            parse_loss(loss) if isinstance(loss, str) else loss,
            as_array(T),
            class_names=class_names,
            mass=mass,
            bound=bound,
        )


def _certify(
    loss: Loss | TorchLoss,
    weights: FloatArray,
    *,
    class_names: Sequence[str] | None,
    mass: bool | None,
    bound: float,
) -> Certificate:
    rows, order, which = _distinct_rows(weights)
    if isinstance(loss, Loss):
        decisions = _judge(loss, rows)
    else:
        from alfs_cli.certificate.falsify import falsify

        decisions = [
            Decision(found.verdict, found.method, None, found.minimiser)
            for found in falsify(loss, rows)
        ]
    cheap = rows.size <= MASS_ENTRIES or (isinstance(loss, Loss) and loss.is_separable())
    wants_mass = cheap if mass is None else mass
    masses = _masses(loss, rows, decisions, bound) if wants_mass else None
    names: Sequence[int | str] = range(len(weights)) if class_names is None else class_names
    found = tuple(
        _row(i, order[i], decisions[d], None if masses is None else masses[d], names)
        for i, d in enumerate(which)
    )
    return Certificate(str(loss) if isinstance(loss, Loss) else _name(loss), _worst(found), found)


def _name(loss: TorchLoss) -> str:
    return f"{getattr(loss, '__module__', '')}:{getattr(loss, '__qualname__', repr(loss))}"


def _worst(rows: Sequence[RowCertificate]) -> Verdict:
    verdicts = {row.verdict for row in rows}
    for verdict in ("refuted", "not-refuted"):
        if verdict in verdicts:
            return verdict
    return "proved"


def _distinct_rows(weights: FloatArray) -> tuple[FloatArray, NDArray[np.intp], list[int]]:
    """Return rows (M, K) with the true class first and the rest descending, each once.

    Also the order (K, K) of classes in each row of T, and the index of its distinct row.
    """
    K = len(weights)
    order = np.empty((K, K), dtype=np.intp)
    for i in range(K):
        rest = np.argsort(-weights[i], kind="stable")
        order[i] = np.concatenate([[i], rest[rest != i]])
    canonical = np.take_along_axis(weights, order, axis=1)
    seen: dict[bytes, int] = {}
    which = [seen.setdefault(row.tobytes(), len(seen)) for row in canonical]
    rows = np.array([np.frombuffer(key, dtype=np.float64) for key in seen])
    return rows / rows.sum(axis=1, keepdims=True), order, which


def _row(
    i: int,
    order: NDArray[np.intp],
    decision: Decision,
    mass: float | None,
    names: Sequence[int | str],
) -> RowCertificate:
    minimiser = None
    consistent: bool | None = True if decision.verdict == "proved" else None
    if decision.minimiser is not None:
        u = np.empty(len(order))
        u[order] = decision.minimiser
        minimiser = tuple(float(x) for x in u)
        consistent = bool(decision.minimiser[0] > decision.minimiser[1:].max() + EQUAL)
    margin = decision.margin
    return RowCertificate(
        class_=names[i],
        verdict=decision.verdict,
        margin=margin,
        runner_up=names[int(order[1])],
        minimiser=minimiser if decision.verdict != "proved" else None,
        mass_at_bound=mass,
        method=decision.method,
        is_boundary=margin is not None and abs(margin - 1) < BOUNDARY,
        is_argmax_consistent=consistent,
    )


# Rules for the losses that alfs knows; each returns a decision for every row of w (M, K).


def _judge(loss: Loss, w: FloatArray) -> list[Decision]:
    K = w.shape[1]
    separable = loss.separable(K)
    others = [part for part in loss.parts(K) if not isinstance(part[1], Separable)]
    if not others and separable is not None:
        return _separable_rule(separable, w)
    if len(others) == 1 and separable is None:
        return _vector_rule(others[0][1], w)
    return _sum_rule(loss, w)


def _levels(w: FloatArray) -> FloatArray:
    """Return the clean level of each row, infinite where it is clean."""
    with np.errstate(divide="ignore"):
        return np.asarray(np.where(w[:, 1] > 0, w[:, 0] / w[:, 1], np.inf))


def _is_dominant(w: FloatArray) -> NDArray[np.bool_]:
    return np.asarray(w[:, 0] > w[:, 1] * (1 + EQUAL))


def _vertex(w: FloatArray, index: int) -> FloatArray:
    u = np.zeros(w.shape[-1])
    u[index] = 1.0
    return u


def _separable_rule(loss: SeparableSum, w: FloatArray) -> list[Decision]:
    """Judge l(u): iff conditions for convex, concave and affine, a grid for the rest."""
    ratio, levels = loss.asymmetry_ratio(), _levels(w)
    convex = loss.shape == "convex"
    curved = risk.convex_minimiser(loss, w) if convex else None
    decisions = []
    for k, row in enumerate(w):
        level = float(levels[k])
        margin = math.inf if math.isinf(level) else level * ratio
        lowest = curved[k] if curved is not None else _vertex(row, 1)
        if not _is_dominant(w[k : k + 1])[0]:
            decision = Decision("refuted", "the true class is not the likeliest", margin, lowest)
        elif math.isinf(level) or loss.shape in ("affine", "concave"):
            decision = Decision("proved", f"{loss.shape} in u", margin)
        elif convex:
            proved = margin >= 1 - EQUAL  # unique at 1 too: all are strictly convex near u = 1
            decision = Decision("proved" if proved else "refuted", "convex in u", margin, lowest)
        else:
            verdict, witness = risk.convolution_verdict(loss, row)
            decision = Decision(verdict, "convolution on a grid", None, witness)
            if verdict == "not-refuted" and (step := risk.falling_step(loss, row)) is not None:
                decision = Decision("refuted", "the risk falls on leaving the vertex", None, step)
        decisions.append(decision)
    return decisions


def _vector_rule(part: Computed, w: FloatArray) -> list[Decision]:
    """Judge one loss of the whole vector."""
    K, levels, dominant = w.shape[1], _levels(w), _is_dominant(w)
    lowest = _vector_minimiser(part, w)
    decisions = []
    for k, row in enumerate(w):
        margin: float | None = None
        match part:
            case NCE() | NFL() if K > 2:
                # any limit with the rarest label's probability 0 attains the infimum min w
                proved, method = False, "its infimum min w is approached away from the vertex too"
            case NCE() | NFL():
                proved, margin, method = bool(dominant[k]), float(levels[k]), "two classes"
            case NGCE(q=q) if q < 1:
                equal = row[1] - row[-1] <= EQUAL * row[0]
                proved, method = bool(dominant[k]) and bool(equal), "equal other labels or not"
            case NGCE():
                proved, margin, method = bool(dominant[k]), float(levels[k]), "concave terms"
            case Flipped(p_min=p_min):
                proved, margin = bool(dominant[k]), float(levels[k])
                method = f"symmetric and bounded; minimisers have p <= {p_min:g} elsewhere"
            case AMSE(a=a):
                margin = a * float(row[0] - row[1])
                proved, method = bool(dominant[k]) and margin >= 1 - EQUAL, "gap times a"
            case LS(epsilon=epsilon) if epsilon > 0:
                proved, method = False, "infinite at the vertex"
            case _:  # NLNL and the softened cross entropies
                proved, method = bool(row[1] == 0), "infinite at the vertex unless the row is clean"
        if proved:
            decisions.append(Decision("proved", method, margin))
        else:
            u = _vertex(row, 1) if lowest is None else lowest[k]
            decisions.append(Decision("refuted", method, margin, u))
    return decisions


def _vector_minimiser(part: Computed, w: FloatArray) -> FloatArray | None:
    """Return where the risk is least (M, K); None for losses that are least at a vertex."""
    K = w.shape[1]
    match part:
        case NCE() | NFL() if K > 2:
            return _normalised_limit(w)
        case NGCE(q=q) if q < 1:
            return risk.ngce_minimiser(q, w)
        case AMSE(a=a):
            return risk.project_to_simplex(a * w)
        case NLNL():
            return risk.nlnl_minimiser(w)
        case LS(epsilon=epsilon):
            return np.asarray((1 - epsilon) * w + epsilon / K)
        case SoftBootstrap() | HardBootstrap() | EpsCE() | LDRKL():
            return risk.box_minimiser(((1.0, part),), w, 20.0)
        case _:
            return None


def _normalised_limit(w: FloatArray) -> FloatArray:
    """Return a limit minimiser of NCE that is not the vertex: u in proportion to w - min w.

    That is the limit of the minimisers over growing boxes of logits. Where it is the vertex (all
    other labels alike), another limit: the rarest label empty, the rest alike.
    """
    u = w - w.min(axis=1, keepdims=True)
    at_vertex = u[:, 1] <= EQUAL * w[:, 0]
    other = np.ones(w.shape)
    other[:, -1] = 0
    u = np.where(at_vertex[:, None], other, u)
    return np.asarray(u / u.sum(axis=1, keepdims=True))


def _sum_rule(loss: Loss, w: FloatArray) -> list[Decision]:
    """Judge a sum with losses of the whole vector in it.

    Call NCE and NFL active and the rest passive. For K >= 3 the active part tends to its infimum
    min w along any u whose rarest label vanishes fastest, so the sum is asymmetric if the passive
    part is, and is not if the passive part is lower somewhere on that face than at the vertex. For
    convex, concave and affine l(u) and for AMSE the two conditions meet.
    """
    K = w.shape[1]
    separable = loss.separable(K)
    vectors = [(c, p) for c, p in loss.parts(K) if not isinstance(p, Separable)]
    active = [part for _, part in vectors if isinstance(part, NCE | NFL)]
    passive = [part for _, part in vectors if not isinstance(part, NCE | NFL)]
    judged = [_vector_rule(part, w) for part in passive]
    if separable is not None:
        judged.append(_separable_rule(separable, w))
    if not judged:  # NCE + NFL
        return [replace(d, method="normalised parts only") for d in _vector_rule(active[0], w)]
    single = len(judged) == 1
    exact = single and (
        (separable is not None and separable.shape != "other")
        or (bool(passive) and isinstance(passive[0], AMSE))
    )
    passive_parts = tuple(part for part in loss.parts(K) if not isinstance(part[1], NCE | NFL))
    infinite, dominant = _infinite_at_vertex(loss, w), _is_dominant(w)
    faces = _face_minimisers(separable, passive, w) if single and active and K > 2 else None
    decisions = []
    for k in range(len(w)):
        parts = [decision[k] for decision in judged]
        margin = parts[0].margin if single else None
        if not dominant[k]:
            decision = Decision("refuted", "the true class is not the likeliest", margin)
        elif all(part.verdict == "proved" for part in parts):
            decision = Decision("proved", f"its passive part: {parts[0].method}", margin)
        elif infinite[k]:
            decision = Decision("refuted", "infinite at the vertex", margin)
        elif exact or (faces is not None and _is_lower(passive_parts, faces[k], w[k])):
            lowest = parts[0].minimiser if faces is None else faces[k]
            decision = Decision("refuted", f"passive part: {parts[0].method}", margin, lowest)
        else:
            decision = Decision("not-refuted", "no rule for this sum", margin)
        decisions.append(decision)
    return _search(loss, w, decisions, continuous=not active)


def _infinite_at_vertex(loss: Loss, w: FloatArray) -> NDArray[np.bool_]:
    """Say for each row whether the risk is infinite at the vertex."""
    noisy = w[:, 1] > 0
    found = np.zeros(len(w), dtype=bool)
    for _, part in loss.parts(w.shape[1]):
        if isinstance(part, Separable):
            if math.isinf(float(part.value(np.zeros(1))[0])):
                found |= noisy
        elif isinstance(part, LS):
            found |= noisy | (part.epsilon > 0)
        elif isinstance(part, NLNL | SoftBootstrap | HardBootstrap | EpsCE | LDRKL):
            found |= noisy
    return found


def _face_minimisers(
    separable: SeparableSum | None, passive: list[Computed], w: FloatArray
) -> FloatArray | None:
    """Return where the passive part is least on the face without the rarest label, if known."""
    face = w[:, :-1]
    if separable is not None and separable.shape == "convex":
        u = risk.convex_minimiser(separable, face)
    elif passive and isinstance(passive[0], AMSE):
        u = risk.project_to_simplex(passive[0].a * face)
    elif passive and isinstance(passive[0], NGCE) and passive[0].q < 1:
        u = risk.ngce_minimiser(passive[0].q, face, w.shape[1])
    else:
        return None
    return np.concatenate([u, np.zeros((len(u), 1))], axis=1)


def _is_lower(parts: Parts, u: FloatArray, row: FloatArray) -> bool:
    """Say whether the risk of a continuous loss is lower at u (K,) than at the vertex."""
    points = np.log(np.maximum(np.stack([u, _vertex(row, 0)]), 1e-300))
    value, _ = risk.risk_at(parts, points, np.stack([row, row]))
    return bool(value[0] < value[1] - 1e-9 * abs(value[1]))


def _search(
    loss: Loss, w: FloatArray, decisions: list[Decision], *, continuous: bool
) -> list[Decision]:
    """Fill in minimisers that no formula gives, and try to refute what no rule decided."""
    open_rows = [
        k for k, d in enumerate(decisions) if d.verdict != "proved" and d.minimiser is None
    ]
    if not open_rows:
        return decisions
    rows = w[open_rows]
    parts = loss.parts(w.shape[1])
    u = risk.box_minimiser(parts, rows, 20.0)
    lowest, _ = risk.risk_at(parts, np.log(u), rows)
    vertex = np.full(rows.shape, -40.0)
    vertex[:, 0] = 0.0
    at_vertex, _ = risk.risk_at(parts, risk.log_softmax(vertex), rows)
    result = list(decisions)
    for k, point, low, high in zip(open_rows, u, lowest, at_vertex, strict=True):
        decision = decisions[k]
        if decision.verdict == "refuted":
            result[k] = replace(decision, minimiser=point)
        elif continuous and low < high - 1e-9 * abs(high) and point[0] < 1 - 1e-3:
            result[k] = replace(
                decision, verdict="refuted", method="a point of lower risk", minimiser=point
            )
    return result


def _masses(
    loss: Loss | TorchLoss, w: FloatArray, decisions: list[Decision], bound: float
) -> list[float | None]:
    """Return the true class's probability at the minimiser over logits in [-bound, bound]."""
    if not isinstance(loss, Loss):
        from alfs_cli.certificate.falsify import mass_at_bound

        return mass_at_bound(loss, w, bound)
    K = w.shape[1]
    corner = 1 / (1 + (K - 1) * math.exp(-2 * bound))
    found: list[float | None] = [None] * len(w)
    if loss.is_separable():
        for k, decision in enumerate(decisions):
            if decision.verdict == "proved":
                found[k] = corner
            elif decision.minimiser is not None:
                found[k] = float(np.clip(decision.minimiser[0], 1 - corner, corner))
        return found
    u = risk.box_minimiser(loss.parts(K), w, bound)
    return [float(mass) for mass in u[:, 0]]
