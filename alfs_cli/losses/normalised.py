"""Losses divided by their sum over all classes: normalised and normalised negative losses.

They have no asymmetry ratio; each has a rule of its own for the rows of T. All of them are
symmetric: C = sum_k L(u, k) does not depend on u. If all wrong labels of a row are equally
frequent, then R(u) = w_n C + (w_m - w_n) L(u, m), so that noise does not move the minimiser.
"""

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

from alfs_cli.losses.minimisers import ngce_minimiser, normalised_minimiser
from alfs_cli.losses.ruling import (
    EQUAL,
    SMALLEST,
    Ruling,
    is_dominant,
    is_even,
    levels,
    rise_by_values,
    ruling,
    vertices,
)
from alfs_cli.losses.separable import AGCE, CE, FL, focal
from alfs_cli.losses.terms import LARGEST_SPAN, Computed, Rows, Separable, Slopes
from alfs_cli.losses.tuning import TUNING

if TYPE_CHECKING:
    from torch import Tensor

    from alfs_cli.arrays import FloatArray
    from alfs_cli.losses.terms import Evaluated

    Shares = tuple[Tensor, Tensor, Tensor, Tensor]


@dataclass(frozen=True)
class Normalised(Computed):
    """A separable loss F divided by its sum S = sum_k F(u, k): L = F_y / S.

    Ma et al., ICML 2020. With w_k = g(p_k) p_k and W = sum_k w_k the derivative by logit j is
    (p_j (w_y - L W) + L w_j - w_y [j = y]) / S. `Flipped` losses are L = 1 - F_y / S, where F
    increases with u, so that their w is negative.
    """

    @property
    @abstractmethod
    def base(self) -> Separable:
        """The loss that is normalised."""

    def number_shares(self, log_probs: "FloatArray") -> "tuple[FloatArray, FloatArray]":
        """Return F and w, (M, K) each, at log u (M, K)."""
        import numpy as np

        u = np.exp(log_probs)
        return self.base.value(u), self.base.slope(u) * u

    def risk(self, log_probs: "FloatArray", w: "FloatArray") -> "tuple[FloatArray, FloatArray]":
        """Return R = sum_j w_j F_j / S (M,) and its derivative by the logits (M, K)."""
        import numpy as np

        u = np.exp(log_probs)
        F, pull = self.number_shares(log_probs)
        S = F.sum(axis=-1, keepdims=True)
        R = (w * F).sum(axis=-1, keepdims=True) / S
        lead = (w - R) * pull
        derivative = (u * lead.sum(axis=-1, keepdims=True) - lead) / S
        return R[..., 0], derivative


@dataclass(frozen=True)
class Unbounded(Normalised):
    """A normalised loss whose base is infinite at u = 0: (L_1, ..., L_K) is any point of a simplex.

    For K >= 3 the infimum min w of the risk is approached wherever the probability of the rarest
    label tends to 0 fastest: at the vertex, and elsewhere, even on clean labels. Which of these
    limits is the lowest over bounded logits depends on the differences among the wrong labels'
    weights. If they are equal, noise does not move the minimiser.
    """

    def ruling(self, w: "FloatArray") -> Ruling:
        """Judge rows w (M, K).

        A dominant true class is proved for two classes. For more it is tolerant if all wrong labels
        are equally frequent.
        """
        dominant = is_dominant(w)
        if w.shape[1] == 2:
            return ruling(w, "two classes", proved=dominant, margin=levels(w))
        method = "its infimum min w is approached away from the vertex too"
        return ruling(w, method, tolerant=dominant & is_even(w), reached=dominant)

    def rise(self, u: "FloatArray", w: "FloatArray") -> "FloatArray":
        """Return an upper bound (M,) of the lowest limit of R at u minus that at the vertex."""
        import numpy as np

        here, there = self._limit(u, w), self._limit(vertices(w, 0), w)
        return np.asarray(here - there + EQUAL * (np.abs(here) + np.abs(there)))

    def _limit(self, u: "FloatArray", w: "FloatArray") -> "FloatArray":
        """Return the lowest limit of the risk at u (M,)."""
        import numpy as np

        value, _ = self.risk(np.log(np.maximum(u, SMALLEST)), w)
        rarest = np.where(u <= 0, w, np.inf).min(axis=1)
        return np.where(np.isfinite(rarest), rarest, value)

    def minimiser(self, w: "FloatArray", num_classes: int) -> "FloatArray":
        """Return the limit of minimisers over bounded logits (M, K); see `normalised_minimiser`."""
        return normalised_minimiser(self.base, w)

    @property
    def theorem_3(self) -> str:
        """The least risk is approached away from the vertex too, whatever the noise."""
        return (
            "does not hold from three classes on: the loss of a wrong class exceeds C / (K - 1), "
            "and the least risk is approached away from the true class too, even without noise; so "
            "it is not asymmetric, but noise that is even over the wrong classes moves none of its "
            "minima"
        )

    @property
    def escape_slope(self) -> float:
        """Infinite, as F is for a class of probability 0."""
        return math.inf


