"""One run on several processes: DistributedDataParallel under torch's elastic launcher.

Every process goes through the same batches and takes its share of each. Gradients are averaged to
the gradient of the whole batch. Only the first process writes files and tests.

With batch norm, a run on N processes differs from a run on one: each share is normalised by its own
statistics, which are noisier, and the saved running statistics are those of the first process.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from typing import Any, Literal

import torch
import torch.distributed as dist
from torch import Tensor, nn

from alfs_cli.training.devices import Device
from alfs_cli.training.objectives import Objective
from alfs_cli.training.steps import MomentumSgd, Step

Signal = Literal["SIGINT", "SIGTERM"]
SIGNALS: tuple[Signal | None, ...] = (None, "SIGINT", "SIGTERM")  # processes exchange the index


def size() -> int:
    """Return the number of processes that train this run."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def is_first() -> bool:
    """Return whether this process is the one that writes and tests."""
    return size() == 1 or dist.get_rank() == 0


@contextmanager
def joined(device: Device) -> Iterator[Device]:
    """Join the process group of the run; yield the device of this process."""
    backend = "nccl" if device.kind == "cuda" else "gloo"
    if device.kind == "cuda":
        device = replace(device, name=f"cuda:{os.environ['LOCAL_RANK']}")
        torch.cuda.set_device(device.name)
    dist.init_process_group(backend)
    try:
        yield device
    finally:
        dist.destroy_process_group()


def agreed(signal: Signal | None) -> Signal | None:
    """Return a signal that any process has received, so that all stop after the same step."""
    if size() == 1:
        return signal
    heard = torch.tensor(SIGNALS.index(signal))
    dist.all_reduce(heard, dist.ReduceOp.MAX, group=_control())
    return SIGNALS[int(heard)]


@cache
def _control() -> Any:
    """Return a process group that communicates on the CPU, so that no step waits for a GPU."""
    return None if dist.get_backend() == "gloo" else dist.new_group(backend="gloo")


def shared_step(
    model: nn.Module,
    optimizer: MomentumSgd,
    objective: Objective,
    device: Device,
    *,
    l1: float = 0.0,
) -> Step:
    """Return a step like that of `make_step`, computed by all processes together.

    Process r of N takes every N-th example from the r-th on. If a batch has fewer than two examples
    per process, every process takes all of it. Objectives with a state per example are not
    supported: each process would see only its share of the examples.
    """
    ids = [torch.device(device.name)] if device.kind == "cuda" else None
    together = nn.parallel.DistributedDataParallel(model, device_ids=ids)
    rank, count = dist.get_rank(), dist.get_world_size()

    def step(inputs: Tensor, labels: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
        is_shared = len(labels) >= 2 * count
        mine = slice(rank, None, count) if is_shared else slice(None)
        own = labels[mine]
        weight = len(own) / len(labels) if is_shared else 1 / count
        with device.autocast():
            outputs = together(inputs[mine])
        logits = outputs.float()
        loss = objective(logits, own, places[mine])
        optimizer.forget_gradients()
        scaled = loss * (weight * count)  # DistributedDataParallel divides gradients by `count`
        scaled.backward()  # type: ignore[no-untyped-call]
        optimizer.step(l1=l1)
        right = (logits.detach().argmax(dim=1) == own).sum()
        sums = torch.stack([loss.detach() * weight, right / (1 if is_shared else count)]).double()
        dist.all_reduce(sums)
        return sums[0].float(), sums[1].round().long()

    return step
