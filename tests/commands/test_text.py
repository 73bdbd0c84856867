"""Texts through the commands: judged, listed with their text, fixed, audited, refused in words."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import alfs_cli as alfs

SUBJECTS = {
    "cooking": "bake stir oven pan soup salt butter flour sugar boil onion pepper dough sauce",
    "sailing": "mast wind harbour sail rope deck keel tide anchor hull storm rudder crew shore",
    "music": "chord violin melody tune drum choir rhythm piano note song flute opera scale horn",
}
N = 360
WRONG = 36
MARKUP = "<script>alert(1)</script>"


def sentences(seed=0):
    """Return N texts of words of their subject and of all, labels with 36 wrong, true labels."""
    rng = np.random.default_rng(seed)
    names, words = list(SUBJECTS), [text.split() for text in SUBJECTS.values()]
    common = ["the", "of", "and", "with", "from", "into", "over", "after", "before", "under"]
    true = np.arange(N) % 3
    texts = [
        " ".join(rng.permutation([*rng.choice(words[k], 6), *rng.choice(common, 6)])) for k in true
    ]
    given = true.copy()
    wrong = rng.choice(N, WRONG, replace=False)
    given[wrong] = (true[wrong] + rng.integers(1, 3, WRONG)) % 3
    return texts, [names[k] for k in given], [names[k] for k in true]


def saved():
    return json.loads(Path("alfs-out/estimate.json").read_text())


@pytest.fixture
def table(alfs):
    texts, given, true = sentences()
    texts[0] = f"{MARKUP} =1+1 {texts[0]}"
    frame = pd.DataFrame({"id": range(N), "review": texts, "label": given, "true_label": true})
    frame.to_csv("reviews.csv", index=False)
    return frame


def test_an_estimate_finds_the_wrong_labels_and_names_its_evidence(alfs, table):
    done = alfs("estimate", "reviews.csv", "-v")
    assert done.code == 0, done.err
    assert "judged by the text in column 'review'; --text-column names another" in done.err
    estimate = saved()
    evidence = estimate["evidence"]
    assert (evidence["kind"], evidence["columns"]["used"]) == ("text", ["review"])
    assert evidence["columns"]["aside"] == {"id": "is named as an id"}
    assert evidence["name"].startswith("TF-IDF of words and letters, ")
    assert estimate["noise_rate"]["low"] <= 0.1 <= estimate["noise_rate"]["high"]
    assert estimate["issues"]["precision"] > 0.9
    assert estimate["issues"]["recall"] > 0.7
    listed = pd.read_csv("alfs-out/issues.csv")
    assert list(listed.columns)[-1] == "text"
    plain = listed[~listed["text"].str.startswith("<")]
    assert (table["review"].to_numpy()[plain["index"]] == plain["text"]).all()
    assert listed["text"][0] in done.out


def test_pages_show_texts_escaped(alfs, table):
    table.loc[0, "label"] = "music" if table["true_label"][0] != "music" else "cooking"
    table.to_csv("reviews.csv", index=False)
    assert alfs("estimate", "reviews.csv", "-o", "html=e.html").code == 0
    assert alfs("report").code == 0
    for name in ("e.html", "alfs-out/report.html"):
        page = Path(name).read_text(encoding="utf-8")
        assert "Labels most likely wrong" in page
        assert MARKUP not in page
    assert alfs("report", "--no-images").code == 0
    assert "Labels most likely wrong" not in Path("alfs-out/report.html").read_text(
        encoding="utf-8"
    )


def test_check_names_texts_and_fix_mends_the_file(alfs, table):
    done = alfs(
        "check", "reviews.csv", "--select", "ALFS101", "--max-new-issues", "0", "-f", "concise"
    )
    assert done.code == 1
    assert "looks like" in done.out
    assert "no empty texts" in alfs("check", "reviews.csv", "--max-noise-rate", "0.9").out
    assert alfs("estimate", "reviews.csv").code == 0
    assert alfs("fix", "reviews.csv", "--relabel", "--to", "mended.csv", "--force").code == 0
    mended = pd.read_csv("mended.csv")
    assert mended.drop(columns="label").equals(table.drop(columns="label"))
    assert (mended["label"] != mended["true_label"]).mean() < 0.05


def test_an_audit_shows_the_text_and_not_the_label(alfs, table):
    done = alfs("audit", "reviews.csv", "--sheet", "sheet.csv", "--batch", "5")
    assert done.code == 0, done.err
    sheet = pd.read_csv("sheet.csv")
    assert list(sheet.columns) == ["index", "draw", "data.id", "data.review", "true_label"]


def test_the_column_that_agrees_more_with_the_labels_is_taken(alfs, table):
    place = table["true_label"].map({name: k for k, name in enumerate(SUBJECTS)})
    rng = np.random.default_rng(1)
    table["x"] = place + rng.normal(0, 0.1, N)
    table["review"] = rng.permutation(table["review"].to_numpy())
    table.to_csv("reviews.csv", index=False)
    done = alfs("estimate", "reviews.csv")
    assert "features taken: out-of-fold agreement" in done.err
    assert "judged by columns, not by the text in column 'review'" in done.err
    aside = saved()["evidence"]["columns"]["aside"]
    assert aside["review"] == "holds text, which agrees less with the labels"
    done = alfs("estimate", "reviews.csv", "--text-column", "review")
    columns = saved()["evidence"]["columns"]
    assert columns["used"] == ["review"]
    assert columns["aside"]["x"] == "is not the text that is judged"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["estimate", "reviews.csv", "--encoder", "efficientnet-lite0"],
         "encoder 'efficientnet-lite0' takes pictures, and the data are texts"),
        (["estimate", "reviews.csv", "--encoder-size", "96"], "no images here for --encoder-size"),
        (["estimate", "reviews.csv", "--evidence", "pixels"], "no images here"),
        (["estimate", "reviews.csv", "--evidence", "network"], "holds texts"),
        (["estimate", "digits", "--evidence", "text"], "no texts here"),
        (["estimate", "reviews.csv", "--text-column", "revue"], "did you mean 'review'?"),
        (["train", "reviews.csv", "--loss", "ce"], "holds texts, which no network of alfs reads"),
        (["inject", "reviews.csv", "--noise", "instance", "--rate", "0.1", "--to", "n.csv"],
         "neither images nor features"),
        (["inspect", "reviews.csv"], "is a data set, no image"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_with_texts_is_said(alfs, table, words, said):
    done = alfs(*words)
    assert done.code == 2
    assert said in done.err
    assert "help: " in done.err


def test_texts_in_python_are_judged_as_in_a_file(table, tmp_path):
    given = {"labels": table["label"], "true_labels": table["true_label"]}
    est = alfs.estimate(texts=table["review"].tolist(), **given)
    file = alfs.estimate("reviews.csv")
    assert est.transition.tolist() == file.transition.tolist()
    assert est.suspects["text"].tolist() == file.suspects["text"].tolist()
    assert alfs.check(texts=table["review"], labels=table["label"], max_noise_rate=0.9).passed
    aud = alfs.audit(texts=table["review"].tolist(), labels=table["label"].tolist(), out=tmp_path)
    assert aud.shown(aud.next()[0]).keys() == {"text"}


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ("one text", "texts are one text"),
        ([1.5] * 4, "texts hold a float"),
        ([""] * 4, "the list of texts holds no text"),
        (["a b c", "b c d", "a b d"], "labels has 4 rows"),
    ],
)
def test_what_is_no_list_of_texts_is_refused_in_python(texts, message):
    with pytest.raises(alfs.AlfsError, match=message):
        alfs.estimate(texts=texts, labels=["ant", "bee", "ant", "bee"])
