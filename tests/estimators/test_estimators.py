"""What every method of the table must do; then what the default promises."""

import importlib
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from problems import (
    METHODS,
    Problem,
    estimated,
    gaussians,
    held_out,
    noisy,
    noisy_problem,
    whole_problem,
)
from sklearn.datasets import load_digits

from alfs_cli.errors import InputError, UsageError
from alfs_cli.estimators import estimate_transition
from alfs_cli.estimators.parts import resampled
from alfs_cli.noise import clean_level, pair, row_total_variation, symmetric
from alfs_cli.suspects.scores import label_scores

T3 = np.array([[0.7, 0.3, 0.0], [0.0, 1.0, 0.0], [0.05, 0.05, 0.9]])
QUICK = ("confident", "auto")
A_FEW = [
    method if method in QUICK else pytest.param(method, marks=pytest.mark.slow)
    for method in METHODS
]


@pytest.fixture
def few_redraws(monkeypatch):
    """Methods that fit anew to each draw of the data do so as few times as they ever do."""
    monkeypatch.setattr(resampled, "MAX_CELLS", 0)


@pytest.fixture(scope="module")
def problem():
    return whole_problem(T3, distance=10.0, count=6000)


@pytest.fixture(scope="module")
def small():
    """A quarter of the examples, for what does not depend on how many they are."""
    return whole_problem(T3, distance=10.0, count=1500)


@pytest.fixture(scope="module")
def found(small):
    """Return what a method estimates of the small problem; made once."""
    return cache(lambda method: estimated(method, small))


@pytest.mark.usefixtures("few_redraws", "estimates_made_once")  # two methods share a fit
@pytest.mark.parametrize("method", A_FEW)
def test_known_noise_is_recovered_with_true_classes_in_rows(problem, method):
    """Swapping rows and columns must fail here."""
    T = np.array(estimated(method, problem).transition)
    assert T[0, 1] == pytest.approx(0.3, abs=0.08)  # confident: 0.24, linear evidence
    assert T[1, 0] == pytest.approx(0.0, abs=0.03)
    assert row_total_variation(T, T3) < 0.06
    assert row_total_variation(T.T, T3) > 0.1


@pytest.mark.usefixtures("few_redraws")
@pytest.mark.parametrize("method", A_FEW)
def test_permuting_classes_permutes_T(small, found, method):
    """No class is special by its number."""
    order = np.array([2, 0, 1])
    plain = np.array(found(method).transition)
    moved = np.array(estimated(method, small.permuted(order)).transition)
    assert moved == pytest.approx(plain[np.ix_(order, order)], abs=2e-3)


@pytest.mark.usefixtures("few_redraws")
@pytest.mark.parametrize("method", A_FEW)
def test_the_same_data_gives_the_same_estimate(small, found, method):
    """Deterministic, bounds included."""
    first, second = found(method), estimated(method, small)
    assert first.transition == second.transition
    assert first.noise_rate == second.noise_rate
    assert first.clean_level == second.clean_level
    assert first.trust == second.trust


def degenerate(name):
    generator = np.random.default_rng(3)
    K = 2 if name == "two classes" else 4
    labels = generator.integers(K, size=200)
    probs = 0.5 * generator.dirichlet(np.ones(K), 200) + 0.5 * np.eye(K)[labels]
    match name:
        case "nobody predicts a class":
            probs[:, 1] = 0
        case "nobody carries a class":
            labels[labels == 1] = 0
        case "one example of a class":
            labels[labels == 1] = 0
            labels[0] = 1
        case "sure of everything":
            probs = np.eye(K)[labels]
        case "sure and wrong":
            probs = np.eye(K)[(labels + 1) % K]
        case "knows nothing":
            probs = np.full((200, K), 1 / K)
        case "four examples":
            probs, labels = probs[:4], np.arange(4)
        case "one label only":
            labels[:] = 2
        case _:
            pass
    probs = probs / probs.sum(axis=1, keepdims=True)
    X = generator.standard_normal((len(labels), 3)).astype(np.float32)
    if name == "duplicates only":
        X[:] = 1
    marks = np.stack([labels, np.roll(labels, 1), np.where(labels == 0, -1, labels)], axis=1)
    return Problem(X, probs, labels, np.roll(labels, 2), marks)


