"""`alfs.estimate` and `alfs.load_estimate`: the command's numbers, the caller's names and index."""

import json
import math
import re
import warnings

import numpy as np
import pandas as pd
import pytest

import alfs_cli as alfs
from alfs_cli.cli import run

pytestmark = pytest.mark.usefixtures("estimates_made_once")

FILES = {"estimate.json", "transition.csv", "issues.csv", "issues.parquet"}


def numbers(document):
    """Return a document without what tells where the data lay and how long it took."""
    data = {k: v for k, v in document["data"].items() if k not in ("source", "kind", "spec")}
    return {**document, "data": data, "seconds": 0}


def of_command(folder, *words):
    """Return the document that `alfs estimate` writes."""
    assert run(["estimate", *map(str, words), "--out", str(folder), "-q"]) == 0
    return json.loads((folder / "estimate.json").read_text())


def test_arrays_give_the_numbers_of_the_command(tmp_path, data, est):
    X, y, _ = data
    np.save(tmp_path / "X.npy", X)
    np.save(tmp_path / "y.npy", y)
    words = ("--features", tmp_path / "X.npy", "--labels", tmp_path / "y.npy")
    typed = of_command(tmp_path / "out", *words, "--classes", '["cat","dog","o,wl"]')
    assert numbers(typed) == numbers(json.loads(json.dumps(est.document())))
    listed = pd.read_parquet(tmp_path / "out" / "issues.parquet")
    pd.testing.assert_frame_equal(listed, est.suspects)


def test_a_frame_gives_the_numbers_of_its_file(tmp_path, framed):
    frame, labels, est = framed
    file = tmp_path / "t.csv"
    frame.assign(label=np.asarray(labels)).to_csv(file, index=False)
    typed = of_command(tmp_path / "out", file, "--classes", "low,mid,high")
    assert numbers(typed) == numbers(json.loads(json.dumps(est.document())))


def test_probabilities_and_paths_give_the_numbers_of_the_command(tmp_path, data):
    _, y, true = data
    P = 0.1 + 0.7 * np.eye(3)[true]
    np.savez(tmp_path / "p.npz", pred_probs=P, labels=y)
    typed = of_command(tmp_path / "out", "--pred-probs", tmp_path / "p.npz", "--seed", 3)
    held = alfs.estimate(pred_probs=P, labels=y, seed=3)
    named = alfs.estimate(pred_probs=tmp_path / "p.npz", seed=np.int64(3))
    for est in (held, named):
        assert numbers(typed) == numbers(json.loads(json.dumps(est.document())))


def test_what_it_tells(data, est):
    _, y, true = data
    assert est.n == len(y)
    assert est.noise_rate.low < (y != true).mean() < est.noise_rate.high
    assert est.transition.shape == (3, 3)
    np.testing.assert_allclose(est.transition.sum(axis=1), 1)
    assert est.class_names == ("cat", "dog", "o,wl")
    assert est.clean_level.value == est.to_frame()["clean_level"].min()
    assert est.trust.level in ("high", "medium", "low")
    assert est.trust.reasons
    frame = est.to_frame()
    assert frame.index.tolist() == list(est.class_names)
    assert frame["clean_share"].tolist() == np.diag(est.transition).tolist()
    suspected = est.suspects["index"].to_numpy()
    assert (y != true)[suspected].mean() > 0.8


def test_suspects_bear_the_index_of_the_caller(framed):
    _, labels, est = framed
    suspects = est.suspects
    assert len(suspects) > 10
    assert suspects.index.name == "sample"
    assert suspects.index.tolist() == [f"r{i}" for i in suspects["index"]]
    assert (labels.loc[suspects.index].astype(str) == suspects["given"]).all()
    suspects["given"] = "changed"
    assert not (est.suspects["given"] == "changed").any()


