"""Losses that use the whole probability vector.

For these an asymmetry ratio is not defined; `certificate` has a rule for each.
"""

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

from alfs_cli.losses.separable import AGCE, CE, FL, focal
from alfs_cli.losses.terms import LARGEST_SPAN, Computed, Parts, Rows, Separable, Slopes, Term

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from alfs_cli.losses.terms import Evaluated

    Points = NDArray[np.float64]
    Shares = tuple[Tensor, Tensor, Tensor, Tensor]


@dataclass(frozen=True)
class Normalised(Computed):
    """A separable loss F over its sum S = sum_k F(u, k): L = F_y / S.

    Ma et al., ICML 2020. With w_k = g(p_k) p_k and W = sum_k w_k the derivative by logit j is
    (p_j (w_y - L W) + L w_j - w_y [j = y]) / S. A flipped one is L = 1 - F_y / S, of an F that
    grows with u, whose w is negative.
    """

    @property
    @abstractmethod
    def base(self) -> Separable:
        """The loss that is normalised."""

    def number_shares(self, log_probs: "Points") -> "tuple[Points, Points]":
        """Return F and w (M, K) of log u (M, K)."""
        import numpy as np

        u = np.exp(log_probs)
        return self.base.value(u), self.base.slope(u) * u

    def risk(self, log_probs: "Points", w: "Points") -> "tuple[Points, Points]":
        import numpy as np

        u = np.exp(log_probs)
        F, pull = self.number_shares(log_probs)
        S = F.sum(axis=-1, keepdims=True)
        R = (w * F).sum(axis=-1, keepdims=True) / S
        lead = (w - R) * pull
        derivative = (u * lead.sum(axis=-1, keepdims=True) - lead) / S
        return R[..., 0], derivative


@dataclass(frozen=True)
class NCE(Normalised):
    """Normalised cross entropy: log u_y / sum_k log u_k. Ma et al., ICML 2020."""

    name = "nce"
    formula = "log u_y / sum_k log u_k"
    stable = "log_softmax, log u_y from log1p(-(1 - u_y)) where u_y > 1/2"
    source = "Ma et al., ICML 2020"

    @property
    def base(self) -> Separable:
        return CE()

    def evaluate(self, rows: Rows, *, weight: float, slopes: bool) -> "Evaluated":
        # w is -1 everywhere, with F = log p and S below zero: no matrix of it is needed
        inverse = rows.log_probs.sum(1, keepdim=True).reciprocal_()
        if weight != 1:
            inverse = inverse * weight
        values = rows.lp * inverse
        if not slopes:
            return values, None
        K = rows.num_classes
        flat = values * (inverse if weight == 1 else inverse / weight)
        # along = K flat - inverse; at y: (K - 1) flat - (1 - u) along
        along = flat.mul(K).sub_(inverse)
        own = flat.mul(K - 1).addcmul_(rows.rest, along, value=-1)
        return values, Slopes(own=own, along=along, flat=flat.neg_())


@dataclass(frozen=True)
class WeighedNormalised(Normalised):
    """A normalised loss whose w differs from class to class."""

    @abstractmethod
    def shares(self, rows: Rows, *, slopes: bool) -> "Shares":
        """Return F_y, S and w_y (N, 1), and w (N, K), which is overwritten; at y it is not used.

        Without `slopes` the last two may be anything.
        """

    def evaluate(self, rows: Rows, *, weight: float, slopes: bool) -> "Evaluated":
        own, S, w_own, w = self.shares(rows, slopes=slopes)
        values = own / S
        if weight != 1:
            values = values * weight
        if not slopes:
            return values, None
        others = w.scatter_(1, rows.labels, 0.0).sum(1, keepdim=True)
        along = (w_own * weight - values * (w_own + others)) / S
        flat = values / S
        # at y: p_y (w_y - L W) + L w_y - w_y = -(1 - p_y) (w_y - L W) - L (W - w_y)
        own_slope = (flat * others).addcmul_(rows.rest, along).neg_()
        return values, Slopes(own=own_slope, along=along, full=((w, flat),))