@dataclass(frozen=True)
class NCE(Unbounded):
    """Normalised cross entropy: log u_y / sum_k log u_k. Ma et al., ICML 2020."""

    name = "nce"
    formula = "log u_y / sum_k log u_k"
    stable = "log_softmax, log u_y from log1p(-(1 - u_y)) where u_y > 1/2"
    source = "Ma et al., ICML 2020"

    @property
    def base(self) -> Separable:
        """Cross entropy."""
        return CE()

    def evaluate(self, rows: Rows, *, weight: float, slopes: bool) -> "Evaluated":
        """Return weight log u_y / sum_k log u_k (N, 1) and its derivative."""
        # With F = log p and S < 0, w is -1 for every class, and no (N, K) matrix of it is needed.
        inverse = rows.log_probs.sum(1, keepdim=True).reciprocal_()
        if weight != 1:
            inverse = inverse * weight
        values = rows.lp * inverse
        if not slopes:
            return values, None
        K = rows.num_classes
        flat = values * (inverse if weight == 1 else inverse / weight)
        # along = K flat - inverse; by logit y the derivative is (K - 1) flat - (1 - u) along
        along = flat.mul(K).sub_(inverse)
        own = flat.mul(K - 1).addcmul_(rows.rest, along, value=-1)
        return values, Slopes(own=own, along=along, flat=flat.neg_())


@dataclass(frozen=True)
class WeighedNormalised(Normalised):
    """A normalised loss whose w is a matrix (N, K): it differs from class to class."""

    @abstractmethod
    def shares(self, rows: Rows, *, slopes: bool) -> "Shares":
        """Return F_y, S and w_y (N, 1), and w (N, K).

        The caller overwrites w and does not use its entries at y. Without `slopes` the last two are
        not used.
        """

    def evaluate(self, rows: Rows, *, weight: float, slopes: bool) -> "Evaluated":
        """Return weight F_y / S (N, 1) and its derivative from w (N, K)."""
        own, S, w_own, w = self.shares(rows, slopes=slopes)
        values = own / S
        if weight != 1:
            values = values * weight
        if not slopes:
            return values, None
        others = w.scatter_(1, rows.labels, 0.0).sum(1, keepdim=True)
        along = (w_own * weight - values * (w_own + others)) / S
        flat = values / S
        # By logit y: p_y (w_y - L W) + L w_y - w_y = -(1 - p_y) (w_y - L W) - L (W - w_y).
        own_slope = (flat * others).addcmul_(rows.rest, along).neg_()
        return values, Slopes(own=own_slope, along=along, full=((w, flat),))


@dataclass(frozen=True)
class NFL(WeighedNormalised, Unbounded):
    """Normalised focal loss: FL(u, y) / sum_k FL(u, k). Ma et al., ICML 2020."""

    name = "nfl"
    formula = "FL(u, y) / sum_k FL(u, k)"
    stable = "(1 - p)^gamma (-log p), the own 1 - u summed from the other classes"
    source = "Ma et al., ICML 2020"
    valid = "gamma >= 0"
    gamma: float = 0.5

    def is_valid(self) -> bool:
        """Return whether FL takes this gamma."""
        return FL(self.gamma).is_valid()

    @property
    def base(self) -> Separable:
        """FL with the same gamma."""
        return FL(self.gamma)

    def shares(self, rows: Rows, *, slopes: bool) -> "Shares":
        """Return F_y, S, w_y and w from `focal`; F_y and w_y use 1 - u without cancellation."""
        F, w = focal(rows.log_probs, rows.p, 1 - rows.p, self.gamma)
        own, w_own = focal(rows.lp, rows.u, rows.rest, self.gamma)
        S = F.scatter_(1, rows.labels, own).sum(1, keepdim=True)
        return own, S, w_own, w


