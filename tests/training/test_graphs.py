"""A step as a CUDA graph against the same step taken one kernel after the other."""

import pytest
import torch

from alfs_cli.results.run import AugmentationConfig, OptimizerConfig
from alfs_cli.training import plan, train
from alfs_cli.training.batches import EpochBatches, Examples, Normaliser, windows_of
from alfs_cli.training.correction import ForwardCorrected
from alfs_cli.training.devices import choose_device
from alfs_cli.training.graphs import captured
from alfs_cli.training.models import build
from alfs_cli.training.objectives import Stateless
from alfs_cli.training.steps import MomentumSgd, make_step

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device"),
]


def trained(loss, *, as_graph):
    """Take the 9 steps of two epochs, the last of each smaller; return weights, losses, hits."""
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(256, (150, 16, 16, 3), dtype=torch.uint8, generator=generator)
    examples = Examples(pixels, torch.arange(150) % 10)
    device = choose_device("cuda")
    windows, labels = windows_of(examples, AugmentationConfig(2, True), device.name)
    model = device.place(build("cnn8", examples.shape, 10, seed=0)).train()
    optimizer = MomentumSgd(model, OptimizerConfig(0.05, weight_decay=1e-4))
    normaliser = Normaliser.of(examples).to(device.name)
    step = make_step(model, optimizer, Stateless(loss), device)
    results = []
    for epoch in range(2):
        batches = EpochBatches(windows, labels, 32, seed=0, epoch=epoch)
        optimizer.lr = 0.05 / (epoch + 1)
        for index, inputs, given in batches.start_at(0):
            batch = (normaliser(inputs), given, batches.places(index))
            if as_graph and not results:
                kept = [*model.state_dict().values(), *optimizer.velocities]
                step = captured(step, batch, kept)
            results.append([float(value) for value in step(*batch)])
    return [p.detach().cpu() for p in model.parameters()], results


@pytest.mark.parametrize("corrected", [False, True])
def test_equals_eager(corrected):
    from alfs_cli.losses import parse_loss
    from alfs_cli.noise import symmetric

    loss = parse_loss("nce+agce")
    if corrected:
        loss = ForwardCorrected(loss, symmetric(0.4, 10))
    torch.backends.cudnn.deterministic = True
    try:
        one, other = (trained(loss, as_graph=as_graph) for as_graph in (False, True))
    finally:
        torch.backends.cudnn.deterministic = False
    for (eager, hits), (graph, same) in zip(one[1], other[1], strict=True):
        assert graph == pytest.approx(eager, rel=2e-2)
        assert abs(hits - same) <= 2
    for eager, graph in zip(one[0], other[0], strict=True):
        torch.testing.assert_close(graph, eager, rtol=2e-2, atol=2e-3)


def test_a_whole_run(tmp_path):
    notes = []
    settings = {"dataset": {"source": "digits"}, "loss": "nce+rce", "epochs": 8}
    result = train(plan(settings), tmp_path, choose_device("cuda"), on_note=notes.append)
    assert notes == []
    assert result.test_accuracy.last > 0.9