def test_columns_that_tell_the_label_are_set_aside_and_said(framed):
    *_, est = framed
    assert est.class_names == ("low", "mid", "high")
    assert est.result.evidence.columns.used == ("a", "b", "c")
    assert any("'code' holds the label again" in text for text in est.notes)
    assert "'code' holds the label again" in repr(est)


def test_trusted_labels_are_those_of_the_index(data, framed):
    _, _, true = data
    frame, labels, _ = framed
    names = np.array(["low", "mid", "high"])[true]
    places = range(0, len(true), 6)
    by_name = {f"r{i}": names[i] for i in places}
    table = pd.DataFrame({"index": [*places], "true_label": names[::6]})
    found = [
        alfs.estimate(features=frame, labels=labels, trusted=trusted)
        for trusted in (by_name, table)
    ]
    assert all("50 trusted" in est.method for est in found)
    assert len({json.dumps(numbers(est.document())) for est in found}) == 1


def test_saved_and_read_again(tmp_path, est):
    est.save(tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").iterdir()} == FILES
    for path in (tmp_path / "out", str(tmp_path / "out" / "estimate.json")):
        again = alfs.load_estimate(path)
        assert again.result == est.result
        pd.testing.assert_frame_equal(again.suspects, est.suspects)
    again.save(tmp_path / "copy")
    for name in FILES:
        assert (tmp_path / "copy" / name).read_bytes() == (tmp_path / "out" / name).read_bytes()
    (tmp_path / "copy" / "issues.parquet").unlink()
    alone = alfs.load_estimate(tmp_path / "copy")
    assert alone.noise_rate == est.noise_rate
    with pytest.raises(alfs.AlfsError, match=r"no issues\.parquet lies beside"):
        _ = alone.suspects
    with pytest.raises(alfs.AlfsError, match="scores of single examples are not kept"):
        alone.to_datalab()


def test_decisions_that_it_rests_on_are_kept(tmp_path, data, est):
    X, y, _ = data
    est.save(tmp_path)
    listed = pd.read_csv(tmp_path / "issues.csv")
    listed.assign(decision=listed["suggested"]).to_csv(tmp_path / "issues.csv", index=False)
    trusted = tmp_path / "issues.csv"
    again = alfs.estimate(features=X, labels=y, class_names=est.class_names, trusted=trusted)
    again.save(tmp_path)
    assert "decision" in pd.read_csv(tmp_path / "issues.reviewed.csv").columns


@pytest.mark.parametrize("damage", ["not parquet", "other classes", "other columns"])
def test_a_list_of_suspects_that_is_not_its_own(tmp_path, est, damage):
    est.save(tmp_path)
    file = tmp_path / "issues.parquet"
    if damage == "not parquet":
        file.write_text("PAR1")
    elif damage == "other classes":
        est.suspects.assign(given="cow").to_parquet(file)
    else:
        est.suspects.drop(columns="score").to_parquet(file)
    with pytest.raises(alfs.AlfsError, match=r"issues\.parquet"):
        alfs.load_estimate(tmp_path)


def test_a_missing_estimate(tmp_path):
    with pytest.raises(alfs.AlfsError, match=r"no such file: .*estimate\.json"):
        alfs.load_estimate(tmp_path)


def test_it_fits_a_screen_and_a_notebook(est, framed):
    for shown in (est, framed[-1]):
        assert len(repr(shown)) < 1500
        assert re.match(r"\d+\.\d % of the labels look wrong \(", repr(shown))
        page = shown._repr_html_()
        assert page.count("<div") == page.count("</div>")
        assert not re.search(r"<script|https?:|<html|\bon\w+=", page)


def test_names_cannot_break_the_page_or_the_terminal(data):
    X, y, _ = data
    names = ["<script>alert(1)</script>", "b\x1b[31m", "x" * 3000]
    est = alfs.estimate(features=X, labels=y, class_names=names)
    page = est._repr_html_()
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "\x1b" not in page + repr(est)
    assert len(repr(est)) < 1500


def test_at_low_trust_it_leads_with_the_interval_and_warns_here(data):
    _, y, _ = data
    P = np.full((len(y), 3), 0.0005)
    P[np.arange(len(y)), y] = 0.999
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        est = alfs.estimate(pred_probs=P, labels=y)
    assert est.trust.level == "low"
    assert repr(est).startswith("between 0 % and ")
    assert repr(est).splitlines()[1].startswith("  trust        low: ")
    assert '<p class="line"><b>! WARN</b> between 0 % and ' in est._repr_html_()
    (warning,) = heard
    assert warning.category is alfs.AlfsWarning
    assert "in_sample_ok=True" in str(warning.message)
    assert warning.filename == __file__


@pytest.mark.parametrize(
    ("asked", "said", "help"),
    [
        ({"folds": 1}, "folds is 1: not a whole number, 2 or more", "folds=5 is usual"),
        ({"seed": -1}, "seed is -1", None),
        ({"confidence": 0.2}, "confidence is 0.2, not between", "confidence=0.95"),
        ({"resamples": 5}, "resamples is 5", None),
        ({"issue_threshold": 1.5}, "issue_threshold is 1.5, not between 0 and 1", "=0.5"),
        ({"issue_threshold": math.nan}, "issue_threshold is nan", None),
        ({"trusted": "nope"}, "no such file: 'nope'", "reads .npz"),
        ({"evidence": None}, "unknown kind of evidence 'None'", "known: "),
        ({"evidence": "pixel"}, "did you mean 'pixels'", "known: "),
        ({"evidence": "pred-probs"}, "no predicted probabilities", "pred_probs=FILE"),
        ({"method": "gold"}, "'gold' needs", "trusted=FILE"),
        ({"feature_columns": ["7"]}, r"no column '7' \(feature_columns\)", None),
        ({"class_names": ["cat"]}, "only one class", "class_names"),
        ({"data": pd.DataFrame()}, "data is a DataFrame", "features="),
        ({"labels": None}, "no labels", "labels=FILE"),
        ({"split": "test"}, "split says how files are read", None),
    ],
)
def test_mistakes_are_told_in_parameters(data, asked, said, help):
    X, y, _ = data
    with pytest.raises(alfs.AlfsError, match=said) as caught:
        alfs.estimate(**{"features": X, "labels": y, **asked})
    told = f"{caught.value} {caught.value.help}"
    assert "--" not in told
    assert (help or "") in told


def test_a_built_in_name_is_read_as_by_the_command():
    est = alfs.estimate("digits", max_examples=300)
    assert est.n == 300
    assert est.result.data.source == "digits"
    assert est.notes[-1].startswith("300 of ") or any("300 of" in text for text in est.notes)


def test_a_crowd_has_annotators_and_a_consensus(tmp_path, est):
    generator = np.random.default_rng(2)
    true = np.arange(120) % 2
    names = np.array(["no", "yes"])
    votes = pd.DataFrame(
        {
            who: names[np.where(generator.random(120) < rate, 1 - true, true)]
            for who, rate in (("ann", 0.05), ("ben", 0.1), ("cem", 0.4))
        }
    )
    votes.to_csv(tmp_path / "votes.csv", index=False)
    several = alfs.estimate(tmp_path / "votes.csv", label_columns=["ann", "ben", "cem"])
    assert several.annotators.index.tolist() == ["ann", "ben", "cem"]
    assert several.annotators["noise_rate"].idxmax() == "cem"
    assert (several.annotators["noise_rate_low"] <= several.annotators["noise_rate"]).all()
    assert several.consensus["index"].tolist() == list(range(120))
    assert (several.consensus["label"] == names[true]).mean() > 0.9
    several.save(tmp_path / "out")
    again = alfs.load_estimate(tmp_path / "out")
    pd.testing.assert_frame_equal(again.consensus, several.consensus, rtol=1e-5)
    assert again.result.crowd == several.result.crowd
    assert est.annotators.empty
    with pytest.raises(alfs.AlfsError, match="each example has one label"):
        _ = est.consensus
