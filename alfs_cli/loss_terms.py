"""The formulas: each loss as a frozen dataclass whose fields are its parameters.

Notation: u = p_y, the softmax probability of the label; l(u) a loss of u alone (separable), and
g(u) = -l'(u) > 0 its slope. Three kinds of term carry formulas: `Separable` (l(u)), `Normalised`
(a separable loss divided by its sum over all labels) and the few vector losses that write their
own. The others are `Term`s made of those by `parts`.

Values and derivatives are written together, as tensor methods on the quantities of `Rows`, so that
nothing overflows or cancels near u = 0 and u = 1. torch is not imported here.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, Literal

from alfs_cli.errors import UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    Points = NDArray[np.float64]
    Evaluated = tuple[Tensor, "Slopes | None"]

Shape = Literal["affine", "convex", "concave", "other"]
Parts = tuple[tuple[float, "Computed"], ...]

SMALLEST_SPAN, LARGEST_SPAN = 1e-30, 1e30  # of l(0) - l(1): what float32 can hold with room


class Rows:
    """What the losses need of a batch: log-probabilities, and 1 - u without cancellation.

    `logits` (N, K) are float32 or float64, `labels` (N, 1). `p` (N, K) holds the probabilities
    with the label's own set to zero; `rest` (N, 1) is their sum, 1 - u; `lp` (N, 1) is log u,
    taken from `rest` where u > 1/2, since log_softmax loses relative accuracy there.
    """

    def __init__(self, logits: "Tensor", labels: "Tensor") -> None:
        self.labels = labels
        self.num_classes = logits.shape[1]
        self.log_probs = logits.log_softmax(1)
        raw = self.log_probs.gather(1, labels)
        self.p = self.log_probs.exp().scatter_(1, labels, 0.0)
        self.rest = self.p.sum(1, keepdim=True)
        self.lp = raw.where(self.rest > 0.5, self.rest.neg().log1p())

    @cached_property
    def u(self) -> "Tensor":
        """The probability of the label (N, 1)."""
        return self.lp.exp()

    @cached_property
    def log_rest(self) -> "Tensor":
        """log(1 - u) (N, 1), finite however far ahead the label is."""
        others = self.log_probs.scatter(1, self.labels, -math.inf)
        return others.logsumexp(1, keepdim=True)


@dataclass
class Slopes:
    """The derivative of a per-example loss by the logits: along * p_k + flat + full_k, own at y.

    `along`, `flat` and `own` are (N, 1), `full` (N, K); what is None is zero.
    """

    own: "Tensor"
    along: "Tensor | None" = None
    flat: "Tensor | None" = None
    full: "Tensor | None" = None

    def gradient(self, rows: Rows) -> "Tensor":
        """Return the derivative by the logits (N, K)."""
        if self.along is not None:
            total = rows.p * self.along
            if self.full is not None:
                total += self.full
        elif self.full is not None:
            total = self.full
        else:
            total = rows.p.new_zeros(rows.p.shape)
        if self.flat is not None:
            total += self.flat
        return total.scatter_(1, rows.labels, self.own)


def add_slopes(first: Slopes, second: Slopes) -> Slopes:
    """Return the sum of two derivatives."""

    def plus(a: "Tensor | None", b: "Tensor | None") -> "Tensor | None":
        return b if a is None else a if b is None else a + b

    return Slopes(
        first.own + second.own,
        plus(first.along, second.along),
        plus(first.flat, second.flat),
        plus(first.full, second.full),
    )


@dataclass(frozen=True)
class Term(ABC):
    """A named loss with its parameters; `valid` says in words what `is_valid` checks."""

    name: ClassVar[str]
    formula: ClassVar[str]
    source: ClassVar[str]
    valid: ClassVar[str] = ""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not math.isfinite(value):
                raise UsageError(self._complaint("not a finite number"))
            kind = int if field.type in (int, "int") else float
            if value != kind(value):
                raise UsageError(self._complaint("not a whole number"))
            object.__setattr__(self, field.name, kind(value))
        if not self.is_valid():
            raise UsageError(self._complaint("out of range"))

    def _complaint(self, what: str) -> str:
        given = ", ".join(f"{key}={number(value)}" for key, value in self.parameters().items())
        return f"{self.name}: {given} is {what}; valid: {self.valid}"

    def is_valid(self) -> bool:
        """Say whether the parameters are in their domain."""
        return True

    def parameters(self) -> dict[str, float]:
        """Return the parameters by name, in the paper's order."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @abstractmethod
    def parts(self, num_classes: int) -> Parts:
        """Return weights and terms that have formulas, whose sum this loss is."""


