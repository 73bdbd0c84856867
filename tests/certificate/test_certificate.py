"""Certificates against direct minimisation, the worked numbers, and what must never be proved."""

import math
import time
from dataclasses import dataclass

import mpmath
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from alfs_cli.certificate import Certificate, certify
from alfs_cli.certificate.risk import (
    box_minimiser,
    convolution_verdict,
    falling_step,
    log_softmax,
    risk_at,
)
from alfs_cli.errors import InputError, UsageError
from alfs_cli.losses import LOSSES, SUM_DEFAULTS, parse_loss
from alfs_cli.losses.minimisers import convex_minimiser
from alfs_cli.losses.normalised import NCE, NFL
from alfs_cli.losses.terms import Computed, Separable
from alfs_cli.noise import TransitionMatrix, pair, symmetric
from alfs_cli.storage.documents import from_document

SYM = symmetric(0.8, 10)
PAIR = pair(0.4, 10)
IDENTITY = np.eye(4)


def verdict(text, T, **options):
    return certify(text, T, **options).verdict


def cyclic(row):
    """A transition matrix whose every row is `row`, turned so that the first is the true class."""
    row = np.asarray(row, dtype=float)
    return np.stack([np.roll(row, k) for k in range(len(row))])


# Thresholds and margins of the closed forms.


@pytest.mark.parametrize(
    ("text", "sym", "flip"),
    [
        ("agce:a=4,q=0.2", 1.88, 1.25),
        ("aul:a=3,p=0.1", 2.25, 1.5),
        ("ael:a=3.5", 1.69, 1.13),
        ("agce:a=0.6,q=0.6", 1.52, 1.013),
        ("aul:a=5.5,p=3", 1.51, 1.004),
        ("ael:a=2.5", 1.51, 1.005),
        ("nce+agce:a=6,q=1.5,alpha=1,beta=4", 2.25, 1.5),
        ("nce+aul:a=6.3,p=1.5,alpha=1,beta=4", 2.06, 1.38),
        ("nce+ael:a=5,alpha=1,beta=4", 1.84, 1.23),
    ],
)
def test_margins_of_the_paper(text, sym, flip):
    for T, margin in ((SYM, sym), (PAIR, flip)):
        found = certify(parse_loss(text), T, mass=False)
        assert found.verdict == "proved"
        assert found.rows[0].margin == pytest.approx(margin, abs=0.006)


@pytest.mark.parametrize(
    ("text", "T", "expected"),
    [
        ("ael:a=1.5", pair(0.4, 10), "refuted"),
        ("agce:a=1e-5,q=0.5", symmetric(0.8, 50), "refuted"),
        ("nce+ael:a=1.5,alpha=10,beta=0.1", pair(0.4, 100), "refuted"),
        ("nce+aul:a=6,p=3,alpha=10,beta=0.015", pair(0.4, 100), "proved"),
        ("ce", SYM, "refuted"),
        ("fl", SYM, "refuted"),
        ("gce", SYM, "refuted"),
        ("sce", SYM, "refuted"),
        ("mae", SYM, "proved"),
        ("nmae", PAIR, "proved"),
        ("nce", SYM, "tolerant"),
        ("nfl", PAIR, "refuted"),
        ("nce", IDENTITY, "tolerant"),
        ("nce", symmetric(0.3, 3), "tolerant"),
        ("ngce", SYM, "proved"),
        ("ngce", PAIR, "refuted"),
        ("ngce:q=2", PAIR, "proved"),
        ("nlnl", SYM, "refuted"),
        ("bootstrap-soft", SYM, "refuted"),
        ("bootstrap-hard", PAIR, "refuted"),
        ("eps-ce+mae:m=1e5,alpha=0.01,beta=5", SYM, "refuted"),
        ("ldr-kl", SYM, "refuted"),
        ("bootstrap-soft", IDENTITY, "proved"),
        ("bootstrap-hard", IDENTITY, "proved"),
        ("eps-ce", IDENTITY, "proved"),
        ("ldr-kl", IDENTITY, "proved"),
        ("nlnl", IDENTITY, "proved"),
        ("nfl+rce", PAIR, "proved"),
        ("nce+mae", SYM, "proved"),
        ("nce+ngce", SYM, "proved"),
        ("nce+ngce", PAIR, "refuted"),
        ("nce+nfl", SYM, "tolerant"),
        ("nce+ce", SYM, "refuted"),
        ("ngce+agce", PAIR, "refuted"),
        ("anl-ce", PAIR, "proved"),
        ("jal-ce", PAIR, "proved"),
        ("ls", IDENTITY, "refuted"),
        ("ls:epsilon=0", IDENTITY, "proved"),
        ("ce", IDENTITY, "proved"),
        ("gce", IDENTITY, "proved"),
    ],
)
def test_verdicts(text, T, expected):
    assert verdict(text, T, mass=False) == expected


