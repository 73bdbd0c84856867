"""One step of training: forward, loss, backward, clip, update; and the learning rate schedules."""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from alfs_cli.errors import UsageError
from alfs_cli.results.run import SCHEDULES, OptimizerConfig, TrainConfig
from alfs_cli.training.devices import Device
from alfs_cli.training.objectives import Objective

Step = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]


class MomentumSgd:
    """Stochastic gradient descent with momentum, on all parameters at once.

    v <- momentum v + (g + weight_decay p); then p <- p - lr v, or with Nesterov momentum
    p <- p - lr (g + weight_decay p + momentum v), as in torch.optim.SGD. That class is not used
    because it imports torch's compiler, which takes longer than training a small network.
    """

    def __init__(self, model: nn.Module, config: OptimizerConfig) -> None:
        self.config = config
        self.parameters = [p for p in model.parameters() if p.requires_grad]
        self.velocities = [torch.zeros_like(p) for p in self.parameters]
        where = self.parameters[0].device
        # A captured CUDA graph sees a new learning rate only if it reads it from the device.
        self.rate = torch.tensor(config.lr, device=where) if where.type == "cuda" else None
        self.lr = config.lr

    @property
    def lr(self) -> float:
        """The learning rate of the next step."""
        return self._lr

    @lr.setter
    def lr(self, value: float) -> None:
        self._lr = value
        if self.rate is not None:
            self.rate.fill_(value)

    def forget_gradients(self) -> None:
        """Drop the gradients of the last step."""
        for parameter in self.parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self, *, l1: float = 0.0) -> None:
        """Update the parameters by their gradients, after adding the L1 penalty and clipping."""
        chosen = self.config
        used = [i for i, p in enumerate(self.parameters) if p.grad is not None]
        parameters: list[Tensor] = [self.parameters[i] for i in used]
        velocities = [self.velocities[i] for i in used]
        gradients = [p.grad for p in parameters if p.grad is not None]
        if l1:
            torch._foreach_add_(gradients, torch._foreach_sign(parameters), alpha=l1)
        if chosen.grad_clip:
            clip_norm(gradients, chosen.grad_clip)
        if chosen.weight_decay:
            torch._foreach_add_(gradients, parameters, alpha=chosen.weight_decay)
        if chosen.momentum:
            torch._foreach_mul_(velocities, chosen.momentum)
            torch._foreach_add_(velocities, gradients)
            if chosen.nesterov:
                torch._foreach_add_(gradients, velocities, alpha=chosen.momentum)
            else:
                gradients = velocities
        if self.rate is None:
            torch._foreach_add_(parameters, gradients, alpha=-self.lr)
        else:
            torch._foreach_sub_(parameters, torch._foreach_mul(gradients, self.rate))


def clip_norm(gradients: list[Tensor], most: float) -> None:
    """Scale the gradients in place so that their joint Euclidean norm is `most` at most."""
    total = torch.stack(torch._foreach_norm(gradients)).norm()
    torch._foreach_mul_(gradients, (most / (total + 1e-6)).clamp(max=1.0))


def learning_rate(config: TrainConfig, epoch: int) -> float:
    """Return the learning rate of an epoch, counted from 0.

    cosine: lr (1 + cos(pi epoch / epochs)) / 2; constant: lr; exponential:F: lr F^epoch. Raises
    UsageError for an unknown schedule.
    """
    kind, _, factor = config.schedule.partition(":")
    base = config.optimizer.lr
    match kind:
        case "cosine":
            return base * (1 + math.cos(math.pi * epoch / config.epochs)) / 2
        case "constant":
            return base
        case "exponential":
            return base * float(factor) ** epoch
        case _:
            raise UsageError(
                f"unknown schedule '{config.schedule}'", help=f"known: {', '.join(SCHEDULES)}"
            )


def make_step(
    model: nn.Module,
    optimizer: MomentumSgd,
    objective: Objective,
    device: Device,
    *,
    l1: float = 0.0,
) -> Step:
    """Return the function that takes one step on (inputs, labels, places) and returns (loss, hits).

    `places` (B,) are the indices of the examples, for objectives with a state per example. Both
    results are scalar tensors on the device: nothing is read back, so that the function can be
    captured as a CUDA graph. `l1` is the weight of the L1 penalty on the parameters.
    """

    def step(inputs: Tensor, labels: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
        with device.autocast():
            outputs = model(inputs)
        logits = outputs.float()
        loss = objective(logits, labels, places)
        optimizer.forget_gradients()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step(l1=l1)
        hits = (logits.detach().argmax(dim=1) == labels).sum()
        return loss.detach(), hits

    return step