def number(value: float) -> str:
    """Write a number as short as it can be and still read back exactly: 6.0 -> '6'."""
    text = repr(value)
    return text.removesuffix(".0")


class Computed(Term):
    """A term with a formula of its own."""

    def parts(self, num_classes: int) -> Parts:
        return ((1.0, self),)

    @abstractmethod
    def evaluate(
        self, rows: Rows, *, weight: float, slopes: bool
    ) -> "tuple[Tensor, Slopes | None]":
        """Return weight times the loss (N, 1), and its derivative by the logits if asked for."""


class Separable(Computed):
    """A loss l(u) of the label's probability alone."""

    @property
    def shape(self) -> Shape:
        """Convex, concave or affine in u; convex where the loss does not say otherwise."""
        return "convex"

    @property
    def is_strict(self) -> bool:
        """Whether it is strictly convex or strictly concave."""
        return self.shape in ("convex", "concave")

    @abstractmethod
    def value(self, u: "Points") -> "Points":
        """Return l(u)."""

    @abstractmethod
    def slope(self, u: "Points") -> "Points":
        """Return g(u) = -l'(u)."""

    @abstractmethod
    def tensor_value(self, rows: Rows) -> "Tensor":
        """Return l(u) (N, 1)."""

    @abstractmethod
    def tensor_pull(self, rows: Rows) -> "Tensor | float":
        """Return g(u) u (N, 1), the weight of an example relative to cross entropy."""

    def evaluate(
        self, rows: Rows, *, weight: float, slopes: bool
    ) -> "tuple[Tensor, Slopes | None]":
        values = self.tensor_value(rows)
        if weight != 1:
            values = values * weight
        if not slopes:
            return values, None
        pull = self.tensor_pull(rows)
        if weight != 1:
            pull = pull * weight
        if isinstance(pull, float):
            pull = rows.rest.new_full((), pull)
        return values, Slopes(own=-(pull * rows.rest), along=pull)


def check_span(term: Separable) -> bool:
    """Say whether l(0) - l(1) is a number that float32 can hold."""
    import numpy as np

    ends = np.array([0.0, 1.0])
    with np.errstate(all="ignore"):
        at_zero, at_one = term.value(ends)
    return bool(SMALLEST_SPAN <= at_zero - at_one <= LARGEST_SPAN)


@dataclass(frozen=True)
class CE(Separable):
    """Cross entropy: l(u) = -log u."""

    name = "ce"
    formula = "-log u"
    source = "cross entropy"

    def value(self, u: "Points") -> "Points":
        import numpy as np

        with np.errstate(divide="ignore"):
            return -np.log(u)

    def slope(self, u: "Points") -> "Points":
        import numpy as np

        with np.errstate(divide="ignore"):
            return np.asarray(1 / u)

    def tensor_value(self, rows: Rows) -> "Tensor":
        return -rows.lp

    def tensor_pull(self, rows: Rows) -> float:
        return 1.0


@dataclass(frozen=True)
class FL(Separable):
    """Focal loss: l(u) = -(1 - u)^gamma log u, with its true gradient.

    Lin et al., ICCV 2017. Convex, since -log u = sum_i (1 - u)^i / i.
    """

    name = "fl"
    formula = "-(1 - u)^gamma log u"
    source = "Lin et al., ICCV 2017"
    valid = "gamma >= 0"
    gamma: float = 0.5

    def is_valid(self) -> bool:
        return 0 <= self.gamma <= 1e6

    def value(self, u: "Points") -> "Points":
        import numpy as np

        with np.errstate(divide="ignore"):
            return np.asarray(-((1 - u) ** self.gamma) * np.log(u))

    def slope(self, u: "Points") -> "Points":
        import numpy as np

        rest = 1 - u
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(rest > 0, -np.log(u) / np.where(rest > 0, rest, 1), 1.0)
            return np.asarray(rest**self.gamma * (self.gamma * ratio + 1 / u))

    def tensor_value(self, rows: Rows) -> "Tensor":
        return rows.rest.pow(self.gamma) * -rows.lp

    def tensor_pull(self, rows: Rows) -> "Tensor":
        return focal_pull(rows.lp, rows.rest, self.gamma)


