"""Losses l(u) with a parameter that interpolates between mean absolute and cross entropy."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from alfs_cli.losses.terms import LARGEST_SPAN, Rows, Separable, Shape

if TYPE_CHECKING:
    from torch import Tensor

    from alfs_cli.arrays import FloatArray


@dataclass(frozen=True)
class TCE(Separable):
    """Taylor cross entropy: sum_{i <= t} (1 - u)^i / i; MAE for t = 1, CE for t -> infinity.

    Feng et al., IJCAI 2020. g(u) u = 1 - (1 - u)^t.
    """

    name = "tce"
    formula = "sum_{i=1..t} (1 - u)^i / i"
    stable = "Horner in 1 - u"
    source = "Feng et al., IJCAI 2020"
    valid = "t a whole number from 1 to 100"
    t: int = 2

    def is_valid(self) -> bool:
        """Say whether t is from 1 to 100."""
        return 1 <= self.t <= 100

    @property
    def shape(self) -> Shape:
        """Convex as a sum of powers of 1 - u; affine for t = 1."""
        return "affine" if self.t == 1 else "convex"

    @property
    def ratio_formula(self) -> str:
        """g(1) / g(0) of g(u) = sum_{i < t} (1 - u)^i."""
        return "1 / t"

    @property
    def uses_logs(self) -> bool:
        """False: powers of 1 - u need no logarithm."""
        return False

    def value(self, u: "FloatArray") -> "FloatArray":
        """Return sum_{i = 1..t} (1 - u)^i / i, by Horner's rule."""
        rest = 1 - u
        total = rest / self.t
        for i in range(self.t - 1, 0, -1):
            total = (total + 1 / i) * rest
        return total

    def slope(self, u: "FloatArray") -> "FloatArray":
        """Return sum_{i < t} (1 - u)^i, by Horner's rule."""
        rest = 1 - u
        total = 1 + 0 * u
        for _ in range(self.t - 1):
            total = total * rest + 1
        return total

    def tensor_value(self, rows: Rows) -> "Tensor":
        """Return the sum (N, 1), by Horner's rule."""
        total = rows.rest / self.t
        for i in range(self.t - 1, 0, -1):
            total = (total + 1 / i) * rows.rest
        return total

    def tensor_pull(self, rows: Rows) -> "Tensor":
        """Return 1 - (1 - u)^t (N, 1)."""
        return -(rows.u.neg().log1p() * self.t).expm1()


@dataclass(frozen=True)
class PHuber(Separable):
    """Partially Huberised cross entropy: -log u for u > 1 / tau, below that its tangent.

    Menon et al., ICLR 2020.
    """

    name = "phuber"
    formula = "-log u where u > 1 / tau, else 1 + log tau - tau u"
    stable = "the two pieces"
    source = "Menon et al., ICLR 2020"
    valid = "tau > 1"
    tau: float = 2.0

    def is_valid(self) -> bool:
        """Return whether tau is above 1 and within the range of float32."""
        return 1 < self.tau <= LARGEST_SPAN

    @property
    def shape(self) -> Shape:
        """Convex: -log u, continued by its tangent."""
        return "convex"

    @property
    def ratio_formula(self) -> str:
        """g(1) / g(0) = 1 / tau: the tangent's slope is -tau."""
        return "1 / tau"

    def value(self, u: "FloatArray") -> "FloatArray":
        """Return -log u where u > 1 / tau, else 1 + log tau - tau u."""
        import numpy as np

        above = -np.log(np.maximum(u, 1 / self.tau))
        return np.where(u * self.tau > 1, above, 1 + math.log(self.tau) - self.tau * u)

    def slope(self, u: "FloatArray") -> "FloatArray":
        """Return 1 / u, at most tau."""
        import numpy as np

        return np.asarray(1 / np.maximum(u, 1 / self.tau))

    def tensor_value(self, rows: Rows) -> "Tensor":
        """Return l(u) (N, 1)."""
        below = 1 + math.log(self.tau) - rows.u * self.tau
        return below.where(rows.u * self.tau <= 1, -rows.lp)

    def tensor_pull(self, rows: Rows) -> "Tensor":
        """Return tau u, at most 1 (N, 1)."""
        return (rows.u * self.tau).clamp(max=1.0)


@dataclass(frozen=True)
class JS(Separable):
    """Generalised Jensen-Shannon divergence of label and prediction; pi is the label's weight.

    Englesson & Azizpour, NeurIPS 2021. With m = pi + (1 - pi) u it is a function of u alone:
    (-pi log m + (1 - pi) (u log(u / m) - (1 - u) log(1 - pi))) / Z, where Z = -(1 - pi)
    log(1 - pi). Its slope is g(u) = log(m / ((1 - pi) u)) / -log(1 - pi). It tends to CE for
    pi -> 0 and to MAE for pi -> 1.
    """

    name = "js"
    formula = "(-pi log m + (1 - pi) (u log(u/m) - (1 - u) log(1 - pi))) / Z, m = pi + (1 - pi) u"
    stable = "log m = log1p(-(1 - pi) (1 - u))"
    source = "Englesson & Azizpour, NeurIPS 2021"
    valid = "0 < pi < 1"
    pi: float = 0.5

    def is_valid(self) -> bool:
        """Say whether pi is from 1e-9 to 1 - 1e-9."""
        return 1e-9 <= self.pi <= 1 - 1e-9

    @property
    def shape(self) -> Shape:
        """Convex: m / u decreases in u, and so does the slope g."""
        return "convex"

    @property
    def ratio_formula(self) -> str:
        """The ratio is 0, because g(0) is infinite."""
        return "g(1) / g(0), g(0) infinite"

    def value(self, u: "FloatArray") -> "FloatArray":
        """Return the divergence divided by Z, with u log u = 0 at u = 0."""
        import numpy as np

        log_other = math.log1p(-self.pi)
        log_m = np.log1p((self.pi - 1) * (1 - u))
        with np.errstate(divide="ignore", invalid="ignore"):
            own = np.where(u > 0, u * (np.log(u) - log_m), 0.0)
        mixed = (1 - self.pi) * (own - (1 - u) * log_other) - self.pi * log_m
        return np.asarray(mixed / ((self.pi - 1) * log_other))

    def slope(self, u: "FloatArray") -> "FloatArray":
        """Return log(m / ((1 - pi) u)) / -log(1 - pi), infinite at 0."""
        import numpy as np

        log_other = math.log1p(-self.pi)
        with np.errstate(divide="ignore"):
            return np.asarray(
                (np.log1p((self.pi - 1) * (1 - u)) - log_other - np.log(u)) / -log_other
            )

    def tensor_value(self, rows: Rows) -> "Tensor":
        """Return the divergence divided by Z (N, 1)."""
        log_other = math.log1p(-self.pi)
        log_m = (rows.rest * (self.pi - 1)).log1p()
        own = rows.u * (rows.lp - log_m) - rows.rest * log_other
        return ((1 - self.pi) * own - self.pi * log_m) / ((self.pi - 1) * log_other)

    def tensor_pull(self, rows: Rows) -> "Tensor":
        """Return g(u) u (N, 1)."""
        log_other = math.log1p(-self.pi)
        log_m = (rows.rest * (self.pi - 1)).log1p()
        return rows.u * (log_m - log_other - rows.lp) / -log_other