@dataclass(frozen=True)
class NFL(WeighedNormalised):
    """Normalised focal loss: FL(u, y) / sum_k FL(u, k). Ma et al., ICML 2020."""

    name = "nfl"
    formula = "FL(u, y) / sum_k FL(u, k)"
    stable = "(1 - p)^gamma (-log p), the own 1 - u summed from the other classes"
    source = "Ma et al., ICML 2020"
    valid = "gamma >= 0"
    gamma: float = 0.5

    def is_valid(self) -> bool:
        return FL(self.gamma).is_valid()

    @property
    def base(self) -> Separable:
        return FL(self.gamma)

    def shares(self, rows: Rows, *, slopes: bool) -> "Shares":
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
        return self.q > 0 and 1 / self.q <= LARGEST_SPAN

    @property
    def base(self) -> Separable:
        return AGCE(0.0, self.q)

    def shares(self, rows: Rows, *, slopes: bool) -> "Shares":
        scaled, own = rows.log_probs * self.q, rows.lp * self.q
        w = scaled.exp() if slopes else scaled
        S = scaled.expm1_().sum(1, keepdim=True) * (-1 / self.q)
        return own.expm1() * (-1 / self.q), S, own.exp(), w


@dataclass(frozen=True)
class Flipped(WeighedNormalised):
    """A loss upside down, F(u) = l(p_min) - l(max(u, p_min)), and normalised: L = 1 - F_y / S.

    Ye et al., NeurIPS 2023. p_min, the least probability, is what keeps F above zero.
    """

    p_min: float = 1e-7

    def is_valid(self) -> bool:
        return 1e-30 <= self.p_min <= 0.1

    @abstractmethod
    def active(self, rows: Rows, *, slopes: bool) -> "tuple[Tensor, Tensor, Tensor, Tensor]":
        """Return l and g(u) u of the loss that is flipped: at y (N, 1), then for all (N, K)."""

    def shares(self, rows: Rows, *, slopes: bool) -> "Shares":
        import numpy as np

        top = float(self.base.value(np.array([self.p_min]))[0])
        own_value, own_pull, value, pull = self.active(rows, slopes=slopes)
        least = math.log(self.p_min)
        own_inside, inside = rows.lp > least, rows.log_probs > least
        own = (top - own_value) * own_inside
        F = (top - value).mul_(inside).scatter_(1, rows.labels, own)
        return own, F.sum(1, keepdim=True), own_pull * own_inside * -1, -(pull * inside)

    def evaluate(self, rows: Rows, *, weight: float, slopes: bool) -> "Evaluated":
        values, derivative = super().evaluate(rows, weight=-weight, slopes=slopes)
        return values + weight, derivative

    def number_shares(self, log_probs: "Points") -> "tuple[Points, Points]":
        import numpy as np

        u = np.exp(log_probs)
        inside = u > self.p_min
        top = self.base.value(np.array([self.p_min]))[0]
        F = np.where(inside, top - self.base.value(u), 0.0)
        return F, np.where(inside, -self.base.slope(u) * u, 0.0)

    def risk(self, log_probs: "Points", w: "Points") -> "tuple[Points, Points]":
        R, derivative = super().risk(log_probs, w)
        return w.sum(axis=-1) - R, -derivative


@dataclass(frozen=True)
class NNCE(Flipped):
    """Normalised negative cross entropy: 1 - (A + log u_y) / sum_k (A + log u_k), A = -log p_min.

    Ye et al., NeurIPS 2023; probabilities below p_min count as p_min.
    """

    name = "nnce"
    formula = "1 - (A + log u_y) / sum_k (A + log u_k), A = -log p_min"
    source = "Ye et al., NeurIPS 2023"
    valid = "p_min from 1e-30 to 0.1"

    @property
    def base(self) -> Separable:
        return CE()

    def active(self, rows: Rows, *, slopes: bool) -> "tuple[Tensor, Tensor, Tensor, Tensor]":
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
        return super().is_valid() and FL(self.gamma).is_valid()

    @property
    def base(self) -> Separable:
        return FL(self.gamma)

    def active(self, rows: Rows, *, slopes: bool) -> "tuple[Tensor, Tensor, Tensor, Tensor]":
        F, w = focal(rows.log_probs, rows.p, 1 - rows.p, self.gamma)
        own, own_pull = focal(rows.lp, rows.u, rows.rest, self.gamma)
        return own, own_pull, F, w