@pytest.mark.parametrize(
    ("family", "threshold"),
    [
        ("ael:a={}", 1.2332),
        ("agce:q=0.5,a={}", 0.24615),
        ("agce:q=0.2,a={}", 0.5696),
        ("agce:q=0.6,a={}", 0.1517),
        ("agce:q=0.7,a={}", 0.0718),
        ("aul:p=1.5,a={}", 1.2462),
        ("aul:p=2,a={}", 1.8),
        ("aul:p=3,a={}", 3.0),
    ],
)
def test_least_parameters(family, threshold):
    """Symmetric noise 0.8 with ten classes: r = 2.25."""
    assert verdict(family.format(threshold * 1.001), SYM) == "proved"
    assert verdict(family.format(threshold * 0.999), SYM) == "refuted"


def test_equality_is_proved_where_strictly_convex():
    """r x ratio = 1 exactly: AUL(3, 2) has ratio 2/3, pair flip 0.4 has r = 3/2."""
    row = certify(parse_loss("aul:a=3,p=2"), pair(0.4, 3)).rows[0]
    assert row.verdict == "proved"
    assert row.is_boundary
    assert verdict("phuber:tau=1.5", pair(0.4, 3)) == "proved"


def test_ties_are_refuted():
    """r = 1: the product with a ratio of 1 is 1, and no loss is asymmetric."""
    tie = np.array([[0.5, 0.5], [0.5, 0.5]])
    assert verdict("mae", tie) == "refuted"  # r = 1 and ratio 1: any u is as good
    assert verdict("nce", tie) == "refuted"
    assert verdict("agce:a=1,q=2", tie) == "refuted"


def test_dominance_is_needed():
    T = np.array([[0.4, 0.6, 0.0], [0.1, 0.8, 0.1], [0.0, 0.0, 1.0]])
    for text in LOSSES:
        found = certify(parse_loss(text), T, mass=False)
        assert found.rows[0].verdict == "refuted", text
    rows = certify(parse_loss("mae"), T).rows
    assert [row.verdict for row in rows] == ["refuted", "proved", "proved"]
    assert rows[0].runner_up == 1
    assert rows[0].minimiser == (0, 1, 0)
    assert rows[0].is_argmax_consistent is False


def test_two_classes():
    T = np.array([[0.7, 0.3], [0.4, 0.6]])
    for text in ("nce", "nfl", "ngce", "mae", "nce+agce", "nnce"):
        assert verdict(text, T) == "proved", text
    for text in ("ce", "nlnl", "gce", "nce+ael:a=0.5"):
        assert verdict(text, T) == "refuted", text


def test_rows_are_true_classes():
    """Guards the convention: judged by columns or by posteriors this T would pass (section 6)."""
    T = np.array([[0.55, 0.45, 0], [0.02, 0.96, 0.02], [0, 0.45, 0.55]])
    found = certify(parse_loss("ael:a=3.5"), T)
    assert found.rows[0].margin == pytest.approx(0.918, abs=1e-3)
    assert [row.verdict for row in found.rows] == ["refuted", "proved", "refuted"]
    with pytest.raises(InputError, match="looks transposed"):
        certify(parse_loss("ael:a=3.5"), T.T)


# Minimisers.


def test_minimiser_of_cross_entropy_is_the_row():
    rng = np.random.default_rng(0)
    T = 0.5 * np.eye(5) + 0.5 * rng.dirichlet(np.ones(5), size=5)
    for i, row in enumerate(certify(parse_loss("ce"), T).rows):
        np.testing.assert_allclose(row.minimiser, T[i], atol=1e-12)
        assert row.is_argmax_consistent


@pytest.mark.parametrize(
    ("text", "mass"), [("aul:a=1.5,p=2", 0.8333), ("agce:a=0.25,q=0.5", 0.950), ("ael:a=9", 1.0)]
)
def test_worked_minimisers(text, mass):
    row = certify(parse_loss(text), cyclic([0.4, 0.2, 0.15, 0.15, 0.1])).rows[0]
    assert (row.minimiser[0] if row.minimiser else 1.0) == pytest.approx(mass, abs=5e-4)


