"""Transition matrices, their clean levels and bounds, kinds of noise, and its injection."""

import copy
import math
import pickle
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom
from threadpoolctl import threadpool_info, threadpool_limits

from alfs_cli.data.names import CIFAR100
from alfs_cli.errors import InputError, UsageError
from alfs_cli.noise import (
    SUPERCLASS,
    TransitionMatrix,
    asymmetric,
    block,
    class_clean_levels,
    clean_level,
    clean_level_bounds,
    clean_level_lower_bound,
    inject,
    inject_as_public_code,
    inject_by_instance,
    pair,
    read_transition,
    realised,
    rows_of_counts,
    symmetric,
    transition_of,
    write_transition,
)
from alfs_cli.noise.threads import one_blas_thread

rates = st.floats(0, 1)
sizes = st.integers(2, 12)

VEHICLES = (
    {"bicycle", "bus", "motorcycle", "pickup_truck", "train"},
    {"lawn_mower", "rocket", "streetcar", "tank", "tractor"},
)


@st.composite
def transitions(draw):
    K = draw(st.integers(2, 6))
    seed = draw(st.integers(0, 2**32 - 1))
    return np.random.default_rng(seed).dirichlet(np.full(K, 0.5), size=K)


@given(transitions())
def test_clean_level_is_the_smallest_ratio_over_pairs(T):
    K = len(T)
    slow = min(
        T[i, i] / T[i, j] if T[i, j] > 0 else math.inf for i in range(K) for j in range(K) if i != j
    )
    assert clean_level(T) == pytest.approx(slow)
    assert class_clean_levels(T).min() == clean_level(T)


def test_a_clean_row_is_infinitely_clean():
    assert clean_level(np.eye(3)) == math.inf
    assert class_clean_levels([[1, 0], [0.25, 0.75]]).tolist() == [math.inf, 3]


def test_a_transposed_matrix_is_refused_and_said_so():
    T = np.array([[0.7, 0.3, 0.0], [0.0, 1.0, 0.0], [0.0, 0.1, 0.9]])
    with pytest.raises(InputError, match=r"row 0 .* sums to 0.7000, not 1; it looks transposed"):
        TransitionMatrix(T.T)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        ([[0.5, 0.5]], r"shape \(1, 2\)"),
        ([[1.0]], r"shape \(1, 1\)"),
        ([[1.2, -0.2], [0, 1]], r"entry \(0, 1\)"),
        ([[math.nan, 1], [0, 1]], "NaN"),
        ([[0.9, 0.2], [0, 1]], r"row 0 .* sums to 1.1000"),
        ([["a", "b"], [0, 1]], "not a number"),
    ],
)
def test_what_is_no_transition_matrix_is_refused(array, message):
    with pytest.raises(InputError, match=message):
        TransitionMatrix(array)


def test_the_array_of_a_matrix_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        symmetric(0.2, 3).array[0, 0] = 1


# Bounds


@pytest.mark.parametrize(("own", "other"), [(90, 10), (55, 45), (3, 0), (1, 7)])
def test_the_lower_bound_inverts_the_binomial_tail(own, other):
    """At the bound, counts as high as those seen have probability alpha."""
    low = clean_level_bounds([[own, other], [0, 100]])[0][0, 1]
    share = low / (1 + low)
    assert binom.sf(own - 1, own + other, share) == pytest.approx(0.05, rel=1e-6)


def test_the_upper_bound_inverts_the_other_tail_at_a_corrected_level():
    K = 3
    high = clean_level_bounds([[70, 20, 10], [0, 100, 0], [0, 0, 100]])[1][0, 1]
    share = high / (1 + high)
    assert binom.cdf(70, 90, share) == pytest.approx(0.05 / (K * (K - 1)), rel=1e-6)


def test_it_calculates_as_its_array_does():
    T = symmetric(0.4, 4)
    array = np.array(T)
    assert (len(T), T.ndim, T.dtype) == (4, 2, array.dtype)
    assert T.sum(axis=1) == pytest.approx(np.ones(4))
    for found, wanted in [
        (T @ T, array @ array),
        (array @ T, array @ array),
        (1 - T, 1 - array),
        (np.log(T), np.log(array)),
        (np.add.reduce(T), array.sum(axis=0)),
        (array == T, np.ones((4, 4), dtype=bool)),
        (T.T, array.T),
        (T.max(), array.max()),
    ]:
        assert type(found) is type(wanted)
        np.testing.assert_array_equal(found, wanted)
    with pytest.raises(TypeError):
        T *= 2
    with pytest.raises(AttributeError, match="nothing"):
        _ = T.nothing
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(copy.deepcopy(T))), array)


