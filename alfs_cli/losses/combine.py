"""A loss as it is trained with: a weighted sum of terms, its value on a batch, its ratio."""

import math
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

from alfs_cli.errors import InputError, UsageError
from alfs_cli.losses.terms import Parts, Rows, Separable, Shape, Term, number

if TYPE_CHECKING:
    from torch import Tensor

    from alfs_cli.arrays import FloatArray


WEIGHTS = ("alpha", "beta")
LARGEST_WEIGHT = 1e12  # limit on input, so that weighted losses stay within float32


@dataclass(frozen=True)
class Loss:
    """One named term, or a weighted sum of two: callable on logits (N, K) and labels (N,)."""

    terms: tuple[Term, ...]
    weights: tuple[float, ...]

    def __post_init__(self) -> None:
        if (
            len(self.terms) == 1
            and self.weights != (1.0,)
            and "alpha" in self.terms[0].parameters()
        ):
            raise UsageError(
                f"'{self.terms[0].name}' has an alpha of its own, and no weight",
                help="write its own alpha alone: alfs losses show NAME lists the parameters",
            )
        _check_weights(self.weights)

    def __call__(self, logits: "Tensor", labels: "Tensor", *, check: bool = True) -> "Tensor":
        """Return the mean over the batch, a scalar; see `per_example`."""
        _check_batch(logits, labels, finite=check)
        mean: Tensor = _differentiable().apply(logits, labels.long(), self, True)  # noqa: FBT003 (apply takes no names)
        return mean

    def per_example(self, logits: "Tensor", labels: "Tensor", *, check: bool = True) -> "Tensor":
        """Return the loss of each example (N,): float64 for float64 logits, otherwise float32.

        Raises InputError where logits are not (N, K >= 2) floats or labels not (N,) integers. On a
        CPU also where a label is not in 0 .. K - 1 or, with `check`, a logit is not finite; on a
        GPU these checks would stall it. Without `check`, NaN logits give a NaN loss.
        """
        _check_batch(logits, labels, finite=check)
        values: Tensor = _differentiable().apply(logits, labels.long(), self, False)  # noqa: FBT003
        return values

    def parts(self, num_classes: int) -> Parts:
        """Return the weights and computed terms of the loss for K classes.

        Raises UsageError where the loss is not defined for that many classes.
        """
        if num_classes not in self._parts:
            if num_classes > self.most_classes:
                raise UsageError(
                    f"'{self}' is not defined for {num_classes:,} classes, where all are alike",
                    help=f"valid: p_min < 1 / K, here below {number(1 / num_classes)}",
                )
            self._parts[num_classes] = self._weighted(num_classes)
        return self._parts[num_classes]

    def _weighted(self, num_classes: int) -> Parts:
        return tuple(
            (weight * share, part)
            for weight, term in zip(self.weights, self.terms, strict=True)
            for share, part in term.parts(num_classes)
            if weight * share
        )

    @property
    def most_classes(self) -> float:
        """The number of classes up to which the loss is defined."""
        return min(part.most_classes for _, part in self._weighted(2))

    @cached_property
    def _parts(self) -> dict[int, Parts]:
        return {}

    def separable(self, num_classes: int = 2) -> "SeparableSum | None":
        """Return the sum of the terms that are functions of u = p_y alone, None without any."""
        found = [(w, part) for w, part in self.parts(num_classes) if isinstance(part, Separable)]
        return SeparableSum(tuple(found)) if found else None

    def is_separable(self) -> bool:
        """Return whether the loss is a function of the label's probability alone."""
        return all(isinstance(part, Separable) for _, part in self.parts(2))

    def asymmetry_ratio(self) -> float | None:
        """Return the asymmetry ratio r(l) in [0, 1]: Zhou et al., ICML 2021, Definition 3.

        None for losses of the whole probability vector, for which it is not defined.
        """
        return self.term_ratio() if self.is_separable() else None

    def term_ratio(self) -> float | None:
        """Return the ratio of the separable part of the loss, None where it has none."""
        separable = self.separable()
        return None if separable is None else separable.asymmetry_ratio()

    def escape_slope(self) -> float | None:
        """Return g(0) / g(1), which times the clean level of a row is its escape quotient.

        At the vertex of a wrong class n the risk falls toward the true class m if and only if
        w_m g(0) > w_n g(1). Infinite where a term is infinite for a class of probability 0; None
        where it is not defined.
        """
        parts = [part for _, part in self.parts(2)]
        if any(part.escape_slope == math.inf for part in parts):
            return math.inf
        separable = self.separable() if self.is_separable() else None
        return None if separable is None else separable.escape_slope()

    def __str__(self) -> str:
        values: dict[str, float] = {}
        owners = [key for term in self.terms for key in term.parameters()]
        for term in self.terms:
            for key, value in term.parameters().items():
                shared = owners.count(key) > 1 or (len(self.terms) > 1 and key in WEIGHTS)
                values[f"{term.name}.{key}" if shared else key] = value
        if len(self.terms) > 1:
            values |= dict(zip(WEIGHTS, self.weights, strict=True))
        elif self.weights != (1.0,):
            values["alpha"] = self.weights[0]
        names = "+".join(term.name for term in self.terms)
        text = ",".join(f"{key}={number(value)}" for key, value in values.items())
        return f"{names}:{text}" if text else names


