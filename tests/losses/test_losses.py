"""Losses against their formulas in 60 digits, at ordinary and at extreme logits."""

import math
import subprocess
import sys

import mpmath
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mpf

from alfs_cli.errors import InputError, UsageError
from alfs_cli.losses import LOSSES, SUM_DEFAULTS, parse_loss
from alfs_cli.losses.separable import RCE
from alfs_cli.losses.terms import Computed, Separable, Term

mpmath.mp.dps = 60
P_MIN = mpf("1e-7")

# The reference: L(u, y) as in the papers, for exact probabilities. Nothing here is stable, and at
# 60 digits (and thousands where 1 - u needs them) nothing has to be.


def focal(u, gamma):
    return -((1 - u) ** mpf(gamma)) * mpmath.log(u)


def normalised(f, u, y):
    return f(u[y]) / mpmath.fsum(f(v) for v in u)


def flipped(f, u, y):
    top = [f(P_MIN) - f(max(v, P_MIN)) for v in u]
    return 1 - top[y] / mpmath.fsum(top)


def agce(u, a, q):
    a, q = mpf(a), mpf(q)
    return mpmath.log((a + 1) / (a + u)) if q == 0 else ((a + 1) ** q - (a + u) ** q) / q


def aul(u, a, p):
    a, p = mpf(a), mpf(p)
    return mpmath.log((a - u) / (a - 1)) if p == 0 else ((a - u) ** p - (a - 1) ** p) / p


def js(u, pi):
    pi = mpf(pi)
    m = pi + (1 - pi) * u
    own = u * mpmath.log(u / m) - (1 - u) * mpmath.log(1 - pi)
    return (-pi * mpmath.log(m) + (1 - pi) * own) / (-(1 - pi) * mpmath.log(1 - pi))


def phuber(u, tau):
    tau = mpf(tau)
    return -mpmath.log(u) if u > 1 / tau else 1 + mpmath.log(tau) - tau * u


def amse(u, y, a):
    return mpmath.fsum((v - (a if k == y else 0)) ** 2 for k, v in enumerate(u)) / len(u)


def ls(u, y, epsilon):
    e = mpf(epsilon)
    return -(1 - e) * mpmath.log(u[y]) - e / len(u) * mpmath.fsum(mpmath.log(v) for v in u)


def soft_bootstrap(u, y, b):
    return -mpf(b) * mpmath.log(u[y]) - (1 - mpf(b)) * mpmath.fsum(v * mpmath.log(v) for v in u)


def hard_bootstrap(u, y, b):
    return -mpf(b) * mpmath.log(u[y]) - (1 - mpf(b)) * mpmath.log(max(u))


def eps_ce(u, y, m):
    raised = u[y] + (m if y == u.index(max(u)) else 0)
    return -mpmath.log(raised / (m + 1))


def ldr_kl(u, y, lam, c):
    terms = [(v / u[y]) ** (1 / mpf(lam)) for v in u]
    raised = [t * (1 if k == y else mpmath.exp(mpf(c) / lam)) for k, t in enumerate(terms)]
    return lam * mpmath.log(mpmath.fsum(raised) / len(u))


def nl(u, y):
    others = [-mpmath.log(1 - v) for k, v in enumerate(u) if k != y]
    return mpmath.fsum(others) / (len(u) - 1)


def ce(u):
    return -mpmath.log(u)


