"""Facts about a loss: its shape, its asymmetry ratio, and the noise for which it is robust.

Zhou et al., ICML 2021: Definition 3 and Corollaries 1-3 (the ratio), Theorem 1 (calibration),
Theorem 2 (excess risk), Theorems 3, 7 and 8 (`theorems`).
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from alfs_cli.losses import LOSSES, SUM_DEFAULTS, Loss, SeparableSum, parse_loss
from alfs_cli.losses.fitting import fit_score
from alfs_cli.losses.terms import Separable, Term, number
from alfs_cli.losses.theorems import (
    BinaryWeights,
    binary_weights,
    necessary_ratio,
    symmetric_constant,
)
from alfs_cli.storage.documents import Number, to_document

SCHEMA = "alfs.loss/1"
LIST_SCHEMA = "alfs.losses/1"
CLASSES = (2, 3, 10, 100)  # numbers of classes for which C is computed


@dataclass(frozen=True)
class TermFacts:
    """One named term: its formula, its source, and its parameters with their valid range."""

    name: str
    formula: str
    source: str
    valid: str
    stable: str
    parameters: dict[str, Number]
    ratio_formula: str | None
    theorem_3: str | None = None


@dataclass(frozen=True)
class LossFacts:
    """The facts about a loss with given parameters.

    `least_clean_level` is 1 / ratio: on class-conditional noise the loss is asymmetric if the clean
    level is at least that, and above 1; "inf" where the ratio is 0. `excess_risk_constant` is c of
    Theorem 2: excess error <= c * excess risk (binary, ratio 1). `fit` has the fit score for 2, 10
    and 100 classes if the loss is defined for as many. `escape_slope` is g(0) / g(1). Times the
    clean level it is the escape quotient: if that is above 1, training can recover a class that the
    network has stopped predicting. `necessary_ratio` is r_u of Theorem 8, for l(u) alone.
    `symmetric_constant` is C = sum_k L(u, k) by the number of classes, null where it depends on u;
    `is_symmetric` says whether there is one for three classes or more.
    """

    loss: str
    terms: tuple[TermFacts, ...]
    is_separable: bool
    shape: str | None
    asymmetry_ratio: Number | None
    term_ratio: Number | None
    least_clean_level: Number | None
    is_completely_asymmetric: bool | None
    is_strictly_asymmetric: bool | None
    is_calibrated: bool | None
    excess_risk_constant: Number | None
    fit: dict[str, Number]
    escape_slope: Number | None = None
    necessary_ratio: Number | None = None
    is_symmetric: bool | None = None
    symmetric_constant: dict[str, Number | None] = field(default_factory=dict)
    binary_weights: BinaryWeights | None = None

    def document(self) -> dict[str, Any]:
        """Return the JSON document `alfs.loss/1`."""
        return to_document(SCHEMA, self)


@dataclass(frozen=True)
class LossList:
    """Every named loss and the paper's sums, with their defaults."""

    losses: tuple[LossFacts, ...]

    def document(self) -> dict[str, Any]:
        """Return the JSON document `alfs.losses/1`."""
        return to_document(LIST_SCHEMA, self)


def all_losses() -> LossList:
    """Return the facts of every named loss and of the sums of the paper's Table 4."""
    texts = [*LOSSES, *("+".join(pair) for pair in SUM_DEFAULTS)]
    return LossList(tuple(loss_facts(parse_loss(text)) for text in texts))


def loss_facts(loss: Loss) -> LossFacts:
    """Return the facts about a loss.

    >>> loss_facts(parse_loss("agce:a=1,q=0.5")).shape
    'convex'
    """
    separable = loss.separable() if loss.is_separable() else None
    shape = separable.shape if separable else None
    ratio = loss.asymmetry_ratio()
    level = None if ratio is None else 1 / ratio if ratio > 0 else float("inf")
    constants = {K: symmetric_constant(loss, K) for K in CLASSES if loss.most_classes >= K}
    return LossFacts(
        loss=str(loss),
        terms=tuple(_term_facts(term) for term in loss.terms),
        is_separable=separable is not None,
        shape=shape,
        asymmetry_ratio=ratio,
        term_ratio=loss.term_ratio(),
        least_clean_level=level,
        is_completely_asymmetric=None if ratio is None or shape == "other" else ratio == 1,
        is_strictly_asymmetric=shape != "concave" if ratio and shape != "other" else None,
        is_calibrated=None if shape in (None, "other") else True,
        excess_risk_constant=_excess_risk_constant(separable),
        fit={str(K): fit_score(loss, K) for K in (2, 10, 100) if loss.most_classes >= K},
        escape_slope=loss.escape_slope(),
        necessary_ratio=necessary_ratio(separable) if separable else None,
        is_symmetric=constants[3] is not None,
        symmetric_constant={str(K): C for K, C in constants.items()},
        binary_weights=binary_weights(loss),
    )


def _term_facts(term: Term) -> TermFacts:
    parts = [part for _, part in term.parts(2)]
    only = parts[0] if len(parts) == 1 else None
    formula = only.ratio_formula if isinstance(only, Separable) else None
    if len(parts) > 1 and all(isinstance(part, Separable) for part in parts):
        formula = "g(1) / g(0)"
    return TermFacts(
        name=term.name,
        formula=term.formula,
        source=term.source,
        valid=term.valid,
        stable=term.stable,
        parameters={key: float(value) for key, value in term.parameters().items()},
        ratio_formula=formula,
        theorem_3=term.theorem_3 or None,
    )


def _excess_risk_constant(loss: SeparableSum | None) -> float | None:
    """Return 2 / (l(0) - l(1)) for affine and concave losses, else None."""
    if loss is None or loss.shape not in ("affine", "concave"):
        return None
    at_zero, at_one = loss.value(np.array([0.0, 1.0]))
    return float(2 / (at_zero - at_one))


def filled_in(facts: TermFacts) -> str:
    """Return the formula of the ratio followed by the values of the parameters in it."""
    given = ", ".join(f"{key} = {number(value)}" for key, value in facts.parameters.items())
    formula = facts.ratio_formula or ""
    return f"{formula} at {given}" if given and any(c.isalpha() for c in formula) else formula