def test_worked_vector_minimisers():
    ngce = certify(parse_loss("ngce:q=0.7"), PAIR).rows[0]
    u = np.array(ngce.minimiser)
    assert _risk("ngce:q=0.7", u, PAIR.array[0]) < 0.04384
    assert u[2:].sum() < 1e-12
    amse = certify(parse_loss("amse:a=4"), PAIR).rows[0]
    assert amse.margin == pytest.approx(0.8)
    assert amse.minimiser[:2] == pytest.approx((0.9, 0.1))


def _risk(text, u, w):
    parts = parse_loss(text).parts(len(u))
    return float(risk_at(parts, np.log(np.maximum(u, 1e-300))[None], np.asarray(w)[None])[0][0])


def _limit_risk(text, u, w):
    """The risk as u is approached with the rarest label emptiest: NCE and NFL tend to min w."""
    parts = parse_loss(text).parts(len(u))
    active = sum(c for c, part in parts if isinstance(part, NCE | NFL))
    passive = tuple(part for part in parts if not isinstance(part[1], NCE | NFL))
    log_probs = np.log(np.maximum(u, 1e-300))[None]
    rest = float(risk_at(passive, log_probs, np.asarray(w)[None])[0][0])
    return active * min(w) + rest


CERTIFIED = [*LOSSES, *("+".join(pair) for pair in SUM_DEFAULTS), "agce+aul", "ael:a=0.4"]
ROWS = [[0.5, 0.3, 0.15, 0.05], [0.6, 0.2, 0.1, 0.1], [0.4, 0.38, 0.2, 0.02], [0.7, 0.1, 0.1, 0.1]]


@pytest.mark.parametrize("text", CERTIFIED)
def test_against_direct_minimisation(text):
    """Proved: no logits in a box have lower risk than the vertex. Refuted: the witness has."""
    loss = parse_loss(text)
    for w in ROWS:
        row = certify(loss, cyclic(w), mass=False).rows[0]
        at_vertex = _limit_risk(text, np.array([1.0, 0, 0, 0]), w)
        descended = box_minimiser(loss.parts(4), np.array([w]), 20.0)[0]
        lowest = _risk(text, descended, w)
        if row.verdict == "proved":
            assert lowest >= at_vertex - 1e-12
            assert row.minimiser is None
        else:
            if row.verdict == "tolerant":
                assert (w[1], row.minimiser) == (w[3], None)
                continue
            u = np.array(row.minimiser)
            assert row.verdict == "refuted"
            assert u.sum() == pytest.approx(1)
            assert u[0] < 1 - 1e-6
            at_witness = _limit_risk(text, u, w) if u.min() < 1e-9 else _risk(text, u, w)
            assert at_witness <= lowest + 1e-9 * abs(lowest)
            assert at_witness <= at_vertex


@settings(max_examples=40, deadline=None)
@given(
    w=st.lists(st.floats(0.001, 1), min_size=2, max_size=6),
    a=st.floats(0.05, 5),
    q=st.floats(-1, 0.95),
)
def test_convex_minimiser_meets_its_conditions(w, a, q):
    """KKT: the marginal risk w_i g(u_i) is alike where u_i > 0, and no higher elsewhere."""
    part = parse_loss(f"agce:a={a!r},q={q!r}").separable()
    row = np.sort(np.array([w]) / np.sum(w), axis=1)[:, ::-1]
    u = convex_minimiser(part, row)[0]
    assert u.sum() == pytest.approx(1)
    pull = row[0] * part.slope(u)
    inside = u > 1e-9
    level = pull[inside].max()
    np.testing.assert_allclose(pull[inside & (u < 1 - 1e-9)], level, rtol=1e-6)
    assert (pull[~inside] <= level * (1 + 1e-6)).all()


@settings(max_examples=30, deadline=None)
@given(data=st.data(), text=st.sampled_from(["agce", "nce+ael:a=1", "ngce", "sce", "amse:a=3"]))
def test_permutation_and_scale_change_nothing(data, text):
    K = 4
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    T = 0.4 * np.eye(K) + 0.6 * rng.dirichlet(np.ones(K), size=K)
    order = rng.permutation(K)
    loss = parse_loss(text)
    found = certify(loss, T, mass=False)
    turned = certify(loss, T[np.ix_(order, order)], mass=False)
    for i in range(K):
        assert turned.rows[i].verdict == found.rows[order[i]].verdict
        if found.rows[order[i]].minimiser:
            here, there = turned.rows[i].minimiser, found.rows[order[i]].minimiser
            np.testing.assert_allclose(here, np.array(there)[order], atol=1e-6)
    if "+" not in text and text != "sce":
        name, _, values = text.partition(":")
        scaled = parse_loss(f"{name}:{values + ',' if values else ''}alpha=7.5")
        again = certify(scaled, T, mass=False)
        assert [row.verdict for row in again.rows] == [row.verdict for row in found.rows]