REFERENCE = {
    "ce": lambda u, y: ce(u[y]),
    "ce:alpha=3": lambda u, y: 3 * ce(u[y]),
    "fl:gamma=0.5": lambda u, y: focal(u[y], 0.5),
    "fl:gamma=2": lambda u, y: focal(u[y], 2),
    "mae:scale=2": lambda u, y: 2 * (1 - u[y]),
    "rce:A=-4": lambda u, y: 4 * (1 - u[y]),
    "sce:A=-4,alpha=0.1,beta=1": lambda u, y: mpf(0.1) * ce(u[y]) + 4 * (1 - u[y]),
    "gce:q=0.7": lambda u, y: (1 - u[y] ** mpf(0.7)) / mpf(0.7),
    "gce:q=0.01": lambda u, y: (1 - u[y] ** mpf(0.01)) / mpf(0.01),
    "nce": lambda u, y: normalised(ce, u, y),
    "nfl:gamma=0.5": lambda u, y: normalised(lambda v: focal(v, 0.5), u, y),
    "ngce:q=0.7": lambda u, y: normalised(lambda v: 1 - v ** mpf(0.7), u, y),
    "nmae": lambda u, y: (1 - u[y]) / (len(u) - 1),
    "nrce": lambda u, y: (1 - u[y]) / (len(u) - 1),
    "nlnl": nl,
    "agce:a=0.6,q=0.6": lambda u, y: agce(u[y], 0.6, 0.6),
    "agce:a=6,q=1.5": lambda u, y: agce(u[y], 6, 1.5),
    "agce:a=0.1,q=-1": lambda u, y: agce(u[y], 0.1, -1),
    "agce:a=1,q=0": lambda u, y: agce(u[y], 1, 0),
    "agce:a=1,q=1e-06": lambda u, y: agce(u[y], 1, 1e-6),
    "aul:a=5.5,p=3": lambda u, y: aul(u[y], 5.5, 3),
    "aul:a=3,p=0.1": lambda u, y: aul(u[y], 3, 0.1),
    "aul:a=2,p=0": lambda u, y: aul(u[y], 2, 0),
    "aul:a=1,p=0.1": lambda u, y: aul(u[y], 1, 0.1),
    "aul:a=1,p=2": lambda u, y: aul(u[y], 1, 2),
    "aul:a=10000,p=3": lambda u, y: aul(u[y], 10000, 3),
    "ael:a=2.5": lambda u, y: mpmath.exp(-u[y] / mpf(2.5)),
    "tce:t=3": lambda u, y: mpmath.fsum((1 - u[y]) ** i / i for i in (1, 2, 3)),
    "phuber:tau=5": lambda u, y: phuber(u[y], 5),
    "js:pi=0.3": lambda u, y: js(u[y], 0.3),
    "nnce:p_min=1e-07": lambda u, y: flipped(ce, u, y),
    "nnfl:p_min=1e-07,gamma=0.5": lambda u, y: flipped(lambda v: focal(v, 0.5), u, y),
    "amse:a=30": lambda u, y: amse(u, y, 30),
    "ls:epsilon=0.1": lambda u, y: ls(u, y, 0.1),
    "bootstrap-soft:b=0.6": lambda u, y: soft_bootstrap(u, y, 0.6),
    "bootstrap-hard:b=0.8": lambda u, y: hard_bootstrap(u, y, 0.8),
    "eps-ce:m=50": lambda u, y: eps_ce(u, y, 50),
    "ldr-kl:lam=2,c=0.5": lambda u, y: ldr_kl(u, y, 2, 0.5),
    "anl-ce:p_min=1e-07,alpha=5,beta=2": lambda u, y: (
        5 * normalised(ce, u, y) + 2 * flipped(ce, u, y)
    ),
    "anl-fl:p_min=1e-07,gamma=0.5,alpha=5,beta=2": lambda u, y: (
        5 * normalised(lambda v: focal(v, 0.5), u, y) + 2 * flipped(lambda v: focal(v, 0.5), u, y)
    ),
    "jal-ce:a=30,alpha=1,beta=2": lambda u, y: normalised(ce, u, y) + 2 * amse(u, y, 30),
    "jal-fl:a=30,gamma=0.5,alpha=1,beta=2": lambda u, y: (
        normalised(lambda v: focal(v, 0.5), u, y) + 2 * amse(u, y, 30)
    ),
    "nce+agce:a=6,q=1.5,alpha=1,beta=4": lambda u, y: normalised(ce, u, y) + 4 * agce(u[y], 6, 1.5),
    "nce+aul:a=6.3,p=1.5,alpha=1,beta=4": lambda u, y: (
        normalised(ce, u, y) + 4 * aul(u[y], 6.3, 1.5)
    ),
    "nfl+rce:gamma=0.5,A=-4,alpha=10,beta=1": lambda u, y: (
        10 * normalised(lambda v: focal(v, 0.5), u, y) + 4 * (1 - u[y])
    ),
    "agce+aul:agce.a=1,q=2,aul.a=2,p=3,alpha=1,beta=2": lambda u, y: (
        agce(u[y], 1, 2) + 2 * aul(u[y], 2, 3)
    ),
}
TEXTS = list(REFERENCE)
KINKED_AT_TIES = ("bootstrap-hard:b=0.8", "eps-ce:m=50")  # where the likeliest class changes


def exact_probs(z, digits=60):
    with mpmath.workdps(digits):
        z = [mpf(float(v)) for v in z]
        e = [mpmath.exp(v - max(z)) for v in z]
        total = mpmath.fsum(e)
        return [v / total for v in e]


