"""Columns that hold the answer are known by what they contain, measurements never are."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alfs_cli.data.feature_columns import (
    Candidates,
    answer_in,
    as_they_are,
    in_words,
    nothing_left,
    only,
    order_in,
    reason_by_name,
    screened,
    wanted,
)
from alfs_cli.errors import InputError, UsageError
from alfs_cli.text.names import joined, parse_columns

N, K = 600, 4


@pytest.fixture
def generator():
    return np.random.default_rng(0)


@pytest.fixture
def labels(generator):
    return generator.integers(0, K, N)


CODES = {
    "its code": lambda y, g: y,
    "another code": lambda y, g: np.array([7, 2, 9, 4])[y],
    "in other units": lambda y, g: -3.7 * y + 12.5,
    "in single precision": lambda y, g: np.float32(y / 7).astype(np.float64),
    "with a little noise": lambda y, g: y + 1e-4 * g.standard_normal(len(y)),
    "one of its one-hot columns": lambda y, g: (y == 2) * 1.0,
    "one of its bits": lambda y, g: y & 1,
    "several codes a label": lambda y, g: 3 * y + g.integers(0, 3, len(y)),
    "all but one row": lambda y, g: np.where(np.arange(len(y)) == 5, 0, y),
}


@pytest.mark.parametrize("name", CODES)
def test_the_label_again_is_known_in_any_coding(name, labels, generator):
    assert answer_in(CODES[name](labels, generator).astype(np.float64), labels) is not None


@given(
    seed=st.integers(0, 2**32 - 1),
    rows=st.integers(20, 3000),
    classes=st.integers(2, 12),
    apart=st.floats(0, 40),
    digits=st.sampled_from([None, 1, 2, 3]),
)
def test_a_measurement_is_a_feature_however_well_it_separates(seed, rows, classes, apart, digits):
    generator = np.random.default_rng(seed)
    y = generator.integers(0, classes, rows)
    x = apart * y + generator.standard_normal(rows)
    x = x if digits is None else x.round(digits)
    assert answer_in(x, y) is None
    assert order_in(x) is None


def test_few_values_that_only_lean_to_a_label_are_a_feature(labels, generator):
    mostly = np.where(generator.random(N) < 0.95, labels, generator.integers(0, K, N))
    assert answer_in(mostly.astype(np.float64), labels) is None
    assert answer_in(generator.integers(0, 3, N).astype(np.float64), labels) is None
    assert answer_in(np.zeros(N), labels) is None


ORDERS = {
    "the row": lambda g: np.arange(N),
    "the row from the end": lambda g: np.arange(N)[::-1],
    "every tenth": lambda g: 10 * np.arange(N) + 5,
    "shuffled rows": lambda g: g.permutation(N),
    "groups of rows": lambda g: np.arange(N) // 4,
    "shuffled groups": lambda g: g.permutation(np.arange(N) // 4),
    "a sample of ids": lambda g: g.choice(3 * N, N, replace=False),
    "large ids": lambda g: 2**40 + g.choice(3 * N, N, replace=False),
    "seconds": lambda g: 1.7e9 + np.sort(g.random(N)) * 1e6,
}


@pytest.mark.parametrize("name", ORDERS)
def test_an_order_of_the_rows_is_known(name, generator):
    assert order_in(np.asarray(ORDERS[name](generator), dtype=np.float64)) is not None


def test_numbers_that_repeat_as_draws_do_are_no_order(generator):
    assert order_in(generator.integers(0, 256, N).astype(np.float64)) is None
    assert order_in(generator.integers(0, 10**6, N).astype(np.float64)) is None
    assert order_in(generator.standard_normal(N)) is None
    assert order_in(np.sort(generator.integers(0, 5, N)).astype(np.float64)) is None
    assert order_in(np.arange(10.0)) is None, "ten rows may be in order by chance"


@pytest.mark.parametrize(
    "name",
    ["", "Unnamed: 0", "unnamed", "__index_level_0__", "level_0", "ID", "Id", "index", "row",
     "row_id", "customer_id", "imageId", "sample ID", "uuid", "Row Number"],
)  # fmt: skip
def test_names_of_ids_are_known(name):
    assert reason_by_name(name) is not None


@pytest.mark.parametrize("name", ["a", "width", "grid", "humid", "indexed_price", "paid", "rows"])
def test_other_names_are_no_ids(name):
    assert reason_by_name(name) is None
    assert reason_by_name(name, [name]) is not None, "pandas wrote it as the index"


def candidates(values, **more):
    names = tuple(f"c{i}" for i in range(values.shape[1]))
    return Candidates(names, values.astype(np.float32), **more)


def test_what_holds_the_answer_is_set_aside_and_told(labels, generator):
    X = np.column_stack([generator.standard_normal(N), labels, np.arange(N)])
    found = candidates(X, orders=(("c2", "rises with the rows"),), aside=(("id", "excluded"),))
    kept, columns = screened(found, labels, np.ones(N, bool))
    assert columns.used == ("c0",)
    assert [name for name, _ in columns.aside] == ["id", "c1", "c2"]
    np.testing.assert_array_equal(kept[:, 0], found.values[:, 0])
    said = " ".join(in_words(columns))
    assert "used as features: 'c0'" in said
    assert "'c1' holds the label again" in said


def test_what_was_asked_for_stays_and_is_told_as_a_leak(labels):
    found = candidates(labels[:, None], is_asked=True)
    kept, columns = screened(found, labels, np.ones(N, bool))
    assert kept.shape == (N, 1)
    assert columns.leaks == (("c0", "holds the label again"),)
    assert "although" in " ".join(in_words(columns))


def test_nothing_left_is_told(labels):
    values, columns = screened(candidates(labels[:, None]), labels, np.ones(N, bool))
    assert (values.shape, columns.used) == ((N, 0), ())
    told = nothing_left(columns, where="'t.csv'")
    assert "'c0' holds the label again" in str(told)


def test_labels_that_are_missing_do_not_hide_a_leak(labels, generator):
    known = generator.random(N) > 0.1
    given_labels = np.where(known, labels, 0)
    X = np.column_stack([generator.standard_normal(N), labels])
    _, columns = screened(candidates(X), given_labels, known)
    assert columns.used == ("c0",)


def test_a_network_sees_the_columns_it_was_trained_on(labels, generator):
    found = candidates(np.column_stack([labels, generator.standard_normal((N, 2))]))
    chosen = only(found, ("c2", "c0"), where="'t.csv'")
    values, columns = screened(chosen, labels, np.ones(N, bool))
    np.testing.assert_array_equal(values, found.values[:, [2, 0]])
    assert columns.used == ("c2", "c0")
    assert screened(as_they_are(found), labels, np.ones(N, bool))[1].used == found.names
    with pytest.raises(InputError, match="'c9', which was trained on"):
        only(found, ("c9",), where="'t.csv'")


def test_names_with_commas_survive():
    names = ("a,b", 'say "x"', "plain")
    assert parse_columns(joined(names)) == names
    assert parse_columns(None) is None
    with pytest.raises(UsageError):
        parse_columns(" , ")


def test_wanted_names_must_be_there():
    with pytest.raises(InputError, match="did you mean 'width'"):
        wanted(["width", "height"], asked="widht", excluded=None, where="'t.csv'")
    names, aside = wanted(["a", "b", "id"], asked=None, excluded="b", where="'t.csv'")
    assert names == ("a",)
    assert dict(aside)["b"] == "excluded"
    assert wanted(["a", "id"], asked="id", excluded=None, where="")[0] == ("id",)


@pytest.mark.parametrize("K", [2, 10, 64, 65, 100, 200, 1500])
@pytest.mark.parametrize("code", [lambda y: y, lambda y: 1000.0 - 3 * y, lambda y: (7 * y) % 1501])
def test_a_code_of_the_labels_is_found_however_many_classes(K, code):
    y = np.random.default_rng(K).integers(K, size=20_000)
    assert answer_in(np.asarray(code(y), dtype=float), y) == "holds the label again"


@pytest.mark.parametrize("K", [10, 100, 1500])
def test_counts_and_measurements_are_no_codes_however_many_classes(K):
    generator = np.random.default_rng(K)
    y = generator.integers(K, size=5000)
    for column in (
        generator.normal(size=5000),
        generator.poisson(3 + y % 7),
        generator.integers(4000, size=5000),
        np.round(y / K * 255 + 20 * generator.normal(size=5000)),
    ):
        assert answer_in(np.asarray(column, dtype=float), y) is None
