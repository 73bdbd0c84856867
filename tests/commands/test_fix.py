"""`alfs fix` as typed: what it writes, what it says it changed, what it refuses."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from alfs_cli.data import DataSpec, load

HEAD = "index,path,given,suggested,self_confidence,suggested_confidence,score,decision"


@pytest.fixture
def clouds(alfs):
    """x.npz, three clouds of points with a fifth of the labels shifted, and its estimate."""
    generator = np.random.default_rng(0)
    true = np.arange(450) % 3
    given = np.where(generator.random(450) < 0.2, (true + 1) % 3, true)
    X = 4 * np.eye(3)[true] + generator.normal(size=(450, 3))
    np.savez(
        "x.npz", features=X, labels=given, true_labels=true, class_names=["ant", "bee", "cow"],
        ids=np.arange(450), transition=np.eye(3), extra=np.arange(7),
    )  # fmt: skip
    assert alfs("estimate", "x.npz", "-q").code == 0
    return alfs


@pytest.fixture
def pictures(alfs):
    """Twenty pictures in two classes, and a list of three suspects."""
    for label, name in enumerate(("cat", "dog")):
        Path("data", name).mkdir(parents=True)
        for number in range(10):
            Image.new("L", (4, 4), 100 * label + number).save(f"data/{name}/{number}.png")
    Path("alfs-out").mkdir()
    write("drop", "", "")
    return alfs


def write(*decisions, scores=(0.9, 0.8, 0.3)):
    rows = (
        f"0,data/cat/0.png,cat,dog,0.1,0.9,{scores[0]}",
        f"12,data/dog/2.png,dog,cat,0.2,0.6,{scores[1]}",
        f"19,data/dog/9.png,dog,cat,0.3,0.4,{scores[2]}",
    )
    lines = [f"{row},{word}" for row, word in zip(rows, decisions, strict=True)]
    Path("alfs-out/issues.csv").write_text("\n".join([HEAD, *lines]) + "\n")


def likely():
    """Return the rows of issues.csv that a cleaning acts on by itself."""
    listed = pd.read_csv("alfs-out/issues.csv")
    return listed[listed.kind != "possible"]


def document(done):
    assert done.code == 0, done.err
    return json.loads(done.out)


def test_drop_leaves_suspects_out_of_every_array(clouds):
    listed = likely()
    before = Path("x.npz").read_bytes()
    found = document(clouds("fix", "x.npz", "--drop", "--to", "c.npz", "-f", "json"))
    assert found["schema"] == "alfs.fix/1"
    assert (found["dropped"], found["relabelled"]) == (len(listed), 0)
    assert found["n_after"] == 450 - len(listed) == sum(found["given_counts_after"])
    assert sum(change["count"] for change in found["changes"]) == len(listed)
    assert {change["new"] for change in found["changes"]} == {None}
    rest = np.setdiff1d(np.arange(450), listed["index"])
    with np.load("c.npz") as copy, np.load("x.npz") as whole:
        assert copy["ids"].tolist() == rest.tolist()
        assert copy["extra"].tolist() == list(range(7))
        assert "transition" not in copy  # the labels are no draw from it any more
        for key in ("features", "labels", "true_labels"):
            assert (copy[key] == whole[key][rest]).all()
    truth = found["truth"]
    assert truth["noise_rate_before"] > 0.15 > 0.03 > truth["noise_rate_after"]
    assert truth["dropped_wrong"] + truth["dropped_right"] == len(listed)
    assert Path("x.npz").read_bytes() == before


def test_relabel_gives_the_suggested_class(clouds):
    done = clouds("fix", "x.npz", "--relabel", "--to", "c.npz")
    assert done.code == 0, done.err
    assert "beside the truth" in done.out
    listed = likely()
    before, after = load(DataSpec("x.npz")), load(DataSpec("c.npz"))
    named = np.array(after.class_names)[after.labels]
    assert (named[listed["index"]] == listed.suggested).all()
    untouched = np.setdiff1d(np.arange(450), listed["index"])
    assert (after.labels[untouched] == before.labels[untouched]).all()
    assert (after.labels != after.true_labels).mean() < 0.03


def test_thresholds(pictures):
    write("", "", "")
    words = ("fix", "data", "-f", "json", "--to", "c.csv")
    assert document(pictures(*words, "--drop"))["dropped"] == 2
    assert document(pictures(*words, "--drop", "--min-score", "0.2"))["dropped"] == 3
    assert document(pictures(*words, "--drop", "--min-score", "0.95"))["dropped"] == 0
    assert document(pictures(*words, "--relabel", "--min-confidence", "0.7"))["relabelled"] == 1


def test_review_does_what_people_decided_and_nothing_else(pictures):
    write("drop", "keep", "cat")
    found = document(pictures("fix", "data", "--review", "--to", "c.csv", "-f", "json"))
    assert (found["decided"], found["dropped"], found["relabelled"]) == (3, 1, 1)
    assert found["truth"] is None
    frame = pd.read_csv("c.csv")
    assert list(frame.columns) == ["path", "label"]
    assert len(frame) == 19
    assert frame.path[0] == "data/cat/1.png"
    assert frame.label.tolist() == ["cat"] * 9 + ["dog"] * 9 + ["cat"]
    assert load(DataSpec("c.csv")).images.decode(np.arange(19))[1].all()


@pytest.mark.parametrize(("mode", "dropped", "relabelled"), [("--drop", 1, 1), ("--relabel", 0, 2)])
def test_decisions_come_before_the_mode(pictures, mode, dropped, relabelled):
    write("keep", "", "cat")
    found = document(pictures("fix", "data", mode, "--to", "c.csv", "-f", "json"))
    assert (found["dropped"], found["relabelled"]) == (dropped, relabelled)


def test_a_manifest_of_features_keeps_its_columns(alfs):
    rows = "".join(f"{i % 2 * 9 + i / 10},n{i},{'ab'[i % 2]}\n" for i in range(12))
    Path("m.csv").write_text("x,note,label\n" + rows)
    Path("list.csv").write_text(f"{HEAD}\n3,,b,a,0.1,0.9,0.9,\n")
    done = alfs("fix", "m.csv", "--drop", "--issues", "list.csv", "--to", "c.tsv")
    assert done.code == 0, done.err
    assert "only its rows are compared" in done.err
    frame = pd.read_csv("c.tsv", sep="\t")
    assert list(frame.columns) == ["x", "note", "label"]
    assert frame.note.tolist() == [f"n{i}" for i in range(12) if i != 3]


def test_without_to_it_lies_under_out(pictures):
    assert pictures("fix", "data", "--review").code == 0
    assert Path("alfs-out/cleaned.csv").exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "no option says what to do"),
        (("--drop", "--relabel"), "--drop and --relabel exclude each other"),
        (("--drop", "--issues", "no.csv"), "'no.csv' is not there"),
        (("--drop", "--to", "c.npz"), "does not end in .csv or .tsv"),
        (("--drop", "--to", "alfs-out/issues.csv"), "is the list of suspects"),
        (("--drop", "--min-score", "2"), "min-score"),
    ],
)
def test_refused(pictures, words, says):
    done = pictures("fix", "data", *words)
    assert (done.code, done.out) == (2, "")
    assert says in done.err
    assert "help: " in done.err
    assert not Path("alfs-out/cleaned.csv").exists()


def test_wrong_decisions_write_nothing(pictures):
    write("cta", "", "leave")
    done = pictures("fix", "data", "--review", "--to", "c.csv")
    assert (done.code, done.out) == (2, "")
    assert "issues.csv:2: decision 'cta'" in done.err
    assert "issues.csv:4: decision 'leave'" in done.err
    assert not Path("c.csv").exists()
    write("", "", "")
    assert "has no decisions" in pictures("fix", "data", "--review").err


def test_an_estimate_of_other_labels_is_stale(clouds):
    with np.load("x.npz") as file:
        arrays = dict(file)
    safe = np.setdiff1d(np.arange(450), pd.read_csv("alfs-out/issues.csv")["index"])[0]
    arrays["labels"][safe] = (arrays["labels"][safe] + 1) % 3
    np.savez("y.npz", **arrays)
    done = clouds("fix", "y.npz", "--drop", "--to", "c.npz")
    assert done.code == 2
    assert "was made from data with the fingerprint" in done.err
    assert clouds("fix", "y.npz", "--drop", "--to", "c.npz", "--allow-stale").code == 0


def test_everything_dropped_is_refused(pictures):
    rows = [
        f"{i},data/{'cat' if i < 10 else 'dog'}/{i % 10}.png,{'cat' if i < 10 else 'dog'},dog,"
        "0,1,1,drop"
        for i in range(20)
    ]
    Path("alfs-out/issues.csv").write_text("\n".join([HEAD, *rows]))
    assert "every example would be dropped" in pictures("fix", "data", "--review").err
    Path("alfs-out/issues.csv").write_text("\n".join([HEAD, *rows[:10]]))
    done = pictures("fix", "data", "--review")
    assert (done.code, done.out) == (2, "")
    assert "no example would be left of 'cat': 10 of 20 examples would be dropped" in done.err
    assert not Path("alfs-out/cleaned.csv").exists()
    done = pictures("fix", "data", "--review", "--force")
    assert done.code == 0
    assert "no example is left of cat" in done.out


def with_trust(level, *, reasons=("hardly any evidence",)):
    """Rewrite the trust of the estimate beside the list."""
    path = Path("alfs-out/estimate.json")
    document = json.loads(path.read_text())
    document["trust"] = {"level": level, "reasons": list(reasons)}
    path.write_text(json.dumps(document))


def test_a_list_of_low_trust_drops_nothing_without_force(clouds):
    with_trust("low")
    listed = len(likely())
    for mode, dropped, moved in (("--drop", listed, 0), ("--relabel", 0, listed)):
        done = clouds("fix", "x.npz", mode, "--to", "c.npz")
        assert (done.code, done.out) == (2, "")
        assert "trust in the list is low (hardly any evidence)" in done.err
        assert f"{dropped} of 450 examples would be dropped, {moved} relabelled" in done.err
        assert "--force" in done.err
        assert not Path("c.npz").exists()
        done = clouds("fix", "x.npz", mode, "--to", "c.npz", "--force", "-f", "json")
        assert document(done)["trust"] == "low"
        assert "warning: trust in the list is low" in done.err
        Path("c.npz").unlink()


@pytest.mark.parametrize("level", ["medium", "high"])
def test_other_trust_needs_no_force(clouds, level):
    with_trust(level)
    done = clouds("fix", "x.npz", "--drop", "--to", "c.npz")
    assert (done.code, done.err) == (0, "")
    assert f"trust {level}" in done.out


def test_at_low_trust_a_few_labels_are_changed_and_it_is_said(clouds):
    with_trust("low")
    frame = pd.read_csv("alfs-out/issues.csv")
    for count, code in ((45, 0), (46, 2)):
        frame.head(count).to_csv("alfs-out/issues.csv", index=False)
        done = clouds("fix", "x.npz", "--relabel", "--to", f"{count}.npz")
        assert done.code == code
        assert "trust in the list is low" in done.err
        frame.to_csv("alfs-out/issues.csv", index=False)
    frame.head(1).to_csv("alfs-out/issues.csv", index=False)
    assert clouds("fix", "x.npz", "--drop", "--to", "c.npz").code == 2


def test_decisions_of_people_need_no_trust(clouds):
    with_trust("low")
    frame = pd.read_csv("alfs-out/issues.csv").assign(decision="drop")
    frame.to_csv("alfs-out/issues.csv", index=False)
    for mode in ("--review", "--drop", "--relabel"):
        done = clouds("fix", "x.npz", mode, "--to", "c.npz")
        assert (done.code, done.err) == (0, "")


@pytest.mark.parametrize("mode", ["--drop", "--relabel"])
def test_a_class_that_would_vanish_needs_force(pictures, mode):
    rows = [f"{i},data/cat/{i}.png,cat,dog,0.1,0.9,0.9," for i in range(10)]
    Path("alfs-out/issues.csv").write_text("\n".join([HEAD, *rows]))
    done = pictures("fix", "data", mode, "--to", "c.csv")
    assert (done.code, done.out) == (2, "")
    assert "no example would be left of 'cat'" in done.err
    assert not Path("c.csv").exists()
    assert pictures("fix", "data", mode, "--to", "c.csv", "--force").code == 0
    rows[-1] = rows[-1].replace("0.9,0.9", "0.9,0.4")
    Path("alfs-out/issues.csv").write_text("\n".join([HEAD, *rows]))
    assert pictures("fix", "data", mode, "--to", "c.csv").code == 0


def test_merely_possible_suspects_are_for_people(pictures):
    rows = (
        "0,data/cat/0.png,cat,dog,0.1,0.9,0.9,,proven",
        "1,data/cat/1.png,cat,dog,0.1,0.9,0.9,,likely",
        "2,data/cat/2.png,cat,dog,0.1,0.9,0.9,,possible",
        "3,data/cat/3.png,cat,dog,0.1,0.9,0.9,dog,possible",
        "4,data/cat/4.png,cat,dog,0.1,0.9,0.9,,",
    )
    Path("alfs-out/issues.csv").write_text("\n".join([f"{HEAD},kind", *rows]))
    words = ("fix", "data", "--relabel", "--min-score", "0", "--to", "c.csv", "-f", "json")
    assert document(pictures(*words))["relabelled"] == 3
    assert pd.read_csv("c.csv").label[:5].tolist() == ["dog", "dog", "cat", "dog", "cat"]
    Path("alfs-out/issues.csv").write_text(f"{HEAD},kind\n{rows[0]}ly\n")
    assert (
        "issues.csv:2: kind 'provenly' is none of proven, likely, possible" in pictures(*words).err
    )


def test_a_picture_that_is_cut_short_and_stays_is_told_of(pictures):
    generator = np.random.default_rng(0)
    noise = Image.fromarray(generator.integers(0, 255, (64, 64), dtype=np.uint8))
    for name in ("1", "2"):
        noise.save(f"data/cat/{name}.png")
        whole = Path(f"data/cat/{name}.png").read_bytes()
        Path(f"data/cat/{name}.png").write_bytes(whole[: len(whole) // 2])
    Path("alfs-out/issues.csv").write_text(
        f"{HEAD}\n1,data/cat/1.png,cat,dog,0.1,0.9,0.9,keep\n2,data/cat/2.png,cat,dog,0,1,1,drop\n"
    )
    done = pictures("fix", "data", "--review", "--to", "c.csv")
    assert done.code == 0
    assert "1.png' is cut short (ALFS402) and stays in the copy" in done.err
    assert "2.png" not in done.err
    assert pd.read_csv("c.csv").path.tolist().count("data/cat/1.png") == 1


@pytest.mark.parametrize("class_names", [None, ["ant", "bee", "cow"]])
@pytest.mark.parametrize(
    "labels",
    [np.arange(30, dtype=np.uint8) % 3, np.array(["ant", "bee", "cow"] * 10),
     np.array([b"ant", b"bee", b"cow"] * 10), np.arange(30.0, dtype=np.float32) % 3],
    ids=["uint8", "text", "bytes", "float"],
)  # fmt: skip
def test_an_npz_keeps_every_array_as_it_is(alfs, labels, class_names):
    arrays = {
        "features": np.random.default_rng(0).normal(size=(30, 4)), "labels": labels,
        "objects": np.array([{"a": 1}, None], dtype=object), "empty": np.zeros((0, 3), np.int16),
        "one": np.float16(2), "when": np.arange(30).astype("M8[D]"),
    }  # fmt: skip
    if class_names:
        arrays["class_names"] = class_names
    np.savez_compressed("x.npz", **arrays)
    name = {"U": "ant", "S": "ant"}.get(labels.dtype.kind, "ant" if class_names else "0")
    other = {"ant": "bee", "0": "1"}[name]
    Path("list.csv").write_text(f"{HEAD}\n0,,{name},{other},0.1,0.9,0.9,\n")
    words = ("fix", "x.npz", "--issues", "list.csv", "--relabel", "--to", "c.npz")
    done = alfs(*words)
    assert done.code == 0, done.err
    with np.load("c.npz", allow_pickle=True) as copy, np.load("x.npz", allow_pickle=True) as whole:
        assert copy.files == whole.files
        for key in whole.files:
            assert copy[key].dtype == whole[key].dtype
            places = np.s_[1:] if key == "labels" else np.s_[...]
            assert np.array_equal(copy[key][places], whole[key][places])
        assert copy["labels"][0] == whole["labels"][1]
    done = alfs(*words[:-3], "--drop", "--to", "d.npz")
    with np.load("d.npz", allow_pickle=True) as copy:
        assert len(copy["when"]) == len(copy["labels"]) == 29
        assert len(copy["objects"]) == 2


def test_objects_with_a_row_an_example_are_not_dropped_blindly(alfs):
    np.savez("x.npz", features=np.eye(4), labels=[0, 1, 0, 1],
             notes=np.array([{}, 1, None, "a"], dtype=object))  # fmt: skip
    Path("list.csv").write_text(f"{HEAD}\n0,,0,1,0.1,0.9,0.9,\n")
    done = alfs("fix", "x.npz", "--issues", "list.csv", "--drop", "--to", "c.npz")
    assert done.code == 2
    assert "rows of 'notes' cannot be left out" in done.err
    assert not Path("c.npz").exists()
    assert not list(Path().glob(".c.npz*"))
    done = alfs("fix", "x.npz", "--issues", "list.csv", "--relabel", "--to", "c.npz")
    assert done.code == 0, done.err


def test_what_is_read_is_never_written_over(alfs):
    rows = "".join(f"{i % 2 * 9 + i / 10},{'ab'[i % 2]}\n" for i in range(12))
    Path("m.csv").write_text("x,label\n" + rows)
    Path("truth.csv").write_text("true_label\n" + "a\nb\n" * 6)
    Path("names.csv").write_text("a\nb\n")
    Path("list.csv").write_text(f"{HEAD}\n3,,b,a,0.1,0.9,0.9,\n")
    Path("link.csv").symlink_to("m.csv")
    Path("hard.csv").hardlink_to("m.csv")
    read = {path: path.read_bytes() for path in Path().glob("*.csv")}
    for to in read:
        words = ("--true-labels", "truth.csv", "--classes", "names.csv", "--issues", "list.csv")
        done = alfs("fix", "m.csv", *words, "--drop", "--to", str(to))
        assert (done.code, done.out) == (2, ""), to
    assert {path: path.read_bytes() for path in Path().glob("*.csv")} == read
    done = alfs("fix", "m.csv", "--drop", "--issues", "list.csv", "--to", "./sub/../m.csv")
    assert done.code == 2


def test_a_list_of_possible_ones_alone_changes_nothing_and_says_what_to_do(pictures):
    write("", "", "", scores=(0.3, 0.2, 0.1))
    for mode in ("--drop", "--relabel"):
        done = pictures("fix", "data", mode, "--to", f"{mode[2:]}.csv")
        assert done.code == 0, done.err
        said = " ".join(done.out.split())
        assert "none of the 3 listed labels is proven or likely wrong" in said
        assert "fill in the column decision, and use --review" in said
    write("keep", "keep", "keep")
    done = pictures("fix", "data", "--review", "--to", "kept.csv")
    assert "none of" not in done.out
