"""Is a loss asymmetric on a noise model? Proved, tolerant, refuted by an example, or not refuted.

A loss L(u, y) is asymmetric on the weights w (a row of T, class m the true one) when every
minimising sequence of the risk R(u) = sum_j w_j L(u, j) over the open simplex tends to the vertex
e_m: Zhou et al., ICML 2021, Definition 2, put so that it also speaks of losses that are infinite
at vertices. `certify` decides this for each row by the rule that fits the loss:

- l(u) convex: e_m is the minimiser iff w_m g(1) >= w_i g(0) for every other i, g = -l';
- l(u) concave or affine: iff w_m is the only largest weight;
- l(u) of another shape: a maximal convolution on a grid, rigorous where it says proved;
- losses of the whole vector: each one's own `ruling`, by default that nothing is known;
- sums: proved where all terms reach their infimum at the vertex and one of them nowhere else;
- a user's own loss: a search from many starts, which can refute and never prove.

Tolerant is a loss whose minimisers on the row are those it has on clean labels, e_m among them,
though not alone. Refuted is only where a point was found whose risk is lower than the vertex's
(`witness`), rounding included, or, where the true class is not the likeliest label, as low.

T[i, j] = P(given = j | true = i): the weights are rows. Noise is taken as class-conditional.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field

from alfs_cli.arrays import FloatArray
from alfs_cli.certificate.decisions import Decision, decide, masses
from alfs_cli.certificate.risk import Verdict
from alfs_cli.losses import Loss, parse_loss
from alfs_cli.losses.ruling import EQUAL
from alfs_cli.noise import TransitionMatrix, as_array
from alfs_cli.noise.threads import one_blas_thread
from alfs_cli.storage.documents import Number, to_document

TorchLoss = Callable[[Any, Any], Any]
"""A user's loss: logits (N, K) and labels (N,) to losses (N,)."""

SCHEMA = "alfs.certificate/1"
BOUNDARY = 1e-9  # a margin this near 1 hangs on rounding in T: it is labelled
MASS_ENTRIES = 5000  # up to so many entries in distinct rows the mass needs no asking for
LOGIT_BOUND = 10.0
SLOW_ESCAPE = 1.25  # below it a class lost early was seen to stay lost: benchmarks/lost_classes.py


@dataclass(frozen=True)
class RowCertificate:
    """What holds for one true class.

    `margin` is at least 1 where the loss is asymmetric, by the condition that decides (for l(u):
    clean level times asymmetry ratio); None where no single number does. `runner_up` is the class
    that binds. `minimiser` is where the risk is least, or a point of lower risk than the vertex's;
    None where proved or tolerant, the vertex being one. `mass_at_bound` is the true class's
    probability at the minimiser over logits in [-10, 10]. `is_argmax_consistent` says whether the
    minimiser still ranks the true class first. `escape` is w_m g(0) / (w_n g(1)) for l(u), n the
    runner-up: from the wrong vertex e_n the risk falls toward e_m where it is above 1, and near 1 a
    class that was lost early hardly comes back; infinite with terms that leave any vertex at once.
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
    escape: Number | None = None


@dataclass(frozen=True)
class Certificate:
    """The verdict on a loss and a transition matrix: the worst of its rows'."""

    loss: str
    verdict: Verdict
    rows: tuple[RowCertificate, ...]

    def document(self) -> dict[str, Any]:
        """Return the JSON document `alfs.certificate/1`."""
        return to_document(SCHEMA, self)


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
    with one_blas_thread():  # thousands of tiny problems: threads only wait
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
        decisions = decide(loss, rows)
    else:
        from alfs_cli.certificate.falsify import falsify

        decisions = [
            Decision(found.verdict, found.method, None, found.minimiser)
            for found in falsify(loss, rows)
        ]
    cheap = rows.size <= MASS_ENTRIES or (isinstance(loss, Loss) and loss.is_separable())
    wants_mass = cheap if mass is None else mass
    found_masses = _masses(loss, rows, decisions, bound) if wants_mass else None
    slope = loss.escape_slope() if isinstance(loss, Loss) else None
    names: Sequence[int | str] = range(len(weights)) if class_names is None else class_names
    found = tuple(
        _row(
            i,
            order[i],
            decisions[d],
            mass=None if found_masses is None else found_masses[d],
            escape=None if slope is None else escape_quotient(rows[d], slope),
            names=names,
        )
        for i, d in enumerate(which)
    )
    return Certificate(str(loss) if isinstance(loss, Loss) else _name(loss), _worst(found), found)


def _name(loss: TorchLoss) -> str:
    return f"{getattr(loss, '__module__', '')}:{getattr(loss, '__qualname__', repr(loss))}"


def _worst(rows: Sequence[RowCertificate]) -> Verdict:
    verdicts = {row.verdict for row in rows}
    for verdict in ("refuted", "not-refuted", "tolerant"):
        if verdict in verdicts:
            return verdict
    return "proved"


def escape_quotient(row: FloatArray, slope: float) -> float:
    """Return w_m g(0) / (w_n g(1)) of a row (K,), the true class first; `slope` is g(0) / g(1)."""
    if min(row[0], row[1]) <= 0:
        return 0.0 if row[0] <= 0 else math.inf
    return float(row[0] / row[1] * slope)


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
    *,
    mass: float | None,
    escape: float | None,
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
        minimiser=minimiser,
        mass_at_bound=mass,
        method=decision.method,
        is_boundary=margin is not None and abs(margin - 1) < BOUNDARY,
        is_argmax_consistent=consistent,
        escape=escape,
    )


def _masses(
    loss: Loss | TorchLoss, w: FloatArray, decisions: list[Decision], bound: float
) -> list[float | None]:
    """Return the true class's probability at the minimiser over logits in [-bound, bound]."""
    if isinstance(loss, Loss):
        return list(masses(loss, w, decisions, bound))
    from alfs_cli.certificate.falsify import mass_at_bound

    return mass_at_bound(loss, w, bound)