# Any shape: the maximal convolution.


def test_convolution_agrees_with_the_closed_forms():
    """A sum of a convex and a nearly absent concave term is judged like the convex one."""
    w = cyclic([0.5, 0.3, 0.2])
    assert verdict("ael+aul:ael.a=2.1,aul.a=2,p=0.5,alpha=1,beta=1e-9", w) == "proved"
    row = certify(parse_loss("ael+aul:ael.a=1.8,aul.a=2,p=0.5,alpha=1,beta=1e-9"), w).rows[0]
    exact = certify(parse_loss("ael:a=1.8"), w).rows[0]
    assert row.verdict == exact.verdict == "refuted"
    assert row.minimiser[0] == pytest.approx(exact.minimiser[0], abs=2e-3)


def test_convolution_finds_a_witness():
    text, w = "gce+aul:q=0.3,a=1,p=0.3", [0.4, 0.33, 0.27]
    row = certify(parse_loss(text), cyclic(w)).rows[0]
    assert row.verdict == "refuted"
    assert _risk(text, np.array(row.minimiser), w) < _risk(text, np.array([1.0, 0, 0]), w)


def test_convolution_proves_several_rivals():
    text = "agce+aul:agce.a=0.35,q=0.5,aul.a=2,p=0.5,alpha=1,beta=0.01"
    assert verdict(text, symmetric(0.5, 6)) == "proved"


def test_a_dip_finer_than_the_grid_is_found_by_its_slope():
    """g(0) is infinite, so the vertex is no minimiser; the dip is at u below 1e-6."""
    text, w = "gce+aul:q=0.9,a=2,p=0.5,alpha=1,beta=0.001", [0.7, 0.15, 0.15]
    row = certify(parse_loss(text), cyclic(w)).rows[0]
    assert row.verdict == "refuted"
    assert 0 < row.minimiser[1] < 1e-6
    loss = parse_loss(text).separable(3)
    t = mpmath.mpf(row.minimiser[1])
    rise = mpmath.quad(lambda v: 0.7 * float(loss.slope(1 - float(v))), [0, t])
    fall = mpmath.quad(lambda v: 0.15 * loss.slope(float(v)), [0, t / 1e9, t / 1e3, t])
    assert fall > rise


def test_a_step_is_taken_where_the_slope_falls_at_the_vertex_and_nowhere_else():
    """AEL with a = 1 has slopes g(0) = 1 and g(1) = 1 / e, and so does not hold below e to 1."""
    loss = parse_loss("ael:a=1").separable(2)
    for own, other in ((0.6, 0.4), (0.72, 0.28)):
        u = falling_step(loss, np.array([own, other]))
        t = u[1]
        assert 0 < t <= 0.5
        assert u[0] == pytest.approx(1 - t)
        rise = mpmath.quad(lambda v: math.exp(-(1 - v)), [0, t]) * own
        fall = mpmath.quad(lambda v: math.exp(-v), [0, t]) * other
        assert fall > rise
    assert falling_step(loss, np.array([0.74, 0.26])) is None
    assert falling_step(parse_loss("mae").separable(3), np.array([0.5, 0.3, 0.2])) is None


class Wavy:
    """l(u) = 1 - u - 0.03 sin^2(10 pi u): decreasing, straight through the multiples of 0.1."""

    def value(self, u):
        return 1 - u - 0.03 * np.sin(10 * np.pi * u) ** 2

    def slope(self, u):
        return 1 + 0.3 * np.pi * np.sin(20 * np.pi * u)

    @property
    def parts(self):
        return ((1.0, self),)


class Bent:
    """l(u) in straight pieces: steep just below u = 1/2, flat just above."""

    ends, slopes = np.array([0, 0.3, 0.5, 0.7, 1]), np.array([1, 1.75, 0.25, 1, 1])

    def value(self, u):
        l = np.concatenate([[0.0], np.cumsum(self.slopes[:4] * np.diff(self.ends))])  # noqa: E741
        return 1 - np.interp(u, self.ends, l)

    def slope(self, u):
        return self.slopes[np.searchsorted(self.ends, u, side="right") - 1]

    @property
    def parts(self):
        return ((1.0, self),)


