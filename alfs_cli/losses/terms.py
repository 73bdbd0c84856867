"""What a loss is made of: quantities of a batch, derivatives, and the kinds of term.

Notation: u = p_y, the softmax probability of the label; l(u) a loss of u alone (separable), and
g(u) = -l'(u) > 0 its slope. A `Term` is a named loss whose dataclass fields are its parameters;
a `Computed` one has a formula, the others are made of those by `parts`.

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
    """A named loss with its parameters; `valid` says in words what `is_valid` checks.

    `stable` is the form in which the formula is computed, where it is another.
    """

    name: ClassVar[str]
    formula: ClassVar[str]
    source: ClassVar[str]
    valid: ClassVar[str] = ""
    stable: ClassVar[str] = ""

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
    def evaluate(self, rows: Rows, *, weight: float, slopes: bool) -> "Evaluated":
        """Return weight times the loss (N, 1), and its derivative by the logits if asked for."""

    @abstractmethod
    def risk(self, log_probs: "Points", w: "Points") -> "tuple[Points, Points]":
        """Return R = sum_j w_j L(u, j) (M,) and its derivative by the logits (M, K).

        `log_probs` (M, K) are log u, finite; `w` (M, K) weighs the labels.
        """


class Separable(Computed):
    """A loss l(u) of the label's probability alone."""

    @property
    def shape(self) -> Shape:
        """Convex, concave or affine in u; convex where the loss does not say otherwise."""
        return "convex"

    @property
    def ratio_formula(self) -> str:
        """The asymmetry ratio in terms of the parameters."""
        return "g(1) / g(0)" if self.shape == "convex" else "1"

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

    def evaluate(self, rows: Rows, *, weight: float, slopes: bool) -> "Evaluated":
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

    def risk(self, log_probs: "Points", w: "Points") -> "tuple[Points, Points]":
        import numpy as np

        u = np.exp(log_probs)
        pull = w * self.slope(u) * u
        derivative = u * pull.sum(axis=-1, keepdims=True) - pull
        return (w * self.value(u)).sum(axis=-1), derivative


def check_span(term: Separable) -> bool:
    """Say whether l(0) - l(1) is a number that float32 can hold."""
    import numpy as np

    ends = np.array([0.0, 1.0])
    try:
        with np.errstate(all="ignore"):
            at_zero, at_one = term.value(ends)
    except OverflowError:
        return False
    return bool(SMALLEST_SPAN <= at_zero - at_one <= LARGEST_SPAN)
