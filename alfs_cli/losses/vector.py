"""Losses of the whole probability vector that are not normalised, and sums with normalised ones.

They have no asymmetry ratio; each has a rule of its own for the rows of T.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from alfs_cli.losses.minimisers import nlnl_minimiser, project_to_simplex
from alfs_cli.losses.normalised import NCE, NFL, NNCE, NNFL
from alfs_cli.losses.ruling import (
    EQUAL,
    Ruling,
    is_dominant,
    rise_from_infinity,
    ruling,
)
from alfs_cli.losses.terms import Computed, Parts, Rows, Slopes, Term

if TYPE_CHECKING:
    from alfs_cli.arrays import FloatArray
    from alfs_cli.losses.terms import Evaluated


@dataclass(frozen=True)
class AMSE(Computed):
    """Asymmetric mean squared error: (1 / K) sum_k (p_k - a [k = y])^2.

    Wang et al., ICCV 2025. Robust on weights w (summing to 1) if and only if a (w_m - w_n) >= 1.
    """

    name = "amse"
    formula = "(1 / K) sum_k (p_k - a [k = y])^2"
    source = "Wang et al., ICCV 2025"
    valid = "a > 0"
    a: float = 30.0

    def is_valid(self) -> bool:
        """Return whether a is from 1e-15 to 1e15."""
        return 1e-15 <= self.a <= 1e15

    @property
    def uses_logs(self) -> bool:
        """False: squares need no logarithm."""
        return False

    def evaluate(self, rows: Rows, *, weight: float, slopes: bool) -> "Evaluated":
        """Return weight (sum_{k != y} p_k^2 + (u - a)^2) / K (N, 1) and its derivative."""
        scale = weight / rows.num_classes
        squares = rows.p.square()
        others = squares.sum(1, keepdim=True)
        u = rows.u
        values = scale * (others + (self.a - u).square())
        if not slopes:
            return values, None
        along = (2 * scale) * (u * (self.a - u) - others)
        own = (2 * scale) * u * ((u - self.a) * rows.rest - others)
        return values, Slopes(own=own, along=along, full=((squares, 2 * scale),))

    def risk(self, log_probs: "FloatArray", w: "FloatArray") -> "tuple[FloatArray, FloatArray]":
        """Return R (M,) and its derivative by the logits (M, K).

        R = (|u|^2 - 2 a w u + a^2) / K for weights w that sum to 1.
        """
        import numpy as np

        u = np.exp(log_probs)
        K = u.shape[-1]
        total = w.sum(axis=-1, keepdims=True)
        square = (u * u).sum(axis=-1, keepdims=True)
        hit = (w * u).sum(axis=-1, keepdims=True)
        R = (total * (square + self.a**2) - 2 * self.a * hit) / K
        derivative = 2 * u * (total * (u - square) - self.a * (w - hit)) / K
        return R[..., 0], derivative

    def ruling(self, w: "FloatArray") -> Ruling:
        """Judge rows w (M, K): proved if the true class is dominant and a (w_m - w_n) >= 1."""
        margin = self.a * (w[:, 0] - w[:, 1])
        proved = is_dominant(w) & (margin >= 1 - EQUAL)
        return ruling(w, "a times the gap", proved=proved, margin=margin)

    def rise(self, u: "FloatArray", w: "FloatArray") -> "FloatArray":
        """Return an upper bound of R(u) - R(vertex) (M,), from a sum that is 0 at the vertex."""
        import numpy as np

        # R is |u - a w|^2 / K plus a constant. With d = u - vertex, the difference is
        # (|d|^2 + 2 d (vertex - a w)) / K.
        moved = u.copy()
        moved[:, 0] = -u[:, 1:].sum(axis=1)
        lean = -self.a * w
        lean[:, 0] += 1
        terms = np.concatenate([moved**2, 2 * moved * lean], axis=1) / u.shape[1]
        return np.asarray(terms.sum(axis=1) + EQUAL * np.abs(terms).sum(axis=1))

    def minimiser(self, w: "FloatArray", num_classes: int) -> "FloatArray":
        """Return the points of the simplex (M, K) that are nearest to a w."""
        return project_to_simplex(self.a * w)


@dataclass(frozen=True)
class NLNL(Computed):
    """Negative learning, in expectation over the complementary label.

    1 / (K - 1) sum_{k != y} -log(1 - p_k). Kim et al., ICCV 2019, stage 1, without class weights
    and without clamping.
    """

    name = "nlnl"
    formula = "1 / (K - 1) sum_{k != y} -log(1 - p_k)"
    stable = "log(1 - p) of the likeliest class from the log-sum-exp of the others"
    source = "Kim et al., ICCV 2019"

    def evaluate(self, rows: Rows, *, weight: float, slopes: bool) -> "Evaluated":
        """Return weight sum_{k != y} -log(1 - p_k) / (K - 1) (N, 1) and its derivative."""
        y, log_probs, p = rows.labels, rows.log_probs, rows.p
        # Only the likeliest other class, `top`, can have a small 1 - p. That 1 - p is the sum of
        # the remaining probabilities. Both matrices are masked in place and restored afterwards.
        own_log = rows.own_log
        top_lp, top = log_probs.scatter_(1, y, -math.inf).max(1, keepdim=True)
        log_probs.scatter_(1, y, own_log).scatter_(1, top, -math.inf)
        second_lp, second = log_probs.max(1, keepdim=True)
        share = rows.along_rows("softmax", log_probs)
        log_probs.scatter_(1, top, top_lp)
        top_rest = second_lp.sub_(share.gather(1, second).log_())
        less = p.scatter_(1, top, 0.0).neg()
        scale = weight / (rows.num_classes - 1)
        values = (less.log1p().sum(1, keepdim=True) + top_rest) * -scale
        if not slopes:
            p.scatter_(1, top, top_lp.exp_())
            return values, None
        # The derivative by z_j is sum_{k != y} o_k ([j = k] - p_j) with odds o_k = p_k / (1 - p_k).
        # o_top may overflow, but p_j o_top = p_top share_j does not.
        odds = p / less.add_(1)
        total = odds.sum(1, keepdim=True)
        top_p = top_lp.exp_()
        own = (share.gather(1, y) * top_p).addcmul_(rows.u, total).mul_(-scale)
        full = odds.addcmul_(share, top_p, value=-1).scatter_(1, top, top_p)
        p.scatter_(1, top, top_p)
        return values, Slopes(own=own, along=total.mul_(-scale), full=((full, scale),))

    def risk(self, log_probs: "FloatArray", w: "FloatArray") -> "tuple[FloatArray, FloatArray]":
        """Return R = -sum_k c_k log(1 - u_k) (M,) and its derivative by the logits (M, K).

        c_k is the weight of all labels other than k, divided by K - 1.
        """
        import numpy as np

        u = np.exp(log_probs)
        c = (w.sum(axis=-1, keepdims=True) - w) / (u.shape[-1] - 1)
        with np.errstate(divide="ignore"):
            log_rest = np.log1p(-np.minimum(u, 1 - 1e-16))
        pull = c * np.exp(log_probs - log_rest)
        derivative = pull - u * pull.sum(axis=-1, keepdims=True)
        return -(c * log_rest).sum(axis=-1), derivative

    def ruling(self, w: "FloatArray") -> Ruling:
        """Judge rows w (M, K): a row is proved if it has no noise."""
        return ruling(w, "infinite at the vertex unless the row is clean", proved=w[:, 1] <= 0)

    def rise(self, u: "FloatArray", w: "FloatArray") -> "FloatArray":
        """Return R(u) - R(vertex) (M,); R(vertex) is infinite on a row with noise."""
        return rise_from_infinity(self, u, w, w[:, 1] > 0)

    def minimiser(self, w: "FloatArray", num_classes: int) -> "FloatArray":
        """Return the minimiser of the risk (M, K); see `nlnl_minimiser`."""
        return nlnl_minimiser(w)

    @property
    def escape_slope(self) -> float:
        """Infinite, because the slope of -log(1 - p) is infinite at every vertex."""
        return math.inf


@dataclass(frozen=True)
class ANLCE(Term):
    """Active negative loss: alpha NCE + beta NNCE. Ye et al., NeurIPS 2023, CIFAR-10 weights."""

    name = "anl-ce"
    formula = "alpha NCE + beta NNCE(p_min)"
    source = "Ye et al., NeurIPS 2023"
    valid = "p_min from 1e-30 to 0.1, alpha >= 0, beta >= 0, not both 0"
    p_min: float = 1e-7
    alpha: float = 5.0
    beta: float = 5.0

    def is_valid(self) -> bool:
        """Return whether the parts take the parameters, no weight is < 0, and one is > 0."""
        return NNCE(self.p_min).is_valid() and _weigh(self.alpha, self.beta)

    def parts(self, num_classes: int) -> Parts:
        """Return NCE with weight alpha and NNCE with weight beta, unless that is 0."""
        return _nonzero((self.alpha, NCE()), (self.beta, NNCE(self.p_min)))


@dataclass(frozen=True)
class ANLFL(Term):
    """Active negative loss: alpha NFL + beta NNFL. Ye et al., NeurIPS 2023, CIFAR-10 weights."""

    name = "anl-fl"
    formula = "alpha NFL(gamma) + beta NNFL(p_min, gamma)"
    source = "Ye et al., NeurIPS 2023"
    valid = "p_min from 1e-30 to 0.1, gamma >= 0, alpha >= 0, beta >= 0, not both 0"
    p_min: float = 1e-7
    gamma: float = 0.5
    alpha: float = 5.0
    beta: float = 5.0

    def is_valid(self) -> bool:
        """Return whether the parts take the parameters, no weight is < 0, and one is > 0."""
        inside = 1e-30 <= self.p_min <= 0.1 and 0 <= self.gamma <= 1e6
        return inside and _weigh(self.alpha, self.beta)

    def parts(self, num_classes: int) -> Parts:
        """Return NFL with weight alpha and NNFL with weight beta, unless that is 0."""
        return _nonzero((self.alpha, NFL(self.gamma)), (self.beta, NNFL(self.p_min, self.gamma)))


@dataclass(frozen=True)
class JALCE(Term):
    """Joint asymmetric loss: alpha NCE + beta AMSE(a). Wang et al., ICCV 2025, CIFAR-10 row."""

    name = "jal-ce"
    formula = "alpha NCE + beta AMSE(a)"
    source = "Wang et al., ICCV 2025"
    valid = "a > 0, alpha >= 0, beta >= 0, not both 0"
    a: float = 30.0
    alpha: float = 1.0
    beta: float = 1.0

    def is_valid(self) -> bool:
        """Return whether the parts take the parameters, no weight is < 0, and one is > 0."""
        return 1e-15 <= self.a <= 1e15 and _weigh(self.alpha, self.beta)

    def parts(self, num_classes: int) -> Parts:
        """Return NCE with weight alpha and AMSE with weight beta, unless that is 0."""
        return _nonzero((self.alpha, NCE()), (self.beta, AMSE(self.a)))


@dataclass(frozen=True)
class JALFL(Term):
    """Joint asymmetric loss: alpha NFL + beta AMSE(a). Wang et al., ICCV 2025, CIFAR-10 row."""

    name = "jal-fl"
    formula = "alpha NFL(gamma) + beta AMSE(a)"
    source = "Wang et al., ICCV 2025"
    valid = "a > 0, gamma >= 0, alpha >= 0, beta >= 0, not both 0"
    a: float = 30.0
    gamma: float = 0.5
    alpha: float = 1.0
    beta: float = 1.0

    def is_valid(self) -> bool:
        """Return whether the parts take the parameters, no weight is < 0, and one is > 0."""
        inside = 1e-15 <= self.a <= 1e15 and 0 <= self.gamma <= 1e6
        return inside and _weigh(self.alpha, self.beta)

    def parts(self, num_classes: int) -> Parts:
        """Return NFL with weight alpha and AMSE with weight beta, unless that is 0."""
        return _nonzero((self.alpha, NFL(self.gamma)), (self.beta, AMSE(self.a)))


def _weigh(alpha: float, beta: float) -> bool:
    return min(alpha, beta) >= 0 and max(alpha, beta) > 0


def _nonzero(*weighted: tuple[float, Computed]) -> Parts:
    return tuple((weight, part) for weight, part in weighted if weight)
