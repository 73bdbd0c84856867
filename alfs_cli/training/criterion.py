"""A loss as a module for training loops of others, with what torch's own losses take.

It is called like `torch.nn.CrossEntropyLoss`. No value is read from the device on the way. Under
torch.compile the loss is one operator with its own derivative, so that the graph stays whole.
"""

from functools import cache
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from alfs_cli.errors import InputError, unknown
from alfs_cli.losses import Loss, parse_loss
from alfs_cli.losses.combine import evaluated
from alfs_cli.noise import as_array
from alfs_cli.training.correction import log_of, mixed_logits

Reduction = Literal["none", "mean", "sum"]
REDUCTIONS = ("none", "mean", "sum")


class RobustLoss(nn.Module):
    """A loss of logits and labels; see `alfs_cli.loss`, which makes it.

    `loss` is the formula. T and the class weights follow the module to its device and keep their
    precision wherever it is converted; they are not in its state_dict.
    """

    log_T: Tensor | None
    places: Tensor | None
    weight: Tensor | None

    def __init__(
        self,
        loss: Loss,
        *,
        transition: ArrayLike | None = None,
        reduction: Reduction = "mean",
        weight: ArrayLike | None = None,
        ignore_index: int = -100,
    ) -> None:
        super().__init__()
        if reduction not in REDUCTIONS:
            raise unknown("reduction", reduction, REDUCTIONS)
        self.loss, self.text = loss, str(loss)
        self.reduction, self.ignore_index = reduction, ignore_index
        log_T, places = (None, None) if transition is None else _given_labels(transition)
        self._kept = {"log_T": log_T, "places": places, "weight": _class_weights(weight)}
        never = [] if places is None else (places == len(places)).nonzero()[:, 0].tolist()
        self._never = frozenset(never)  # labels that T never gives
        for name, tensor in self._kept.items():
            self.register_buffer(name, tensor, persistent=False)

    def _apply(self, fn: Any, recurse: bool = True) -> "RobustLoss":  # noqa: FBT001, FBT002 (torch's)
        """Follow the module to a device, but not to another precision."""
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        for name, tensor in self._kept.items():
            if tensor is not None:
                setattr(self, name, tensor.to(getattr(self, name).device))
        return self

    def extra_repr(self) -> str:
        """Return the loss with all its parameters, and what differs from the defaults."""
        said = [self.text]
        said += ["forward correction"] if self.log_T is not None else []
        said += ["class weights"] if self.weight is not None else []
        return ", ".join([*said, f"reduction={self.reduction}"])

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the loss, a scalar unless `reduction` is none.

        `logits` (N, K), (N, K, d1, ...) or (K,); `labels` are class numbers, shaped like the logits
        without K, or probabilities of the classes, shaped like the logits.
        """
        flat = logits.unsqueeze(0) if logits.ndim == 1 else logits
        num_classes = flat.shape[1] if flat.ndim > 1 else 0
        shape = (flat.shape[0], *flat.shape[2:]) if logits.ndim > 1 else ()
        rows = flat.movedim(1, -1).reshape(-1, num_classes)
        if labels.is_floating_point():
            if labels.shape != logits.shape:
                raise _other_shape(logits, labels)
            soft = labels.unsqueeze(0) if logits.ndim == 1 else labels
            return self._soft(rows, soft.movedim(1, -1).reshape(-1, num_classes), shape)
        if tuple(labels.shape) != tuple(shape):
            raise _other_shape(logits, labels)
        return self._hard(rows, labels.reshape(-1).long(), shape)

    def _hard(self, rows: Tensor, labels: Tensor, shape: tuple[int, ...]) -> Tensor:
        """Return the loss of class numbers (M,) for logits (M, K)."""
        kept = labels != self.ignore_index
        labels = labels.where(kept, 0)
        values = self._each(self._mixed(rows.where(kept[:, None], 0.0)), labels)
        weights = kept.to(values.dtype)
        if self.weight is not None:
            weights = weights * self._weights(rows)[labels]
        values = values * weights
        if self.reduction == "none":
            return values.reshape(shape)
        return values.sum() / weights.sum() if self.reduction == "mean" else values.sum()

    def _soft(self, rows: Tensor, shares: Tensor, shape: tuple[int, ...]) -> Tensor:
        """Return the expected loss of labels drawn with probabilities (M, K)."""
        z = self._mixed(rows)
        if self.weight is not None:
            shares = shares * self._weights(rows)
        values = torch.zeros((), dtype=z.dtype if z.dtype == torch.float64 else torch.float32)
        values = values.to(z.device)
        for k in range(rows.shape[1]):
            label = torch.full((len(rows),), k, device=rows.device)
            if k in self._never:
                continue
            values = values + shares[:, k] * self._each(z, label)
        if self.reduction == "none":
            return values.reshape(shape)
        return values.mean() if self.reduction == "mean" else values.sum()

    def _each(self, z: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of each row (M,)."""
        if self.places is not None:
            labels = self.places[labels]
        if torch.compiler.is_compiling():
            values: Tensor = torch.ops.alfs.loss(z, labels, self.text)[0]
            return values
        return self.loss.per_example(z, labels, check=False)

    def _mixed(self, rows: Tensor) -> Tensor:
        """Return the logits of the given labels: under T, where there is one."""
        if self.log_T is None:
            return rows
        if not torch.compiler.is_compiling():
            return mixed_logits(rows, self.log_T)
        z = rows if rows.dtype == torch.float64 else rows.float()
        return torch.logsumexp(z.log_softmax(1)[:, :, None] + self.log_T.to(z.dtype), 1)

    def _weights(self, rows: Tensor) -> Tensor:
        if self.weight is None or len(self.weight) != rows.shape[1]:
            raise InputError(
                f"weight has {0 if self.weight is None else len(self.weight)} values for "
                f"{rows.shape[1]} classes",
                help="give one weight for each class",
            )
        return self.weight


