"""Forward correction against slower truths: float64, mpmath, finite differences, identities."""

import numpy as np
import pytest
import torch

from alfs_cli.errors import InputError
from alfs_cli.losses import LOSSES, parse_loss
from alfs_cli.noise import as_array, asymmetric, symmetric
from alfs_cli.training import correction
from alfs_cli.training.correction import ForwardCorrected, log_of, mixed_logits

# class 3 is always taken for class 0, class 1 is never mistaken
WITH_ZEROS = np.array([[0.7, 0.3, 0, 0], [0, 1, 0, 0], [0, 0.25, 0.75, 0], [1, 0, 0, 0]])


def random_T(K, *, zeros=0.0):
    rng = np.random.default_rng(K)
    T = rng.dirichlet(np.full(K, 0.3), size=K) * (rng.random((K, K)) >= zeros)
    T += np.eye(K)
    return T / T.sum(1, keepdims=True)


def forward_corrected(logits, T):
    return mixed_logits(logits, log_of(as_array(T)))


def by_mpmath(logits, T):
    mpmath = pytest.importorskip("mpmath")
    with mpmath.workdps(60):
        rows = []
        for z in logits.double().tolist():
            scores = [mpmath.exp(mpmath.mpf(v)) for v in z]
            total = mpmath.fsum(scores)
            given = [
                mpmath.fsum(mpmath.mpf(T[k][j]) * s for k, s in enumerate(scores)) / total
                for j in range(len(z))
            ]
            rows.append([float(mpmath.log(g)) if g else -np.inf for g in given])
        return torch.tensor(rows, dtype=torch.float64)


@pytest.mark.parametrize("scale", [1.0, 30.0, 300.0, 1e4])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("T", [WITH_ZEROS, np.eye(4), symmetric(0.6, 4).array])
def test_equals_exact_arithmetic(T, dtype, scale):
    logits = (torch.randn(6, 4, generator=torch.Generator().manual_seed(0)) * scale).to(dtype)
    found = forward_corrected(logits, T)
    assert found.dtype == dtype
    rtol = 4 * torch.finfo(dtype).eps * (4 if scale > 30 else 1)
    torch.testing.assert_close(
        found.double(), by_mpmath(logits, T), rtol=rtol, atol=8 * torch.finfo(dtype).eps
    )


@pytest.mark.parametrize("K", [2, 10, 100, 1000])
def test_rows_are_distributions_and_equal_the_plain_product(K):
    T = random_T(K)
    logits = 3 * torch.randn(5, K, generator=torch.Generator().manual_seed(1))
    found = forward_corrected(logits, T)
    torch.testing.assert_close(found.exp().sum(1), torch.ones(5))
    plain = logits.double().softmax(1) @ torch.from_numpy(T)
    torch.testing.assert_close(found.double(), plain.log(), rtol=1e-5, atol=2e-6)


def test_transposed_T_differs():
    T = np.array([[0.6, 0.4], [0.0, 1.0]])
    sure_of_the_first = torch.tensor([[50.0, 0.0]])
    torch.testing.assert_close(
        forward_corrected(sure_of_the_first, T).exp(), torch.tensor([[0.6, 0.4]])
    )


