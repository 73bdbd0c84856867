"""One run on several processes: plain DistributedDataParallel under torch's elastic launcher.

Every process goes through the same batches and takes its share of each; gradients are averaged so
that they are those of the whole batch. Batch norm normalises each share by the share's own
statistics, and the running ones that are saved are the first process's: with batch norm a run on N
processes is not the run on one, with N times as many steps' worth of noise in its statistics. Only
the first process writes and tests.
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
SIGNALS: tuple[Signal | None, ...] = (None, "SIGINT", "SIGTERM")


def size() -> int:
    """Return how many processes train this run."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def is_first() -> bool:
    """Say whether this process is the one that writes and tests."""
    return size() == 1 or dist.get_rank() == 0


@contextmanager
def joined(device: Device) -> Iterator[Device]:
    """Take part in the run that the launcher started; yield the device of this process."""
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
    """Return a signal that any of the processes has heard: all stop after the same step."""
    if size() == 1:
        return signal
    heard = torch.tensor(SIGNALS.index(signal))
    dist.all_reduce(heard, dist.ReduceOp.MAX, group=_control())
    return SIGNALS[int(heard)]


@cache
def _control() -> Any:
    """Return a group that talks through main memory, so that no step waits for a GPU."""
    return None if dist.get_backend() == "gloo" else dist.new_group(backend="gloo")


def shared_step(
    model: nn.Module,
    optimizer: MomentumSgd,
    objective: Objective,
    device: Device,
    *,
    l1: float = 0.0,
) -> Step:
    """Return the step on whole batches that `make_step` returns, done by all processes together.

    Process r of N takes every N-th example from the r-th on; a batch too small to give each process
    two is taken whole by all. An objective that remembers each example is not for this: what one
    process has seen the others would not know.
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
        scaled = loss * (weight * count)  # for gradients are averaged over the processes
        scaled.backward()  # type: ignore[no-untyped-call]
        optimizer.step(l1=l1)
        right = (logits.detach().argmax(dim=1) == own).sum()
        told = torch.stack([loss.detach() * weight, right / (1 if is_shared else count)]).double()
        dist.all_reduce(told)
        return told[0].float(), told[1].round().long()

    return step