def exact(text, z, y, digits=60):
    with mpmath.workdps(digits):
        return REFERENCE[text](exact_probs(z, digits), y)


def exact_gradient(text, z, y, digits=60):
    """Central differences with a step far below double precision."""
    z = [mpf(float(v)) for v in z]
    with mpmath.workdps(digits):
        step = mpf(10) ** -18
        result = []
        for k in range(len(z)):
            up, down = list(z), list(z)
            up[k], down[k] = z[k] + step, z[k] - step
            e_up = [mpmath.exp(v - max(z)) for v in up]
            e_down = [mpmath.exp(v - max(z)) for v in down]
            above = REFERENCE[text]([v / mpmath.fsum(e_up) for v in e_up], y)
            below = REFERENCE[text]([v / mpmath.fsum(e_down) for v in e_down], y)
            result.append(float((above - below) / (2 * step)))
    return np.array(result)


def value_and_gradient(loss, z, y, dtype=torch.float64):
    logits = torch.tensor(np.asarray(z), dtype=dtype).requires_grad_()
    values = loss.per_example(logits, torch.as_tensor(y))
    (gradient,) = torch.autograd.grad(values.sum(), logits)
    return values.detach().double().numpy(), gradient.double().numpy()


RNG = np.random.default_rng(0)
ORDINARY = [RNG.normal(size=K) * 3 for K in (2, 3, 10)]
TIES = [np.zeros(4), np.array([5.0, 5.0, -5.0]), np.array([1.0, 1.0])]
SHARP = [np.array([12.0, 0.0, 0.5]), np.array([30.0, 0.0, -3.0]), np.array([0.0, 45.0, 2.0, 1.0])]


def test_every_loss_is_compared():
    """A loss that is added to the table is compared, too."""
    compared = {name for text in TEXTS for name in text.partition(":")[0].split("+")}
    assert compared == set(LOSSES)


@pytest.mark.parametrize("text", TEXTS)
def test_value_and_gradient_in_float64(text):
    """Ordinary logits, ties, and labels far ahead or behind, to near full precision."""
    loss = parse_loss(text)
    for z in ORDINARY + SHARP + ([] if text in KINKED_AT_TIES else TIES):
        for y in {0, 1, len(z) - 1}:
            values, gradient = value_and_gradient(loss, z[None], [y])
            assert values[0] == pytest.approx(float(exact(text, z, y)), rel=1e-9, abs=1e-14)
            wanted = exact_gradient(text, z, y)
            scale = np.abs(wanted).max()
            np.testing.assert_allclose(gradient[0], wanted, rtol=1e-5, atol=1e-9 * scale + 3e-16)


@pytest.mark.parametrize("text", TEXTS)
def test_float32(text):
    """Single precision keeps about six digits, near u = 0 and u = 1 too."""
    loss = parse_loss(text)
    for z in ORDINARY + SHARP + ([] if text in KINKED_AT_TIES else TIES):
        z = z.astype(np.float32)
        for y in (0, 1):
            values, gradient = value_and_gradient(loss, z[None], [y], torch.float32)
            wanted = float(exact(text, z, y))
            assert values[0] == pytest.approx(wanted, rel=3e-5, abs=2e-7 * max(1, abs(wanted)))
            slope = exact_gradient(text, z, y)
            scale = np.abs(slope).max()
            np.testing.assert_allclose(gradient[0], slope, rtol=2e-3, atol=2e-5 * scale + 1e-7)


@pytest.mark.parametrize(
    "text",
    [
        "ce",
        "gce:q=0.7",
        "agce:a=0.6,q=0.6",
        "aul:a=5.5,p=3",
        "aul:a=3,p=0.1",
        "ael:a=2.5",
        "fl:gamma=0.5",
        "nce",
        "ngce:q=0.7",
        "aul:a=1,p=2",
        "tce:t=3",
        "js:pi=0.3",
        "mae:scale=2",
    ],
)
def test_relative_accuracy_near_one(text):
    """The loss of an example 12 or 30 logits ahead is small, and right to many digits."""
    loss = parse_loss(text)
    for gap in (12.0, 30.0):
        z = np.array([gap, 0.0, 0.5], dtype=np.float32)
        values, gradient = value_and_gradient(loss, z[None], [0], torch.float32)
        floor = float(exact(text, np.array([1e4, 0, 0]), 0, 20)) if text != "ael:a=2.5" else 0.67
        wanted = float(exact(text, z, 0))
        if text != "ael:a=2.5":
            assert floor == pytest.approx(0, abs=1e-4)
            assert values[0] == pytest.approx(wanted, rel=1e-4)
        np.testing.assert_allclose(gradient[0], exact_gradient(text, z, 0), rtol=1e-4)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("text", TEXTS)