@pytest.mark.parametrize("T", [[[1, 0], [1]], [["a", "b"], ["c", "d"]], {}, None, "x"])
def test_what_is_no_matrix_is_refused(T):
    for asked in (clean_level, TransitionMatrix):
        with pytest.raises(InputError, match="transition matrix") as caught:
            asked(T)
        assert caught.value.help


def test_no_example_of_the_own_class_bounds_nothing():
    assert clean_level_lower_bound([[0, 5], [0, 10]]) == 0
    low, high = clean_level_bounds([[5, 0], [0, 5]])
    assert low[0, 1] == pytest.approx(0.05 ** (1 / 5) / (1 - 0.05 ** (1 / 5)))
    assert high[0, 1] == math.inf


def test_a_contaminated_row_is_still_bounded():
    """A tenth of a row comes from a class that the counts do not know of: r stays covered."""
    T = np.array([[0.7, 0.25, 0.05], [0.1, 0.8, 0.1], [0.05, 0.15, 0.8]])
    seen = T.copy()
    seen[0] = 0.9 * T[0] + 0.1 * np.array([1.0, 0.0, 0.0])  # the unsafe side: r looks higher
    generator = np.random.default_rng(4)
    draws = [[generator.multinomial(2000, row) for row in seen] for _ in range(200)]
    plain = np.array([clean_level_lower_bound(C) for C in draws])
    honest = np.array([clean_level_lower_bound(C, contamination=0.1) for C in draws])
    assert np.mean(plain <= clean_level(T)) < 0.5
    assert np.mean(honest <= clean_level(T)) >= 0.95
    assert np.median(honest) > 0.8 * clean_level(T)
    assert clean_level_lower_bound(draws[0], contamination=0.99) == 0
    with pytest.raises(UsageError, match="contamination is 1"):
        clean_level_lower_bound(draws[0], contamination=1.0)


def test_coverage_in_the_hardest_case():
    """One binding pair: the lower bound covers r in at least 95 % of draws, and not in all."""
    T = np.full((4, 4), 0.01) + np.diag(np.full(4, 0.96))
    T[0] = [0.6, 0.38, 0.01, 0.01]
    r = clean_level(T)
    generator = np.random.default_rng(1)
    draws = [
        clean_level_lower_bound([generator.multinomial(300, row) for row in T]) for _ in range(800)
    ]
    covered = np.mean(np.asarray(draws) <= r)
    assert 0.935 <= covered <= 0.985
    uppers = [
        clean_level_bounds([generator.multinomial(300, row) for row in T])[1].min()
        for _ in range(300)
    ]
    assert np.mean(np.asarray(uppers) >= r) >= 0.95


@pytest.mark.parametrize(("n", "share"), [(100, 0.53), (1000, 0.81), (5000, 0.91)])
def test_typical_bounds_under_pair_flips(n, share):
    """The median of LCB / r with ten classes and pair flips at 0.4."""
    T = pair(0.4, 10).array
    generator = np.random.default_rng(0)
    ratios = [
        clean_level_lower_bound([generator.multinomial(n, row) for row in T]) / clean_level(T)
        for _ in range(60)
    ]
    assert np.median(ratios) == pytest.approx(share, abs=0.03)


@given(st.integers(1, 200), st.integers(0, 200), st.floats(0.001, 0.2), st.floats(0.25, 0.5))
def test_bounds_widen_with_confidence_and_enclose_the_ratio(own, other, sure, unsure):
    counts = [[own, other], [0, 500]]
    low, high = clean_level_bounds(counts, sure)
    assert low[0, 1] <= clean_level_bounds(counts, unsure)[0][0, 1]
    if other:
        assert low[0, 1] < own / other < high[0, 1]


@pytest.mark.parametrize("counts", [[[1, 2]], [[-1, 2], [0, 1]], [[math.nan, 2], [0, 1]]])
def test_what_are_no_counts_is_refused(counts):
    with pytest.raises(InputError):
        clean_level_lower_bound(counts)


def test_shares_are_no_counts():
    with pytest.raises(InputError, match="whole"):
        clean_level_lower_bound([[0.9, 0.1], [0.2, 0.8]])
    with pytest.raises(UsageError, match="alpha"):
        clean_level_lower_bound([[9, 1], [2, 8]], alpha=1.0)


# Kinds of noise


