"""A training step as one CUDA graph: with batches of 128, kernel launches dominate its time."""

from collections.abc import Iterable

import torch
from torch import Tensor

from alfs_cli.training.steps import Step

WARM_UP = 3  # steps before the capture, in which libraries choose kernels and allocate workspaces


def captured(step: Step, example: tuple[Tensor, Tensor, Tensor], kept: Iterable[Tensor]) -> Step:
    """Return the step as a graph that is replayed on batches of the example's shape.

    Batches of another shape, such as the last one of an epoch, take the original step. `kept` are
    all tensors that a step changes; they are restored after the capture. The next call overwrites
    the tensors (loss, hits) that a call returned. Raises RuntimeError where an operation of the
    step cannot be captured.
    """
    static = tuple(tensor.clone() for tensor in example)
    changed = list(kept)
    before = [tensor.clone() for tensor in changed]
    try:
        torch.cuda.set_device(static[0].device)  # a new stream belongs to the current device
        aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(WARM_UP):
                step(*static)
        torch.cuda.current_stream().wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            results = step(*static)
    finally:
        for tensor, value in zip(changed, before, strict=True):
            tensor.copy_(value)

    def replay(inputs: Tensor, labels: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
        if inputs.shape != static[0].shape:
            return step(inputs, labels, places)
        for place, value in zip(static, (inputs, labels, places), strict=True):
            place.copy_(value, non_blocking=True)
        graph.replay()
        return results

    return replay
