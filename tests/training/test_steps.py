"""One step against torch's own optimiser, clipping and schedules."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from alfs_cli.errors import UsageError
from alfs_cli.results.run import OptimizerConfig, TrainConfig
from alfs_cli.training.steps import MomentumSgd, clip_norm, learning_rate

CONFIG = TrainConfig({}, "", "linear", "ce", epochs=7, batch_size=8, seed=0)


def problem():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 3))
    return model, torch.randn(16, 5), torch.randint(3, (16,))


@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
@pytest.mark.parametrize("momentum", [0.5, 0.9])
def test_equals_torch(nesterov, weight_decay, momentum):
    config = OptimizerConfig(0.1, momentum, weight_decay, grad_clip=0.2, nesterov=nesterov)
    (ours, inputs, labels), (theirs, *_) = problem(), problem()
    optimizer = MomentumSgd(ours, config)
    reference = torch.optim.SGD(
        theirs.parameters(), 0.1, momentum, weight_decay=weight_decay, nesterov=nesterov
    )
    for step in range(5):
        optimizer.lr = reference.param_groups[0]["lr"] = 0.1 / (step + 1)
        optimizer.forget_gradients()
        nn.functional.cross_entropy(ours(inputs), labels).backward()
        optimizer.step()
        reference.zero_grad()
        nn.functional.cross_entropy(theirs(inputs), labels).backward()
        torch.nn.utils.clip_grad_norm_(theirs.parameters(), 0.2)
        reference.step()
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("nesterov", [False, True])
def test_a_rate_on_the_device_is_the_same_rate(nesterov):
    """What a GPU does, where a captured step reads the rate from memory."""
    config = OptimizerConfig(0.1, 0.9, 1e-3, nesterov=nesterov)
    (plain, inputs, labels), (other, *_) = problem(), problem()
    optimizers = [MomentumSgd(plain, config), MomentumSgd(other, config)]
    optimizers[1].rate = torch.tensor(0.0)
    for step in range(5):
        for model, optimizer in zip((plain, other), optimizers, strict=True):
            optimizer.lr = 0.1 / (step + 1)
            optimizer.forget_gradients()
            nn.functional.cross_entropy(model(inputs), labels).backward()
            optimizer.step()
    for one, two in zip(plain.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(one, two)


def test_l1_is_the_subgradient():
    model = nn.Linear(2, 1, bias=False)
    with torch.no_grad():
        model.weight.copy_(torch.tensor([[2.0, -3.0]]))
    config = OptimizerConfig(1.0, momentum=0.0, weight_decay=0.0, grad_clip=0.0)
    optimizer = MomentumSgd(model, config)
    model.weight.grad = torch.zeros(1, 2)
    optimizer.step(l1=0.25)
    assert model.weight.tolist() == [[1.75, -2.75]]


def test_clip_leaves_small_gradients():
    small = [torch.tensor([0.3]), torch.tensor([0.4])]
    clip_norm(small, 1.0)
    assert [float(g) for g in small] == pytest.approx([0.3, 0.4])
    clip_norm(small, 0.05)
    assert [float(g) for g in small] == pytest.approx([0.03, 0.04], rel=1e-4)


def test_cosine_equals_torch():
    parameter = nn.Parameter(torch.zeros(1))
    reference = torch.optim.SGD([parameter], lr=CONFIG.optimizer.lr)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(reference, T_max=7, eta_min=0)
    for epoch in range(7):
        expected = reference.param_groups[0]["lr"]
        assert learning_rate(CONFIG, epoch) == pytest.approx(expected, rel=1e-9)
        reference.step()
        schedule.step()


def test_other_schedules():
    assert learning_rate(replace(CONFIG, schedule="constant"), 6) == 0.01
    webvision = replace(CONFIG, schedule="exponential:0.97", optimizer=OptimizerConfig(lr=0.4))
    assert learning_rate(webvision, 2) == pytest.approx(0.4 * 0.97**2)
    with pytest.raises(UsageError, match="unknown schedule"):
        learning_rate(replace(CONFIG, schedule="step"), 0)