@given(rates, sizes)
def test_symmetric_noise_spreads_evenly(rate, K):
    T = symmetric(rate, K).array
    off = T[~np.eye(K, dtype=bool)]
    assert np.diag(T) == pytest.approx(1 - rate)
    assert np.ptp(off) == 0
    if 1e-9 < rate < 1:
        assert clean_level(T) == pytest.approx((1 - rate) * (K - 1) / rate)


@given(rates, sizes, st.sampled_from(["symmetric", "asymmetric", "pair", "block"]))
def test_every_kind_flips_at_its_rate(rate, K, kind):
    T = transition_of(kind, rate, K).array
    assert np.diag(T) == pytest.approx(1 - rate)
    assert T.sum(axis=1) == pytest.approx(1)


@pytest.mark.parametrize(
    ("dataset", "flips"),
    [
        ("mnist", {7: 1, 2: 7, 5: 6, 6: 5, 3: 8}),
        ("digits", {7: 1, 2: 7, 5: 6, 6: 5, 3: 8}),
        ("cifar10", {9: 1, 2: 0, 4: 7, 3: 5, 5: 3}),
        ("fashion-mnist", {i: (i + 1) % 10 for i in range(10)}),
        (None, {i: (i + 1) % 10 for i in range(10)}),
    ],
)
def test_asymmetric_noise_flips_what_looks_alike(dataset, flips):
    T = asymmetric(0.3, 10, dataset=dataset).array
    assert {int(i): int(j) for i, j in np.argwhere(np.isclose(T, 0.3))} == flips


def test_public_codes_sequential_flips_return_some_cats():
    T = asymmetric(0.4, 10, dataset="cifar10", sequential=True).array
    cat, dog = 3, 5
    assert T[cat, dog] == pytest.approx(0.24)
    assert T[cat, cat] == pytest.approx(0.76)
    assert T[dog, cat] == pytest.approx(0.4)
    assert 1 - np.diag(T).mean() == pytest.approx(0.184)


def test_flips_in_place_are_sequential_noise():
    """Public code picks the share of each class as it is by then, and changes those labels."""
    draws, true = np.random.default_rng(0), np.repeat(np.arange(10), 500)
    counts = np.zeros((10, 10))
    for _ in range(40):
        given = true.copy()
        for source, target in ((9, 1), (2, 0), (3, 5), (5, 3), (4, 7)):
            members = np.flatnonzero(given == source)
            given[draws.choice(members, int(0.4 * len(members)), replace=False)] = target
        np.add.at(counts, (true, given), 1)
    T = asymmetric(0.4, 10, dataset="cifar10", sequential=True).array
    np.testing.assert_allclose(counts / counts.sum(1, keepdims=True), T, atol=0.005)
    assert np.abs(T - asymmetric(0.4, 10, dataset="cifar10").array).max() > 0.1


def test_superclasses_hold_five_classes_each():
    groups = [{CIFAR100[i] for i in range(100) if SUPERCLASS[i] == c} for c in range(20)]
    assert {len(group) for group in groups} == {5}
    assert tuple(groups[18:]) == VEHICLES
    assert groups[14] == {"baby", "boy", "girl", "man", "woman"}


def test_asymmetric_noise_stays_within_a_superclass():
    T = asymmetric(0.4, 100, dataset="cifar100").array
    flips = np.argwhere(np.isclose(T, 0.4))
    assert len(flips) == 100
    assert all(SUPERCLASS[i] == SUPERCLASS[j] for i, j in flips)
    people = [CIFAR100.index(name) for name in ("baby", "boy", "girl", "man", "woman", "baby")]
    assert all(T[i, j] == pytest.approx(0.4) for i, j in pairwise(people))


def test_blocks_of_five_go_by_label_order():
    T = asymmetric(0.4, 100, dataset="cifar100", blocks_of_five=True).array
    flips = dict(np.argwhere(np.isclose(T, 0.4)).tolist())
    assert [flips[i] for i in range(6)] == [1, 2, 3, 4, 0, 6]


def test_public_codes_labels_one_by_one():
    """As `RandomState.multinomial` of NumPy 2.4 draws them, whatever NumPy is here."""
    true = np.arange(40) % 10
    drawn = [
        "".join(map(str, inject_as_public_code(true, T, seed)))
        for T, seed in ((asymmetric(0.4, 10, dataset="mnist"), 0), (symmetric(0.5, 10), 123))
    ]
    assert drawn == [
        "0173455189012845518901284557890123465189",
        "0120996699014385608980227068870323456588",
    ]