def test_convolution_needs_a_finer_grid_where_the_margin_is_small():
    """With half of the mass moved the risk is higher by 1e-4 alone: 600 cells do not prove it."""
    w = np.array([0.6501, 0.3499])
    gained = w @ Bent().value(np.array([0.5, 0.5])) - w @ Bent().value(np.array([1.0, 0.0]))
    assert gained == pytest.approx(1e-4, abs=1e-6)
    assert convolution_verdict(Bent(), w, cells=(600,)) == ("not-refuted", None)
    assert convolution_verdict(Bent(), w, cells=(600, 12000)) == ("proved", None)


def test_convolution_does_not_trust_the_points_of_its_grid():
    """Between them the risk is lower than at the vertex; ten cells see nothing, and say so."""
    w = np.array([0.57, 0.43])
    points = np.arange(1, 11) / 10
    at_points = w[0] * Wavy().value(1 - points) + w[1] * Wavy().value(points)
    assert (at_points > w[1]).all()  # the vertex's risk is w_n l(0) = w_n
    assert convolution_verdict(Wavy(), w, cells=(10,)) == ("not-refuted", None)
    found, u = convolution_verdict(Wavy(), w, cells=(10, 200))
    assert found == "refuted"
    assert w @ Wavy().value(u) < w[1]


# Logits in a box.


@pytest.mark.parametrize(
    ("text", "T", "mass"),
    [
        ("nce+agce:a=6,q=1.5,alpha=1,beta=4", PAIR, 0.9995),
        ("nce+ael:a=5,alpha=1,beta=4", PAIR, 0.984),
        ("nce+aul:a=6,p=3,alpha=10,beta=0.015", pair(0.4, 100), 0.947),
        ("nce+ael:a=1.5,alpha=10,beta=0.1", pair(0.4, 100), 0.742),
    ],
)
def test_mass_at_bound(text, T, mass):
    row = certify(parse_loss(text), T, bound=20.0).rows[0]
    assert row.mass_at_bound == pytest.approx(mass, abs=6e-4)


def test_mass_of_separable_losses():
    assert certify(parse_loss("ce"), PAIR).rows[0].mass_at_bound == pytest.approx(0.6)
    corner = 1 / (1 + 9 * math.exp(-20))
    assert certify(parse_loss("mae"), PAIR).rows[0].mass_at_bound == pytest.approx(corner)
    assert certify(parse_loss("mae"), PAIR, mass=False).rows[0].mass_at_bound is None


# Losses of the user's own.


def my_cross_entropy(logits, labels):
    return F.cross_entropy(logits, labels, reduction="none")


def my_mae(logits, labels):
    return 1 - logits.softmax(1).gather(1, labels[:, None])[:, 0]


@pytest.mark.parametrize("text", ["ce", "gce", "ngce", "mae", "agce", "nce+ael:a=0.5", "nce"])
def test_search_never_contradicts_the_rules(text):
    """The search knows nothing of the loss; it must not refute what is proved, or prove."""
    loss = parse_loss(text)
    T = np.stack([np.roll([0.5, 0.3, 0.1, 0.1], k) for k in range(4)])
    known = certify(loss, T, mass=False).verdict
    found = certify(loss.per_example, T, mass=False).verdict
    assert found == "not-refuted" if known == "proved" else found in ("refuted", "not-refuted")
    if text in ("ce", "gce", "ngce"):
        assert found == "refuted"


def test_search_reports():
    found = certify(my_cross_entropy, pair(0.3, 3))
    assert found.verdict == "refuted"
    assert found.loss.endswith(":my_cross_entropy")
    assert found.rows[0].minimiser == pytest.approx((0.7, 0.3, 0), abs=1e-4)
    assert found.rows[0].mass_at_bound == pytest.approx(0.7, abs=1e-3)
    assert certify(my_mae, pair(0.3, 3), mass=False).verdict == "not-refuted"


@pytest.mark.parametrize(
    "loss", [F.cross_entropy, lambda z, y: 3, lambda z, y: z, lambda z: z.sum(1)]
)
def test_bad_own_losses(loss):
    with pytest.raises(InputError, match="the loss"):
        certify(loss, pair(0.3, 3))


def test_own_loss_that_is_nan():
    found = certify(lambda z, y: z.sum(1) * torch.nan, pair(0.3, 3))
    assert found.verdict == "not-refuted"