@pytest.mark.usefixtures("few_redraws", "estimates_made_once")
@pytest.mark.parametrize("method", A_FEW)
@pytest.mark.parametrize(
    "name",
    [
        "two classes",
        "nobody predicts a class",
        "nobody carries a class",
        "one example of a class",
        "sure of everything",
        "sure and wrong",
        "knows nothing",
        "four examples",
        "duplicates only",
        "one label only",
    ],
)
def test_never_nan_and_bounds_in_order(method, name):
    """Whatever comes in, T is a transition matrix and each value lies within its bounds."""
    estimate = estimated(method, degenerate(name))
    T, low, high = (
        np.array(rows)
        for rows in (estimate.transition, estimate.transition_low, estimate.transition_high)
    )
    assert T.sum(axis=1) == pytest.approx(np.ones(len(T)))
    assert ((T >= 0) & (low <= T) & (high >= T) & (low >= 0) & (high <= 1 + 1e-12)).all()
    for bounded in (estimate.noise_rate, estimate.clean_level, estimate.gap):
        assert bounded.low <= bounded.value <= bounded.high
    assert 0 <= estimate.noise_rate.low <= estimate.noise_rate.high <= 1
    assert sum(estimate.class_prior) == pytest.approx(1)
    assert np.isfinite(estimate.class_prior).all()


def test_an_unknown_method_is_named():
    """With what there is."""
    with pytest.raises(UsageError, match="confident"):
        estimate_transition([[0.5, 0.5]], [0], method="confidant")


def test_features_are_told_from_probabilities():
    """By their sums and their number of columns; what may be logits is refused."""
    X, y = load_digits(return_X_y=True)
    told = estimate_transition(X, y)
    assert told.transition == estimate_transition(X, y, features=True).transition
    few = np.where(y < 2, y, 2)
    assert len(estimate_transition(X[:, 20:22], few).transition) == 3
    probs = np.full((60, 4), 0.1) + 0.6 * np.eye(4)[np.arange(60) % 3]  # class 3 is never given
    assert len(estimate_transition(probs, np.arange(60) % 3).transition) == 4
    for rows, says in [(np.log(probs), "log"), (10 * probs, "sums to")]:
        with pytest.raises(InputError, match=says):
            estimate_transition(rows, np.arange(60) % 4)


@pytest.mark.parametrize(
    ("method", "says"),
    [
        ("knn", "needs features"),
        ("hoc", "needs features"),
        ("gold", "true labels are known"),
        ("annotators", "several annotators"),
    ],
)
def test_what_a_method_lacks_is_named(method, says):
    """Probabilities alone are not enough for these."""
    with pytest.raises(InputError, match=says) as caught:
        estimate_transition([[0.5, 0.5]] * 4, [0, 1, 0, 1], method=method)
    assert caught.value.help


# The default.


def test_overlap_is_not_called_noise():
    """Clean labels of classes that overlap: confident learning sees noise, the default need not."""
    probs, given, _ = noisy_problem(np.eye(3), distance=2.5)
    counted = estimate_transition(probs, given, method="confident")
    estimate = estimate_transition(probs, given)
    assert counted.noise_rate.value > 0.05
    assert counted.noise_rate.low == 0
    assert estimate.noise_rate.value < 0.02
    assert estimate.noise_rate.low == pytest.approx(0, abs=1e-6)
    assert estimate.trust.level == "low"
    assert any("overlap" in reason for reason in estimate.trust.reasons)


def one_way(K, rate):
    """Return T where every other class loses a share of its labels to the next."""
    T = np.eye(K)
    for true in range(0, K, 2):
        T[true, true], T[true, (true + 1) % K] = 1 - rate, rate
    return T


@pytest.mark.parametrize("distance", [8.0, 20.0])
@pytest.mark.parametrize(
    ("T", "count"),
    [(symmetric(0.01, 2), 2000), (symmetric(0.01, 5), 2000), (one_way(4, 0.04), 2000)],
    ids=["two classes", "symmetric", "one way"],
)
def test_rare_wrong_labels_among_classes_apart_are_found(T, count, distance):
    """A head that mixes classes at every depth is no likelier than noise, and uses more."""
    probs, given, y = noisy_problem(np.asarray(T), count=count, distance=distance, seed=5)
    wrong = given != y
    found = estimate_transition(probs, given)
    assert found.noise_rate.value == pytest.approx(wrong.mean(), rel=0.4)
    assert found.noise_rate.low <= wrong.mean() <= found.noise_rate.high
    score = label_scores(probs, given, np.array(found.transition), found.noise_rate.value).score
    listed = score >= 0.5
    assert (listed & wrong).sum() >= 0.7 * wrong.sum()
    assert (listed & wrong).sum() >= 0.9 * listed.sum()


@pytest.mark.parametrize("K", [2, 5])
@pytest.mark.parametrize("distance", [3.0, 5.0, 20.0])
def test_clean_labels_have_no_noise(K, distance):
    """However near the classes are."""
    probs, given, y = noisy_problem(np.eye(K), count=2000, distance=distance, seed=5)
    assert (given == y).all()
    found = estimate_transition(probs, given)
    assert found.noise_rate.value < 0.002
    score = label_scores(probs, given, np.array(found.transition), found.noise_rate.value).score
    assert (score >= 0.5).sum() <= 2