@dataclass(frozen=True)
class SeparableSum:
    """A weighted sum of separable terms, which is again a function l(u) with slope g and shape."""

    parts: tuple[tuple[float, Separable], ...]

    def value(self, u: "FloatArray") -> "FloatArray":
        """Return l(u)."""
        return _total([w * part.value(u) for w, part in self.parts])

    def slope(self, u: "FloatArray") -> "FloatArray":
        """Return g(u) = -l'(u)."""
        return _total([w * part.slope(u) for w, part in self.parts])

    @property
    def shape(self) -> Shape:
        """The shape of the sum: convex, concave, affine or other."""
        shapes = {part.shape for _, part in self.parts} - {"affine"}
        if not shapes:
            return "affine"
        return shapes.pop() if len(shapes) == 1 else "other"

    def end_slopes(self) -> tuple[float, float]:
        """Return g(0) and g(1); either may be infinite."""
        import numpy as np

        g = self.slope(np.array([0.0, 1.0]))
        return float(g[0]), float(g[1])

    def escape_slope(self) -> float | None:
        """Return g(0) / g(1), None where both are 0 or infinite."""
        at_zero, at_one = self.end_slopes()
        if at_zero == at_one and at_zero in (0.0, math.inf):
            return None
        return math.inf if at_one == 0 else at_zero / at_one

    def asymmetry_ratio(self) -> float:
        """Return r(l): 1 for concave and affine, g(1) / g(0) for convex losses.

        For other shapes it is the minimum of (l(u1) - l(u1 + u2)) / (l(0) - l(u2)) over a grid of
        u1 and u2, which may exceed the infimum by the error of the grid.
        """
        match self.shape:
            case "affine" | "concave":
                return 1.0
            case "convex":
                at_zero, at_one = self.end_slopes()
                return at_one / at_zero
            case _:
                return _least_ratio(self)


def _total(values: "list[FloatArray]") -> "FloatArray":
    total = values[0]
    for value in values[1:]:
        total = total + value
    return total


def _least_ratio(loss: SeparableSum, cells: int = 600) -> float:
    """Return the minimum of the ratio over a grid of u1 and u2, and over the limit u2 -> 0."""
    import numpy as np

    # The grid is finer near both ends, where slopes change fastest.
    s = np.linspace(0, 1, cells + 1)
    u = s * s * (3 - 2 * s)
    l0 = float(loss.value(np.zeros(1))[0])
    g0, _ = loss.end_slopes()
    if math.isinf(l0) or math.isinf(g0):
        return 0.0
    least = float(np.min(loss.slope(u))) / g0
    first, step = np.meshgrid(u, u[1:], indexing="ij")
    inside = first + step <= 1 + 1e-12
    first, step = first[inside], step[inside]
    moved = loss.value(first) - loss.value(np.minimum(first + step, 1.0))
    ratios = moved / (l0 - loss.value(step))
    return float(min(1.0, least, ratios.min()))


def _check_batch(logits: "Tensor", labels: "Tensor", *, finite: bool) -> None:
    if logits.ndim != 2 or logits.shape[1] < 2 or not logits.is_floating_point():
        raise InputError(
            f"expected logits (N, K) of floats with K >= 2, got {tuple(logits.shape)} of "
            f"{logits.dtype}",
            help="give logits, the output of the last layer, not probabilities",
        )
    if labels.shape != logits.shape[:1]:
        raise InputError(
            f"expected labels ({logits.shape[0]},) for logits {tuple(logits.shape)}, "
            f"got {tuple(labels.shape)}",
            help="give one label for each example",
        )
    if labels.is_floating_point() or labels.is_complex() or labels.element_size() < 1:
        raise InputError(
            f"expected labels of whole numbers, got {labels.dtype}", help="labels.long()"
        )
    if finite and logits.device.type == "cpu":
        _check_finite(logits)


