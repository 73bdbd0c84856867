"""What public code trains with: its gradients, restated with torch's own detach and clamp."""

import math

import pytest
import torch

from alfs_cli.losses import parse_loss
from alfs_cli.losses.public_code import (
    with_clamp_of_public_code,
    with_gradient_of_public_code,
)

Z = torch.randn(40, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 4
Y = torch.arange(40) % 6


def focal(z, gamma, *, detached):
    """Every class's focal loss, whose factor is a constant of the gradient if `detached`."""
    log_p = z.log_softmax(1)
    p = log_p.exp().detach() if detached else log_p.exp()
    return -((1 - p) ** gamma) * log_p


def own(values):
    return values.gather(1, Y[:, None])[:, 0]


def fl(z, *, changed):
    return own(focal(z, 0.7, detached=changed))


def nfl(z, *, changed):
    each = focal(z, 0.7, detached=changed)
    return own(each) / each.sum(1)


def nfl_rce(z, *, changed):
    return 20 * nfl(z, changed=changed) + 4 * 3 * (1 - own(z.softmax(1)))


def eps_ce(z, *, changed, m=1e5):
    p = z.softmax(1)
    raised = p + m * torch.nn.functional.one_hot(p.argmax(1), 6)
    return -(own(raised) / (m + 1)).clamp(min=1e-8 if changed else 0).log()


def eps_ce_mae(z, *, changed):
    return 0.5 * eps_ce(z, changed=changed) + 5 * (1 - own(z.softmax(1)))


def value_and_gradient(function):
    z = Z.clone().requires_grad_()
    values = function(z)
    (gradient,) = torch.autograd.grad(values.sum(), z)
    return values.detach(), gradient


@pytest.mark.parametrize(
    ("text", "restated"),
    [
        ("fl:gamma=0.7", fl),
        ("nfl:gamma=0.7", nfl),
        ("nfl+rce:gamma=0.7,A=-4,alpha=20,beta=3", nfl_rce),
        ("eps-ce:m=100000", eps_ce),
        ("eps-ce+mae:m=100000,scale=1,alpha=0.5,beta=5", eps_ce_mae),
    ],
)
def test_gradients_of_public_code(text, restated):
    """Equal to the formula as public code writes it; without the change they are not."""
    loss = with_gradient_of_public_code(parse_loss(text))
    assert str(loss) == text
    values, gradient = value_and_gradient(lambda z: loss.per_example(z, Y))
    wanted, slope = value_and_gradient(lambda z: restated(z, changed=True))
    torch.testing.assert_close(values, wanted, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(gradient, slope, rtol=1e-8, atol=1e-12)
    _, plain = value_and_gradient(lambda z: parse_loss(text).per_example(z, Y))
    _, formula = value_and_gradient(lambda z: restated(z, changed=False))
    torch.testing.assert_close(plain, formula, rtol=1e-8, atol=1e-12)
    assert (gradient - plain).abs().max() > 0.03 * plain.abs().max()


def test_other_losses_stay_as_they_are():
    for text in ("nce+agce", "ce", "jal-ce"):
        loss = parse_loss(text)
        public = with_gradient_of_public_code(loss)
        assert torch.equal(public.per_example(Z, Y), loss.per_example(Z, Y))
        assert with_clamp_of_public_code(loss) == loss


@pytest.mark.parametrize("text", ["rce", "sce:alpha=0.5,beta=2", "nfl+rce:alpha=1,beta=100"])
def test_one_hot_labels_are_clamped_at_one_in_ten_thousand(text):
    """RCE is -sum_k p_k log q_k, of the one-hot label q clamped at 1e-4."""
    q = torch.nn.functional.one_hot(Y, 6).double().clamp(min=1e-4, max=1)
    rce = -(Z.softmax(1) * q.log()).sum(1)
    ce, focused = -own(Z.log_softmax(1)), focal(Z, 0.5, detached=False)
    wanted = {
        "rce": rce,
        "sce": 0.5 * ce + 2 * rce,
        "nfl+rce": own(focused) / focused.sum(1) + 100 * rce,
    }[text.partition(":")[0]]
    found = with_clamp_of_public_code(parse_loss(text))
    torch.testing.assert_close(found.per_example(Z, Y), wanted)
    assert f"A={math.log(1e-4)!r}" in str(found)
    assert parse_loss(str(found)) == found