def test_noise_is_told_from_overlap():
    """Symmetric noise on overlapping classes, nearer than counting comes."""
    T = np.full((3, 3), 0.15) + 0.55 * np.eye(3)
    probs, given, _ = noisy_problem(T, distance=2.5)
    counted = np.array(estimate_transition(probs, given, method="confident").transition)
    estimate = estimate_transition(probs, given)
    found = np.array(estimate.transition)
    assert row_total_variation(found, T) < 0.5 * row_total_variation(counted, T)
    assert estimate.method.startswith("joint-ml")
    assert [other.method.split()[0] for other in estimate.other_estimates] == [
        "confident", "joint-ml", "anchor",
    ]  # fmt: skip


def test_labels_drawn_from_the_evidence_stay_within_the_bounds():
    """Labels that know nothing beyond x: no likelihood tells them from clean ones."""
    X, y = gaussians(2, 3000, 2.0, seed=4)
    probs = held_out(X, y, 2)
    redrawn = (np.random.default_rng(5).random(len(y)) < probs[:, 1]).astype(int)
    rate = (redrawn != y).mean()
    estimate = estimate_transition(held_out(X, redrawn, 2), redrawn)
    assert estimate.noise_rate.low <= rate <= estimate.noise_rate.high


def test_trust_is_high_where_classes_are_apart():
    """And the interval is short."""
    probs, given, y = noisy_problem(np.full((3, 3), 0.1) + 0.7 * np.eye(3), distance=12.0)
    estimate = estimate_transition(probs, given)
    assert estimate.noise_rate.high - estimate.noise_rate.low < 0.06
    assert estimate.noise_rate.low <= (given != y).mean() <= estimate.noise_rate.high
    assert estimate.clean_level.low > 0.5 * 8
    assert estimate.trust.level in ("high", "medium")


def _forty_classes(T):
    X, y = gaussians(40, 3000, 6.0, size=20)
    given = noisy(y, T)
    return held_out(X, given, 40), given


@pytest.mark.slow
def test_many_classes_share_a_rate():
    """Forty classes: a head of two parameters a class tells the noise from overlap."""
    T = symmetric(0.3, 40).array
    probs, given = _forty_classes(T)
    estimate = estimate_transition(probs, given)
    counted = estimate_transition(probs, given, method="confident")
    assert estimate.method == "joint-ml (symmetric)"
    found, plain = np.array(estimate.transition), np.array(counted.transition)
    assert row_total_variation(found, T) < 0.2 * row_total_variation(plain, T)
    assert estimate.clean_level.low <= clean_level(T) <= estimate.clean_level.high


@pytest.mark.slow
def test_many_classes_with_cells_that_stand_out():
    """A third of each class goes to the next: those cells alone are freed."""
    T = pair(0.33, 40).array
    probs, given = _forty_classes(T)
    estimate = estimate_transition(probs, given)
    counted = estimate_transition(probs, given, method="confident")
    assert estimate.method.startswith("joint-ml (strong cells)")
    found, plain = np.array(estimate.transition), np.array(counted.transition)
    assert row_total_variation(found, T) < 0.7 * row_total_variation(plain, T)
    assert estimate.clean_level.low <= clean_level(T) <= estimate.clean_level.high


def test_too_many_classes_are_counted(monkeypatch):
    """Beyond the joint model's reach the default is confident learning, its bounds still wide."""
    module = importlib.import_module("alfs_cli.estimators.joint_ml")
    monkeypatch.setattr(module, "HEAD", replace(module.HEAD, max_classes=39))
    generator = np.random.default_rng(6)
    y = generator.integers(40, size=4000)
    given = np.where(generator.random(4000) < 0.2, generator.integers(40, size=4000), y)
    probs = 0.02 / 40 + 0.98 * np.eye(40)[y]
    estimate = estimate_transition(probs, given)
    assert estimate.method == "confident"
    assert estimate.noise_rate.low <= (given != y).mean() <= estimate.noise_rate.high


@pytest.mark.slow
@pytest.mark.parametrize("distance", [3.0, 7.0])
@pytest.mark.parametrize(
    "T",
    [
        np.eye(3),
        np.full((3, 3), 0.1) + 0.7 * np.eye(3),
        np.array([[0.7, 0.3, 0.0], [0.0, 0.7, 0.3], [0.3, 0.0, 0.7]]),
    ],
)
def test_bounds_cover_in_repeated_draws(T, distance):
    """The true noise rate lies within, r above its lower bound, in each of three draws."""
    from alfs_cli.noise import clean_level

    for seed in range(3):
        X, y = gaussians(3, 1500, distance, seed)
        given = noisy(y, T, seed + 50)
        estimate = estimate_transition(held_out(X, given, 3), given)
        rate = 1 - np.bincount(y, minlength=3) / len(y) @ np.diag(T)
        assert estimate.noise_rate.low - 1e-9 <= rate <= estimate.noise_rate.high
        assert estimate.clean_level.low <= clean_level(T)