@pytest.mark.skipif(
    np.lib.NumpyVersion(np.__version__) >= "2.5.0", reason="its multinomial numbers are others"
)
@pytest.mark.parametrize("seed", range(20))
def test_public_codes_labels_are_numpys_multinomial_ones(seed):
    rng = np.random.default_rng(seed)
    K = int(rng.integers(2, 12))
    T = rng.dirichlet(np.full(K, rng.choice([0.05, 0.3, 3.0])), K)
    T[T < 0.02] = 0
    T = TransitionMatrix(T / T.sum(axis=1, keepdims=True))
    true = rng.integers(K, size=200)
    legacy = np.random.RandomState(seed)
    wanted = [legacy.multinomial(1, T.array[cls]).argmax() for cls in true]
    assert inject_as_public_code(true, T, seed).tolist() == wanted


def test_public_codes_labels_have_seeds_below_two_to_the_32():
    T, true = symmetric(0.5, 10), [0, 1]
    with pytest.raises(UsageError, match="seeds below 2\\^32"):
        inject_as_public_code(true, T, 2**32)


@pytest.mark.parametrize(
    ("K", "size", "blocks"),
    [(10, None, [5, 5]), (4, None, [2, 2]), (7, 3, [3, 4]), (8, 3, [3, 3, 2]), (2, None, [2])],
)
def test_blocks_partition_the_classes(K, size, blocks):
    T = block(0.2, K, size=size).array
    assert [int((row > 0).sum()) for row in T] == [b for b in blocks for _ in range(b)]


def test_unknown_kinds_and_impossible_rates_are_refused():
    with pytest.raises(UsageError, match="did you mean 'symmetric'"):
        transition_of("symetric", 0.2, 10)
    for rate in (-0.1, 1.1, math.nan):
        with pytest.raises(UsageError, match="between 0 and 1"):
            symmetric(rate, 10)
    with pytest.raises(UsageError, match="two classes"):
        symmetric(0.2, 1)


# Injection


@given(transitions(), st.integers(0, 300), st.integers(0, 99))
@settings(max_examples=50)
def test_exact_draws_meet_the_matrix_up_to_rounding(T, n, seed):
    K = len(T)
    labels = np.random.default_rng(seed).integers(0, K, n)
    noisy = inject(labels, TransitionMatrix(T), np.random.default_rng(seed), draw="exact")
    counts = realised(labels, noisy, K)
    expected = T * np.bincount(labels, minlength=K)[:, None]
    assert counts.sum(axis=1).tolist() == np.bincount(labels, minlength=K).tolist()
    assert np.abs(counts - expected).max(initial=0) < 1


def test_sampled_draws_vary_as_a_multinomial():
    T = symmetric(0.4, 4)
    labels = np.repeat(np.arange(4), 250)
    generator = np.random.default_rng(3)
    counts = np.stack(
        [realised(labels, inject(labels, T, generator, draw="sampled"), 4) for _ in range(200)]
    )
    assert counts.mean(axis=0) == pytest.approx(250 * T.array, abs=3)
    kept = counts[:, range(4), range(4)]
    assert kept.var() == pytest.approx(250 * 0.6 * 0.4, rel=0.2)
    exact = realised(labels, inject(labels, T, generator, draw="exact"), 4)
    assert np.diag(exact).tolist() == [150] * 4


def test_a_seed_repeats_a_draw_and_the_input_stays():
    labels = np.arange(100) % 10
    before = labels.copy()
    draws = [inject(labels, symmetric(0.5, 10), np.random.default_rng(s)) for s in (0, 0, 1)]
    assert (draws[0] == draws[1]).all()
    assert (draws[0] != draws[2]).any()
    assert (labels == before).all()


def test_labels_outside_the_classes_are_refused():
    for labels in ([0, 3], [-1, 0], [[0, 1]]):
        with pytest.raises(InputError, match=r"whole numbers 0 \.\. 2"):
            inject(labels, symmetric(0.1, 3), np.random.default_rng(0))
    with pytest.raises(UsageError, match="unknown draw"):
        inject([0, 1], symmetric(0.1, 3), np.random.default_rng(0), draw="exactly")


