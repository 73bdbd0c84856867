"""No gate passes wrong labels because the evidence holds them, or because copies confirm them."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits

K, N = 4, 480
D = 6  # of the ten digits
STRICT = ("--max-noise-rate", "0.05", "--gate-on", "strict", "--min-trust", "high")


@pytest.fixture
def table():
    """A table of which 18 % of the labels are wrong, in the order of the given labels."""
    g = np.random.default_rng(1)
    true = np.repeat(np.arange(K), N // K)
    X = g.standard_normal((N, 5)) + 4 * np.eye(K)[true] @ np.eye(K, 5)
    given = true.copy()
    wrong = g.random(N) < 0.18
    given[wrong] = (true[wrong] + g.integers(1, K, wrong.sum())) % K
    frame = pd.DataFrame(X, columns=list("abcde"))
    frame["label"] = np.array(["cat", "dog", "owl", "yak"])[given]
    order = np.argsort(given, kind="stable")
    return frame.iloc[order].reset_index(drop=True), given[order], float(wrong.mean())


def noise_of(document):
    found = document["noise_rate"]
    return found["low"], found["high"]


LEAKS = {
    "pandas wrote the index": lambda frame, y: frame.reset_index().rename(
        columns={"index": "Unnamed: 0"}
    ),
    "an id in capitals": lambda frame, y: frame.assign(ID=np.arange(N) * 7 + 1000),
    "a counter without such a name": lambda frame, y: frame.assign(lap=np.arange(N)),
    "shuffled rows that are numbered": lambda frame, y: frame.assign(k=np.arange(N)).sample(
        frac=1, random_state=0
    ),
    "the label's code": lambda frame, y: frame.assign(z=y),
    "an affine map of it": lambda frame, y: frame.assign(z=2.5 - y / 3),
    "its one-hot columns": lambda frame, y: frame.assign(**{f"is{k}": y == k for k in range(K)}),
    "its bits": lambda frame, y: frame.assign(high=y // 2, low=y % 2),
}


@pytest.mark.parametrize("name", LEAKS)
def test_a_column_that_holds_the_answer_passes_no_gate(alfs, table, name):
    frame, given, rate = table
    LEAKS[name](frame, given).to_csv("t.csv", index=False)
    done = alfs("check", "t.csv", *STRICT, "-f", "json")
    assert done.code in (1, 2), done.out
    assert "columns not used: '" in done.err
    if done.code == 1:
        gate = next(g for g in json.loads(done.out)["gates"] if g["rule"] == "ALFS301")
        assert gate["low"] <= rate <= gate["high"]


def test_one_rule_for_manifests_features_and_arrays(alfs, table):
    frame, given, rate = table
    X = frame[list("abcde")]
    X.to_csv("features.csv")
    frame[["label"]].to_csv("labels.csv", index=False)
    np.savez("leak.npz", features=np.column_stack([X, given]), labels=given)
    X.assign(z=given).to_parquet("f.parquet")
    for words in (
        ("--features", "features.csv", "--labels", "labels.csv"),
        ("leak.npz",),
        ("--features", "f.parquet", "--labels", "labels.csv"),
    ):
        done = alfs("estimate", *words, "-f", "json")
        assert done.code == 0, done.err
        document = json.loads(done.out)
        low, high = noise_of(document)
        assert low <= rate <= high
        assert document["evidence"]["columns"]["aside"]
        assert "not used: " in done.err


def test_a_column_that_was_asked_for_is_used_and_never_trusted(alfs, table):
    frame, given, _ = table
    frame.assign(z=given).to_csv("t.csv", index=False)
    done = alfs("estimate", "t.csv", "--feature-columns", "a,z", "-f", "json")
    document = json.loads(done.out)
    assert document["evidence"]["columns"]["used"] == ["a", "z"]
    assert document["trust"]["level"] == "low"
    assert "although they may leak the labels: 'z'" in done.err
    assert alfs("check", "t.csv", "--feature-columns", "a,z", *STRICT).code == 1


def test_columns_are_named_and_left_out(alfs, table):
    frame, _, _ = table
    frame.to_csv("t.csv", index=False)
    done = alfs("estimate", "t.csv", "--exclude-columns", "e,d", "-f", "json")
    assert json.loads(done.out)["evidence"]["columns"]["used"] == ["a", "b", "c"]
    done = alfs("estimate", "t.csv", "--feature-columns", "aa")
    assert done.code == 2
    assert "has no column 'aa' (--feature-columns)" in done.err


def test_nothing_left_to_judge_by_is_no_pass(alfs, table):
    frame, given, _ = table
    frame.assign(z=given)[["z", "label"]].to_csv("t.csv", index=False)
    done = alfs("check", "t.csv")
    assert done.code == 2
    assert "no feature is left" in done.err


def digits(rate, seed=0):
    g = np.random.default_rng(seed)
    X, true = load_digits(n_class=D, return_X_y=True)
    given = true.copy()
    wrong = g.random(len(true)) < rate
    given[wrong] = (true[wrong] + g.integers(1, D, wrong.sum())) % D
    return g, X[:500], true[:500], given[:500]


@pytest.mark.parametrize("noise", [0, 0.3, "pictures"])
def test_copies_confirm_nothing(alfs, noise):
    """Each example three times, exactly or nearly, in random order: 28 % of the labels wrong."""
    g, X, true, given = digits(0.28)
    origin = g.permutation(np.repeat(np.arange(len(X)), 3))
    rate = float((given != true).mean())
    if noise == "pictures":
        pictures = 15 * X[origin].reshape(-1, 8, 8) + g.integers(-3, 4, (len(origin), 8, 8))
        arrays = {"images": np.clip(pictures, 0, 255).astype(np.uint8)}
    else:
        arrays = {"features": X[origin] + noise * g.standard_normal((len(origin), 64))}
    np.savez("copies.npz", labels=given[origin], **arrays)
    done = alfs("estimate", "copies.npz", "-f", "json")
    document = json.loads(done.out)
    low, high = noise_of(document)
    assert low <= rate <= high
    assert document["evidence"]["agreement"] < 1 - rate + 0.1
    copies = document["evidence"]["copies"]
    assert copies["contents"] == pytest.approx(len(X), rel=0.02)
    assert copies["exact"] + copies["near"] == len(origin) - copies["contents"]
    assert f"{copies['exact'] + copies['near']:,} of 1,500 examples repeat" in done.err
    if noise:
        assert document["trust"]["level"] == "low"
    assert alfs("check", "copies.npz", *STRICT).code == 1


def test_given_probabilities_of_copies_are_not_trusted(alfs):
    """A model that saw the copies in its other folds agrees with their wrong labels."""
    g, X, _true, given = digits(0.28)
    origin = g.permutation(np.repeat(np.arange(len(X)), 3))
    probs = np.full((len(origin), D), 0.01)
    probs[np.arange(len(origin)), given[origin]] = 0.95
    some = g.random(len(origin)) < 0.02
    probs[some] = 1 / D
    np.savez("copies.npz", features=X[origin], labels=given[origin], pred_probs=probs)
    done = alfs("estimate", "copies.npz", "-f", "json")
    document = json.loads(done.out)
    assert document["trust"]["level"] == "low"
    assert any("copies at hand" in reason for reason in document["trust"]["reasons"])


def test_one_class_copied_six_times_stays_within_the_bounds(alfs):
    g, X, true, given = digits(0.2, seed=3)
    origin = np.concatenate([np.arange(len(X)), np.repeat(np.flatnonzero(given == 3), 5)])
    origin = g.permutation(origin)
    np.savez("over.npz", features=X[origin], labels=given[origin], true_labels=true[origin])
    document = json.loads(alfs("estimate", "over.npz", "-f", "json").out)
    low, high = noise_of(document)
    assert low <= document["truth"]["noise_rate"] <= high


def test_groups_are_kept_together(alfs):
    g, X, true, given = digits(0.25)
    patient = g.permutation(np.repeat(np.arange(len(X)), 3))
    features = X[patient] + 2.0 * g.standard_normal((len(patient), 64))
    np.savez("g.npz", features=features, labels=given[patient], patient=patient)
    rate = float((given != true).mean())
    document = json.loads(alfs("estimate", "g.npz", "--group-column", "patient", "-f", "json").out)
    assert document["evidence"]["copies"]["groups"] == len(X)
    low, high = noise_of(document)
    assert low <= rate <= high
    done = alfs("estimate", "g.npz", "--group-column", "nobody")
    assert done.code == 2
    assert "nobody" in done.err


@pytest.mark.parametrize("kind", ["features", "images", "pred_probs"])
def test_the_order_of_the_rows_changes_nothing(alfs, kind):
    g, X, true, given = digits(0.2)
    if kind == "features":
        arrays = {"features": X}
    elif kind == "images":
        arrays = {"images": (15 * X).reshape(-1, 8, 8).astype(np.uint8)}
    else:
        raw = np.exp(2 * np.eye(D)[true] + g.standard_normal((len(true), D)))
        arrays = {"pred_probs": raw / raw.sum(axis=1, keepdims=True)}
    found = []
    for order in (np.argsort(given, kind="stable"), g.permutation(len(given))):
        moved = {name: array[order] for name, array in arrays.items()}
        np.savez("d.npz", labels=given[order], **moved)
        done = alfs("estimate", "d.npz", "-f", "json", "--out", f"out{len(found)}")
        document = json.loads(done.out)
        listed = pd.read_parquet(f"out{len(found)}/issues.parquet")
        document["suspects"] = sorted(zip(order[listed["index"]], listed["score"], strict=True))
        for changing in ("seconds", "issues"):
            del document[changing]
        del document["data"]["fingerprint"], document["data"]["spec"]
        found.append(document)
    assert found[0] == found[1]
