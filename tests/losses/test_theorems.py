"""Symmetry, r_u and the binary weights beside formulas of their own on grids of the simplex."""

import itertools
import json
import math

import numpy as np
import pytest

from alfs_cli.losses import LOSSES, parse_loss
from alfs_cli.losses.facts import CLASSES, loss_facts
from alfs_cli.losses.theorems import binary_weights, necessary_ratio, symmetric_constant

FORMULAS = {
    "ce": lambda u: -math.log(u),
    "mae:scale=3": lambda u: 3 * (1 - u),
    "rce:A=-4": lambda u: 4 * (1 - u),
    "gce:q=0.7": lambda u: (1 - u**0.7) / 0.7,
    "agce:a=0.6,q=0.6": lambda u: (1.6**0.6 - (0.6 + u) ** 0.6) / 0.6,
    "agce:a=1,q=2": lambda u: (4 - (1 + u) ** 2) / 2,
    "agce:a=2,q=1": lambda u: 1 - u,
    "aul:a=3,p=0.1": lambda u: ((3 - u) ** 0.1 - 2**0.1) / 0.1,
    "aul:a=2,p=3": lambda u: ((2 - u) ** 3 - 1) / 3,
    "ael:a=2": lambda u: math.exp(-u / 2),
    "phuber:tau=2": lambda u: -math.log(u) if u > 0.5 else 1 + math.log(2) - 2 * u,
    # Sums of convex and concave ones, whose r and r_u have no formula.
    "gce+aul:q=0.3,a=1,p=0.3": lambda u: (1 - u**0.3 + (1 - u) ** 0.3) / 0.3,
    "agce+aul:agce.a=0.3,q=0.5,aul.a=1.2,p=0.5": lambda u: (
        2 * (1.3**0.5 - (0.3 + u) ** 0.5) + 2 * ((1.2 - u) ** 0.5 - 0.2**0.5)
    ),
    "agce+aul:agce.a=0.2,q=0.2,aul.a=3,p=-1,beta=9": lambda u: (
        5 * (1.2**0.2 - (0.2 + u) ** 0.2) + 9 * (1 / 2 - 1 / (3 - u))
    ),
}
VECTORS = {
    "nce": lambda u, y: math.log(u[y]) / sum(map(math.log, u)),
    "nfl:gamma=0.5": lambda u, y: _focal(u[y]) / sum(map(_focal, u)),
    "ngce:q=0.7": lambda u, y: (1 - u[y] ** 0.7) / (len(u) - sum(p**0.7 for p in u)),
    "ngce:q=1.5": lambda u, y: (1 - u[y] ** 1.5) / (len(u) - sum(p**1.5 for p in u)),
    "nnce:p_min=0.001": lambda u, y: 1 - _negative(u[y]) / sum(map(_negative, u)),
    "nlnl": lambda u, y: -sum(math.log(1 - p) for k, p in enumerate(u) if k != y) / (len(u) - 1),
    "amse:a=3": lambda u, y: sum((p - 3 * (k == y)) ** 2 for k, p in enumerate(u)) / len(u),
    "nce+mae": lambda u, y: math.log(u[y]) / sum(map(math.log, u)) + 1 - u[y],
    # The quadratic terms of the sum over the labels cancel.
    "amse+agce:amse.a=3,agce.a=0,q=2,beta=2": lambda u, y: (
        sum((p - 3 * (k == y)) ** 2 for k, p in enumerate(u)) / len(u) + 1 - u[y] ** 2
    ),
}


def _focal(p):
    return -((1 - p) ** 0.5) * math.log(p)


def _negative(p):
    return math.log(max(p, 0.001)) - math.log(0.001)


def simplex(num_classes, steps):
    """Return the points of the open simplex whose coordinates are multiples of 1 / steps."""
    for cuts in itertools.combinations(range(1, steps), num_classes - 1):
        yield [(b - a) / steps for a, b in itertools.pairwise((0, *cuts, steps))]


def sums(text, num_classes):
    """Return the sum over the labels at each point of a grid, by the formulas above."""
    if text in VECTORS:
        loss = VECTORS[text]
        return [
            sum(loss(u, y) for y in range(num_classes)) for u in simplex(num_classes, 24)
            if max(u) < 1
        ]  # fmt: skip
    return [sum(map(FORMULAS[text], u)) for u in simplex(num_classes, 24)]


@pytest.mark.parametrize("num_classes", [2, 3, 4])
@pytest.mark.parametrize("text", [*FORMULAS, *VECTORS])
def test_symmetric_where_the_sums_over_a_grid_are_all_equal(text, num_classes):
    found = symmetric_constant(parse_loss(text), num_classes)
    values = sums(text, num_classes)
    if max(values) - min(values) < 1e-9 * max(values):
        assert found == pytest.approx(values[0])
    else:
        assert found is None