def test_instance_noise_follows_the_example():
    """Equal examples share their flip, unequal ones do not, and T is what is realised."""
    generator = np.random.default_rng(0)
    points = generator.standard_normal((6, 20)) * 4
    which = generator.integers(0, 6, 6000)
    labels = which % 3
    noisy, T = inject_by_instance(labels, points[which], 0.4, 3, generator)
    assert 1 - np.diag(T.array).mean() == pytest.approx(0.4, abs=0.01)
    assert rows_of_counts(realised(labels, noisy, 3)) == pytest.approx(T.array, abs=0.03)
    shares = np.stack([np.bincount(noisy[which == p], minlength=3) for p in range(6)]) / 1000
    assert np.abs(shares[:3] - shares[3:]).max() > 0.1


def test_instance_noise_at_rate_zero_flips_nothing():
    labels = np.arange(30) % 3
    noisy, T = inject_by_instance(labels, np.ones((30, 2)), 0.0, 4, np.random.default_rng(0))
    assert (noisy == labels).all()
    assert T.array.tolist() == np.eye(4).tolist()


# Files


def test_a_matrix_in_a_file_reads_back_whatever_the_names(tmp_path):
    names = ["10", "2", "a,b"]
    T = np.array([[1 / 3, 0.2, 7 / 15], [0, 1, 0], [0.1, 0.2, 0.7]])
    write_transition(tmp_path / "t.csv", T, names)
    assert (read_transition(tmp_path / "t.csv", class_names=names).array == T).all()
    order = [2, 0, 1]
    again = read_transition(tmp_path / "t.csv", class_names=[names[i] for i in order])
    assert (again.array == T[np.ix_(order, order)]).all()
    with pytest.raises(InputError, match="3 classes"):
        read_transition(tmp_path / "t.csv", class_names=["x", "y", "z"])


def test_plain_numbers_and_npy_read_too(tmp_path):
    (tmp_path / "t.csv").write_text("0.9,0.1\n0.2,0.8\n")
    np.save(tmp_path / "t.npy", [[0.9, 0.1], [0.2, 0.8]])
    (tmp_path / "named.csv").write_text("cat,dog\n0.9,0.1\n0.2,0.8\n")
    for name in ("t.csv", "t.npy", "named.csv"):
        assert read_transition(tmp_path / name).array.tolist() == [[0.9, 0.1], [0.2, 0.8]]
    with pytest.raises(InputError, match="the data has 3"):
        read_transition(tmp_path / "t.csv", class_names=["a", "b", "c"])


def test_broken_files_are_named(tmp_path):
    (tmp_path / "t.csv").write_text("0.9,0.1\n0.2,x\n")
    (tmp_path / "u.csv").write_text("0.9,0.2\n0.2,0.8\n")
    np.save(tmp_path / "o.npy", np.array([{}], dtype=object))
    for name, message in (
        ("t.csv", "not a number"),
        ("u.csv", "sums to 1.1"),
        ("o.npy", "cannot read"),
        ("no.csv", "no such file"),
    ):
        with pytest.raises(InputError, match=message):
            read_transition(tmp_path / name)


def test_a_matrix_reads_as_its_array():
    T = symmetric(0.3, 4)
    assert T.shape == (4, 4)
    assert T[0, 0] == 0.7
    np.testing.assert_array_equal(np.asarray(T), T.array)
    np.testing.assert_array_equal(np.array(T, dtype=np.float32), T.array.astype(np.float32))
    assert clean_level(np.asarray(T)) == clean_level(T)


@pytest.mark.parametrize("seed", range(5))
def test_swaps_are_held_apart_and_nothing_else_moves(seed):
    generator = np.random.default_rng(seed)
    T = TransitionMatrix(generator.dirichlet(np.full(6, 0.4), size=6))
    apart = T.held_apart(3).array
    for i in range(6):
        swapped = [j for j in range(6) if j != i and T[i, i] * T[j, j] < 9 * T[i, j] * T[j, i]]
        assert all(apart[i, i] >= 3 * apart[i, j] - 1e-9 for j in swapped)
        if all(T[i, i] >= 3 * T[i, j] for j in swapped):
            assert (apart[i] == T[i]).all()
    order = generator.permutation(6)
    renamed = TransitionMatrix(T.array[np.ix_(order, order)]).held_apart(3).array
    assert np.allclose(renamed, apart[np.ix_(order, order)])
    assert (T.held_apart(0).array == T.array).all()


def blas_threads():
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


def test_one_blas_thread_and_as_many_as_before_after_it():
    with threadpool_limits(2, user_api="blas"):
        before = blas_threads()
        for _ in range(2):  # the second time from what the first found
            with one_blas_thread():
                assert blas_threads() == {1}
            assert blas_threads() == before == {2}