def focal_pull(lp: "Tensor", rest: "Tensor", gamma: float) -> "Tensor":
    """Return (1 - u)^gamma (1 + gamma u (-log u) / (1 - u)) for log u and 1 - u of any shape."""
    tiny = 1e-30  # (-log u) / (1 - u) tends to 1; the factor in front is then zero
    return rest.pow(gamma) * (1 - gamma * lp.exp() * lp / rest.clamp(min=tiny))


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
        return "affine"

    def is_valid(self) -> bool:
        return self.scale > 0 and check_span(self)

    def value(self, u: "Points") -> "Points":
        return self.scale * (1 - u)

    def slope(self, u: "Points") -> "Points":
        return self.scale + 0 * u

    def tensor_value(self, rows: Rows) -> "Tensor":
        return rows.rest * self.scale

    def tensor_pull(self, rows: Rows) -> "Tensor":
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
        return self.A < 0 and SMALLEST_SPAN <= -self.A <= LARGEST_SPAN

    def parts(self, num_classes: int) -> Parts:
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
        return self.A < 0 and min(self.alpha, self.beta) >= 0 < max(self.alpha, self.beta)

    def parts(self, num_classes: int) -> Parts:
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
    source = "Zhou et al., ICML 2021, Corollary 1"
    valid = "a >= 0 with q > 0, or a > 0 with any q"
    a: float = 0.6
    q: float = 0.6

    def is_valid(self) -> bool:
        inside = (self.a >= 0 and self.q > 0) or self.a > 0
        return inside and check_span(self)

    @property
    def shape(self) -> Shape:
        return "convex" if self.q < 1 else "affine" if self.q == 1 else "concave"

    def value(self, u: "Points") -> "Points":
        import numpy as np

        with np.errstate(divide="ignore"):
            t = np.log(u) if self.a == 0 else np.log1p((u - 1) / (self.a + 1))
        if self.q == 0:
            return -t
        return np.asarray((self.a + 1) ** self.q * -np.expm1(self.q * t) / self.q)

    def slope(self, u: "Points") -> "Points":
        import numpy as np

        with np.errstate(divide="ignore"):
            return np.asarray((self.a + u) ** (self.q - 1))

    def _log_share(self, rows: Rows) -> "Tensor":
        return rows.lp if self.a == 0 else (rows.rest * (-1 / (self.a + 1))).log1p()

    def tensor_value(self, rows: Rows) -> "Tensor":
        t = self._log_share(rows)
        if self.q == 0:
            return -t
        return (t * self.q).expm1() * (-math.pow(self.a + 1, self.q) / self.q)

    def tensor_pull(self, rows: Rows) -> "Tensor":
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
    source = "Zhang & Sabuncu, NeurIPS 2018"
    valid = "q > 0"
    q: float = 0.7

    def is_valid(self) -> bool:
        return self.q > 0 and 1 / self.q <= LARGEST_SPAN

    def parts(self, num_classes: int) -> Parts:
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
    source = "Zhou et al., ICML 2021, Corollary 2"
    valid = "a > 1 with any p, or a = 1 with p > 0"
    a: float = 5.5
    p: float = 3.0

    def is_valid(self) -> bool:
        return (self.a > 1 or (self.a == 1 and self.p > 0)) and check_span(self)

    @property
    def shape(self) -> Shape:
        return "convex" if self.p > 1 else "affine" if self.p == 1 else "concave"

    def value(self, u: "Points") -> "Points":
        import numpy as np

        if self.a == 1:
            return np.asarray((1 - u) ** self.p / self.p)
        t = np.log1p((1 - u) / (self.a - 1))
        if self.p == 0:
            return np.asarray(t)
        return np.asarray((self.a - 1) ** self.p * np.expm1(self.p * t) / self.p)

    def slope(self, u: "Points") -> "Points":
        import numpy as np

        with np.errstate(divide="ignore"):
            return np.asarray((self.a - u) ** (self.p - 1))

    def tensor_value(self, rows: Rows) -> "Tensor":
        if self.a == 1:
            return (rows.log_rest * self.p).exp() / self.p
        t = (rows.rest / (self.a - 1)).log1p()
        if self.p == 0:
            return t
        return (t * self.p).expm1() * (math.pow(self.a - 1, self.p) / self.p)

    def tensor_pull(self, rows: Rows) -> "Tensor":
        return rows.u * (rows.rest + (self.a - 1)).pow(self.p - 1)

    def evaluate(
        self, rows: Rows, *, weight: float, slopes: bool
    ) -> "tuple[Tensor, Slopes | None]":
        if self.a > 1 or self.p >= 1 or not slopes:
            return super().evaluate(rows, weight=weight, slopes=slopes)
        # g u overflows as u -> 1, its products with 1 - u and p_k do not: one exponential each
        log_pull = (self.p - 1) * rows.log_rest + rows.lp + math.log(weight)
        full = (rows.log_probs + log_pull).exp().scatter_(1, rows.labels, 0.0)
        own = -(log_pull + rows.log_rest).exp()
        return self.tensor_value(rows) * weight, Slopes(own=own, full=full)


