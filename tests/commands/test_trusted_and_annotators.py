"""--trusted, --label-columns, --local and the methods that need them, as typed."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy.stats import beta

NAMES = np.array(["ant", "bee", "cow"])


@pytest.fixture
def data(alfs):
    """features.npz of 600 examples, a fifth wrongly labelled; the truth comes back too."""
    generator = np.random.default_rng(0)
    true = np.arange(600) % 3
    given = np.where(generator.random(600) < 0.2, (true + 1) % 3, true)
    X = 4 * np.eye(3)[true] + generator.normal(size=(600, 3))
    np.savez("features.npz", features=X, labels=given, class_names=NAMES)
    return alfs, given, true


def document(done):
    assert done.code == 0, done.err
    return json.loads(done.out)


@pytest.mark.slow
def test_trusted_examples_by_name_and_by_number(data):
    alfs, given, true = data
    places = np.arange(0, 600, 5)
    pd.DataFrame({"index": places, "true_label": NAMES[true[places]]}).to_csv("t.csv", index=False)
    np.savez("t.npz", index=places, true_label=true[places])
    found = [
        document(alfs("estimate", "features.npz", "--trusted", file, "-f", "json"))
        for file in ("t.csv", "t.npz")
    ]
    assert found[0]["transition"] == found[1]["transition"]
    assert found[0]["method"] == "joint-ml + 120 trusted"
    assert found[0]["noise_rate"]["low"] <= 0.2 <= found[0]["noise_rate"]["high"]
    issues = pd.read_csv("alfs-out/issues.csv").set_index("index")
    wrong = places[given[places] != true[places]]
    assert (issues.loc[wrong, "score"] == 1).all()
    assert (issues.loc[wrong, "suggested"] == NAMES[true[wrong]]).all()
    assert not set(places[given[places] == true[places]]) & set(issues.index)
    gold = alfs("estimate", "features.npz", "--trusted", "t.csv", "--method", "gold", "-f", "json")
    assert document(gold)["method"] == "gold"
    text = alfs("estimate", "features.npz", "--trusted", "t.csv", "-v").out
    assert "rest on the trusted examples" in text


def width(found):
    return found["noise_rate"]["high"] - found["noise_rate"]["low"]


def test_scores_make_the_bounds_of_a_sample_narrower(data):
    """Twelve of sixty labels are wrong; a count of them has bounds of Clopper and Pearson."""
    alfs, given, true = data
    places = np.random.default_rng(1).choice(600, 60, replace=False)
    table = pd.DataFrame({"index": places, "true_label": NAMES[true[places]]})
    table.to_csv("plain.csv", index=False)
    table.assign(probability=0.1).to_csv("even.csv", index=False)
    doubt = np.where(given != true, 0.4, 0.1)
    chosen = np.flatnonzero(np.random.default_rng(2).random(600) < doubt)
    table = pd.DataFrame({"index": chosen, "true_label": NAMES[true[chosen]]})
    table.assign(probability=doubt[chosen]).to_csv("drawn.csv", index=False)
    plain, even, drawn = (
        document(alfs("estimate", "features.npz", "--trusted", f"{name}.csv", "-f", "json"))
        for name in ("plain", "even", "drawn")
    )
    wrong = int((given[places] != true[places]).sum())
    counted = beta.ppf(0.95, wrong + 1, 60 - wrong) - beta.ppf(0.05, wrong, 61 - wrong)
    assert width(plain) < 0.75 * counted
    assert even["noise_rate"] == plain["noise_rate"]
    rate = (given != true).mean()
    assert (given[chosen] != true[chosen]).mean() > 2 * rate
    for found in (plain, drawn):
        assert found["noise_rate"]["low"] <= rate <= found["noise_rate"]["high"]
        inner = np.array(found["transition"]).diagonal() @ found["class_prior"]
        assert 1 - inner == pytest.approx(found["noise_rate"]["value"], abs=1e-9)


def test_decisions_settle_their_own_labels(data):
    alfs, given, true = data
    plain = document(alfs("estimate", "features.npz", "-f", "json"))
    issues = pd.read_csv("alfs-out/issues.csv", dtype=str)
    places = issues["index"].astype(int).to_numpy()
    right = given[places] == true[places]
    issues["decision"] = np.where(right, "keep", NAMES[true[places]])
    issues.loc[issues.index[10:], "decision"] = ""
    issues.loc[issues.index[10], "decision"] = "drop"
    issues.to_csv("reviewed.csv", index=False)
    done = alfs("estimate", "features.npz", "--trusted", "reviewed.csv", "-f", "json")
    found = document(done)
    assert found["method"].endswith(", reviewed")
    assert "10 decisions read" in done.err
    assert "1 to drop" in done.err
    moved = abs(found["noise_rate"]["value"] - plain["noise_rate"]["value"])
    assert moved <= 10 / 600 + 1e-9
    err = alfs("estimate", "features.npz", "--trusted", "reviewed.csv", "--method", "gold").err
    assert "no random sample" in err
    clean = NAMES[(true + 2) % 3]
    np.save("other.npy", clean)
    stale = alfs("estimate", "features.npz", "--trusted", "reviewed.csv", "--labels", "other.npy")
    assert stale.code == 2
    assert "are not of these data" in stale.err


def test_decisions_in_the_list_itself_are_kept_beside_the_new_one(data):
    alfs, _, true = data
    assert alfs("estimate", "features.npz").code == 0
    listed = Path("alfs-out/issues.csv")
    issues = pd.read_csv(listed)
    issues["decision"] = NAMES[true[issues["index"]]]
    issues.to_csv(listed, index=False)
    decided = listed.read_bytes()
    for copy in ("issues.reviewed.csv", "issues.reviewed-2.csv"):
        listed.write_bytes(decided)
        done = alfs("estimate", "features.npz", "--trusted", "alfs-out/issues.csv")
        assert done.code == 0, done.err
        assert Path("alfs-out", copy).read_bytes() == decided
        assert f"its decisions are kept in alfs-out/{copy}" in done.err


def test_decisions_as_a_spreadsheet_saves_them(data):
    """Semicolons, CRLF and a byte-order mark; nothing but what was decided."""
    alfs, _, _ = data
    Path("back.csv").write_bytes("\ufeffindex;decision\r\n3;keep\r\n5;ant\r\n".encode())
    done = alfs("estimate", "features.npz", "--trusted", "back.csv", "-f", "json")
    assert document(done)["method"].endswith(", reviewed")
    assert "2 decisions read" in done.err


def test_trusted_examples_stay_in_a_sample(data):
    """--max-examples draws others beside them, and their places are still theirs."""
    alfs, _, true = data
    rows = "".join(f"{i},{NAMES[true[i]]}\n" for i in range(0, 600, 5))
    Path("t.csv").write_text("index,true_label\n" + rows)
    options = ["--trusted", "t.csv", "--method", "gold", "-f", "json"]
    whole = document(alfs("estimate", "features.npz", *options))
    part = alfs("estimate", "features.npz", *options, "--max-examples", "300")
    assert "examples judged" in part.err
    assert 300 <= document(part)["data"]["n"] <= 420
    assert document(part)["transition"] == pytest.approx(np.array(whole["transition"]), abs=0.08)


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ("index,true_label\n600,ant\n", "index 600 is not between 0 and 599"),
        ("index,true_label\n-1,ant\n", "index -1"),
        ("index,true_label\n1,ant\n1,bee\n", "two labels for example 1"),
        ("index,true_label\n1,fly\n", "'fly'"),
        ("index,true_label\na,ant\n", "not whole numbers"),
        ("index,label\n1,ant\n", "no column 'true_label'"),
        ("place,true_label\n1,ant\n", "no column 'index'"),
        ("index,decision\n1,\n2,drop\n", "has a decision that names a class"),
        ("index,decision\n1,fly\n", "'fly'"),
    ],
)
def test_refused_trusted(data, table, says):
    alfs, _, _ = data
    Path("t.csv").write_text(table)
    done = alfs("estimate", "features.npz", "--trusted", "t.csv")
    assert (done.code, done.out) == (2, "")
    assert says in done.err
    assert "help: " in done.err
    assert not Path("alfs-out").exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--trusted", "none.csv"], "no such file"),
        (["--trusted", "features.npz"], "no array 'index'"),
        (["--method", "gold"], "--trusted FILE"),
        (["--method", "annotators"], "--label-columns"),
        (["--label-columns", "a,b"], "no array 'a'"),
        (["--label-columns", ","], "names a column twice, or none"),
        (["--encoder", "resnet18"], "no images here for --encoder"),
        (["--encoder", "resnet18", "--evidence", "pixels"], "of no use"),
        (["--encoder-size", "96"], "no images here for --encoder-size"),
        (["--encoder-size", "96", "--evidence", "features"], "--encoder-size is of no use"),
        (["--evidence", "encoder"], "no images"),
    ],
)
def test_refused_options(data, words, says):
    alfs, _, _ = data
    done = alfs("estimate", "features.npz", *words)
    assert (done.code, done.out) == (2, ""), done.err
    assert any(word in done.err for word in says.split("|")), done.err
    assert "help: " in done.err


@pytest.mark.parametrize(
    "words",
    [
        ["--encoder", "resnet18"], ["--encoder", "st:no-such-model"], ["--encoder-size", "96"],
        ["--encoder-size", "96", "--pred-probs", "p.npy"],
    ],
)  # fmt: skip
def test_kept_evidence_answers_for_no_option_that_is_of_no_use(data, words):
    alfs, _, labels = data
    np.save("p.npy", np.full((len(labels), labels.max() + 1), 1 / (labels.max() + 1)))
    assert alfs("estimate", "features.npz").code == 0
    done = alfs("estimate", "features.npz", *words)
    assert (done.code, done.out) == (2, "")
    assert f"error: no images here for {words[0]}" in done.err or "is of no use" in done.err


def test_methods_that_need_features_say_so(alfs):
    np.save("p.npy", np.full((40, 2), 0.5))
    np.save("y.npy", np.arange(40) % 2)
    words = ("estimate", "--pred-probs", "p.npy", "--labels", "y.npy")
    for extra in (["--method", "knn"], ["--method", "hoc"], ["--local"]):
        done = alfs(*words, *extra)
        assert (done.code, done.out) == (2, "")
        assert "needs features" in done.err
        assert "--features FILE" in done.err


def test_local_clean_level_is_saved_and_shown(data):
    alfs, _, _ = data
    found = document(alfs("estimate", "features.npz", "--local", "-f", "json"))["local"]
    assert set(found) == {"k", "median", "quantiles", "share_below_1"}
    assert found["median"] == found["quantiles"]["0.5"]
    assert found["median"] > 1
    assert "Clean level of single examples" in alfs("estimate", "features.npz", "--local", "-v").out


def annotated(generator, true):
    marks = [np.where(generator.random(600) < 0.2, (true + 1) % 3, true) for _ in range(3)]
    return np.stack(marks, axis=1)


@pytest.mark.slow
def test_annotators_of_a_table_without_anything_else(alfs):
    generator = np.random.default_rng(1)
    true = np.arange(600) % 3
    marks = annotated(generator, true)
    table = pd.DataFrame(NAMES[marks], columns=["anna", "bert", "carl"])
    table.loc[::7, "carl"] = ""
    table["true_label"] = NAMES[true]
    table.to_csv("t.csv", index=False)
    words = ("estimate", "t.csv", "--label-columns", "anna,bert,carl", "--method", "annotators")
    found = document(alfs(*words, "-f", "json"))
    assert found["method"] == "annotators (3)"
    assert found["truth"]["noise_rate"] == pytest.approx(found["noise_rate"]["value"], abs=0.02)
    others = {other["method"]: other["noise_rate"] for other in found["other_estimates"]}
    assert list(others) == ["annotator anna", "annotator bert", "annotator carl"]
    assert others["annotator anna"] == pytest.approx(0.2, abs=0.05)
    assert "err on the same examples" in " ".join(alfs(*words, "-v").out.split())
    assert [one["name"] for one in found["crowd"]["annotators"]] == ["anna", "bert", "carl"]
    rate = found["crowd"]["annotators"][0]["noise_rate"]
    assert rate["low"] < 0.2 < rate["high"]
    one = document(alfs(*words, "--label-column", "anna", "-f", "json"))
    assert one["noise_rate"]["value"] == pytest.approx(0.2, abs=0.05)


@pytest.mark.slow
def test_annotators_in_one_array(alfs):
    generator = np.random.default_rng(1)
    true = np.arange(600) % 3
    marks = annotated(generator, true)
    marks[::5, 2] = -1
    X = 4 * np.eye(3)[true] + generator.normal(size=(600, 3))
    np.savez("a.npz", features=X, votes=marks, labels=marks[:, 0], class_names=NAMES)
    words = ("estimate", "a.npz", "--label-columns", "votes", "--method", "annotators")
    found = document(alfs(*words, "-f", "json"))
    assert found["evidence"]["kind"] == "features"
    assert found["noise_rate"]["value"] == pytest.approx(0.2, abs=0.05)
    np.savez("bad.npz", features=X, votes=np.full((600, 2), 7), labels=marks[:, 0] % 3)
    assert alfs("estimate", "bad.npz", *words[2:]).code == 0  # seven classes more, all empty
    np.savez("short.npz", features=X, a=marks[:, 0], b=marks[:9, 1], labels=marks[:, 0])
    done = alfs("estimate", "short.npz", "--label-columns", "a,b", "--method", "annotators")
    assert done.code == 2
    assert "b of 'short.npz' has shape (9,)" in done.err


def test_annotators_who_always_agree_are_no_model(alfs):
    marks = np.arange(60) % 3
    pd.DataFrame({"a": NAMES[marks], "b": NAMES[marks]}).to_csv("votes.csv", index=False)
    done = alfs("estimate", "votes.csv", "--label-columns", "a,b", "--method", "annotators")
    assert done.code == 0, done.err
    assert "in-sample" not in done.err + done.out


@pytest.fixture
def crowd(alfs):
    """Write the answers of three workers to 150 tasks, whose true labels are known."""
    generator = np.random.default_rng(1)
    true = np.arange(150) % 3
    marks = annotated(generator, np.tile(true, 4))[:150]
    rows = [
        (f"=t{task}", worker, NAMES[marks[task, w]], NAMES[true[task]])
        for task in generator.permutation(150)
        for w, worker in enumerate(("ann", "ben", "cem"))
    ]
    table = pd.DataFrame(rows, columns=["task", "worker", "label", "true_label"])
    table.to_csv("crowd.csv", index=False)
    return alfs, table


def test_of_a_crowd_the_answers_are_judged_and_a_consensus_is_written(crowd):
    alfs, answers = crowd
    done = alfs("estimate", "crowd.csv", "-f", "json", "-o", "html=page.html")
    found = document(done)
    assert "consensus.csv" in done.err
    assert found["method"] == "annotators (3)"
    wrong = (answers["label"] != answers["true_label"]).mean()
    assert found["truth"]["noise_rate"] == pytest.approx(wrong)
    assert found["noise_rate"]["low"] <= wrong <= found["noise_rate"]["high"]
    summary = found["crowd"]
    assert (summary["labels_per_example"], summary["file"]) == (3, "consensus.csv")
    assert summary["kappa"]["low"] < summary["kappa"]["value"] < summary["kappa"]["high"]
    page = Path("page.html").read_text()
    assert "Annotators, least reliable first" in page
    said = " ".join(alfs("report", "alfs-out").out.split())
    assert "3 labels an example tell as much as" in said

    table = pd.read_csv("alfs-out/consensus.csv")
    by_task = answers.groupby("task", sort=False)
    assert table["task"].tolist() == ["'" + task for task in by_task.groups]  # no formula
    assert table["votes"].tolist() == [3] * 150
    several = by_task["label"].nunique().to_numpy() > 1
    assert table["disputed"].tolist() == several.tolist()
    assert summary["disputed"] == several.sum()
    assert (table["label"].to_numpy() == by_task["true_label"].first().to_numpy()).mean() > 0.85
    assert table["probability"].between(1 / 3, 1).all()
    assert table.loc[~table["disputed"], "agreeing"].eq(3).all()

    again = alfs("estimate", "alfs-out/consensus.csv", "--out", "again")
    assert again.code == 2  # votes and probabilities are no features
    assert "has neither a column of image paths" in again.err
    np.savez(
        "x.npz",
        features=np.eye(3)[np.arange(150) % 3],
        labels=np.arange(150) % 3,
        class_names=NAMES,
    )
    redone = alfs("estimate", "x.npz", "--labels", "alfs-out/consensus.csv", "--out", "again")
    assert redone.code == 0, redone.err


def test_a_consensus_of_pictures_is_a_manifest(alfs):
    generator = np.random.default_rng(0)
    true = np.arange(40) % 2
    Path("pictures").mkdir()
    for i, cls in enumerate(true):
        pixels = (generator.integers(0, 60, (8, 8)) + 150 * cls).astype(np.uint8)
        Image.fromarray(pixels).save(f"pictures/{i:02}.png")
    marks = np.where(generator.random((40, 3)) < 0.1, 1 - true[:, None], true[:, None])
    table = pd.DataFrame(NAMES[marks], columns=["a", "b", "c"])
    table.insert(0, "path", [f"pictures/{i:02}.png" for i in range(40)])
    table.to_csv("votes.csv", index=False)
    done = alfs("estimate", "votes.csv", "--label-columns", "a,b,c")
    assert done.code == 0, done.err
    written = pd.read_csv("alfs-out/consensus.csv")
    assert written["path"][3] == "../pictures/03.png"
    again = alfs(
        "estimate", "alfs-out/consensus.csv", "--root", ".", "--out", "again", "-f", "json"
    )
    assert document(again)["data"]["n"] == 40
    refused = alfs(
        "estimate", "alfs-out/consensus.csv", "--root", ".", "--label-columns", "label,votes"
    )
    assert refused.code == 2, refused.err