def test_what_is_symmetric_for_how_many_classes():
    """By theory: affine and normalised ones always; an l(u) that is odd about 1/2 for two only."""
    table = {K: symmetric_constant(parse_loss("rce:A=-4"), K) for K in CLASSES}
    assert table == {K: pytest.approx(4 * (K - 1)) for K in CLASSES}
    assert all(symmetric_constant(parse_loss("nce"), K) == pytest.approx(1) for K in CLASSES)
    odd = loss_facts(parse_loss("gce+aul:q=0.3,a=1,p=0.3"))
    assert odd.is_symmetric is False
    assert odd.symmetric_constant["2"] == pytest.approx(2 / 0.3)
    assert odd.symmetric_constant["3"] is None


@pytest.mark.parametrize("a", [30, 1e5])
def test_sums_are_compared_with_what_the_loss_varies_by(a):
    """The sum over k is |u|^2 + a^2 - 2 a / K: beside a^2, what depends on u is small."""
    assert symmetric_constant(parse_loss(f"amse:a={a}"), 3) is None
    shifted = parse_loss(f"amse+agce:agce.a=0,q=2,amse.a={a},beta=2")
    assert symmetric_constant(shifted, 3) == pytest.approx(a * a - 2 * a / 3 + 3)


def ratios(formula, cells=240):
    """Return r and r_u of Definition 3 and Eq. 8 by loops over a grid that is finer at its ends."""
    s = [k / cells for k in range(cells + 1)]
    u = [x**3 * (10 - 15 * x + 6 * x * x) for x in s]
    try:
        at_zero = formula(0.0)
    except ValueError:  # log 0
        return 0.0, 0.0
    least = min(
        (formula(one) - formula(min(one + step, 1.0))) / (at_zero - formula(step))
        for one in u
        for step in u[1:]
        if one + step <= 1 + 1e-12 and step > 1e-7
    )
    upper = min(
        (formula(one) - formula(1.0)) / (at_zero - formula(1 - one)) for one in u if one < 1 - 1e-7
    )
    return least, upper


@pytest.mark.parametrize("text", FORMULAS)
def test_ratios_beside_loops(text):
    """The closed forms are never above what the loops find, and near it."""
    loss = parse_loss(text)
    r, upper = ratios(FORMULAS[text])
    found, necessary = loss.asymmetry_ratio(), necessary_ratio(loss.separable())
    assert found <= necessary + 1e-6 <= 1 + 2e-6
    assert found == pytest.approx(r, abs=0.02)
    assert necessary == pytest.approx(upper, abs=0.02)


def test_r_u_can_exceed_r():
    facts = loss_facts(parse_loss("gce+aul:q=0.3,a=1,p=0.3"))
    assert facts.asymmetry_ratio == 0
    assert facts.necessary_ratio == pytest.approx(1)
    for text in ("agce", "aul:a=3,p=0.1", "ce"):
        facts = loss_facts(parse_loss(text))
        assert facts.necessary_ratio == facts.asymmetry_ratio


@pytest.mark.parametrize("text", [text for text in FORMULAS if text != "ce"])
@pytest.mark.parametrize("right", [0.6, 0.75, 0.95])
def test_weights_of_two_classes(text, right):
    """The excess noisy risk lies between the two weights times the excess clean risk."""
    formula, wrong = FORMULAS[text], 1 - right
    weights = binary_weights(parse_loss(text))
    found = []
    for k in range(1, 4000):
        u = k / 4000
        noisy = right * (formula(u) - formula(1.0)) + wrong * (formula(1 - u) - formula(0.0))
        found.append(noisy / (formula(u) - formula(1.0)))
    low, high = right - wrong * weights.most, right - wrong * weights.least
    assert low - 1e-9 <= min(found)
    assert max(found) <= high + 1e-9
    assert max(found) == pytest.approx(high, abs=2e-3)
    if math.isfinite(weights.most):
        assert min(found) == pytest.approx(low, abs=2e-2)


def test_weights_without_a_bound():
    """GCE with q < 1 at 1 % noise: positive at first, and negative near u = 1."""
    formula = FORMULAS["gce:q=0.7"]
    assert binary_weights(parse_loss("gce:q=0.7")).most == math.inf

    def weight(u):
        own, other = formula(u) - formula(1.0), formula(0.0) - formula(1 - u)
        return 0.99 - 0.01 * other / own

    assert weight(0.0) == pytest.approx(0.98)
    assert weight(0.5) > 0.9
    assert weight(1 - 1e-8) < 0


