"""Columns of a few values, of dates and with gaps: encoded, set aside or filled, and said so."""

import numpy as np
import pandas as pd
import pytest

from alfs_cli.data import DataSpec, load
from alfs_cli.data.categories import category_of, days_of
from alfs_cli.data.feature_columns import in_words, only
from alfs_cli.data.readers.manifest import read_manifest
from alfs_cli.errors import InputError

N = 120


@pytest.fixture
def frame():
    """A table of all kinds of columns, whose labels follow `x`, and `colour` by two thirds."""
    rng = np.random.default_rng(0)
    label = np.arange(N) % 3
    leaning = np.where(rng.random(N) < 0.67, label, rng.integers(0, 3, N))
    return pd.DataFrame(
        {
            "x": np.where(rng.random(N) < 0.1, np.nan, label + rng.normal(0, 0.3, N)),
            "colour": np.array(["red", "green", "blue"])[leaning],
            "size": np.where(rng.random(N) < 0.2, None, rng.choice(["S", "L"], N)),
            "day": pd.date_range("2024-01-01", periods=N).strftime("%Y-%m-%d")[rng.permutation(N)],
            "name": [f"Ann {number}" for number in rng.permutation(N)],
            "one": "same",
            "label": np.array(["ant", "bee", "cow"])[label],
        }
    )


@pytest.fixture
def read(tmp_path):
    def table(frame, name="t.csv", **options):
        path = tmp_path / name
        frame.to_parquet(path) if name.endswith(".parquet") else frame.to_csv(path, index=False)
        return load(DataSpec(str(path), **options), categories=True)

    return table


@pytest.mark.parametrize("name", ["t.csv", "t.parquet"])
def test_every_column_is_used_or_set_aside_with_its_reason(read, frame, name):
    found = read(frame, name)
    columns = found.columns
    assert columns.used == ("x", "colour", "size")
    assert set(columns.encoded) == {
        "x", "x=missing", "colour=red", "colour=green", "colour=blue",
        "size=S", "size=L", "size=missing",
    }  # fmt: skip
    assert dict(columns.aside) == {
        "day": "holds dates, which --feature-columns takes as days",
        "name": f"has {N} values, too many to be categories",
        "one": "has one value",
    }
    gaps = frame["x"].isna().to_numpy()
    assert columns.filled == (("x", int(gaps.sum())),)
    X = pd.DataFrame(found.features, columns=columns.encoded)
    assert (X["x=missing"].to_numpy() == gaps).all()
    assert np.allclose(X["x"], frame["x"].fillna(frame["x"].median()), atol=1e-6)
    for value in ("red", "green", "blue"):
        assert (X[f"colour={value}"].to_numpy() == (frame["colour"] == value)).all()
    said = " ".join(in_words(columns))
    assert "8 features: categories have one for each value" in said
    assert f"missing values, taken as the median: 'x' in {gaps.sum()} rows" in said


def test_the_order_of_rows_and_the_form_of_the_file_change_no_feature(read, frame):
    def by_name(found):
        order = np.argsort(found.columns.encoded)
        rows = np.lexsort(found.features[:, order].T)
        return sorted(found.columns.encoded), found.features[:, order][rows]

    names, X = by_name(read(frame))
    other_names, other = by_name(read(frame[::-1], "other.csv"))
    assert names == other_names
    np.testing.assert_array_equal(X, other)


LEAKS = {
    "species": lambda label: np.array(["Formica", "Apis", "Bos"])[label],
    "breed": lambda label: np.array(["f", "a", "b1", "b2"])[
        label + (np.arange(N) % 2) * (label == 2)
    ],
    "status": lambda label: np.where(
        label == 0, "closed", np.random.default_rng(1).choice(["new", "open", "held"], N)
    ),
}


@pytest.mark.parametrize("name", LEAKS)
def test_a_category_that_tells_the_label_is_set_aside_and_kept_only_if_asked_for(read, frame, name):
    frame[name] = LEAKS[name](np.arange(N) % 3)
    columns = read(frame).columns
    assert name not in columns.used
    assert dict(columns.aside)[name]
    asked = read(frame, feature_columns=f"x,{name}").columns
    assert asked.used == ("x", name)
    assert [leak for leak, _ in asked.leaks] == [name]


def test_a_column_that_is_missing_where_the_label_says_is_set_aside(read, frame):
    frame["x"] = np.where(np.arange(N) % 3 == 1, np.nan, np.random.default_rng(2).normal(size=N))
    assert dict(read(frame).columns.aside)["x"] == "is missing where the label says"


def test_dates_that_are_asked_for_are_days(read, frame):
    found = read(frame, feature_columns="day")
    assert found.columns.used == ("day",)
    days = (pd.to_datetime(frame["day"]) - pd.Timestamp("1970-01-01")).dt.days
    np.testing.assert_array_equal(found.features[:, 0], days)
    assert days_of(pd.Series(["2024-02-30x", "soon"])) is None
    with pytest.raises(InputError, match=r"column 'name' of .* has 120 values"):
        read(frame, feature_columns="name")


def test_networks_take_the_numbers_alone(tmp_path, frame):
    path = tmp_path / "t.csv"
    frame.to_csv(path, index=False)
    found = load(DataSpec(str(path)))
    assert found.columns.features == ("x",)
    assert dict(found.columns.aside)["colour"] == "is a category, and networks take numbers"
    assert found.fingerprint == load(DataSpec(str(path)), categories=True).fingerprint


def test_other_data_are_encoded_alike(tmp_path, frame):
    path = tmp_path / "t.csv"
    frame[frame["colour"] != "blue"].assign(colour="red").to_csv(path, index=False)
    found = read_manifest(path, DataSpec(str(path))).features
    chosen = only(found, ("colour=blue", "x"), where="'t.csv'")
    assert not chosen.values[:, 0].any()
    with pytest.raises(InputError, match="'weight=1', which was trained on"):
        only(found, ("weight=1",), where="'t.csv'")


def test_rare_values_have_no_feature_of_their_own():
    cells = np.array(["a"] * 50 + ["b"] * 50 + ["c"] * 2, dtype=object)
    assert category_of("k", cells).names() == ("k=a", "k=b")
    assert category_of("k", np.array(["a", "b"] * 20, dtype=object)).names() == ("k=a",)
