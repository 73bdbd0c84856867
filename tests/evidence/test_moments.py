"""Ridge heads from moments that add up: those of all examples at once, however they are cut."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from alfs_cli.data.feature_files import FeatureBlock
from alfs_cli.evidence.moments import first_pass, merge, planned, sampled, total
from alfs_cli.evidence.out_of_fold import Folds, calibrated, members_of

F, K, D, N = 5, 3, 6, 1500


def problem(seed=0, copies=0):
    """Return examples in one block; the last `copies` have the content of the first ones."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, K, N)
    X = (1.5 * np.eye(D)[labels] + generator.normal(size=(N, D)) + 3).astype(np.float32)
    keys = generator.integers(0, 2**63, (N, 2)).astype(np.uint64)
    if copies:
        keys[-copies:] = keys[:copies]
    return FeatureBlock(0, np.arange(N), labels, X, keys)


def cut(whole, sizes):
    """Return a block in pieces."""
    ends = np.cumsum([0, *sizes, N - sum(sizes)])
    return [
        replace(
            whole, index=whole.index[a:b], labels=whole.labels[a:b], features=whole.features[a:b],
            digests=whole.digests[a:b],
        )
        for a, b in pairwise(ends)
    ]  # fmt: skip


def plan_of(whole, **changes):
    sample = sampled([whole], folds=F, seed=0, most=700)
    return planned(sample, K, N, folds=F, seed=0, **changes), sample


@pytest.fixture(scope="module", params=["linear", "fourier"])
def case(request):
    """A problem with its plan, sample and heads, under either map."""
    whole = problem()
    plan, sample = plan_of(whole)
    if request.param == "fourier":
        from alfs_cli.evidence.out_of_fold import fourier_map

        plan = replace(plan, map=fourier_map(sample.X, 64, np.random.default_rng(0)))
    return whole, plan, sample, merge(plan, [first_pass(plan, whole)], sample)


def test_scores_are_those_of_least_squares_on_all_folds_but_one(case):
    """The slow truth: stacked rows, float64, a solver of its own."""
    whole, plan, _, heads = case
    Z, fold_of = plan.mapped(whole.features), plan.fold_of(whole)
    Y = np.eye(K)[whole.labels] - np.bincount(whole.labels, minlength=K) / N
    for fold in range(F):
        rest = fold_of != fold
        root = np.sqrt(heads.ridge * rest.sum()) * np.eye(Z.shape[1])
        rows = np.vstack([Z[rest], root])
        wanted = np.vstack([Y[rest], np.zeros((Z.shape[1], K))])
        W = np.linalg.lstsq(rows, wanted, rcond=None)[0]
        np.testing.assert_allclose(heads.scores(whole)[~rest], Z[~rest] @ W, atol=1e-8)


def test_they_are_those_of_the_head_in_memory(case):
    """As far as its products in float32 go."""
    from concurrent.futures import ThreadPoolExecutor

    whole, plan, _, heads = case
    held = members_of(plan.fold_of(whole))
    with ThreadPoolExecutor(1) as pool:
        folds = Folds.of(plan.map, whole.features, whole.labels, K, held, pool)
        scores = folds.scores(heads.ridge, pool)
    np.testing.assert_allclose(heads.scores(whole), scores, atol=2e-5)
    P = calibrated(scores, heads.parameters)
    np.testing.assert_allclose(heads.probabilities(whole), P, atol=1e-4)


@pytest.mark.parametrize("sizes", [(1,), (400, 0, 700), tuple([37] * 40)])
def test_however_the_examples_are_cut_and_in_whatever_order(case, sizes):
    whole, plan, sample, heads = case
    parts = [first_pass(plan, piece) for piece in cut(whole, sizes)]
    again = merge(plan, parts[::-1], sample)
    np.testing.assert_allclose(again.scores(whole), heads.scores(whole), atol=1e-8)
    pieces = [again.scores(piece) for piece in cut(whole, sizes)]
    np.testing.assert_allclose(np.concatenate(pieces), again.scores(whole), atol=1e-12)
    some = total(parts[:2]) + total(parts[2:]) if len(parts) > 2 else total(parts)
    np.testing.assert_allclose(some.grams, total(parts).grams, rtol=1e-12, atol=1e-9)
    assert (some.counts == total(parts).counts).all()


def test_merged_in_one_order_the_result_is_the_same_to_the_bit(case):
    whole, plan, sample, _ = case
    pieces = cut(whole, [37] * 40)
    one, two = (merge(plan, [first_pass(plan, p) for p in pieces], sample) for _ in range(2))
    assert (one.weights == two.weights).all()
    assert (one.parameters == two.parameters).all()


def test_copies_are_in_one_fold_wherever_they_lie():
    whole = problem(copies=200)
    folds = whole.folds(F, 0)
    assert (folds[-200:] == folds[:200]).all()
    assert np.bincount(folds, minlength=F).min() > 0.7 * N / F
    assert (whole.folds(F, 1) != folds).mean() > 0.5


def test_examples_of_a_group_are_in_one_fold():
    whole = replace(problem(), groups=np.arange(N) // 10)
    folds = whole.folds(F, 0).reshape(-1, 10)
    assert (folds == folds[:, :1]).all()
    assert len(np.unique(folds)) == F


def test_a_fold_is_scored_by_a_head_that_did_not_see_it():
    """Features that say nothing: a head that had seen the labels would know some of them."""
    generator = np.random.default_rng(0)
    n, wide = 300, 200
    block = FeatureBlock(
        0, np.arange(n), generator.integers(0, 2, n),
        generator.normal(size=(n, wide)).astype(np.float32),
        generator.integers(0, 2**63, (n, 2)).astype(np.uint64),
    )  # fmt: skip
    sample = sampled([block], folds=F, seed=0, most=n)
    plan = planned(sample, 2, n, folds=F, seed=0)
    heads = merge(plan, [first_pass(plan, block)], sample)
    agreement = (heads.scores(block).argmax(axis=1) == block.labels).mean()
    assert 0.4 < agreement < 0.6


def test_columns_with_units_of_their_own_are_standardised():
    whole = problem()
    scaled = replace(whole, features=whole.features * np.array([1, 1, 1, 1e4, 1e4, 1e4], "f4"))
    plan, sample = plan_of(scaled, is_table=True)
    assert plan.name.startswith("standardised columns, ")
    heads = merge(plan, [first_pass(plan, scaled)], sample)
    agreement = (heads.probabilities(scaled).argmax(axis=1) == scaled.labels).mean()
    plain, _ = plan_of(whole)
    usual = merge(plain, [first_pass(plain, whole)], sampled([whole], folds=F, seed=0, most=700))
    assert agreement > (usual.scores(whole).argmax(axis=1) == whole.labels).mean() - 0.02


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"labels": np.zeros(N, np.int64)}, "only one class"),
        ({"features": np.full((N, D), np.nan, np.float32)}, "NaN"),
        ({"digests": np.ones((N, 2), np.uint64)}, "nothing can be held out"),
    ],
)
def test_what_cannot_be_judged_is_said(changes, says):
    from alfs_cli.errors import InputError

    whole = replace(problem(), **changes)
    with pytest.raises(InputError, match=says):
        plan_of(whole)


def test_a_value_that_is_infinite_behind_the_sample_is_found_with_its_row():
    from alfs_cli.errors import InputError

    whole = problem()
    plan, _ = plan_of(whole)
    features = whole.features.copy()
    features[1203, 2] = np.inf
    with pytest.raises(InputError, match="row 1203"):
        first_pass(plan, replace(whole, features=features))
