"""Losses l(u) of the label's probability alone, and sums of them.

Each has l and its slope g in two forms: on numpy arrays, for the certificates, and on tensors, in a
form that neither overflows nor cancels near u = 0 and u = 1.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from alfs_cli.losses.terms import (
    LARGEST_SPAN,
    SMALLEST_SPAN,
    Parts,
    Rows,
    Separable,
    Shape,
    Slopes,
    Term,
    check_span,
)

if TYPE_CHECKING:
    from torch import Tensor

    from alfs_cli.arrays import FloatArray
    from alfs_cli.losses.terms import Evaluated


TINY = 1e-30  # guards a division by 1 - u
LOG_POWER = 1e-12  # a smaller power q is computed as its limit q = 0, the logarithm


@dataclass(frozen=True)
class CE(Separable):
    """Cross entropy: l(u) = -log u."""

    name = "ce"
    formula = "-log u"
    stable = "-log u; from log1p(-(1 - u)) where u > 1/2"
    source = "cross entropy"

    @property
    def shape(self) -> Shape:
        """Convex."""
        return "convex"

    @property
    def ratio_formula(self) -> str:
        """The ratio is 0, because g(0) is infinite."""
        return "g(1) / g(0), g(0) infinite"

    def value(self, u: "FloatArray") -> "FloatArray":
        """Return -log u, infinite at 0."""
        import numpy as np

        with np.errstate(divide="ignore"):
            return -np.log(u)

    def slope(self, u: "FloatArray") -> "FloatArray":
        """Return 1 / u, infinite at 0."""
        import numpy as np

        with np.errstate(divide="ignore"):
            return np.asarray(1 / u)

    def tensor_value(self, rows: Rows) -> "Tensor":
        """Return -log u (N, 1)."""
        return rows.lp.neg()

    def tensor_pull(self, rows: Rows) -> float:
        """Return g(u) u = 1: all examples have the same weight."""
        return 1.0


@dataclass(frozen=True)
class FL(Separable):
    """Focal loss: l(u) = -(1 - u)^gamma log u.

    Lin et al., ICCV 2017. Convex, since -log u = sum_i (1 - u)^i / i. The gradient includes that of
    the factor (1 - u)^gamma.
    """

    name = "fl"
    formula = "-(1 - u)^gamma log u"
    stable = "r^gamma (-log u), r = 1 - u summed from the other classes"
    source = "Lin et al., ICCV 2017"
    valid = "gamma >= 0"
    gamma: float = 0.5

    def is_valid(self) -> bool:
        """Return whether gamma is from 0 to 1e6."""
        return 0 <= self.gamma <= 1e6

    @property
    def shape(self) -> Shape:
        """Convex, as a sum of convex powers of 1 - u."""
        return "convex"

    @property
    def ratio_formula(self) -> str:
        """The ratio is 0, because g(0) is infinite."""
        return "g(1) / g(0), g(0) infinite"

    def value(self, u: "FloatArray") -> "FloatArray":
        """Return -(1 - u)^gamma log u, infinite at 0."""
        import numpy as np

        with np.errstate(divide="ignore"):
            return np.asarray(-((1 - u) ** self.gamma) * np.log(u))

    def slope(self, u: "FloatArray") -> "FloatArray":
        """Return (1 - u)^gamma (gamma (-log u) / (1 - u) + 1 / u); (-log u) / (1 - u) is 1 at 1."""
        import numpy as np

        rest = 1 - u
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(rest > 0, -np.log(u) / np.where(rest > 0, rest, 1), 1.0)
            return np.asarray(rest**self.gamma * (self.gamma * ratio + 1 / u))

    def tensor_value(self, rows: Rows) -> "Tensor":
        """Return (1 - u)^gamma (-log u) (N, 1)."""
        lp = rows.lp
        return rows.rest.pow(self.gamma) * -lp

    def tensor_pull(self, rows: Rows) -> "Tensor":
        """Return g(u) u (N, 1), from `focal`."""
        return focal(rows.lp, rows.u, rows.rest, self.gamma)[1]


def focal(lp: "Tensor", u: "Tensor", rest: "Tensor", gamma: float) -> "tuple[Tensor, Tensor]":
    """Return F = -(1 - u)^gamma log u and g(u) u = (1 - u)^gamma + gamma u F / (1 - u).

    `lp` is log u and `rest` is 1 - u, of any shape. F / (1 - u) tends to (1 - u)^gamma for u -> 1.
    """
    power = rest.pow(gamma)
    F = lp.neg().mul_(power)
    return F, power.addcdiv_(F * u, rest.clamp(min=TINY), value=gamma)


@dataclass(frozen=True)
class MAE(Separable):
    """Mean absolute error: l(u) = scale (1 - u); the L1 distance is scale 2.

    Ghosh et al., AAAI 2017.
    """

    name = "mae"
    formula = "scale (1 - u)"
    source = "Ghosh et al., AAAI 2017"
    valid = "scale > 0"
    scale: float = 1.0

    @property
    def shape(self) -> Shape:
        """Affine."""
        return "affine"

    def is_valid(self) -> bool:
        """Return whether the scale is above 0 and within the range of float32."""
        return self.scale > 0 and check_span(self)

    @property
    def uses_logs(self) -> bool:
        """False: 1 - u needs no logarithm."""
        return False

    def value(self, u: "FloatArray") -> "FloatArray":
        """Return scale (1 - u)."""
        return self.scale * (1 - u)

    def slope(self, u: "FloatArray") -> "FloatArray":
        """Return the scale, constant in u."""
        return self.scale + 0 * u

    def tensor_value(self, rows: Rows) -> "Tensor":
        """Return scale (1 - u) (N, 1)."""
        return rows.rest * self.scale

    def tensor_pull(self, rows: Rows) -> "Tensor":
        """Return scale u (N, 1)."""
        return rows.u * self.scale


@dataclass(frozen=True)
class RCE(Term):
    """Reverse cross entropy: -A (1 - u), where A replaces log 0.

    Wang et al., ICCV 2019. A = -4 in Table 4; public code uses log 1e-4 = -9.21.
    """

    name = "rce"
    formula = "-A (1 - u)"
    source = "Wang et al., ICCV 2019"
    valid = "A < 0"
    A: float = -4.0

    def is_valid(self) -> bool:
        """Return whether A is below 0 and within the range of float32."""
        return self.A < 0 and SMALLEST_SPAN <= -self.A <= LARGEST_SPAN

    def parts(self, num_classes: int) -> Parts:
        """Return MAE with scale -A."""
        return ((1.0, MAE(-self.A)),)


@dataclass(frozen=True)
class SCE(Term):
    """Symmetric cross entropy: alpha CE + beta RCE(A). Wang et al., ICCV 2019."""

    name = "sce"
    formula = "-alpha log u - beta A (1 - u)"
    source = "Wang et al., ICCV 2019"
    valid = "A < 0, alpha >= 0, beta >= 0, not both 0"
    A: float = -4.0
    alpha: float = 0.1
    beta: float = 1.0

    def is_valid(self) -> bool:
        """Return whether A < 0, no weight is below 0, and one is above 0."""
        return self.A < 0 and min(self.alpha, self.beta) >= 0 < max(self.alpha, self.beta)

    def parts(self, num_classes: int) -> Parts:
        """Return CE with weight alpha and MAE (scale -A) with weight beta, unless that is 0."""
        weighted = ((self.alpha, CE()), (self.beta, MAE(-self.A)))
        return tuple((weight, term) for weight, term in weighted if weight)


@dataclass(frozen=True)
class AGCE(Separable):
    """Asymmetric generalised cross entropy: l(u) = ((a + 1)^q - (a + u)^q) / q.

    Zhou et al., ICML 2021, Corollary 1. For q = 0 it is log((a + 1) / (a + u)). It is computed from
    t = log((a + u) / (a + 1)), which is log u for a = 0 and log1p(-(1 - u) / (a + 1)) otherwise.
    """

    name = "agce"
    formula = "((a + 1)^q - (a + u)^q) / q"
    stable = "-(a + 1)^q expm1(q t) / q, t = log1p(-(1 - u) / (a + 1)), or log u for a = 0"
    source = "Zhou et al., ICML 2021, Corollary 1"
    valid = "a >= 0 with q > 0, or a > 0 with any q"
    a: float = 0.6
    q: float = 0.6

    def is_valid(self) -> bool:
        """Return whether g is finite on (0, 1] and l(0) - l(1) is within the range of float32."""
        inside = (self.a >= 0 and self.q > 0) or self.a > 0
        return inside and check_span(self)

    @property
    def shape(self) -> Shape:
        """Convex for q < 1, affine for q = 1, concave for q > 1."""
        return "convex" if self.q < 1 else "affine" if self.q == 1 else "concave"

    @property
    def ratio_formula(self) -> str:
        """For q < 1, g(1) / g(0) of g(u) = (a + u)^(q - 1); otherwise 1."""
        return "(a / (a + 1))^(1 - q)" if self.q < 1 else "1"

    @property
    def uses_logs(self) -> bool:
        """True for a = 0, where t is log u."""
        return self.a == 0

    def value(self, u: "FloatArray") -> "FloatArray":
        """Return ((a + 1)^q - (a + u)^q) / q, or its limit log((a + 1) / (a + u)) for q = 0."""
        import numpy as np

        with np.errstate(divide="ignore"):
            t = np.log(u) if self.a == 0 else np.log1p((u - 1) / (self.a + 1))
        if self.a > 0 and abs(self.q) < LOG_POWER:
            return -t
        return np.asarray((self.a + 1) ** self.q * -np.expm1(self.q * t) / self.q)

    def slope(self, u: "FloatArray") -> "FloatArray":
        """Return (a + u)^(q - 1)."""
        import numpy as np

        with np.errstate(divide="ignore"):
            return np.asarray((self.a + u) ** (self.q - 1))

    def _log_share(self, rows: Rows) -> "Tensor":
        return rows.lp if self.a == 0 else (rows.rest * (-1 / (self.a + 1))).log1p()

    def tensor_value(self, rows: Rows) -> "Tensor":
        """Return -(a + 1)^q expm1(q t) / q (N, 1), or -t for q = 0."""
        t = self._log_share(rows)
        if self.a > 0 and abs(self.q) < LOG_POWER:
            return -t
        return (t * self.q).expm1() * (-math.pow(self.a + 1, self.q) / self.q)

    def tensor_pull(self, rows: Rows) -> "Tensor":
        """Return u (a + u)^(q - 1) (N, 1), which is u^q for a = 0."""
        if self.a == 0:
            return (rows.lp * self.q).exp()
        return rows.u * (rows.u + self.a).pow(self.q - 1)


@dataclass(frozen=True)
class GCE(Term):
    """Generalised cross entropy: (1 - u^q) / q, equal to AGCE with a = 0.

    Zhang & Sabuncu, NeurIPS 2018.
    """

    name = "gce"
    formula = "(1 - u^q) / q"
    stable = "-expm1(q log u) / q"
    source = "Zhang & Sabuncu, NeurIPS 2018"
    valid = "q > 0"
    q: float = 0.7

    def is_valid(self) -> bool:
        """Return whether q > 0 and 1 / q is within the range of float32."""
        return self.q > 0 and 1 / self.q <= LARGEST_SPAN

    def parts(self, num_classes: int) -> Parts:
        """Return AGCE with a = 0."""
        return ((1.0, AGCE(0.0, self.q)),)


@dataclass(frozen=True)
class AUL(Separable):
    """Asymmetric unhinged loss: l(u) = ((a - u)^p - (a - 1)^p) / p.

    Zhou et al., ICML 2021, Corollary 2. For p = 0 it is log((a - u) / (a - 1)). It is computed from
    t = log1p((1 - u) / (a - 1)) for a > 1, and from log(1 - u) for a = 1. For a = 1 and p < 1 the
    slope at u = 1 is infinite.
    """

    name = "aul"
    formula = "((a - u)^p - (a - 1)^p) / p"
    stable = "(a - 1)^p expm1(p t) / p, t = log1p((1 - u) / (a - 1)); a = 1: exp(p log(1 - u)) / p"
    source = "Zhou et al., ICML 2021, Corollary 2"
    valid = "a > 1 with any p, or a = 1 with p > 0"
    a: float = 5.5
    p: float = 3.0

    def is_valid(self) -> bool:
        """Return whether l(1) is finite and l(0) - l(1) is within the range of float32."""
        return (self.a > 1 or (self.a == 1 and self.p > 0)) and check_span(self)

    @property
    def shape(self) -> Shape:
        """Convex for p > 1, affine for p = 1, concave for p < 1."""
        return "convex" if self.p > 1 else "affine" if self.p == 1 else "concave"

    @property
    def ratio_formula(self) -> str:
        """For p > 1, g(1) / g(0) of g(u) = (a - u)^(p - 1); otherwise 1."""
        return "((a - 1) / a)^(p - 1)" if self.p > 1 else "1"

    @property
    def uses_logs(self) -> bool:
        """True for a = 1, which needs log(1 - u)."""
        return self.a == 1

    def value(self, u: "FloatArray") -> "FloatArray":
        """Return ((a - u)^p - (a - 1)^p) / p, or its limit log((a - u) / (a - 1)) for p = 0."""
        import numpy as np

        if self.a == 1:
            return np.asarray((1 - u) ** self.p / self.p)
        t = np.log1p((1 - u) / (self.a - 1))
        if abs(self.p) < LOG_POWER:
            return np.asarray(t)
        return np.asarray((self.a - 1) ** self.p * np.expm1(self.p * t) / self.p)

    def slope(self, u: "FloatArray") -> "FloatArray":
        """Return (a - u)^(p - 1), infinite at u = 1 for a = 1 and p < 1."""
        import numpy as np

        with np.errstate(divide="ignore"):
            return np.asarray((self.a - u) ** (self.p - 1))

    def tensor_value(self, rows: Rows) -> "Tensor":
        """Return (a - 1)^p expm1(p t) / p (N, 1); t for p = 0, and (1 - u)^p / p for a = 1."""
        if self.a == 1:
            return (rows.log_rest * self.p).exp() / self.p
        t = (rows.rest / (self.a - 1)).log1p()
        if abs(self.p) < LOG_POWER:
            return t
        return (t * self.p).expm1() * (math.pow(self.a - 1, self.p) / self.p)

    def tensor_pull(self, rows: Rows) -> "Tensor":
        """Return u (a - u)^(p - 1) (N, 1)."""
        return rows.u * (rows.rest + (self.a - 1)).pow(self.p - 1)

    def evaluate(self, rows: Rows, *, weight: float, slopes: bool) -> "Evaluated":
        """Return weight l(u) (N, 1) and its derivative, from logarithms where g u overflows."""
        if self.a > 1 or self.p >= 1 or not slopes:
            return super().evaluate(rows, weight=weight, slopes=slopes)
        # For u -> 1, g u overflows, but its products with 1 - u and p_k do not: each product is
        # the exponential of a sum of logarithms.
        log_pull = (self.p - 1) * rows.log_rest + rows.lp + math.log(weight)
        full = (rows.log_probs + log_pull).exp_()
        own = -(log_pull + rows.log_rest).exp()
        return self.tensor_value(rows) * weight, Slopes(own=own, full=((full, 1.0),))


@dataclass(frozen=True)
class AEL(Separable):
    """Asymmetric exponential loss: l(u) = exp(-u / a), whose minimum is exp(-1 / a), not 0.

    Zhou et al., ICML 2021, Corollary 3.
    """

    name = "ael"
    formula = "exp(-u / a)"
    stable = "exp(-u / a)"
    source = "Zhou et al., ICML 2021, Corollary 3"
    valid = "a > 0"
    a: float = 2.5

    def is_valid(self) -> bool:
        """Return whether a > 0 and l(0) - l(1) is within the range of float32."""
        return self.a > 0 and check_span(self)

    @property
    def shape(self) -> Shape:
        """Convex."""
        return "convex"

    @property
    def ratio_formula(self) -> str:
        """The quotient g(1) / g(0) of g(u) = exp(-u / a) / a."""
        return "exp(-1 / a)"

    @property
    def uses_logs(self) -> bool:
        """False: exp(-u / a) needs no logarithm."""
        return False

    def value(self, u: "FloatArray") -> "FloatArray":
        """Return exp(-u / a)."""
        import numpy as np

        return np.asarray(np.exp(-u / self.a))

    def slope(self, u: "FloatArray") -> "FloatArray":
        """Return exp(-u / a) / a."""
        import numpy as np

        return np.asarray(np.exp(-u / self.a) / self.a)

    def tensor_value(self, rows: Rows) -> "Tensor":
        """Return exp(-u / a) (N, 1)."""
        return (rows.u * (-1 / self.a)).exp()

    def tensor_pull(self, rows: Rows) -> "Tensor":
        """Return exp(-u / a) u / a (N, 1)."""
        return self.tensor_value(rows) * rows.u * (1 / self.a)


@dataclass(frozen=True)
class NMAE(Term):
    """Normalised MAE: (1 - u) / (K - 1). Ma et al., ICML 2020."""

    name = "nmae"
    formula = "(1 - u) / (K - 1)"
    source = "Ma et al., ICML 2020"

    def parts(self, num_classes: int) -> Parts:
        """Return MAE divided by its sum over all classes, K - 1."""
        return ((1 / (num_classes - 1), MAE()),)


@dataclass(frozen=True)
class NRCE(Term):
    """Normalised RCE: (1 - u) / (K - 1), the same as NMAE. Ma et al., ICML 2020."""

    name = "nrce"
    formula = "(1 - u) / (K - 1)"
    source = "Ma et al., ICML 2020"

    def parts(self, num_classes: int) -> Parts:
        """Return MAE divided by K - 1; A cancels."""
        return ((1 / (num_classes - 1), MAE()),)