@dataclass(frozen=True)
class AMSE(Computed):
    """Asymmetric mean squared error: (1 / K) sum_k (p_k - a [k = y])^2.

    Wang et al., ICCV 2025. Robust on weights w (summing to 1) iff a (w_m - w_n) >= 1.
    """

    name = "amse"
    formula = "(1 / K) sum_k (p_k - a [k = y])^2"
    source = "Wang et al., ICCV 2025"
    valid = "a > 0"
    a: float = 30.0

    def is_valid(self) -> bool:
        return 1e-15 <= self.a <= 1e15

    @property
    def uses_logs(self) -> bool:
        return False

    def evaluate(self, rows: Rows, *, weight: float, slopes: bool) -> "Evaluated":
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

    def risk(self, log_probs: "Points", w: "Points") -> "tuple[Points, Points]":
        import numpy as np

        u = np.exp(log_probs)
        K = u.shape[-1]
        total = w.sum(axis=-1, keepdims=True)
        square = (u * u).sum(axis=-1, keepdims=True)
        hit = (w * u).sum(axis=-1, keepdims=True)
        R = (total * (square + self.a**2) - 2 * self.a * hit) / K
        derivative = 2 * u * (total * (u - square) - self.a * (w - hit)) / K
        return R[..., 0], derivative


@dataclass(frozen=True)
class NLNL(Computed):
    """Negative learning in expectation over the complementary label:
    1 / (K - 1) sum_{k != y} -log(1 - p_k).

    Kim et al., ICCV 2019, stage 1, unweighted and unclamped.
    """

    name = "nlnl"
    formula = "1 / (K - 1) sum_{k != y} -log(1 - p_k)"
    stable = "log(1 - p) of the likeliest class from the log-sum-exp of the others"
    source = "Kim et al., ICCV 2019"

    def evaluate(self, rows: Rows, *, weight: float, slopes: bool) -> "Evaluated":
        y, log_probs, p = rows.labels, rows.log_probs, rows.p
        # only the likeliest other class can have 1 - p small: it is taken out, and its 1 - p
        # comes from what the rest share; both matrices are masked in place and put back
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
        # derivative by z_j: sum_{k != y} o_k ([j = k] - p_j) with odds o_k = p_k / (1 - p_k), where
        # o_top may overflow, but p_j o_top = p_top share_j does not
        odds = p / less.add_(1)
        total = odds.sum(1, keepdim=True)
        top_p = top_lp.exp_()
        own = (share.gather(1, y) * top_p).addcmul_(rows.u, total).mul_(-scale)
        full = odds.addcmul_(share, top_p, value=-1).scatter_(1, top, top_p)
        p.scatter_(1, top, top_p)
        return values, Slopes(own=own, along=total.mul_(-scale), full=((full, scale),))

    def risk(self, log_probs: "Points", w: "Points") -> "tuple[Points, Points]":
        import numpy as np

        u = np.exp(log_probs)
        c = (w.sum(axis=-1, keepdims=True) - w) / (u.shape[-1] - 1)
        with np.errstate(divide="ignore"):
            log_rest = np.log1p(-np.minimum(u, 1 - 1e-16))
        pull = c * np.exp(log_probs - log_rest)
        derivative = pull - u * pull.sum(axis=-1, keepdims=True)
        return -(c * log_rest).sum(axis=-1), derivative


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
        return NNCE(self.p_min).is_valid() and _weigh(self.alpha, self.beta)

    def parts(self, num_classes: int) -> Parts:
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
        inside = 1e-30 <= self.p_min <= 0.1 and 0 <= self.gamma <= 1e6
        return inside and _weigh(self.alpha, self.beta)

    def parts(self, num_classes: int) -> Parts:
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
        return 1e-15 <= self.a <= 1e15 and _weigh(self.alpha, self.beta)

    def parts(self, num_classes: int) -> Parts:
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
        inside = 1e-15 <= self.a <= 1e15 and 0 <= self.gamma <= 1e6
        return inside and _weigh(self.alpha, self.beta)

    def parts(self, num_classes: int) -> Parts:
        return _nonzero((self.alpha, NFL(self.gamma)), (self.beta, AMSE(self.a)))


def _weigh(alpha: float, beta: float) -> bool:
    return min(alpha, beta) >= 0 and max(alpha, beta) > 0


def _nonzero(*weighted: tuple[float, Computed]) -> Parts:
    return tuple((weight, part) for weight, part in weighted if weight)
