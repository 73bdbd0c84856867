"""One step of training: forward, loss, backward, clip, update; and how far each epoch steps."""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from alfs_cli.devices import Device
from alfs_cli.errors import UsageError
from alfs_cli.losses import Loss
from alfs_cli.runs import SCHEDULES, TrainConfig

Step = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


def make_optimizer(model: nn.Module, config: TrainConfig, device: Device) -> torch.optim.SGD:
    """Return SGD as configured, in its fused form where there is one."""
    chosen = config.optimizer
    return torch.optim.SGD(
        model.parameters(),
        lr=chosen.lr,
        momentum=chosen.momentum,
        weight_decay=chosen.weight_decay,
        nesterov=chosen.nesterov,
        fused=device.kind in ("cpu", "cuda"),
    )


def learning_rate(config: TrainConfig, epoch: int) -> float:
    """Return the rate of an epoch, counted from 0.

    cosine: lr (1 + cos(pi epoch / epochs)) / 2; constant: lr; exponential:F: lr F^epoch.
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
    optimizer: torch.optim.Optimizer,
    objective: Loss,
    config: TrainConfig,
    device: Device,
) -> Step:
    """Return the function that takes one step on (inputs, labels) and returns (loss, hits).

    Both are tensors () on the device: nothing is read back, so that a captured graph of the
    function may stand in for it.
    """
    parameters = [p for p in model.parameters() if p.requires_grad]
    clip, l1 = config.optimizer.grad_clip, config.l1

    def step(inputs: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        with device.autocast():
            outputs = model(inputs)
        logits = outputs.float()
        loss = objective(logits, labels)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        if l1:
            add_l1_gradient(parameters, l1)
        if clip:
            torch.nn.utils.clip_grad_norm_(parameters, clip)
        optimizer.step()
        hits = (logits.detach().argmax(dim=1) == labels).sum()
        return loss.detach(), hits

    return step


def add_l1_gradient(parameters: list[nn.Parameter], weight: float) -> None:
    """Add the subgradient of weight * sum |p| to the gradients."""
    for parameter in parameters:
        if parameter.grad is not None:
            parameter.grad.add_(parameter.detach().sign(), alpha=weight)