def _other_shape(logits: Tensor, labels: Tensor) -> InputError:
    return InputError(
        f"labels {tuple(labels.shape)} of {labels.dtype} do not go with logits "
        f"{tuple(logits.shape)}",
        help="class numbers are shaped like the logits without K, probabilities like the logits",
    )


def _given_labels(transition: ArrayLike) -> tuple[Tensor, Tensor | None]:
    """Return log T (K, J) of the labels that T gives, and the place of each label among them.

    The place of a label that T never gives is K, which no loss has.
    """
    T = as_array(transition)
    given = np.flatnonzero(T.any(axis=0))
    if len(given) < 2:
        raise InputError(
            f"T gives every example the label {given[0]}: nothing can be learnt",
            help="give another T, or none",
        )
    log_T = log_of(T[:, given]).float()
    if len(given) == len(T):
        return log_T, None
    places = torch.full((len(T),), len(T))
    places[given] = torch.arange(len(given))
    return log_T, places


def _class_weights(weight: ArrayLike | None) -> Tensor | None:
    if weight is None:
        return None
    values = torch.as_tensor(np.asarray(weight, dtype=np.float32).copy())
    if values.ndim != 1 or not bool(values.isfinite().all()) or bool((values < 0).any()):
        raise InputError(
            "weight is not a list of numbers of 0 or more", help="give one weight for each class"
        )
    return values


@cache
def _loss_of(text: str) -> Loss:
    return parse_loss(text)


# The operator that torch.compile keeps whole.


@torch.library.custom_op("alfs::loss", mutates_args=())
def _operator(logits: Tensor, labels: Tensor, loss: str) -> tuple[Tensor, Tensor]:
    """Return the loss of each row (N,) and its derivative (N, K), in float32 or float64."""
    z = logits if logits.dtype == torch.float64 else logits.float()
    values, gradient = evaluated(_loss_of(loss), z, labels)
    return values.contiguous(), gradient.contiguous()


@_operator.register_fake
def _shapes(logits: Tensor, labels: Tensor, loss: str) -> tuple[Tensor, Tensor]:  # noqa: ARG001
    dtype = torch.float64 if logits.dtype == torch.float64 else torch.float32
    return logits.new_empty(len(logits), dtype=dtype), torch.empty(
        logits.shape, dtype=dtype, device=logits.device
    )


def _keep(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    ctx.save_for_backward(output[1])
    ctx.dtype = inputs[0].dtype


def _backward(ctx: Any, upstream: Tensor, _: Tensor) -> tuple[Tensor, None, None]:
    (gradient,) = ctx.saved_tensors
    return (gradient * upstream[:, None]).to(ctx.dtype), None, None


_operator.register_autograd(_backward, setup_context=_keep)