@pytest.mark.parametrize("text", ["nce", "nfl:gamma=0.5", "ngce:q=0.7", "nce+mae"])
def test_symmetric_losses_weigh_two_classes_alike(text):
    loss, right = VECTORS[text], 0.7
    assert binary_weights(parse_loss(text)) == binary_weights(parse_loss("mae"))
    at_one = [loss((1 - 1e-15, 1e-15), y) for y in (0, 1)]
    for k in range(1, 50):
        own, other = (loss((k / 50, 1 - k / 50), y) - at_one[y] for y in (0, 1))
        assert (right * own + (1 - right) * other) / own == pytest.approx(0.4, abs=0.03)


def test_weights_of_sums_lie_within_those_of_their_parts():
    assert binary_weights(parse_loss("nce+ael:a=5")).most == pytest.approx(math.exp(0.2))
    assert binary_weights(parse_loss("nlnl")) is None
    assert binary_weights(parse_loss("ls")) is None
    nce, ael = VECTORS["nce"], lambda u: 4 * math.exp(-u / 5)
    for k in range(1, 2000):
        u = (k / 2000, 1 - k / 2000)
        own = nce(u, 0) + ael(u[0]) - ael(1)
        other = 1 - nce(u, 1) + ael(0) - ael(u[1])
        assert 1 - 1e-9 <= other / own <= math.exp(0.2)


def risks(text, w, points):
    return [sum(weight * VECTORS[text](u, y) for y, weight in enumerate(w)) for u in points]


def at_the_vertex(text, w):
    """Return the risk near the vertex of class 0, the others equally small."""
    return risks(text, w, [(1 - 2e-12, 1e-12, 1e-12)])[0]


@pytest.mark.parametrize("text", ["nce", "nfl:gamma=0.5"])
def test_theorem_3_fails_for_nce_and_nfl(text):
    """On clean labels, as low a risk far from the vertex; L(u, k) above C / (K - 1)."""
    assert "does not hold" in parse_loss(text).terms[0].theorem_3
    away = (0.5, 0.5 - 1e-300, 1e-300)
    assert risks(text, (1, 0, 0), [away])[0] < 0.01
    assert VECTORS[text](away, 2) > 0.98 > 1 / 2
    even = (0.5, 0.25, 0.25)  # the minimum, 1/4, is approached at the vertex of class 0 as well
    assert min(risks(text, even, simplex(3, 60))) >= 0.25
    tail = (1 - 1e-12 - 1e-300, 1e-12, 1e-300)
    assert risks(text, even, [tail])[0] == pytest.approx(0.25, abs=0.02)


def test_theorem_3_for_ngce():
    """For q < 1 asymmetric only under even noise; for q >= 1 always, and L <= C / (K - 1)."""
    grid = list(simplex(3, 60))
    even, uneven = (0.5, 0.25, 0.25), (0.55, 0.45, 0.0)
    for text, holds in (("ngce:q=0.7", False), ("ngce:q=1.5", True)):
        assert ("does not hold" in parse_loss(text).terms[0].theorem_3) is not holds
        assert min(risks(text, even, grid)) > at_the_vertex(text, even) - 1e-9
        assert (min(risks(text, uneven, grid)) > at_the_vertex(text, uneven) - 1e-9) is holds
        exceeds = max(VECTORS[text](u, y) for u in grid for y in range(3)) > 1 / 2 + 1e-9
        assert exceeds is not holds


def test_no_other_loss_breaks_theorem_3():
    """Every symmetric loss without the remark is at most C / (K - 1), by the code that trains."""
    import torch

    rng = np.random.default_rng(1)
    logits = torch.from_numpy(rng.normal(scale=4, size=(4000, 3)))
    labels = torch.zeros(4000, dtype=torch.long)
    seen = 0
    for name in LOSSES:
        loss = parse_loss(name)
        constant = symmetric_constant(loss, 3)
        if constant is None or any(term.theorem_3 for term in loss.terms):
            continue
        if any(part.theorem_3 for _, part in loss.parts(3)):
            continue  # sums with NCE or NFL, which say it of their parts
        seen += 1
        assert loss.per_example(logits, labels).max() <= constant / 2 * (1 + 1e-6) + 1e-9, name
    assert seen >= 4


def test_keys_are_added_and_none_is_renamed():
    document = json.loads(json.dumps(loss_facts(parse_loss("nce+ael")).document()))
    assert {
        "schema", "loss", "terms", "is_separable", "shape", "asymmetry_ratio", "term_ratio",
        "least_clean_level", "is_completely_asymmetric", "is_strictly_asymmetric",
        "is_calibrated", "excess_risk_constant", "fit", "escape_slope",
    } <= set(document)  # fmt: skip
    assert document["binary_weights"] == {"least": 1.0, "most": pytest.approx(math.exp(0.2))}
    assert document["symmetric_constant"] == dict.fromkeys(map(str, CLASSES))
    assert document["is_symmetric"] is False
    assert document["necessary_ratio"] is None
    assert "wrong class exceeds" in document["terms"][0]["theorem_3"]
    assert document["terms"][1]["theorem_3"] is None
