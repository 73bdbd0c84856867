"""Losses l(u) of the label's probability alone, and those that are made of them.

Each writes l and its slope g twice: on numbers, for the certificates, and on tensors, in a form
that neither overflows nor cancels near u = 0 and u = 1.
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

    from alfs_cli.arrays import FloatArray as Points
    from alfs_cli.losses.terms import Evaluated


TINY = 1e-30
LOG_POWER = 1e-12  # powers nearer 0 than this are their limit, the logarithm


@dataclass(frozen=True)
class CE(Separable):
    """Cross entropy: l(u) = -log u."""

    name = "ce"
    formula = "-log u"
    stable = "-log u; from log1p(-(1 - u)) where u > 1/2"
    source = "cross entropy"

    @property
    def shape(self) -> Shape:
        """-log u is convex."""
        return "convex"

    @property
    def ratio_formula(self) -> str:
        """g(0) is infinite: wrong labels pull however rare they are."""
        return "g(1) / g(0), g(0) infinite"

    def value(self, u: "Points") -> "Points":
        """Return -log u, infinite at 0."""
        import numpy as np

        with np.errstate(divide="ignore"):
            return -np.log(u)

    def slope(self, u: "Points") -> "Points":
        """Return 1 / u, infinite at 0."""
        import numpy as np

        with np.errstate(divide="ignore"):
            return np.asarray(1 / u)

    def tensor_value(self, rows: Rows) -> "Tensor":
        """Return -log u (N, 1)."""
        return rows.lp.neg()

    def tensor_pull(self, rows: Rows) -> float:
        """Return g(u) u = 1: each example weighs alike."""
        return 1.0


@dataclass(frozen=True)
class FL(Separable):
    """Focal loss: l(u) = -(1 - u)^gamma log u, with its true gradient.

    Lin et al., ICCV 2017. Convex, since -log u = sum_i (1 - u)^i / i.
    """

    name = "fl"
    formula = "-(1 - u)^gamma log u"
    stable = "r^gamma (-log u), r = 1 - u summed from the other classes"
    source = "Lin et al., ICCV 2017"
    valid = "gamma >= 0"
    gamma: float = 0.5

    def is_valid(self) -> bool:
        """Say whether gamma is from 0 to 1e6."""
        return 0 <= self.gamma <= 1e6

    @property
    def shape(self) -> Shape:
        """A sum of convex powers of 1 - u."""
        return "convex"

    @property
    def ratio_formula(self) -> str:
        """g(0) is infinite: wrong labels pull however rare they are."""
        return "g(1) / g(0), g(0) infinite"

    def value(self, u: "Points") -> "Points":
        """Return -(1 - u)^gamma log u, infinite at 0."""
        import numpy as np

        with np.errstate(divide="ignore"):
            return np.asarray(-((1 - u) ** self.gamma) * np.log(u))

    def slope(self, u: "Points") -> "Points":
        """Return (1 - u)^gamma (gamma (-log u) / (1 - u) + 1 / u), whose quotient is 1 at u = 1."""
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
        """Return g(u) u (N, 1), of `focal`."""
        return focal(rows.lp, rows.u, rows.rest, self.gamma)[1]


def focal(lp: "Tensor", u: "Tensor", rest: "Tensor", gamma: float) -> "tuple[Tensor, Tensor]":
    """Return F = -(1 - u)^gamma log u and g(u) u = (1 - u)^gamma + gamma u F / (1 - u).

    `lp` is log u, `rest` 1 - u, of any shape; F / (1 - u) tends to (1 - u)^gamma as u -> 1.
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
        """A straight line."""
        return "affine"

    def is_valid(self) -> bool:
        """Say whether the scale is above 0 and one that float32 can hold."""
        return self.scale > 0 and check_span(self)

    @property
    def uses_logs(self) -> bool:
        """1 - u takes no logarithm."""
        return False

    def value(self, u: "Points") -> "Points":
        """Return scale (1 - u)."""
        return self.scale * (1 - u)

    def slope(self, u: "Points") -> "Points":
        """Return the scale, whatever u."""
        return self.scale + 0 * u

    def tensor_value(self, rows: Rows) -> "Tensor":
        """Return scale (1 - u) (N, 1)."""
        return rows.rest * self.scale

    def tensor_pull(self, rows: Rows) -> "Tensor":
        """Return scale u (N, 1)."""
        return rows.u * self.scale


