"""Tables through the commands: categories, gaps, units of columns, rows that coincide."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

N = 300


def saved():
    return json.loads(Path("alfs-out/estimate.json").read_text())


@pytest.fixture
def table(alfs):
    """A table of three classes: one column large and of noise, one small that tells the class."""
    rng = np.random.default_rng(0)
    true = np.arange(N) % 3
    given = true.copy()
    given[:15] = (true[:15] + 1) % 3
    frame = pd.DataFrame(
        {
            "income": rng.normal(50_000, 10_000, N).round(2),
            "width": (true + rng.normal(0, 0.2, N)).round(4),
            "colour": np.where(
                rng.random(N) < 0.8, np.array(["red", "green", "blue"])[true], "red"
            ),
            "label": np.array(["ant", "bee", "cow"])[given],
            "true_label": np.array(["ant", "bee", "cow"])[true],
        }
    ).sample(frac=1, random_state=1)
    frame.to_csv("t.csv", index=False)
    return frame


def test_columns_of_other_units_and_categories_are_judged_together(alfs, table):
    done = alfs("estimate", "t.csv")
    assert done.code == 0, done.err
    assert (
        "'income', 'width', 'colour' (5 features: categories have one for each value)" in done.err
    )
    first = saved()
    assert first["evidence"]["name"].startswith("standardised columns, ")
    assert first["evidence"]["columns"]["encoded"] == [
        "income", "width", "colour=blue", "colour=green", "colour=red",
    ]  # fmt: skip
    assert first["evidence"]["agreement"] > 0.9
    listed = pd.read_csv("alfs-out/issues.csv")["index"][:15]
    wrong = (table["label"] != table["true_label"]).to_numpy()
    assert wrong[listed].mean() >= 0.9
    again = alfs("estimate", "t.csv")
    assert "evidence taken from" in again.err
    second = saved()
    assert second["transition"] == first["transition"]
    assert second["evidence"]["neighbours"] == first["evidence"]["neighbours"]


def test_the_same_table_in_any_order_gives_the_same_estimate(alfs, table):
    assert alfs("estimate", "t.csv").code == 0
    first = saved()["transition"]
    table[::-1].to_csv("u.csv", index=False)
    assert alfs("estimate", "u.csv").code == 0
    assert np.allclose(saved()["transition"], first, atol=1e-6)


def test_rows_of_categories_that_coincide_prove_nothing(alfs):
    rng = np.random.default_rng(0)
    true = rng.integers(0, 2, N)
    columns = {
        f"c{k}": np.where(rng.random(N) < 0.75, true, 1 - true) for k in range(5)
    }  # fmt: skip
    given = np.where(rng.random(N) < 0.05, 1 - true, true)
    words = np.array(["no", "yes"])
    frame = pd.DataFrame({name: words[cells] for name, cells in columns.items()})
    frame["label"] = np.array(["ant", "bee"])[given]
    frame.to_csv("t.csv", index=False)
    done = alfs("estimate", "t.csv")
    assert done.code == 0, done.err
    assert saved()["issues"]["counts"]["proven"] == 0
    assert "ALFS103" not in done.err


def test_a_network_trains_on_the_numbers_of_such_a_table(alfs, table):
    done = alfs("train", "t.csv", "--loss", "ce", "--epochs", "1")
    assert done.code == 0, done.err
    assert "'colour' is a category, and networks take numbers" in done.err
