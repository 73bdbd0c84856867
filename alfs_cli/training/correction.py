"""Forward correction: a loss of the given-label probabilities that T predicts.

Patrini et al., CVPR 2017, section 3.2. A network with posterior p of the true class predicts the
given label with probabilities T^T p. The loss is computed on T^T p instead of p. The network itself
still predicts true classes, so it is used like any other.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from alfs_cli.errors import InputError
from alfs_cli.losses import Loss
from alfs_cli.noise import as_array

CHUNK = 1 << 24  # numbers of the (N, K, K) mixture in memory at once
SMALLEST = 1e-20  # above it, underflow of float32 products does not change a sum


class ForwardCorrected:
    """A loss of log(T^T p) in place of log p, callable like the loss itself.

    T (K, K) has rows of true classes. Classes that T never gives as labels are left out of the
    loss. Raises InputError where T is not a transition matrix, or gives only one label.
    """

    def __init__(self, loss: Loss, T: ArrayLike) -> None:
        array = as_array(T)
        given = np.flatnonzero(array.any(axis=0))
        if len(given) < 2:
            raise InputError(
                f"T gives every example the label {given[0]}: nothing can be learnt",
                help="give another T, or leave the correction out: --correction none",
            )
        self.loss = loss
        self._log_T = log_of(array[:, given])
        self._places: Tensor | None = None
        if len(given) < len(array):
            self._places = torch.full((len(array),), -1)
            self._places[given] = torch.arange(len(given))

    def __call__(self, logits: Tensor, labels: Tensor, *, check: bool = True) -> Tensor:
        """Return the mean over the batch, a scalar; logits (N, K), labels (N,); see `Loss`."""
        return self.loss(*self._corrected(logits, labels), check=check)

    def per_example(self, logits: Tensor, labels: Tensor, *, check: bool = True) -> Tensor:
        """Return the loss of each example (N,)."""
        return self.loss.per_example(*self._corrected(logits, labels), check=check)

    def _corrected(self, logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        if self._log_T.device != logits.device:  # only at the first call
            self._log_T = self._log_T.to(logits.device)
            self._places = None if self._places is None else self._places.to(logits.device)
        if self._places is not None:
            places = self._places[labels.long()]
            if labels.device.type == "cpu" and bool((places < 0).any()):
                wrong = int(labels[places < 0][0])
                raise InputError(
                    f"label {wrong} is among the labels, and T says it is never given",
                    help="that column of T is zero; estimate T anew, or mend it",
                )
            labels = places
        return mixed_logits(logits, self._log_T), labels


class Mixed(torch.autograd.Function):
    """log(softmax(z) exp(log_T)) with an analytic derivative.

    On a CPU, an example is mixed by a matrix product unless one of its given-label probabilities is
    so small that the product could underflow. Those examples are mixed in log space, where neither
    underflow nor inf - inf (for zeros of T) occurs. On a GPU all examples are mixed in log space,
    because a test of their values would stall it.
    """

    @staticmethod
    def forward(ctx: Any, z: Tensor, log_T: Tensor) -> Tensor:
        """Map z (N, K) and log_T (K, J) to (N, J)."""
        log_p = z.log_softmax(1)
        if z.device.type == "cpu":
            top = log_p.amax(1, keepdim=True)
            products = (log_p - top).exp_() @ log_T.exp()
            mixed = products.log().add_(top)
            hard = (products.amin(1) < SMALLEST).nonzero()[:, 0]
        else:
            mixed = log_p.new_empty(len(z), log_T.shape[1])
            hard = torch.arange(len(z), device=z.device)
        for rows in torch.split(hard, _at_once(log_T)):
            mixed[rows] = torch.logsumexp(log_p[rows][:, :, None] + log_T, 1)
        ctx.save_for_backward(log_p, log_T, mixed, hard)
        return mixed

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, None]:
        """Use d mixed_j / d z_k = P(true = k | given = j) - p_k."""
        log_p, log_T, mixed, hard = ctx.saved_tensors
        p = log_p.exp()
        if len(hard) < len(p):
            explained = p * ((upstream * mixed.neg().exp_()) @ log_T.exp().T)
        else:
            explained = torch.empty_like(p)
        finite = mixed.clamp_min(torch.finfo(mixed.dtype).min)  # where j is never given
        for rows in torch.split(hard, _at_once(log_T)):
            share = (log_p[rows][:, :, None] + log_T).sub_(finite[rows][:, None]).exp_()
            explained[rows] = (share @ upstream[rows][:, :, None])[:, :, 0]
        return explained - p * upstream.sum(1, keepdim=True), None


def _at_once(log_T: Tensor) -> int:
    """Return the number of examples to mix in log space at once."""
    return max(1, CHUNK // log_T.numel())


def log_of(T: NDArray[np.float64]) -> Tensor:
    """Return log T (K, J), -inf where it is 0; float64."""
    with np.errstate(divide="ignore"):
        return torch.from_numpy(np.log(T))


def mixed_logits(logits: Tensor, log_T: Tensor) -> Tensor:
    """Return log(T^T softmax(logits)), (N, J): the logits of the given labels under T.

    `logits` (N, K); `log_T` (K, J) has rows of true classes and columns of given labels. Computed
    in float64 for float64 logits and in float32 otherwise. Small entries keep their relative
    accuracy, and gradients are finite. A label that T never gives is -inf. Raises InputError where
    T has another number of classes.

    >>> mixed_logits(torch.tensor([[9.0, 0.0]]), torch.tensor([[0.8, 0.2], [0.0, 1.0]]).log()).exp()
    tensor([[0.7999, 0.2001]])
    """
    if logits.ndim != 2 or logits.shape[1] != len(log_T):
        raise InputError(
            f"T is of {len(log_T)} classes, and the logits are {tuple(logits.shape)}",
            help="give a T of as many classes as the network has outputs",
        )
    z = logits if logits.dtype == torch.float64 else logits.float()
    with torch.autocast(z.device.type, enabled=False):
        result: Tensor = Mixed.apply(z, log_T.to(z.device, z.dtype))
    return result
