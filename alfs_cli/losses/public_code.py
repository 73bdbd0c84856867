"""Losses as public code trains with them, where that differs from the formula.

Public code of Ma et al., ICML 2020, of Zhou et al., ICML 2021, and of Wang et al., NeurIPS 2024. A
form here has the value of the formula and another gradient, which is that of no function. So it is
no loss of its own: it has no certificate, and only training uses it.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from alfs_cli.losses.combine import Loss
from alfs_cli.losses.normalised import NFL
from alfs_cli.losses.separable import FL, RCE, SCE
from alfs_cli.losses.softened import EpsCE
from alfs_cli.losses.terms import Computed, Parts, Rows, Slopes, Term

if TYPE_CHECKING:
    from torch import Tensor

    from alfs_cli.losses.normalised import Shares
    from alfs_cli.losses.terms import Evaluated

LOG_ZERO = math.log(1e-4)
"""A of RCE and SCE: their one-hot labels are clamped at 1e-4, where Table 4 of the paper has -4."""

LEAST_SHARPENED = 1e-8  # the lower bound of p' of the epsilon-softmax


@dataclass(frozen=True)
class DetachedFL(FL):
    """Focal loss whose factor (1 - u)^gamma is a constant in the gradient."""

    def tensor_pull(self, rows: Rows) -> "Tensor":
        """Return (1 - u)^gamma (N, 1), the derivative of (1 - u)^gamma (-log u) by -log u."""
        return rows.rest.pow(self.gamma)


@dataclass(frozen=True)
class DetachedNFL(NFL):
    """Normalised focal loss whose factors (1 - p_k)^gamma are constants in the gradient."""

    def shares(self, rows: Rows, *, slopes: bool) -> "Shares":
        """Return F_y, S, w_y and w as NFL does, w_k being (1 - p_k)^gamma."""
        own, S, _, _ = super().shares(rows, slopes=slopes)
        return own, S, rows.rest.pow(self.gamma), (1 - rows.p).pow_(self.gamma)


@dataclass(frozen=True)
class ClampedEpsCE(EpsCE):
    """Cross entropy on p' clamped at 1e-8: no gradient reaches an example below it."""

    def evaluate(self, rows: Rows, *, weight: float, slopes: bool) -> "Evaluated":
        """Return weight (-log max(p'_y, 1e-8)) (N, 1), and a derivative of 0 where it is clamped.

        A label that is not the likeliest is clamped where u < (m + 1) 1e-8.
        """
        values, found = super().evaluate(rows, weight=weight, slopes=slopes)
        most = -weight * math.log(LEAST_SHARPENED)
        reaches = values <= most
        if found is not None:
            found = Slopes(own=found.own * reaches, along=found.along * reaches)
        return values.clamp(max=most), found


FORMS: dict[type[Term], type[Computed]] = {
    FL: DetachedFL,
    NFL: DetachedNFL,
    EpsCE: ClampedEpsCE,
}


@dataclass(frozen=True)
class PublicCodeLoss(Loss):
    """A loss with the gradient that public code has; its text and value are those of the loss."""

    def _weighted(self, num_classes: int) -> Parts:
        return tuple(
            (weight, FORMS[type(part)](**part.parameters()) if type(part) in FORMS else part)
            for weight, part in super()._weighted(num_classes)
        )


def is_other_in_public_code(loss: Loss) -> bool:
    """Whether public code has another gradient than the loss.

    >>> from alfs_cli.losses import parse_loss
    >>> is_other_in_public_code(parse_loss("nfl+rce")), is_other_in_public_code(parse_loss("agce"))
    (True, False)
    """
    return any(type(part) in FORMS for _, part in loss.parts(2))


def with_gradient_of_public_code(loss: Loss) -> Loss:
    """Return the loss with the gradient that public code has: see FORMS."""
    return PublicCodeLoss(loss.terms, loss.weights)


def with_clamp_of_public_code(loss: Loss) -> Loss:
    """Return the loss with A = log 1e-4 = -9.21 in RCE and SCE, as public code clamps labels.

    >>> from alfs_cli.losses import parse_loss
    >>> str(with_clamp_of_public_code(parse_loss("nce+rce")))
    'nce+rce:A=-9.210340371976182,alpha=1,beta=1'
    """
    terms = tuple(
        type(term)(**{**term.parameters(), "A": LOG_ZERO}) if isinstance(term, RCE | SCE) else term
        for term in loss.terms
    )
    return Loss(terms, loss.weights)
