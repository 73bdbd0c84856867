"""The fit score: cross entropy is 1, weights scale it, the paper's parameters are in order."""

import math

import numpy as np
import pytest
from scipy.integrate import quad, trapezoid

from alfs_cli.errors import UsageError
from alfs_cli.losses import LOSSES, parse_loss
from alfs_cli.losses.fitting import corrected_fit_score, example_weight, fit_score


@pytest.mark.parametrize("K", [2, 3, 10, 1000])
def test_cross_entropy_is_one(K):
    assert fit_score(parse_loss("ce"), K) == pytest.approx(1)
    assert fit_score(parse_loss("ce:alpha=7"), K) == pytest.approx(7)


@pytest.mark.parametrize(
    ("text", "score"), [("aul:a=5.5,p=3", 6.4), ("agce:a=0.6,q=0.6", 0.25), ("ael:a=2.5", 0.085)]
)
def test_worked_numbers(text, score):
    assert fit_score(parse_loss(text), 10) == pytest.approx(score, rel=0.01)


@pytest.mark.parametrize("text", ["gce", "mae", "agce:a=0.1,q=0.2", "ael:a=0.3"])
@pytest.mark.parametrize("K", [3, 10, 1000])
def test_against_adaptive_quadrature(text, K):
    """phi = int dm / (1 - p) / int dm / (g p (1 - p)), by another rule and from l(u) alone."""
    part = parse_loss(text).separable()

    def p(m):
        return np.exp(m) / (np.exp(m) + K - 1)

    def slow(m):
        return 1 / (part.slope(np.array([p(m)]))[0] * p(m) * (1 - p(m)))

    top = quad(lambda m: 1 / (1 - p(m)), 0, np.log(K - 1))[0]
    assert fit_score(parse_loss(text), K) == pytest.approx(
        top / quad(slow, 0, np.log(K - 1))[0], rel=1e-6
    )


@pytest.mark.parametrize("text", LOSSES)
def test_every_loss_has_a_score(text):
    loss = parse_loss(text)
    for K in (2, 10, 1000):
        assert 0 < fit_score(loss, K) < 1e3
    if text not in ("sce", "anl-ce", "anl-fl", "jal-ce", "jal-fl"):
        weighed = parse_loss(f"{loss}{',' if ':' in str(loss) else ':'}alpha=3")
        assert fit_score(weighed, 10) == pytest.approx(3 * fit_score(loss, 10))


def test_weight_of_an_example():
    """omega of l(u) is g(u) u."""
    loss, u = parse_loss("ael:a=2"), np.array([0.1, 0.5, 0.9])
    np.testing.assert_allclose(example_weight(loss, u, 10), np.exp(-u / 2) / 2 * u)


def test_one_class_is_refused():
    with pytest.raises(UsageError, match="two classes"):
        fit_score(parse_loss("ce"), 1)


@pytest.mark.parametrize("text", ["ce", "gce:q=0.3", "agce:a=0.02,q=0.3", "nce+rce", "anl-ce"])
def test_a_corrected_score_is_the_plain_one_without_noise(text):
    loss = parse_loss(text)
    assert corrected_fit_score(loss, np.eye(7)) == pytest.approx(fit_score(loss, 7), rel=1e-6)


@pytest.mark.parametrize("text", ["ce", "gce:q=0.3", "nce+rce", "anl-ce"])
def test_a_corrected_score_is_the_time_that_the_gradient_takes(text):
    """Beside autograd of the loss that trains, along the same path, the slowest class."""
    import torch

    from alfs_cli.training.correction import ForwardCorrected

    T = np.array([[0.6, 0.3, 0.1, 0.0], [0.0, 0.9, 0.1, 0.0], [0.2, 0.0, 0.8, 0.0], [0, 0, 0, 1.0]])
    m = np.linspace(0, math.log(3), 4001)
    times = []
    for cls in range(4):
        z = torch.zeros(len(m), 4, dtype=torch.float64)
        z[:, cls] = torch.from_numpy(m)
        z.requires_grad_()
        corrected = ForwardCorrected(parse_loss(text), T)
        corrected.per_example(z, torch.full((len(m),), cls)).sum().backward()
        speed = -z.grad[:, cls].numpy()
        times.append(trapezoid(1 / speed, m))
    p = np.exp(m) / (np.exp(m) + 3)
    slowest = trapezoid(1 / (1 - p), m) / max(times)
    assert corrected_fit_score(parse_loss(text), T) == pytest.approx(slowest, rel=1e-4)