def test_extreme_logits_are_finite(text, dtype):
    """No NaN and no infinity, in value or gradient, for logits of +-1e4 and labels anywhere."""
    loss = parse_loss(text)
    rows = [[1e4, -1e4, 0, 3], [1e4, 1e4, -1e4, 0], [0, 0, 0, 0], [104, 0, 0, 0], [-1e4, 0, 0, 0]]
    rows += [[200, 0, 0, 0], [30, 0, 0, 0], [17, 0, 0, 0], [1e4, 9990, 0, 1e4]]
    for y in range(4):
        values, gradient = value_and_gradient(loss, rows, [y] * len(rows), dtype)
        assert np.isfinite(values).all()
        assert np.isfinite(gradient).all()
        least = -2 * math.log(4) if text.startswith("ldr-kl") else 0
        assert (values >= least - 1e-6).all()


@pytest.mark.parametrize(
    "text",
    [
        "ce",
        "gce:q=0.01",
        "nce",
        "nlnl",
        "aul:a=1,p=0.1",
        "ls:epsilon=0.1",
        "bootstrap-soft:b=0.6",
        "bootstrap-hard:b=0.8",
        "eps-ce:m=50",
        "ldr-kl:lam=2,c=0.5",
    ],
)
def test_values_at_extreme_logits(text):
    """Where probabilities underflow, what is computed from logarithms is still right."""
    z = np.array([300.0, 0.0, -40.0])
    for y in range(3):
        values, _ = value_and_gradient(parse_loss(text), z[None], [y], torch.float32)
        assert values[0] == pytest.approx(float(exact(text, z, y, 400)), rel=1e-4, abs=1e-12)


