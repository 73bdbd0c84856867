"""Certificates: whether a loss is asymmetric on every row of a transition matrix.

A loss L(u, y) is asymmetric on the weights w (a row of T with true class m) if every minimising
sequence of the risk R(u) = sum_j w_j L(u, j) over the open simplex tends to the vertex e_m. This is
Definition 2 of Zhou et al., ICML 2021, extended to losses that are infinite at vertices. `certify`
decides each row by the rule for the kind of loss, where g = -l':

- l(u) convex: asymmetric if and only if w_m g(1) >= w_i g(0) for every other class i;
- l(u) concave or affine: if and only if w_m is the only largest weight;
- l(u) of another shape: by a maximal convolution on a grid, which is rigorous if it proves;
- losses of the whole vector: by the `ruling` of the loss; by default nothing is known;
- sums: proved if every term reaches its infimum at the vertex, and one of them only there;
- a user's own loss: by a search from many starts, which can refute but never prove.

A row is tolerant if the minimisers are the same as on clean labels: e_m and other points. A row is
refuted only if a point was found whose risk is lower than that of the vertex by more than rounding
errors (`witness`), or as low if the true class is not the only likeliest label.

T[i, j] = P(given = j | true = i): the weights are rows. Noise is assumed to be class-conditional.
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
"""A user's own loss: a function of logits (N, K) and labels (N,) that returns losses (N,)."""

SCHEMA = "alfs.certificate/1"
BOUNDARY = 1e-9  # a margin this near 1 depends on rounding errors in T
MASS_ENTRIES = 5000  # weights in distinct rows; with more the mass at the bound takes long
LOGIT_BOUND = 10.0  # default bound of the logits for the mass at the bound


@dataclass(frozen=True)
class RowCertificate:
    """The verdict for one true class m, a row of T.

    `margin` is at least 1 if the loss is asymmetric, by the condition that decides (for l(u): clean
    level times asymmetry ratio); None if no single number decides. `runner_up` is the most frequent
    wrong label n, whose weight decides. `minimiser` (K,) is the minimiser of the risk, or a point
    of lower risk than the vertex; None if the row is proved or tolerant, where the vertex is a
    minimiser, or nothing was found. `mass_at_bound` is the true class's probability at the
    minimiser over logits in [-10, 10]. `is_boundary` marks a margin that is 1 up to rounding.
    `is_argmax_consistent` says whether the minimiser still ranks the true class first.

    `escape` is the escape quotient w_m g(0) / (w_n g(1)) of l(u). If it is above 1, the risk falls
    from the wrong vertex e_n toward e_m. Near 1, a class that the network stops predicting early in
    training hardly comes back. It is infinite for losses that leave every wrong vertex at once.
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
    """The verdict on a loss and a transition matrix, which is the worst verdict of the rows."""

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
    """Return the certificate of a loss on T (K, K): whether it is asymmetric on every row.

    The loss may be given as a text. For a function (logits (N, K), labels (N,)) -> (N,) tensor,
    only a search for a counter-example is made. `mass` says whether to compute the mass at the
    bound of the logits; by default it is computed where that is fast. Rows that differ only in the
    order of classes are judged once.

    Raises UsageError for a text that names no loss, InputError where T is not a transition matrix.

    >>> certify("mae", [[0.6, 0.4], [0.2, 0.8]]).verdict
    'proved'
    """
    with one_blas_thread():  # for thousands of tiny problems, more threads only wait
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
    """Return the escape quotient w_m g(0) / (w_n g(1)) of a row (K,), the true class first.

    `slope` is g(0) / g(1).
    """
    if min(row[0], row[1]) <= 0:
        return 0.0 if row[0] <= 0 else math.inf
    return float(row[0] / row[1] * slope)


def _distinct_rows(weights: FloatArray) -> tuple[FloatArray, NDArray[np.intp], list[int]]:
    """Return the distinct rows (M, K), the true class first and the others in descending order.

    Also return, for each row of T, the order of its classes (K, K) and the index (K,) of its
    distinct row.
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
    """Return for each row the true class's probability at the minimiser over bounded logits."""
    if isinstance(loss, Loss):
        return list(masses(loss, w, decisions, bound))
    from alfs_cli.certificate.falsify import mass_at_bound

    return mass_at_bound(loss, w, bound)