# Form.


def test_document_round_trip():
    found = certify(
        parse_loss("nce+agce"), TransitionMatrix(np.eye(3)), class_names=["a", "b", "c"]
    )
    document = found.document()
    assert document["schema"] == "alfs.certificate/1"
    assert document["rows"][0]["class"] == "a"
    assert document["rows"][0]["margin"] == "inf"
    assert from_document(document, Certificate, where="here") == found


@pytest.mark.parametrize("text", ["ce", "agce", "aul", "ael", "nce+agce", "nce+aul", "nfl+rce"])
def test_a_hundred_classes_take_less_than_a_second(text):
    """Every row another: nothing is judged once for all."""
    rng = np.random.default_rng(0)
    T = 0.5 * np.eye(100) + 0.5 * rng.dirichlet(np.ones(100), size=100)
    start = time.process_time()
    certify(parse_loss(text), T)
    assert time.process_time() - start < 1.0


def test_a_thousand_classes():
    T = symmetric(0.8, 1000)
    assert verdict("nce+agce", T, mass=False) == "proved"
    assert verdict("ce", T, mass=False) == "refuted"


def test_gradient_of_the_risk_is_right():
    """log_softmax and risk derivative as `box_minimiser` uses them, by differences."""
    rng = np.random.default_rng(0)
    z, w = rng.normal(size=(2, 5)), rng.dirichlet(np.ones(5), size=2)
    parts = parse_loss("nce+aul").parts(5)
    _, slope = risk_at(parts, log_softmax(z), w)
    for k in range(5):
        step = np.zeros((2, 5))
        step[:, k] = 1e-6
        up, _ = risk_at(parts, log_softmax(z + step), w)
        down, _ = risk_at(parts, log_softmax(z - step), w)
        np.testing.assert_allclose(slope[:, k], (up - down) / 2e-6, atol=1e-8)


# Refutations need a lower point; a loss without a rule has none.


@dataclass(frozen=True)
class Squares(Computed):
    """The Brier score without its target: a loss of the whole vector that says nothing of rows."""

    name = "squares"
    formula = "sum_k (u_k - [k = y])^2"
    source = "a test"
    scale: float = 1.0

    def evaluate(self, rows, *, weight, slopes):
        raise NotImplementedError

    def risk(self, log_probs, w):
        u = np.exp(log_probs)
        total = w.sum(axis=-1, keepdims=True)
        pull = 2 * self.scale * u * (total * u - w)
        value = total[..., 0] * ((u**2).sum(axis=-1) + 1) - 2 * (w * u).sum(axis=-1)
        return self.scale * value, pull - u * pull.sum(axis=-1, keepdims=True)


@dataclass(frozen=True)
class Square(Separable):
    """l(u) = 1 - u^2, concave, by someone who forgot to say so."""

    name = "square"
    formula = "1 - u^2"
    source = "a test"

    def value(self, u):
        return 1 - u**2

    def slope(self, u):
        return 2 * u

    def tensor_value(self, rows):
        return 1 - rows.u**2

    def tensor_pull(self, rows):
        return 2 * rows.u**2


@pytest.mark.parametrize("K", [2, 3, 10])
@pytest.mark.parametrize("text", ["squares", "square", "squares+mae", "nce+squares", "square+ael"])
def test_a_loss_without_a_rule_is_never_refuted(monkeypatch, text, K):
    """A dataclass in the table and nothing more, as CONTRIBUTING has it: alone, and in sums."""
    monkeypatch.setitem(LOSSES, "squares", Squares)
    monkeypatch.setitem(LOSSES, "square", Square)
    for T in (symmetric(0.3, K), pair(0.4, K), np.eye(K)):
        found = certify(text, T)
        assert found.verdict == "not-refuted"
        assert all(row.minimiser is None for row in found.rows)


def test_a_convex_loss_has_to_say_so():
    """What rests on a shape is checked on every loss: the declared one against differences."""
    u = np.linspace(0.001, 0.999, 999)
    for name in LOSSES:
        for _, part in parse_loss(name).parts(4):
            if isinstance(part, Separable):
                bends = np.diff(part.value(u), 2)
                flat = 1e-12 * np.abs(part.value(u)).max()
                holds = {"convex": bends.min() >= -flat, "concave": bends.max() <= flat}
                holds["affine"] = holds["convex"] and holds["concave"]
                assert holds[part.shape], name