@dataclass(frozen=True)
class NGCE(WeighedNormalised):
    """Normalised generalised cross entropy: (1 - u_y^q) / (K - sum_k u_k^q).

    Ma et al., ICML 2020.
    """

    name = "ngce"
    formula = "(1 - u_y^q) / (K - sum_k u_k^q)"
    stable = "-expm1(q log p) above and below"
    source = "Ma et al., ICML 2020"
    valid = "q > 0"
    q: float = 0.7

    def is_valid(self) -> bool:
        """Return whether q > 0 and 1 / q is within the range of float32."""
        return self.q > 0 and 1 / self.q <= LARGEST_SPAN

    @property
    def base(self) -> Separable:
        """GCE, as AGCE with a = 0."""
        return AGCE(0.0, self.q)

    def shares(self, rows: Rows, *, slopes: bool) -> "Shares":
        """Return F_y = (1 - u^q) / q and its sum S, then w_y = u^q and w (N, K)."""
        scaled, own = rows.log_probs * self.q, rows.lp * self.q
        w = scaled.exp() if slopes else scaled
        S = scaled.expm1_().sum(1, keepdim=True) * (-1 / self.q)
        return own.expm1() * (-1 / self.q), S, own.exp(), w

    def ruling(self, w: "FloatArray") -> Ruling:
        """Judge rows w (M, K).

        A dominant true class is proved; for q < 1 only if all wrong labels are equally frequent.
        """
        dominant = is_dominant(w)
        if self.q >= 1:
            return ruling(w, "concave terms", proved=dominant, margin=levels(w))
        even = is_even(w)
        return ruling(w, "whether wrong labels are equally frequent", proved=dominant & even)

    def rise(self, u: "FloatArray", w: "FloatArray") -> "FloatArray":
        """Return an upper bound of R(u) - R(vertex) (M,), from a sum that is 0 at the vertex."""
        import numpy as np

        # Let rho be the risk at the vertex. The w_i - rho of the other classes sum to 0, so that
        # R - rho = ((w_m - rho) (1 - u_m^q) - sum (w_i - rho) u_i^q) / (K - sum u^q).
        K = u.shape[1]
        rho = w[:, 1:].sum(axis=1, keepdims=True) / (K - 1)
        moved = u[:, 1:].sum(axis=1, keepdims=True)
        with np.errstate(divide="ignore"):
            own = -np.expm1(self.q * np.log1p(-np.minimum(moved, 1.0)))
        terms = np.concatenate([(w[:, :1] - rho) * own, (rho - w[:, 1:]) * u[:, 1:] ** self.q], 1)
        rise = terms.sum(axis=1) + EQUAL * np.abs(terms).sum(axis=1)
        return np.asarray(rise / (K - (u**self.q).sum(axis=1)))

    def minimiser(self, w: "FloatArray", num_classes: int) -> "FloatArray | None":
        """Return the minimiser (M, k) for q < 1; None for q >= 1."""
        return ngce_minimiser(self.q, w, num_classes) if self.q < 1 else None

    @property
    def theorem_3(self) -> str:
        """Below q = 1 the minimum is the vertex only if wrong labels are equally frequent."""
        if self.q >= 1:
            return ""
        return (
            "does not hold from three classes on: the loss of a wrong class exceeds C / (K - 1), "
            "and it is asymmetric only where all wrong labels of a class are equally frequent; "
            "with q >= 1 it is completely asymmetric"
        )

    @property
    def escape_slope(self) -> float | None:
        """Infinite for q < 1, where the slope of u^q at 0 is infinite; otherwise not defined."""
        return math.inf if self.q < 1 else None


