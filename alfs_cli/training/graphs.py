"""A training step as one CUDA graph: at a batch of 128 the launches of its kernels are the cost."""

from collections.abc import Iterable

import torch
from torch import Tensor

from alfs_cli.training.steps import Step

WARM_UP = 3  # steps in which libraries choose their kernels and allocate what they keep


def captured(step: Step, example: tuple[Tensor, Tensor, Tensor], kept: Iterable[Tensor]) -> Step:
    """Return the step as a graph that is replayed on batches of the example's shape.

    Others, such as the last batch of an epoch, are taken as before. `kept` are all tensors that a
    step changes: they are as they were before afterwards. The (loss, hits) returned are overwritten
    by the next call. Raises RuntimeError where something in the step cannot be captured.
    """
    static = tuple(tensor.clone() for tensor in example)
    changed = list(kept)
    before = [tensor.clone() for tensor in changed]
    try:
        torch.cuda.set_device(static[0].device)  # streams are the current device's
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