def lowest_on_grid(text, w, cells):
    """The lowest risk on a grid of the simplex, and at the vertex, from the tensors of training."""
    K = len(w)
    steps = np.array([s for s in np.ndindex(*[cells + 1] * (K - 1)) if sum(s) <= cells])
    u = np.column_stack([steps, cells - steps.sum(axis=1)]) / cells
    z = torch.from_numpy(np.log(np.maximum(np.vstack([np.eye(K)[:1], u]), 1e-40)))
    labels = torch.arange(K).repeat(len(z))
    each = parse_loss(text).per_example(z.repeat_interleave(K, 0), labels).reshape(-1, K).numpy()
    risk = (np.where(np.asarray(w) > 0, each, 0.0) * w).sum(axis=1)
    return risk[1:].min(), risk[0]


PASSIVE = ["ael:a={a}", "agce:a={a},q=0.5", "aul:a={b},p=2", "mae:scale={a}", "amse:a={b}", "ngce"]


@settings(max_examples=60, deadline=None)
@given(data=st.data(), K=st.integers(2, 4), active=st.sampled_from(["", "nce+", "nfl+"]))
def test_against_a_grid_of_the_simplex(data, K, active):
    """Two to four classes. Continuous: proved has no lower point, refuted a lower witness."""
    a, b = data.draw(st.floats(0.3, 4)), data.draw(st.floats(1.1, 6))
    text = active + data.draw(st.sampled_from(PASSIVE)).format(a=f"{a:.3g}", b=f"{b:.3g}")
    rest = np.array(data.draw(st.lists(st.floats(0.01, 1), min_size=K - 1, max_size=K - 1)))
    row = np.sort(np.append(rest, data.draw(st.floats(1, 3)) * rest.max()))[::-1]
    row /= row.sum()
    found = certify(text, cyclic(row), mass=False).rows[0]
    lowest, vertex = lowest_on_grid(text, row, {2: 2000, 3: 60, 4: 18}[K])
    if found.verdict == "refuted" and (K == 2 or not active):
        u = np.array(found.minimiser)
        assert _risk(text, u, row) <= lowest + 1e-9
        assert _risk(text, u, row) < _risk(text, np.eye(K)[0], row) or row[0] <= row[1] * (1 + 1e-9)
    elif found.verdict == "proved" and (K == 2 or not active):
        assert lowest >= vertex - 1e-9
    assert found.verdict in ("proved", "refuted", "not-refuted")


LOSS_OF_TWO = "nce+ael:a=1,alpha=1,beta=1"


def test_two_classes_are_judged_by_the_whole_sum():
    """NCE is continuous there: the minimum of the other term alone has a higher risk."""
    row = certify(LOSS_OF_TWO, cyclic([0.6, 0.4])).rows[0]
    assert row.verdict == "refuted"
    assert row.minimiser[0] == pytest.approx(0.9052, abs=1e-4)
    risks = [_risk(LOSS_OF_TWO, np.array([u, 1 - u]), [0.6, 0.4]) for u in (0.9052, 1.0, 0.7027)]
    assert risks == pytest.approx([1.0146, 1.0207, 1.0393], abs=1e-4)


def test_a_row_with_all_labels_alike():
    for text in LOSSES:
        for K in (2, 3, 5):
            row = certify(text, np.full((K, K), 1 / K)).rows[0]
            assert row.verdict == "refuted", text
            numbers = [row.margin, row.mass_at_bound, row.escape, *row.minimiser]
            assert not any(x is not None and math.isnan(x) for x in numbers), text
            assert sum(row.minimiser) == pytest.approx(1)


@pytest.mark.parametrize("text", ["nce", "nfl:gamma=2", "nce+nfl", "nfl+nce:alpha=3,beta=0.1"])
def test_tolerant(text):
    """Even noise moves none of the minima, which are there on clean labels; uneven noise does."""
    for T in (np.eye(4), symmetric(0.6, 4), symmetric(0.3, 3)):
        found = certify(text, T)
        assert {row.verdict for row in found.rows} == {"tolerant"}
        assert all(row.minimiser is row.is_argmax_consistent is None for row in found.rows)
        assert all(row.mass_at_bound > 0.99 for row in found.rows)
    mixed = np.array([[0.6, 0.2, 0.2], [0.4, 0.6, 0.0], [0.0, 0.0, 1.0]])
    rows = certify(text, mixed).rows
    assert [row.verdict for row in rows] == ["tolerant", "refuted", "tolerant"]
    assert certify(text, symmetric(0.3, 2)).verdict == "proved"
    assert certify(text, np.full((3, 3), 1 / 3)).verdict == "refuted"