@dataclass(frozen=True)
class Flipped(WeighedNormalised):
    """A normalised negative loss: L = 1 - F_y / S with F(u) = l(p_min) - l(max(u, p_min)).

    Ye et al., NeurIPS 2023. The smallest probability p_min keeps F finite and non-negative. It must
    be below 1 / K: otherwise all F are 0 at the uniform distribution, and L is 0 / 0. On a row with
    a dominant true class, the risk is minimal wherever all other probabilities are at most p_min.
    """

    p_min: float = 1e-7

    def is_valid(self) -> bool:
        """Return whether p_min is from 1e-30 to 0.1."""
        return 1e-30 <= self.p_min <= 0.1

    @property
    def most_classes(self) -> float:
        """The largest K below 1 / p_min."""
        return math.ceil(1 / self.p_min) - 1

    def ruling(self, w: "FloatArray") -> Ruling:
        """Judge rows w (M, K).

        A dominant true class is tolerant. It is proved if all minimisers are near the vertex.
        """
        dominant = is_dominant(w)
        spread = 2 * (w.shape[1] - 1) * self.p_min
        method = f"symmetric and bounded; minimisers have p <= {self.p_min:g} elsewhere"
        proved = dominant if spread <= TUNING.vertex_distance else None
        return ruling(w, method, proved=proved, tolerant=dominant, margin=levels(w))

    def rise(self, u: "FloatArray", w: "FloatArray") -> "FloatArray":
        """Return an upper bound of R(u) - R(vertex) (M,); R is bounded, so its values suffice."""
        return rise_by_values(self, u, w)

    @abstractmethod
    def active(self, rows: Rows, *, slopes: bool) -> "tuple[Tensor, Tensor, Tensor, Tensor]":
        """Return l and g(u) u of the base: for the label (N, 1), then for all classes (N, K)."""

    def shares(self, rows: Rows, *, slopes: bool) -> "Shares":
        """Return F_y = l(p_min) - l and its sum S, then w_y and w = -g u; all 0 below p_min."""
        import numpy as np

        top = float(self.base.value(np.array([self.p_min]))[0])
        own_value, own_pull, value, pull = self.active(rows, slopes=slopes)
        least = math.log(self.p_min)
        own_inside, inside = rows.lp > least, rows.log_probs > least
        own = (top - own_value) * own_inside
        F = (top - value).mul_(inside).scatter_(1, rows.labels, own)
        return own, F.sum(1, keepdim=True), own_pull * own_inside * -1, -(pull * inside)

    def evaluate(self, rows: Rows, *, weight: float, slopes: bool) -> "Evaluated":
        """Return weight (1 - F_y / S) (N, 1) and its derivative."""
        values, derivative = super().evaluate(rows, weight=-weight, slopes=slopes)
        return values + weight, derivative

    def number_shares(self, log_probs: "FloatArray") -> "tuple[FloatArray, FloatArray]":
        """Return F = l(p_min) - l and w = -g u, (M, K) each, at log u; both 0 below p_min."""
        import numpy as np

        u = np.exp(log_probs)
        inside = u > self.p_min
        top = self.base.value(np.array([self.p_min]))[0]
        F = np.where(inside, top - self.base.value(u), 0.0)
        return F, np.where(inside, -self.base.slope(u) * u, 0.0)

    def risk(self, log_probs: "FloatArray", w: "FloatArray") -> "tuple[FloatArray, FloatArray]":
        """Return sum_j w_j (1 - F_j / S) (M,) and its derivative by the logits (M, K)."""
        R, derivative = super().risk(log_probs, w)
        return w.sum(axis=-1) - R, -derivative


@dataclass(frozen=True)
class NNCE(Flipped):
    """Normalised negative cross entropy: 1 - (A + log u_y) / sum_k (A + log u_k), A = -log p_min.

    Ye et al., NeurIPS 2023. Probabilities below p_min are replaced by p_min.
    """

    name = "nnce"
    formula = "1 - (A + log u_y) / sum_k (A + log u_k), A = -log p_min"
    source = "Ye et al., NeurIPS 2023"
    valid = "p_min from 1e-30 to 0.1"

    @property
    def base(self) -> Separable:
        """Cross entropy."""
        return CE()

    def active(self, rows: Rows, *, slopes: bool) -> "tuple[Tensor, Tensor, Tensor, Tensor]":
        """Return -log u and g(u) u = 1 for the label, then the same for all classes."""
        one = rows.lp.new_ones(())
        return -rows.lp, one, -rows.log_probs, one


@dataclass(frozen=True)
class NNFL(Flipped):
    """Normalised negative focal loss: 1 - (A - FL(u, y)) / sum_k (A - FL(u, k)), A = FL(p_min).

    Ye et al., NeurIPS 2023.
    """

    name = "nnfl"
    formula = "1 - (A - FL(u, y)) / sum_k (A - FL(u, k)), A = FL(p_min)"
    source = "Ye et al., NeurIPS 2023"
    valid = "p_min from 1e-30 to 0.1, gamma >= 0"
    gamma: float = 0.5

    def is_valid(self) -> bool:
        """Return whether p_min is from 1e-30 to 0.1 and FL takes this gamma."""
        return super().is_valid() and FL(self.gamma).is_valid()

    @property
    def base(self) -> Separable:
        """FL with the same gamma."""
        return FL(self.gamma)

    def active(self, rows: Rows, *, slopes: bool) -> "tuple[Tensor, Tensor, Tensor, Tensor]":
        """Return `focal` for the label (N, 1), then for all classes (N, K)."""
        F, w = focal(rows.log_probs, rows.p, 1 - rows.p, self.gamma)
        own, own_pull = focal(rows.lp, rows.u, rows.rest, self.gamma)
        return own, own_pull, F, w