@dataclass(frozen=True)
class RCE(Term):
    """Reverse cross entropy: -A (1 - u), where A stands for log 0.

    Wang et al., ICCV 2019. A = -4 in Table 4; public code uses log 1e-4 = -9.21.
    """

    name = "rce"
    formula = "-A (1 - u)"
    source = "Wang et al., ICCV 2019"
    valid = "A < 0"
    A: float = -4.0

    def is_valid(self) -> bool:
        """Say whether A is below 0 and one that float32 can hold."""
        return self.A < 0 and SMALLEST_SPAN <= -self.A <= LARGEST_SPAN

    def parts(self, num_classes: int) -> Parts:
        """Return MAE of scale -A."""
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
        """Say whether A is below 0, and neither weight is, nor both 0."""
        return self.A < 0 and min(self.alpha, self.beta) >= 0 < max(self.alpha, self.beta)

    def parts(self, num_classes: int) -> Parts:
        """Return alpha CE and beta MAE of scale -A, without those of weight 0."""
        weighted = ((self.alpha, CE()), (self.beta, MAE(-self.A)))
        return tuple((weight, term) for weight, term in weighted if weight)


@dataclass(frozen=True)
class AGCE(Separable):
    """Asymmetric generalised cross entropy: l(u) = ((a + 1)^q - (a + u)^q) / q.

    Zhou et al., ICML 2021, Corollary 1. q = 0 is log((a + 1) / (a + u)). Computed from
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
        """Say whether g is finite inside (0, 1], and l(0) - l(1) one that float32 can hold."""
        inside = (self.a >= 0 and self.q > 0) or self.a > 0
        return inside and check_span(self)

    @property
    def shape(self) -> Shape:
        """(a + u)^q / q is concave below q = 1, convex above; the loss is what it lacks."""
        return "convex" if self.q < 1 else "affine" if self.q == 1 else "concave"

    @property
    def ratio_formula(self) -> str:
        """g(1) / g(0) of g(u) = (a + u)^(q - 1) where that falls, else 1."""
        return "(a / (a + 1))^(1 - q)" if self.q < 1 else "1"

    @property
    def uses_logs(self) -> bool:
        """Only a = 0 needs log u."""
        return self.a == 0

    def value(self, u: "Points") -> "Points":
        """Return ((a + 1)^q - (a + u)^q) / q, or its limit log((a + 1) / (a + u)) for q = 0."""
        import numpy as np

        with np.errstate(divide="ignore"):
            t = np.log(u) if self.a == 0 else np.log1p((u - 1) / (self.a + 1))
        if self.a > 0 and abs(self.q) < LOG_POWER:
            return -t
        return np.asarray((self.a + 1) ** self.q * -np.expm1(self.q * t) / self.q)

    def slope(self, u: "Points") -> "Points":
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
    """Generalised cross entropy: (1 - u^q) / q, which is AGCE with a = 0.

    Zhang & Sabuncu, NeurIPS 2018.
    """

    name = "gce"
    formula = "(1 - u^q) / q"
    stable = "-expm1(q log u) / q"
    source = "Zhang & Sabuncu, NeurIPS 2018"
    valid = "q > 0"
    q: float = 0.7

    def is_valid(self) -> bool:
        """Say whether q is above 0 and 1 / q one that float32 can hold."""
        return self.q > 0 and 1 / self.q <= LARGEST_SPAN

    def parts(self, num_classes: int) -> Parts:
        """Return AGCE of a = 0."""
        return ((1.0, AGCE(0.0, self.q)),)


@dataclass(frozen=True)
class AUL(Separable):
    """Asymmetric unhinged loss: l(u) = ((a - u)^p - (a - 1)^p) / p.

    Zhou et al., ICML 2021, Corollary 2. p = 0 is log((a - u) / (a - 1)). For a > 1 computed from
    t = log1p((1 - u) / (a - 1)); for a = 1, where p < 1 makes the slope infinite at u = 1, from
    log(1 - u).
    """

    name = "aul"
    formula = "((a - u)^p - (a - 1)^p) / p"
    stable = "(a - 1)^p expm1(p t) / p, t = log1p((1 - u) / (a - 1)); a = 1: exp(p log(1 - u)) / p"
    source = "Zhou et al., ICML 2021, Corollary 2"
    valid = "a > 1 with any p, or a = 1 with p > 0"
    a: float = 5.5
    p: float = 3.0

    def is_valid(self) -> bool:
        """Say whether l(1) is finite, and l(0) - l(1) one that float32 can hold."""
        return (self.a > 1 or (self.a == 1 and self.p > 0)) and check_span(self)

    @property
    def shape(self) -> Shape:
        """(a - u)^p / p is convex above p = 1, concave below."""
        return "convex" if self.p > 1 else "affine" if self.p == 1 else "concave"

    @property
    def ratio_formula(self) -> str:
        """g(1) / g(0) of g(u) = (a - u)^(p - 1) where that falls, else 1."""
        return "((a - 1) / a)^(p - 1)" if self.p > 1 else "1"

    @property
    def uses_logs(self) -> bool:
        """Only a = 1 needs log(1 - u)."""
        return self.a == 1

    def value(self, u: "Points") -> "Points":
        """Return ((a - u)^p - (a - 1)^p) / p, or its limit log((a - u) / (a - 1)) for p = 0."""
        import numpy as np

        if self.a == 1:
            return np.asarray((1 - u) ** self.p / self.p)
        t = np.log1p((1 - u) / (self.a - 1))
        if abs(self.p) < LOG_POWER:
            return np.asarray(t)
        return np.asarray((self.a - 1) ** self.p * np.expm1(self.p * t) / self.p)

    def slope(self, u: "Points") -> "Points":
        """Return (a - u)^(p - 1), infinite at u = 1 for a = 1 and p < 1."""
        import numpy as np

        with np.errstate(divide="ignore"):
            return np.asarray((self.a - u) ** (self.p - 1))

    def tensor_value(self, rows: Rows) -> "Tensor":
        """Return (a - 1)^p expm1(p t) / p (N, 1), t for p = 0, (1 - u)^p / p for a = 1."""
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
        """Return weight l(u) (N, 1) and its derivative, in logs where g u overflows."""
        if self.a > 1 or self.p >= 1 or not slopes:
            return super().evaluate(rows, weight=weight, slopes=slopes)
        # g u overflows as u -> 1, its products with 1 - u and p_k do not: one exponential each
        log_pull = (self.p - 1) * rows.log_rest + rows.lp + math.log(weight)
        full = (rows.log_probs + log_pull).exp_()
        own = -(log_pull + rows.log_rest).exp()
        return self.tensor_value(rows) * weight, Slopes(own=own, full=((full, 1.0),))


@dataclass(frozen=True)
class AEL(Separable):
    """Asymmetric exponential loss: l(u) = exp(-u / a); its least value is exp(-1 / a), not 0.

    Zhou et al., ICML 2021, Corollary 3.
    """

    name = "ael"
    formula = "exp(-u / a)"
    stable = "exp(-u / a)"
    source = "Zhou et al., ICML 2021, Corollary 3"
    valid = "a > 0"
    a: float = 2.5

    def is_valid(self) -> bool:
        """Say whether a is above 0, and l(0) - l(1) one that float32 can hold."""
        return self.a > 0 and check_span(self)

    @property
    def shape(self) -> Shape:
        """exp(-u / a) is convex."""
        return "convex"

    @property
    def ratio_formula(self) -> str:
        """g(1) / g(0) of g(u) = exp(-u / a) / a."""
        return "exp(-1 / a)"

    @property
    def uses_logs(self) -> bool:
        """exp(-u / a) takes no logarithm."""
        return False

    def value(self, u: "Points") -> "Points":
        """Return exp(-u / a)."""
        import numpy as np

        return np.asarray(np.exp(-u / self.a))

    def slope(self, u: "Points") -> "Points":
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
        """Return MAE over its sum over all classes, K - 1."""
        return ((1 / (num_classes - 1), MAE()),)


@dataclass(frozen=True)
class NRCE(Term):
    """Normalised RCE: (1 - u) / (K - 1), the same as NMAE. Ma et al., ICML 2020."""

    name = "nrce"
    formula = "(1 - u) / (K - 1)"
    source = "Ma et al., ICML 2020"

    def parts(self, num_classes: int) -> Parts:
        """Return MAE over K - 1: A stands above and below."""
        return ((1 / (num_classes - 1), MAE()),)