@pytest.mark.parametrize("text", TEXTS)
def test_gradcheck(text):
    """Derivatives agree with differences in float64, for a batch and unequal upstream weights."""
    loss = parse_loss(text)
    z = torch.randn(5, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    y = torch.tensor([0, 5, 2, 2, 3])
    weights = torch.linspace(0.5, 2, 5, dtype=torch.float64)
    assert torch.autograd.gradcheck(
        lambda z: loss.per_example(z, y) * weights, (z.requires_grad_(),), fast_mode=True
    )


@pytest.mark.parametrize("text", TEXTS)
def test_gradient_sums_to_zero(text):
    """Adding a constant to all logits changes nothing."""
    z = RNG.normal(size=(7, 10)) * 4
    _, gradient = value_and_gradient(parse_loss(text), z, np.arange(7))
    np.testing.assert_allclose(gradient.sum(axis=1), 0, atol=1e-12 * max(1, np.abs(gradient).max()))


@pytest.mark.parametrize("text", ["ce", "nce+agce", "nfl+rce", "ngce", "nlnl", "aul", "anl-ce"])
def test_many_classes(text):
    """K = 1000 in float32 follows float64."""
    z = RNG.normal(size=(16, 1000)) * 2
    y = RNG.integers(1000, size=16)
    value, gradient = value_and_gradient(parse_loss(text), z, y)
    value32, gradient32 = value_and_gradient(parse_loss(text), z, y, torch.float32)
    np.testing.assert_allclose(value32, value, rtol=1e-4)
    np.testing.assert_allclose(gradient32, gradient, atol=2e-5 * np.abs(gradient).max())


@pytest.mark.parametrize("text", TEXTS)
def test_half_precision_and_autocast(text):
    """16-bit logits are lifted to float32, the gradient comes back in their type; K = 2 and 10."""
    loss = parse_loss(text)
    for K in (2, 10):
        z = torch.tensor(RNG.normal(size=(8, K)), dtype=torch.bfloat16).requires_grad_()
        y = torch.arange(8) % K
        with torch.autocast("cpu", dtype=torch.bfloat16):
            mean = loss(z, y)
        assert mean.dtype == torch.float32
        (gradient,) = torch.autograd.grad(mean, z)
        assert gradient.dtype == torch.bfloat16
        exactly = loss.per_example(z.detach().double(), y)
        assert exactly.dtype == torch.float64
        assert float(mean.detach()) == pytest.approx(float(exactly.mean()), rel=1e-4)


def test_mean_and_per_example():
    """The mean and its gradient are those of the per-example losses, however they go on."""
    z, y = torch.randn(6, 3).requires_grad_(), torch.tensor([0, 1, 2, 0, 1, 2])
    loss = parse_loss("agce")
    mean, by_hand = loss(z, y), loss.per_example(z, y).mean()
    assert mean.shape == ()
    torch.testing.assert_close(mean, by_hand)
    (gradient,) = torch.autograd.grad(3 * mean, z)
    (expected,) = torch.autograd.grad(3 * by_hand, z)
    torch.testing.assert_close(gradient, expected)
    assert loss.per_example(z, y.int()).shape == (6,)
    with torch.no_grad():
        assert not loss(z, y).requires_grad


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("text", ["ce", "nce", "nlnl", "nce+agce"])
def test_logits_must_be_finite(text, value):
    """A masked class is not left out silently: a normalised loss of it would be 0 or NaN."""
    z, y, loss = torch.zeros(4, 3), torch.tensor([0, 1, 2, 0]), parse_loss(text)
    z[2, 1] = value
    for compute in (loss, loss.per_example):
        with pytest.raises(InputError, match=r"finite numbers, got -?(nan|inf) at \[2, 1\]$"):
            compute(z, y)
    if math.isnan(value):
        assert torch.isnan(loss(z, y, check=False))
    big = torch.full((4, 3), 2e38)
    assert torch.isfinite(loss(big, y))  # the sum of the logits overflows, they do not


@pytest.mark.parametrize(
    ("text", "total"),
    [("nce", 1), ("nfl:gamma=2", 1), ("ngce:q=0.3", 1), ("nmae", 1), ("nnce", 4), ("nnfl", 4)],
)
def test_normalised_losses_sum_to_a_constant(text, total):
    """Over all labels: 1 for normalised losses, K - 1 for flipped ones."""
    z = torch.randn(20, 5, dtype=torch.float64)
    loss = parse_loss(text)
    summed = sum(loss.per_example(z, torch.full((20,), k)) for k in range(5))
    torch.testing.assert_close(summed, torch.full((20,), float(total), dtype=torch.float64))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("gce:q=1", "mae"),
        ("agce:a=0,q=0.7", "gce:q=0.7"),
        ("agce:a=3,q=1", "mae"),
        ("aul:a=2,p=1", "mae"),
        ("fl:gamma=0", "ce"),
        ("nfl:gamma=0", "nce"),
        ("nrce", "nmae"),
        ("rce:A=-2", "mae:scale=2"),
        ("tce:t=1", "mae"),
        ("sce:A=-4,alpha=0.1,beta=1", "ce+rce:A=-4,alpha=0.1,beta=1"),
        ("jal-ce:a=30,alpha=1,beta=2", "nce+amse:a=30,alpha=1,beta=2"),
        ("anl-ce:alpha=5,beta=2", "nce+nnce:alpha=5,beta=2"),
        ("ls:epsilon=0", "ce"),
        ("bootstrap-soft:b=1", "ce"),
        ("bootstrap-hard:b=1", "ce"),
        ("eps-ce:m=1e-30", "ce"),
        ("nce+agce", "agce+nce"),
        ("ngce:q=1", "nmae"),
        ("agce:a=2,q=5e-324", "agce:a=2,q=0"),
        ("aul:a=2,p=-5e-324", "aul:a=2,p=0"),
        ("agce:a=2,q=1e-11", "agce:a=2,q=0"),
        ("aul:a=2,p=1e-11", "aul:a=2,p=0"),
        ("gce:q=1e-20", "ce"),
    ],
)
def test_identities(first, second):
    z, y = torch.randn(9, 4, dtype=torch.float64), torch.arange(9) % 4
    torch.testing.assert_close(
        parse_loss(first).per_example(z, y), parse_loss(second).per_example(z, y)
    )


@pytest.mark.parametrize("text", [text for text in TEXTS if "alpha" not in text])
def test_a_weight_scales_value_and_gradient(text):
    z, y = RNG.normal(size=(6, 5)) * 3, np.arange(6) % 5
    value, gradient = value_and_gradient(parse_loss(text), z, y)
    name, _, parameters = text.partition(":")
    weighted = f"{name}:{parameters},alpha=2.5" if parameters else f"{name}:alpha=2.5"
    scaled, steeper = value_and_gradient(parse_loss(weighted), z, y)
    np.testing.assert_allclose(scaled, 2.5 * value, rtol=1e-12)
    np.testing.assert_allclose(steeper, 2.5 * gradient, rtol=1e-10, atol=1e-14)


