"""The parts of a loss: the quantities of a batch, derivatives, and the kinds of term.

Notation: u = p_y is the softmax probability of the label, l(u) a loss of u alone (separable), and
g(u) = -l'(u) > 0 its slope. A `Term` is a named loss whose dataclass fields are its parameters. A
`Computed` term has a formula; other terms are sums of computed ones, given by `parts`.

Value and derivative are written together, as tensor methods on the quantities of `Rows`, so that
nothing overflows or cancels near u = 0 and u = 1. torch is not imported here.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, Literal

from alfs_cli.errors import UsageError
from alfs_cli.losses.ruling import Ruling, ruling

if TYPE_CHECKING:
    from torch import Tensor

    from alfs_cli.arrays import FloatArray

    Evaluated = tuple[Tensor, "Slopes | None"]

Shape = Literal["affine", "convex", "concave", "other"]
Parts = tuple[tuple[float, "Computed"], ...]

NARROW = 16  # classes; a shorter row does not fill a vector register of float32
SMALLEST_SPAN, LARGEST_SPAN = 1e-30, 1e30  # limits of l(0) - l(1), well within float32


class Rows:
    """The quantities of a batch that losses use: probabilities, and 1 - u without cancellation.

    `logits` (N, K) are float32 or float64, `labels` (N, 1). `p` (N, K) holds the probabilities with
    the label's own set to zero, and `rest` (N, 1) their sum, 1 - u. `log_probs` (N, K) exists only
    with `uses_logs`; otherwise a softmax is enough. On a CPU, rows of fewer than NARROW classes are
    stored by column, because torch's softmax along such short rows is scalar code.
    """

    def __init__(self, logits: "Tensor", labels: "Tensor", *, uses_logs: bool) -> None:
        self.labels = labels
        self.num_classes = logits.shape[1]
        self.is_narrow = logits.device.type == "cpu" and 2 < self.num_classes < NARROW
        if self.is_narrow:
            logits = logits.t().contiguous().t()
        if uses_logs:
            self.log_probs = self.along_rows("log_softmax", logits)
            self.p = self.log_probs.exp()
        else:
            self.p = self.along_rows("softmax", logits)
            self.u = self.p.gather(1, labels)
        self.p.scatter_(1, labels, 0.0)
        self.rest = self.p.sum(1, keepdim=True)

    def along_rows(self, name: Literal["softmax", "log_softmax"], values: "Tensor") -> "Tensor":
        """Return the softmax or log_softmax of each row of `values` (N, K)."""
        result: Tensor = (
            getattr(values.t(), name)(0).t() if self.is_narrow else getattr(values, name)(1)
        )
        return result

    @cached_property
    def own_log(self) -> "Tensor":
        """The logarithm of u (N, 1), from log_softmax."""
        return self.log_probs.gather(1, self.labels)

    @cached_property
    def lp(self) -> "Tensor":
        """The logarithm of u (N, 1), from 1 - u for u > 1/2, where log_softmax is less accurate."""
        return self.own_log.where(self.u < self.rest, self.rest.neg().log1p_())

    @cached_property
    def u(self) -> "Tensor":
        """The probability of the label (N, 1)."""
        return self.own_log.exp()

    @cached_property
    def log_rest(self) -> "Tensor":
        """log(1 - u) (N, 1), finite however far ahead the label is."""
        others = self.log_probs.scatter(1, self.labels, -math.inf)
        return others.logsumexp(1, keepdim=True)


@dataclass
class Slopes:
    """The derivative of a per-example loss by the logits.

    By logit k != y it is along * p_k + flat + the sum of scale * full_k; by logit y it is `own`.
    `own`, `along`, `flat` and the scales are (N, 1) or numbers, each `full` is (N, K).
    """

    own: "Tensor"
    along: "Tensor | float" = 0.0
    flat: "Tensor | float" = 0.0
    full: "tuple[tuple[Tensor, Tensor | float], ...]" = ()

    def plus(self, other: "Slopes") -> "Slopes":
        """Return the sum of two derivatives."""
        return Slopes(
            self.own + other.own,
            self.along + other.along,
            self.flat + other.flat,
            self.full + other.full,
        )

    def gradient(self, rows: Rows) -> "Tensor":
        """Return the derivative by the logits (N, K); overwrites `rows.p`."""
        total = rows.p
        if not (isinstance(self.along, float) and self.along == 1):
            total = total.mul_(self.along)
        for full, scale in self.full:
            total = (
                total.add_(full, alpha=scale)
                if isinstance(scale, float)
                else total.addcmul_(full, scale)
            )
        if not (isinstance(self.flat, float) and self.flat == 0):
            total = total.add_(self.flat)
        return total.scatter_(1, rows.labels, self.own)


@dataclass(frozen=True)
class Term(ABC):
    """A named loss with its parameters; `valid` describes the domain that `is_valid` checks.

    `stable` is the form in which the formula is computed, if that differs.
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
                raise UsageError(
                    self._complaint("not a finite number"),
                    help="alfs losses show NAME says what each parameter may be",
                )
            kind = int if field.type in (int, "int") else float
            if value != kind(value):
                raise UsageError(
                    self._complaint("not a whole number"),
                    help="alfs losses show NAME says what each parameter may be",
                )
            object.__setattr__(self, field.name, kind(value))
        if not self.is_valid():
            raise UsageError(
                self._complaint("out of range"),
                help="alfs losses show NAME says what each parameter may be",
            )

    def _complaint(self, what: str) -> str:
        given = ", ".join(f"{key}={number(value)}" for key, value in self.parameters().items())
        return f"{self.name}: {given} is {what}; valid: {self.valid}"

    def is_valid(self) -> bool:
        """Return whether the parameters are in their domain."""
        return True

    def parameters(self) -> dict[str, float]:
        """Return the parameters by name, in the paper's order."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @property
    def theorem_3(self) -> str:
        """What is true of a symmetric loss for which Theorem 3 is not; "" for any other.

        Zhou et al., ICML 2021: "Symmetric loss functions are completely asymmetric." The proof
        takes L(u, k) <= L(e_y, k) = C / (K - 1) for k != y for granted.
        """
        return ""

    @abstractmethod
    def parts(self, num_classes: int) -> Parts:
        """Return weights and computed terms whose weighted sum is this loss."""


def number(value: float) -> str:
    """Return the shortest text of a number that reads back exactly.

    >>> number(6.0), number(0.1)
    ('6', '0.1')
    """
    text = repr(value)
    return text.removesuffix(".0")


class Computed(Term):
    """A term with a formula of its own."""

    @property
    def uses_logs(self) -> bool:
        """Whether the term is computed from log-probabilities."""
        return True

    def parts(self, num_classes: int) -> Parts:
        """Return the term itself with weight 1."""
        return ((1.0, self),)

    @abstractmethod
    def evaluate(self, rows: Rows, *, weight: float, slopes: bool) -> "Evaluated":
        """Return weight times the loss (N, 1), and with `slopes` its derivative by the logits."""

    @abstractmethod
    def risk(self, log_probs: "FloatArray", w: "FloatArray") -> "tuple[FloatArray, FloatArray]":
        """Return R = sum_j w_j L(u, j) (M,) and its derivative by the logits (M, K).

        `log_probs` (M, K) are log u, finite; `w` (M, K) are the weights of the labels.
        """

    # The certificate calls the following methods of losses of the whole vector; it judges an l(u)
    # by its shape. These defaults say that nothing is known: a loss without a rule of its own is
    # neither proved nor refuted.

    def ruling(self, w: "FloatArray") -> Ruling:
        """Judge rows w (M, K), the true class first and the others in descending order."""
        return ruling(w, "no rule for this loss")

    def rise(self, u: "FloatArray", w: "FloatArray") -> "FloatArray":
        """Return an upper bound of R(u) - R(vertex) (M,), NaN where none is known.

        The bound includes rounding errors. Only a negative one refutes a row. Where the risk is
        discontinuous at u, R(u) is its lowest limit: the probabilities that are 0 at u approach 0
        in the order of their weights, that of the rarest label fastest.
        """
        import numpy as np

        return np.full(len(w), np.nan)

    def minimiser(self, w: "FloatArray", num_classes: int) -> "FloatArray | None":
        """Return the minimiser of the risk (M, k), or None if there is no formula for it.

        Rows `w` (M, k) may leave classes out (k < num_classes), which then have probability 0.
        """
        return None

    @property
    def escape_slope(self) -> float | None:
        """The quotient g(0) / g(1) of l(u).

        g(0) is the slope toward a class of probability 0, and g(1) the slope that holds a class of
        probability 1. Infinite where the loss is infinite for a class of probability 0; None where
        it is not defined.
        """
        return None

    @property
    def most_classes(self) -> float:
        """The number of classes up to which the loss is defined."""
        return math.inf


class Separable(Computed):
    """A loss l(u) of the label's probability alone."""

    @property
    def shape(self) -> Shape:
        """The shape of l: convex, concave, affine or other; certificates are proved by it.

        A convex loss must be strictly convex near u = 1, on which the certificate relies where its
        condition holds with equality. For "other" nothing is assumed, and nothing is proved.
        """
        return "other"

    @property
    def ratio_formula(self) -> str:
        """The asymmetry ratio in terms of the parameters."""
        return {"convex": "g(1) / g(0)", "other": ""}.get(self.shape, "1")

    @property
    def escape_slope(self) -> float | None:
        """g(0) / g(1); None where both are infinite or both 0."""
        import numpy as np

        with np.errstate(divide="ignore", invalid="ignore"):
            at_zero, at_one = self.slope(np.array([0.0, 1.0]))
            quotient = float(np.float64(at_zero) / at_one)
        return None if math.isnan(quotient) else quotient

    @abstractmethod
    def value(self, u: "FloatArray") -> "FloatArray":
        """Return l(u)."""

    @abstractmethod
    def slope(self, u: "FloatArray") -> "FloatArray":
        """Return g(u) = -l'(u)."""

    @abstractmethod
    def tensor_value(self, rows: Rows) -> "Tensor":
        """Return l(u) (N, 1)."""

    @abstractmethod
    def tensor_pull(self, rows: Rows) -> "Tensor | float":
        """Return g(u) u (N, 1), the weight of an example relative to cross entropy."""

    def evaluate(self, rows: Rows, *, weight: float, slopes: bool) -> "Evaluated":
        """Return weight l(u) (N, 1), and its derivative from g(u) u."""
        values = self.tensor_value(rows)
        if weight != 1:
            values = values * weight
        if not slopes:
            return values, None
        pull = self.tensor_pull(rows)
        if weight != 1:
            pull = pull * weight
        return values, Slopes(own=rows.rest * -pull, along=pull)

    def risk(self, log_probs: "FloatArray", w: "FloatArray") -> "tuple[FloatArray, FloatArray]":
        """Return R = sum_j w_j l(u_j) (M,) and its derivative by the logits (M, K)."""
        import numpy as np

        u = np.exp(log_probs)
        pull = w * self.slope(u) * u
        derivative = u * pull.sum(axis=-1, keepdims=True) - pull
        return (w * self.value(u)).sum(axis=-1), derivative


def check_span(term: Separable) -> bool:
    """Return whether l(0) - l(1) is well within the range of float32."""
    import numpy as np

    ends = np.array([0.0, 1.0])
    try:
        with np.errstate(all="ignore"):
            at_zero, at_one = term.value(ends)
    except OverflowError:
        return False
    return bool(SMALLEST_SPAN <= at_zero - at_one <= LARGEST_SPAN)