def test_noise_and_clean_risk_of_a_symmetric_loss():
    """What tolerant rests on: R_w(u) = w_n C + (w_m - w_n) L(u, m), sum_k L(u, k) = C."""
    u = np.random.default_rng(0).dirichlet(np.ones(4), size=20)
    for text, C in (("nce", 1.0), ("nfl", 1.0), ("ngce", 1.0), ("nnce", 3.0)):
        for v in u:
            own = _risk(text, v, [1.0, 0, 0, 0])
            assert _risk(text, v, [0.7, 0.1, 0.1, 0.1]) == pytest.approx(0.1 * C + 0.6 * own)


@pytest.mark.parametrize(("text", "mass"), [("nce", 0.6), ("nfl", 0.574), ("ngce:q=0.7", 0.906)])
def test_uneven_noise_refutes_normalised_losses(text, mass):
    row = certify(text, pair(0.4, 3)).rows[0]
    assert row.verdict == "refuted"
    assert row.minimiser[0] == pytest.approx(mass, abs=1e-3)
    assert row.mass_at_bound == pytest.approx(mass, abs=0.01)


def test_large_p_min_proves_nothing():
    """All u whose others are p_min at most are alike: next to the vertex at 1e-7, not at .09."""
    assert certify("nnce", SYM).verdict == "proved"
    assert certify("nnce:p_min=0.09", SYM).verdict == "tolerant"
    w, spread = SYM.array[0], np.full(10, 0.09)
    spread[0] = 0.19
    parts = parse_loss("nnce:p_min=0.09").parts(10)
    for u in (np.eye(10)[0], spread):
        value, _ = risk_at(parts, np.log(np.maximum(u, 1e-300))[None], w[None])
        assert value[0] == pytest.approx(0.8)
    assert certify("nnce+mae:p_min=0.09", SYM).verdict == "proved"
    for text in ("nnce:p_min=0.1", "anl-ce:p_min=0.1", "nce+nnfl:p_min=0.1"):
        with pytest.raises(UsageError, match="not defined for 10 classes"):
            certify(text, SYM)
        assert certify(text, symmetric(0.3, 9)).verdict in ("proved", "tolerant")


def test_masses_of_other_shapes_where_the_label_does_not_lead():
    """A sum of a convex and a concave term is least inside the simplex, whatever leads."""
    text, w = "ce+aul:a=2,p=0.5,alpha=0.2,beta=1", [0.3, 0.5, 0.2]
    row = certify(text, cyclic(w)).rows[0]
    lowest, _ = lowest_on_grid(text, w, 400)
    assert row.verdict == "refuted"
    assert _risk(text, np.array(row.minimiser), w) <= lowest + 1e-9
    assert row.mass_at_bound == pytest.approx(row.minimiser[0], abs=1e-4)
    assert row.mass_at_bound > 0.01


@pytest.mark.parametrize(
    ("text", "escape"),
    [
        ("aul:a=3,p=0.1", 1.04),
        ("agce:a=4,q=0.2", 1.79),
        ("ael:a=3.5", 2.00),
        ("agce:a=1.8,q=3", 0.62),
        ("agce:a=6,q=1.5", 1.39),
        ("mae", 1.50),
        ("mae:scale=7", 1.50),
        ("aul:a=1,p=0.5", 0.0),
        ("nce+agce:a=1.8,q=3", math.inf),
        ("gce", math.inf),
        ("amse", None),
    ],
)
def test_escape_quotients(text, escape):
    row = certify(text, cyclic([0.6, 0.4, 0.0]), mass=False).rows[0]
    assert row.escape == (escape if escape is None else pytest.approx(escape, abs=0.006))
    assert certify(text, np.eye(3), mass=False).rows[0].escape in (None, math.inf)


@pytest.mark.parametrize(
    "text", ["aul:a=3,p=0.1", "agce:a=1.8,q=3", "ael:a=1", "nce+aul:a=3,p=0.1"]
)
def test_escape_is_the_sign_of_the_slope_at_a_wrong_vertex(text):
    w = [0.6, 0.3, 0.1]
    escape = certify(text, cyclic(w), mass=False).rows[0].escape
    here, moved = (_risk(text, np.array([d, 1 - d - 1e-30, 1e-30]), w) for d in (1e-30, 1e-5))
    assert (moved < here) == (escape > 1)