# Numbers and tensors say the same.


@pytest.mark.parametrize("text", TEXTS)
def test_number_formulas_agree_with_tensors(text):
    """What certificates compute with is what is trained with: R = sum_j w_j L(u, j)."""
    loss, K = parse_loss(text), 6
    z = RNG.normal(size=(4, K)) * 2
    w = RNG.dirichlet(np.ones(K), size=4)
    value, slope = np.zeros(4), np.zeros((4, K))
    log_probs = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    for weight, part in loss.parts(K):
        R, derivative = part.risk(log_probs, w)
        value, slope = value + weight * R, slope + weight * derivative
    logits = torch.tensor(z).requires_grad_()
    each = torch.stack([loss.per_example(logits, torch.full((4,), j)) for j in range(K)], dim=1)
    risk = (each * torch.tensor(w)).sum(dim=1)
    (gradient,) = torch.autograd.grad(risk.sum(), logits)
    np.testing.assert_allclose(value, risk.detach().numpy(), rtol=1e-10)
    np.testing.assert_allclose(slope, gradient.numpy(), atol=1e-10 * np.abs(slope).max())


SEPARABLE = [text for text in TEXTS if parse_loss(text).is_separable()]


@pytest.mark.parametrize("text", SEPARABLE)
def test_slope_and_shape(text):
    """g is the derivative of -l; its monotony is what `shape` says; l decreases."""
    part = parse_loss(text).separable()
    u = np.linspace(0.02, 0.98, 97)
    step = 1e-6
    difference = (part.value(u - step) - part.value(u + step)) / (2 * step)
    np.testing.assert_allclose(part.slope(u), difference, rtol=2e-5)
    assert (part.slope(u) > 0).all()
    change = np.diff(part.slope(u)) / part.slope(u)[1:]
    match part.shape:
        case "affine":
            np.testing.assert_allclose(change, 0, atol=1e-12)
        case "convex":
            assert (change <= 1e-12).all()
            assert (change[-10:] < 0).all()
        case "concave":
            assert (change >= -1e-12).all()


def brute_force_ratio(part, cells=160):
    """The least full-transfer ratio on a grid: at least the infimum."""
    u = np.arange(cells + 1) / cells
    value = part.value(u)
    first, step = np.meshgrid(np.arange(cells + 1), np.arange(1, cells + 1), indexing="ij")
    inside = first + step <= cells
    first, step = first[inside], step[inside]
    return float(((value[first] - value[first + step]) / (value[0] - value[step])).min())


@pytest.mark.parametrize("text", SEPARABLE)
def test_ratio_is_the_infimum(text):
    """Never above the ratio of any transfer, and near the smallest one."""
    loss = parse_loss(text)
    ratio, smallest = loss.asymmetry_ratio(), 0.0
    if math.isfinite(loss.separable().value(np.zeros(1))[0]):
        smallest = brute_force_ratio(loss.separable())
    assert 0 <= ratio <= 1
    assert ratio <= smallest + 1e-9
    assert smallest <= ratio * 1.35 + 0.2 * (ratio == 0)


@settings(max_examples=60, deadline=None)
@given(a=st.floats(0.05, 30), q=st.floats(-2, 3), shift=st.floats(0.05, 30), c=st.floats(0.01, 99))
def test_ratio_properties(a, q, shift, c):
    """In [0, 1], whatever the scale; below the ratio of every single transfer."""
    for text in (f"agce:a={a!r},q={q!r}", f"aul:a={1 + shift!r},p={q!r}", f"ael:a={a!r}"):
        loss = parse_loss(text)
        scaled = parse_loss(f"{text},alpha={c!r}")
        assert 0 < loss.asymmetry_ratio() <= 1
        assert scaled.asymmetry_ratio() == pytest.approx(loss.asymmetry_ratio(), rel=1e-12)
        assert loss.asymmetry_ratio() <= brute_force_ratio(loss.separable(), 30) + 1e-6