@dataclass(frozen=True)
class AEL(Separable):
    """Asymmetric exponential loss: l(u) = exp(-u / a); its least value is exp(-1 / a), not 0.

    Zhou et al., ICML 2021, Corollary 3.
    """

    name = "ael"
    formula = "exp(-u / a)"
    source = "Zhou et al., ICML 2021, Corollary 3"
    valid = "a > 0"
    a: float = 2.5

    def is_valid(self) -> bool:
        return self.a > 0 and check_span(self)

    def value(self, u: "Points") -> "Points":
        import numpy as np

        return np.asarray(np.exp(-u / self.a))

    def slope(self, u: "Points") -> "Points":
        import numpy as np

        return np.asarray(np.exp(-u / self.a) / self.a)

    def tensor_value(self, rows: Rows) -> "Tensor":
        return (rows.u * (-1 / self.a)).exp()

    def tensor_pull(self, rows: Rows) -> "Tensor":
        return self.tensor_value(rows) * rows.u * (1 / self.a)


@dataclass(frozen=True)
class Normalised(Computed):
    """A separable loss F over its sum S = sum_k F(u, k): L = F_y / S.

    Ma et al., ICML 2020. With w_k = g(p_k) p_k and W = sum_k w_k the derivative by logit j is
    (p_j (w_y - L W) + L w_j - w_y [j = y]) / S.
    """

    @abstractmethod
    def terms_and_pulls(
        self, rows: Rows, *, slopes: bool
    ) -> "tuple[Tensor, Tensor, Tensor | None, Tensor | None]":
        """Return F (N, K), F_y (N, 1), w (N, K) or None for 1 everywhere, and w_y (N, 1)."""

    def evaluate(
        self, rows: Rows, *, weight: float, slopes: bool
    ) -> "tuple[Tensor, Slopes | None]":
        F, own, w, w_own = self.terms_and_pulls(rows, slopes=slopes)
        scale = weight / F.sum(1, keepdim=True)
        share = own * (scale / weight)
        values = share * weight
        if not slopes:
            return values, None
        flat = share * scale
        if w is None or w_own is None:
            along = scale - flat * rows.num_classes
            return values, Slopes(
                own=-(rows.rest * along + flat * (rows.num_classes - 1)), along=along, flat=flat
            )
        total = w.sum(1, keepdim=True)
        along = w_own * scale - flat * total
        # at y: p_y (w_y - L W) + L w_y - w_y = -(1 - p_y) (w_y - L W) - L (W - w_y)
        slope_own = -(rows.rest * along + flat * (total - w_own))
        return values, Slopes(own=slope_own, along=along, full=w * flat)


@dataclass(frozen=True)
class NCE(Normalised):
    """Normalised cross entropy: log u_y / sum_k log u_k. Ma et al., ICML 2020."""

    name = "nce"
    formula = "log u_y / sum_k log u_k"
    source = "Ma et al., ICML 2020"

    def terms_and_pulls(
        self, rows: Rows, *, slopes: bool
    ) -> "tuple[Tensor, Tensor, Tensor | None, Tensor | None]":
        return -rows.log_probs, -rows.lp, None, None