@pytest.mark.parametrize("T", [random_T(6, zeros=0.5), WITH_ZEROS])
def test_both_ways_of_mixing_agree(monkeypatch, T):
    """Examples of which some need log space and some do not, against all of them in it."""
    K = len(T)
    z = torch.randn(40, K, dtype=torch.float64, generator=torch.Generator().manual_seed(4))
    z[::3] *= 60

    def both():
        logits = z.clone().requires_grad_()
        values = forward_corrected(logits, T)
        values[:, T.any(0)].square().sum().backward()
        return values.detach(), logits.grad

    some = both()
    monkeypatch.setattr(correction, "SMALLEST", 2.0)
    for one, other in zip(some, both(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-12)


def test_pieces_come_to_the_whole(monkeypatch):
    T, logits = random_T(7, zeros=0.5), torch.randn(33, 7, dtype=torch.float64)

    def both():
        z = logits.clone().requires_grad_()
        values = forward_corrected(z, T)
        values.square().sum().backward()
        return values.detach(), z.grad

    whole = both()
    monkeypatch.setattr(correction, "SMALLEST", 2.0)
    monkeypatch.setattr(correction, "CHUNK", 100)
    for one, other in zip(whole, both(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("loss", sorted(LOSSES))
def test_gradients_by_finite_differences(loss):
    T = random_T(4, zeros=0.4)
    objective = ForwardCorrected(parse_loss(loss), T)
    labels = torch.tensor([0, 1, 2, 3, 1])
    z = torch.randn(5, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    assert torch.autograd.gradcheck(
        lambda x: objective.per_example(x, labels), z.requires_grad_(), atol=1e-6
    )


@pytest.mark.parametrize("loss", ["ce", "nce+rce", "gce:q=0.3", "agce", "nlnl"])
@pytest.mark.parametrize("T", [random_T(10), asymmetric(0.4, 10, dataset="cifar10").array])
def test_extreme_logits(loss, T):
    """Right, wrong and tied by 1e4: finite, and equal to float64."""
    z = torch.zeros(30, 10)
    z[torch.arange(30), torch.arange(30) % 10] = torch.tensor([1e4, -1e4, 60.0]).repeat(10)
    labels = torch.arange(30) % 7
    objective = ForwardCorrected(parse_loss(loss), T)
    results = []
    for dtype in (torch.float32, torch.float64):
        x = z.to(dtype, copy=True).requires_grad_()
        values = objective.per_example(x, labels)
        values.sum().backward()
        assert values.isfinite().all()
        assert x.grad.isfinite().all()
        results.append((values.detach().double(), x.grad.double()))
    for single, double in zip(*results, strict=True):
        torch.testing.assert_close(single, double, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("loss", ["ce", "mae", "nce+agce", "nfl"])
def test_identity_changes_nothing(loss):
    plain, z = parse_loss(loss), torch.randn(8, 5)
    labels = torch.arange(8) % 5
    torch.testing.assert_close(ForwardCorrected(plain, np.eye(5))(z, labels), plain(z, labels))


def test_classes_never_given_take_no_part():
    """NCE divides by the sum over classes: a class of probability 0 would make it 0 or NaN."""
    objective = ForwardCorrected(parse_loss("nce"), WITH_ZEROS)
    z, labels = torch.randn(6, 4, requires_grad=True), torch.tensor([0, 1, 2, 0, 1, 2])
    values = objective.per_example(z, labels)
    by_hand = parse_loss("nce").per_example(forward_corrected(z, WITH_ZEROS)[:, :3], labels)
    torch.testing.assert_close(values, by_hand)
    values.sum().backward()
    assert z.grad.isfinite().all()
    assert forward_corrected(z, WITH_ZEROS)[:, 3].isneginf().all()
    with pytest.raises(InputError, match=r"label 3 .* never given"):
        objective(z, torch.tensor([0, 1, 2, 3, 1, 2]))
    with pytest.raises(InputError, match="every example the label 1"):
        ForwardCorrected(parse_loss("ce"), [[0, 1], [0, 1]])


def test_autocast_does_not_touch_it():
    z, T = 20 * torch.randn(16, 10), symmetric(0.4, 10)
    expected = forward_corrected(z, T)
    with torch.autocast("cpu", torch.bfloat16):
        found = forward_corrected(z, T)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, expected, rtol=0, atol=0)


def test_refusals():
    with pytest.raises(InputError, match="T is of 3 classes, and the logits are"):
        forward_corrected(torch.zeros(2, 4), np.eye(3))
    with pytest.raises(InputError, match="it looks transposed"):
        ForwardCorrected(parse_loss("ce"), [[0.6, 0.1], [0.4, 0.9]])


def test_minimiser_is_the_clean_posterior():
    """Patrini et al., Theorem 2: under T the corrected cross entropy is least at the true p."""
    T, p = random_T(4), torch.tensor([[0.5, 0.2, 0.2, 0.1]], dtype=torch.float64)
    given = (p @ torch.from_numpy(T)).expand(4, 4).diagonal()
    z = torch.zeros(1, 4, dtype=torch.float64, requires_grad=True)
    objective = ForwardCorrected(parse_loss("ce"), T)
    optimizer = torch.optim.LBFGS([z], max_iter=200, tolerance_grad=1e-12, tolerance_change=0)

    def closure():
        optimizer.zero_grad()
        values = objective.per_example(z.expand(4, 4), torch.arange(4))
        risk = (given * values).sum()
        risk.backward()
        return risk

    optimizer.step(closure)
    torch.testing.assert_close(z.detach().softmax(1), p, rtol=0, atol=1e-5)