@pytest.mark.parametrize(
    ("text", "ratio"),
    [
        ("agce:a=4,q=0.2", 0.8365),
        ("aul:a=3,p=0.1", 1),
        ("ael:a=3.5", 0.7515),
        ("agce:a=0.6,q=0.6", 0.6755),
        ("aul:a=5.5,p=3", 0.6694),
        ("ael:a=2.5", 0.6703),
        ("aul:a=6.3,p=1.5", 0.9172),
        ("aul:a=6,p=3", 0.6944),
        ("ael:a=1.5", 0.5134),
        ("agce:a=1e-05,q=0.5", 0.0032),
        ("agce:a=1,q=0", 0.5),
        ("aul:a=1,p=2", 0),
        ("aul:a=1,p=0.5", 1),
        ("tce:t=4", 0.25),
        ("phuber:tau=8", 0.125),
        ("gce:q=2", 1),
    ],
)
def test_ratios_of_the_paper(text, ratio):
    assert parse_loss(text).asymmetry_ratio() == pytest.approx(ratio, abs=6e-5)


def test_ratio_of_sums():
    assert parse_loss("nce+agce").asymmetry_ratio() is None
    assert parse_loss("nce+agce").term_ratio() == 1
    assert parse_loss("nce+aul:alpha=0").asymmetry_ratio() == pytest.approx(0.9172, abs=1e-4)
    assert parse_loss("nce+nfl").term_ratio() is None
    mixed = parse_loss("agce+aul:agce.a=0.5,q=0.5,aul.a=1.5,p=0.5")
    assert mixed.separable().shape == "other"
    assert mixed.asymmetry_ratio() == pytest.approx(
        brute_force_ratio(mixed.separable(), 300), abs=2e-3
    )
    assert mixed.asymmetry_ratio() <= brute_force_ratio(mixed.separable(), 300) + 1e-3


# Text.


def parameter_texts():
    return [*LOSSES, *("+".join(pair) for pair in SUM_DEFAULTS), *TEXTS, "sce+nce", "agce+gce"]


@pytest.mark.parametrize("text", parameter_texts())
def test_canonical_text_parses_back(text):
    loss = parse_loss(text)
    assert parse_loss(str(loss)) == loss
    assert str(parse_loss(str(loss))) == str(loss)


@settings(max_examples=100, deadline=None)
@given(
    names=st.lists(st.sampled_from(sorted(LOSSES)), min_size=1, max_size=2, unique=True),
    alpha=st.floats(1e-6, 1e6),
    beta=st.floats(0, 1e6),
    data=st.data(),
)
def test_text_round_trip(names, alpha, beta, data):
    """Any names, weights and parameters: the canonical text is a fixed point."""
    weights = [f"alpha={alpha!r}", f"beta={beta!r}"] if len(names) == 2 else []
    parts = [f"{name}.a={data.draw(st.floats(1.01, 1e3))!r}" for name in names if name == "agce"]
    text = "+".join(names) + (":" if weights + parts else "") + ",".join(parts + weights)
    loss = parse_loss(text)
    assert parse_loss(str(loss)) == loss
    assert str(parse_loss(str(loss))) == str(loss)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("NCE+AGCE", "nce+agce:a=6,q=1.5,alpha=1,beta=4"),
        ("nce+aul", "nce+aul:a=6.3,p=1.5,alpha=1,beta=4"),
        ("nce+ael", "nce+ael:a=5,alpha=1,beta=4"),
        ("nfl+rce", "nfl+rce:gamma=0.5,A=-4,alpha=1,beta=1"),
        ("agce+nce", "agce+nce:a=6,q=1.5,alpha=4,beta=1"),
        ("agce", "agce:a=0.6,q=0.6"),
        ("agce: q = .5 , a=1e0", "agce:a=1,q=0.5"),
        ("sce", "sce:A=-4,alpha=0.1,beta=1"),
        ("ce:alpha=2", "ce:alpha=2"),
        ("mae", "mae:scale=1"),
        ("nce+gce", "nce+gce:q=0.7,alpha=1,beta=1"),
        ("agce+aul:agce.a=1", "agce+aul:agce.a=1,q=0.6,aul.a=5.5,p=3,alpha=1,beta=1"),
        ("tce:t=3", "tce:t=3"),
    ],
)
def test_canonical_text(text, canonical):
    assert str(parse_loss(text)) == canonical


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("agec", "did you mean 'agce'"),
        (None, "a loss is text, got NoneType"),
        (3, "a loss is text, got int"),
        ("", "unknown loss ''"),
        ("nce+", "unknown loss ''"),
        ("ce+mae+nce", "3 terms"),
        ("ce+ce", "to itself"),
        ("agce:", "nothing after"),
        ("agce:a", "not key=value"),
        ("agce:a=1,", "not key=value"),
        ("agce:a=1,a=2", "'a' is given twice"),
        (
            "nce+aul:zz=1,a=b,p=-1,a=0.5,p",
            "unknown parameter 'zz'; a=b is not a finite number; 'p' is not key=value; "
            "aul: a=0.5, p=-1 is out of range",
        ),
        ("fooo+nec", "unknown loss 'fooo'; unknown loss 'nec' (did you mean 'nce'?)"),
        ("agce:a=x", "not a finite number"),
        ("agce:a=nan", "not a finite number"),
        ("agce:a=inf", "not a finite number"),
        ("agce:a=1e999", "not a finite number"),
        ("agce:a=1_0", "not a finite number"),
        ("agce:b=1", "unknown parameter 'b'"),
        ("agce:beta=1", "unknown parameter 'beta'"),
        ("agce:agcx.a=1", "unknown parameter 'agcx.a'"),
        ("rce:a=-4", "did you mean 'A'"),
        ("agce+aul:a=1", "both terms"),
        ("agce:a=-1", "valid: a >= 0 with q > 0, or a > 0 with any q"),
        ("agce:a=0,q=-1", "valid: a >= 0"),
        ("agce:a=0,q=0", "valid: a >= 0"),
        ("agce:a=1e-300,q=-5", "valid: a >= 0"),
        ("aul:a=0.5", "valid: a > 1"),
        ("aul:a=1,p=0", "valid: a > 1"),
        ("aul:a=1e300,p=9", "valid: a > 1"),
        ("ael:a=0", "valid: a > 0"),
        ("gce:q=0", "valid: q > 0"),
        ("fl:gamma=-1", "valid: gamma >= 0"),
        ("rce:A=4", "valid: A < 0"),
        ("mae:scale=0", "valid: scale > 0"),
        ("sce:alpha=0,beta=0", "not both 0"),
        ("nce+mae:alpha=0,beta=0", "zero everywhere"),
        ("nce+mae:alpha=-1", "valid: alpha >= 0"),
        ("ce:alpha=0", "zero everywhere"),
        ("tce:t=2.5", "not a whole number"),
        ("tce:t=0", "valid: t a whole number"),
        ("phuber:tau=1", "valid: tau > 1"),
        ("js:pi=1", "valid: 0 < pi < 1"),
        ("ls:epsilon=1", "valid: 0 <= epsilon < 1"),
        ("amse:a=0", "valid: a > 0"),
        ("nnce:p_min=0", "valid: p_min"),
    ],
)
def test_bad_text(text, words):
    with pytest.raises(UsageError) as caught:
        parse_loss(text)
    assert words in f"{caught.value} {caught.value.help}"