@dataclass(frozen=True)
class NFL(Normalised):
    """Normalised focal loss: FL(u, y) / sum_k FL(u, k). Ma et al., ICML 2020."""

    name = "nfl"
    formula = "FL(u, y) / sum_k FL(u, k)"
    source = "Ma et al., ICML 2020"
    valid = "gamma >= 0"
    gamma: float = 0.5

    def is_valid(self) -> bool:
        return 0 <= self.gamma <= 1e6

    def terms_and_pulls(
        self, rows: Rows, *, slopes: bool
    ) -> "tuple[Tensor, Tensor, Tensor | None, Tensor | None]":
        rest = (1 - rows.p).scatter_(1, rows.labels, rows.rest)
        lp = rows.log_probs.scatter(1, rows.labels, rows.lp)
        F = rest.pow(self.gamma) * -lp
        w = focal_pull(lp, rest, self.gamma) if slopes else None
        return F, F.gather(1, rows.labels), w, None if w is None else w.gather(1, rows.labels)


@dataclass(frozen=True)
class NGCE(Normalised):
    """Normalised generalised cross entropy: (1 - u_y^q) / (K - sum_k u_k^q).

    Ma et al., ICML 2020.
    """

    name = "ngce"
    formula = "(1 - u_y^q) / (K - sum_k u_k^q)"
    source = "Ma et al., ICML 2020"
    valid = "q > 0"
    q: float = 0.7

    def is_valid(self) -> bool:
        return self.q > 0 and 1 / self.q <= LARGEST_SPAN

    def terms_and_pulls(
        self, rows: Rows, *, slopes: bool
    ) -> "tuple[Tensor, Tensor, Tensor | None, Tensor | None]":
        q_lp = rows.log_probs * self.q
        own = (rows.lp * self.q).expm1() * (-1 / self.q)
        w = q_lp.exp() if slopes else None
        F = q_lp.expm1() * (-1 / self.q)
        return F, own, w, (rows.lp * self.q).exp() if slopes else None


@dataclass(frozen=True)
class NMAE(Term):
    """Normalised MAE: (1 - u) / (K - 1). Ma et al., ICML 2020."""

    name = "nmae"
    formula = "(1 - u) / (K - 1)"
    source = "Ma et al., ICML 2020"

    def parts(self, num_classes: int) -> Parts:
        return ((1 / (num_classes - 1), MAE()),)


@dataclass(frozen=True)
class NRCE(Term):
    """Normalised RCE: (1 - u) / (K - 1), the same as NMAE. Ma et al., ICML 2020."""

    name = "nrce"
    formula = "(1 - u) / (K - 1)"
    source = "Ma et al., ICML 2020"

    def parts(self, num_classes: int) -> Parts:
        return ((1 / (num_classes - 1), MAE()),)


@dataclass(frozen=True)
class NLNL(Computed):
    """Negative learning, its expectation over the complementary label:
    1 / (K - 1) sum_{k != y} -log(1 - p_k).

    Kim et al., ICCV 2019, stage 1, unweighted and unclamped.
    """

    name = "nlnl"
    formula = "1 / (K - 1) sum_{k != y} -log(1 - p_k)"
    source = "Kim et al., ICCV 2019"

    def evaluate(
        self, rows: Rows, *, weight: float, slopes: bool
    ) -> "tuple[Tensor, Slopes | None]":
        p, y = rows.p, rows.labels
        # only the likeliest class can have 1 - p small: its log(1 - p) from all the others
        masked = rows.log_probs.scatter(1, y, -math.inf)
        top_lp, top = masked.max(1, keepdim=True)
        top_rest = rows.log_probs.scatter(1, top, -math.inf).logsumexp(1, keepdim=True)
        minor = p.scatter(1, top, 0.0)
        scale = weight / (rows.num_classes - 1)
        values = scale * -((-minor).log1p().sum(1, keepdim=True) + top_rest)
        if not slopes:
            return values, None
        # derivative by z_j: sum_{k != y} o_k ([j = k] - p_j) with odds o_k = p_k / (1 - p_k)
        odds = minor / (1 - minor)
        total = odds.sum(1, keepdim=True)
        # p_j o_top as one exponential: o_top may overflow while the product stays below 1
        through_top = (rows.log_probs + (top_lp - top_rest)).exp()
        full = minor * (1 - (total - odds)) - through_top
        top_p = top_lp.exp()
        full = full.scatter_(1, top, top_p * (1 - total))
        own = -(rows.u * total) - through_top.gather(1, y)
        return values, Slopes(own=own * scale, full=full * scale)
