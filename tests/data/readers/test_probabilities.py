"""What passes for a distribution by its own precision, and what is told apart."""

import numpy as np
import pandas as pd
import pytest
import torch

from alfs_cli.data import DataSpec, load
from alfs_cli.data.readers.probabilities import EXACT, normalised
from alfs_cli.data.readers.streaming import open_probabilities
from alfs_cli.errors import InputError


def distributions(K, N=400, concentration=0.5, seed=0):
    return np.random.default_rng(seed).dirichlet(np.full(K, concentration), N)


def brain(probs):
    return torch.tensor(probs, dtype=torch.float32).bfloat16().float().numpy()


def half(probs):
    return probs.astype(np.float16)


ROUNDED = {
    "bfloat16": brain,
    "bfloat16 as float64": lambda p: brain(p).astype(np.float64),
    "float16": half,
    "float16 as float32": lambda p: half(p).astype(np.float32),
    "two decimals": lambda p: p.round(2),
    "three decimals": lambda p: p.round(3),
    "four decimals": lambda p: p.round(4),
    "three decimals as float32": lambda p: p.round(3).astype(np.float32),
    "three decimals as float16": lambda p: p.round(3).astype(np.float16),
}


@pytest.mark.parametrize("name", ROUNDED)
@pytest.mark.parametrize("K", [2, 3, 10, 100])
def test_rounded_rows_are_mended(name, K):
    exact = distributions(K)
    probs = ROUNDED[name](exact)
    found, rounding = normalised(probs, where="p")
    sums = found.astype(np.float64).sum(axis=1)
    assert np.abs(sums - 1).max() <= EXACT * 1.001
    assert np.abs(found - exact).max() < 0.02
    missed = np.abs(probs.astype(np.float64).sum(axis=1) - 1) > EXACT
    assert rounding.rows == missed.sum()
    assert bool(rounding.notes()) == bool(rounding.rows)


def test_three_decimals_of_a_thousand_classes():
    probs = distributions(1000, N=50, concentration=0.02).round(3)
    assert np.abs(probs.sum(axis=1) - 1).max() > 0.005
    found, rounding = normalised(probs, where="p")
    assert rounding.rows
    assert np.abs(found.sum(axis=1) - 1).max() <= EXACT


def test_what_is_exact_is_not_copied():
    probs = distributions(10).astype(np.float32)
    found, rounding = normalised(probs, where="p")
    assert found is probs
    assert not rounding.notes()


def test_the_precision_of_a_row_is_its_own():
    """0.9 + 0.2 is no rounding; a row of many digits gets no tolerance from another's few."""
    for row in ([0.9, 0.2], [0.5, 0.52], [0.4987654, 0.4987654], [0.0, 0.0]):
        with pytest.raises(InputError, match="row 1 of p sums to"):
            normalised(np.asarray([[0.34, 0.66], row]), where="p")


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


LOGITS = np.random.default_rng(1).normal(size=(40, 5)) * 3
P = distributions(5, 40)


@pytest.mark.parametrize(
    ("values", "told", "help"),
    [
        (sigmoid(LOGITS), "sigmoids", "exclude each other"),
        (sigmoid(LOGITS).round(2), "sigmoids", "exclude each other"),
        (sigmoid(LOGITS[:, :2]), "sigmoids", "exclude each other"),
        (100 * P, "per cent", "divide them by 100"),
        ((100 * P).round(), "per cent", "divide them by 100"),
        ((100 * P).round(1).astype(np.float32), "per cent", "divide them by 100"),
        (7 * P, "a multiple", "by its sum"),
        (0.9 * P, "as all rows do", "column of a class missing"),
        (P[:, :3], "rows sum to", "column of a class missing"),
        (distributions(400, 20, 0.3).round(1), "rows sum to", "more decimals"),
        (LOGITS, "logits", "softmax"),
        (np.abs(LOGITS), "logits", "softmax"),
        (np.log(P), "log-probabilities", "apply exp"),
        (P - 0.2 + 0.2 * (np.arange(5) == 0) * 5, "regression", "classifier"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_it_looks_like_and_what_to_do(values, told, help):
    with pytest.raises(InputError, match=told) as caught:
        normalised(values, where="p")
    assert help in caught.value.help
    if help != "softmax":
        assert "softmax" not in f"{caught.value} {caught.value.help}"


def test_dust_below_zero_is_told_from_logits():
    probs = P.copy()
    probs[:, 0] += probs[:, 1] + 1e-9
    probs[:, 1] = -1e-9
    with pytest.raises(InputError, match="rounding errors around 0") as caught:
        normalised(probs, where="p")
    assert "clip(0)" in caught.value.help


def test_one_damaged_row_among_good_ones():
    probs = P.copy()
    probs[17] *= 1.7
    with pytest.raises(InputError, match=r"row 17 of p sums to 1\.7, not 1, while most rows do"):
        normalised(probs, where="p")


@pytest.mark.parametrize(
    ("values", "help"),
    [
        (P[:, :1], "1 - p, p"),
        (P[:, 0], "1 - p, p"),
        ((P * 100).astype(np.int64), "votes"),
        (np.zeros((4, 3), dtype="V2"), "bfloat16"),
    ],
)
def test_other_shapes_and_types_say_what_to_do(values, help):
    with pytest.raises(InputError) as caught:
        normalised(values, where="p")
    assert help in caught.value.help


@pytest.mark.parametrize("form", ["npy", "npz", "csv", "parquet", "shards", "DATA"])
def test_every_reader_has_the_one_rule(tmp_path, form):
    """In memory and in blocks of any size; a note says what was done."""
    probs = distributions(3, 60).round(2)
    expected, rounding = normalised(probs, where="p")
    assert rounding.rows
    labels = np.arange(60) % 3
    names = [f"p_{k}" for k in range(3)]
    frame = pd.DataFrame(probs, columns=names).assign(label=labels)
    spec = DataSpec(None, pred_probs=str(tmp_path / f"p.{form}"))
    if form == "npy":
        np.save(tmp_path / "p.npy", probs)
        np.save(tmp_path / "y.npy", labels)
        spec = DataSpec(None, pred_probs=spec.pred_probs, labels=str(tmp_path / "y.npy"))
    elif form == "npz":
        np.savez(tmp_path / "p.npz", pred_probs=probs, labels=labels)
    elif form == "csv":
        frame.to_csv(tmp_path / "p.csv", index=False)
    elif form == "parquet":
        frame.to_parquet(tmp_path / "p.parquet")
    elif form == "shards":
        for number, rows in enumerate(np.array_split(np.arange(60), 4)):
            (tmp_path / "s").mkdir(exist_ok=True)
            frame.iloc[rows].to_parquet(tmp_path / "s" / f"{number}.parquet")
        spec = DataSpec(None, pred_probs=str(tmp_path / "s"))
    else:
        np.savez(tmp_path / "d.npz", features=probs, pred_probs=probs, labels=labels)
        spec = DataSpec(str(tmp_path / "d.npz"))
    dataset = load(spec)
    assert np.array_equal(dataset.pred_probs, expected)
    assert dataset.notes == rounding.notes()
    if form != "DATA":
        for size in (7, 60):
            blocks = [block.probs for block in open_probabilities(spec).blocks(size)]
            assert np.array_equal(np.concatenate(blocks), expected)