def _check_finite(logits: "Tensor") -> None:
    """Raise InputError where a logit is NaN or infinite; normalised losses need finite ones."""
    if math.isfinite(logits.detach().sum().item()):
        return  # a sum takes one pass; one that only overflowed passes the test below
    strange = (~logits.detach().isfinite()).nonzero()
    if len(strange):
        row, column = strange[0].tolist()
        raise InputError(
            f"logits must be finite numbers, got {logits[row, column].item()} at [{row}, {column}]"
            + (f" and at {len(strange) - 1} other places" if len(strange) > 1 else ""),
            help="a class to be left out takes a large negative logit, such as -1e4",
        )


@cache
def _differentiable() -> Any:
    """Return the torch function that computes a loss together with its analytic derivative.

    The derivative is a sum of products without cancellation. Automatic differentiation of the
    formula would give NaN or inaccurate derivatives at extreme logits.
    """
    import torch

    class Differentiable(torch.autograd.Function):
        @staticmethod
        def forward(
            ctx: Any,
            logits: torch.Tensor,
            labels: torch.Tensor,
            loss: Loss,
            is_mean: bool,  # noqa: FBT001 (apply takes no names)
        ) -> torch.Tensor:
            z = logits if logits.dtype == torch.float64 else logits.float()
            try:
                values, gradient = _evaluate(
                    loss, z, labels.unsqueeze(1), slopes=ctx.needs_input_grad[0]
                )
            except RuntimeError:
                if labels.device.type == "cpu":
                    _check_labels(labels, z.shape[1])
                raise
            if gradient is not None:
                ctx.save_for_backward(gradient)
                ctx.dtype, ctx.divisor = logits.dtype, len(logits) if is_mean else 1
            return values.mean() if is_mean else values[:, 0]

        @staticmethod
        @torch.autograd.function.once_differentiable
        def backward(ctx: Any, upstream: torch.Tensor) -> tuple[torch.Tensor, None, None, None]:
            (gradient,) = ctx.saved_tensors
            factor = upstream / ctx.divisor if upstream.ndim == 0 else upstream[:, None]
            return (gradient * factor).to(ctx.dtype), None, None, None

    return Differentiable


def evaluated(loss: Loss, logits: "Tensor", labels: "Tensor") -> "tuple[Tensor, Tensor]":
    """Return the loss of each example (N,) and its derivative by the logits (N, K).

    `logits` (N, K) are float32 or float64, `labels` (N,) int64; nothing is checked.
    """
    values, gradient = _evaluate(loss, logits, labels.unsqueeze(1), slopes=True)
    if gradient is None:
        raise RuntimeError(f"'{loss}' has no derivative")
    return values[:, 0], gradient


def _evaluate(
    loss: Loss, logits: "Tensor", labels: "Tensor", *, slopes: bool
) -> "tuple[Tensor, Tensor | None]":
    """Return the loss (N, 1) and, with `slopes`, its derivative by the logits (N, K)."""
    parts = loss.parts(logits.shape[1])
    rows = Rows(logits, labels, uses_logs=any(part.uses_logs for _, part in parts))
    values, derivative = parts[0][1].evaluate(rows, weight=parts[0][0], slopes=slopes)
    for weight, part in parts[1:]:
        value, slope = part.evaluate(rows, weight=weight, slopes=slopes)
        values = values + value
        if derivative is not None and slope is not None:
            derivative = derivative.plus(slope)
    return values, None if derivative is None else derivative.gradient(rows)


def _check_labels(labels: "Tensor", num_classes: int) -> None:
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= num_classes:
        raise InputError(
            f"label {low if low < 0 else high} is not one of the {num_classes} classes "
            f"0 .. {num_classes - 1}",
            help="number the classes 0 .. K - 1",
        )


def _check_weights(weights: tuple[float, ...]) -> None:
    for key, weight in zip(WEIGHTS, weights, strict=False):
        if not 0 <= weight <= LARGEST_WEIGHT:
            raise UsageError(
                f"weight {key}={number(weight)} of the loss is out of range; "
                f"valid: {key} >= 0, at most {number(LARGEST_WEIGHT)}",
                help="alfs losses show NAME says what each parameter may be",
            )
    if not any(weights):
        needed = "alpha > 0" if len(weights) == 1 else "alpha > 0 or beta > 0"
        raise UsageError(
            f"the loss is zero everywhere; valid: {needed}",
            help="give one of the weights a value above 0",
        )