def test_bad_parameter_in_python():
    with pytest.raises(UsageError, match="valid: A < 0"):
        RCE(A=math.nan)


@pytest.mark.parametrize(
    ("logits", "labels", "words"),
    [
        (torch.zeros(3), torch.zeros(3, dtype=torch.long), "expected logits"),
        (torch.zeros(3, 1), torch.zeros(3, dtype=torch.long), "K >= 2"),
        (torch.zeros(3, 4, dtype=torch.long), torch.zeros(3, dtype=torch.long), "of floats"),
        (torch.zeros(3, 4), torch.zeros(2, dtype=torch.long), "expected labels"),
        (torch.zeros(3, 4), torch.zeros(3, 4), "expected labels"),
        (torch.zeros(3, 4), torch.zeros(3), "whole numbers"),
        (torch.zeros(3, 4), torch.tensor([0, 4, 1]), "label 4 is not one of the 4 classes"),
        (torch.zeros(3, 4), torch.tensor([0, -100, 1]), "label -100"),
    ],
)
def test_bad_batches(logits, labels, words):
    with pytest.raises(InputError, match=words):
        parse_loss("ce")(logits, labels)


def subclasses(kind):
    for child in kind.__subclasses__():
        yield child
        yield from subclasses(child)


def test_table_is_complete():
    """Every named term is in LOSSES under its own name, with words for its range."""
    ours = (kind for kind in subclasses(Term) if kind.__module__.startswith("alfs_cli."))
    named = {kind for kind in ours if "name" in vars(kind)}
    assert named == set(LOSSES.values())
    for name, kind in LOSSES.items():
        assert kind.name == name
        assert kind.formula
        assert kind.source
        assert kind.valid or not kind().parameters()
        assert all(isinstance(part, Computed | Separable) for _, part in kind().parts(5))


def test_parsing_needs_no_torch():
    code = "import sys; from alfs_cli.losses import parse_loss; str(parse_loss('nce+agce')); "
    code += "print(sorted({'torch', 'scipy', 'pandas'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
