"""Labels that are missing in words, lists of labels, and columns that are one label together."""

import json

import numpy as np
import pandas as pd
import pytest

from alfs_cli.data import DataSpec, load, read_trusted
from alfs_cli.data.labels import missing_labels, refuse_several, text_labels
from alfs_cli.errors import InputError

N = 40
GONE = ["nan", "NaN", "NAN", "<NA>", "NaT", "#N/A", " ", "\t", "\u00a0", "\u200b", " nan\u00a0", ""]
PERHAPS = ["NA", "N/A", "n/a", "None", "none", "null", "NULL", "-", "?"]
ROWS = [3, 7]


def labelled(word):
    labels = np.asarray(["cat", "dog"], dtype=object)[np.arange(N) % 2]
    labels[ROWS] = word
    return labels


def saved(folder, form, labels):
    """Write data under these labels; return how they are named on the command line."""
    x = np.arange(N, dtype=float)
    frame = pd.DataFrame({"x": x, "label": labels})
    path = folder / f"m.{form}"
    match form:
        case "csv":
            frame.to_csv(path, index=False)
        case "jsonl":
            rows = ({"x": 1.0, "label": label or None} for label in labels)
            path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        case "parquet":
            frame["label"] = [label or None for label in labels]
            frame.to_parquet(path)
        case "npz":
            np.savez(path, features=x[:, None], labels=labels.astype(str))
        case _:
            np.savez(folder / "d.npz", features=x[:, None])
            over = folder / f"l.{form.removeprefix('--labels ')}"
            if over.suffix == ".npy":
                np.save(over, labels.astype(str))
            else:
                frame[["label"]].to_csv(over, index=False, header=over.suffix != ".txt")
            return {"source": str(folder / "d.npz"), "labels": str(over)}
    return {"source": str(path)}


READERS = ["csv", "jsonl", "parquet", "npz", "--labels npy", "--labels csv"]


@pytest.mark.parametrize("form", READERS)
@pytest.mark.parametrize("word", GONE)
def test_a_missing_label_is_one_in_every_reader(tmp_path, form, word):
    words = saved(tmp_path, form, labelled(word))
    with pytest.raises(InputError, match="ALFS406") as caught:
        load(DataSpec(**words))
    assert "2 " in str(caught.value)
    dataset = load(DataSpec(**words, lenient=True))
    assert dataset.class_names == ("cat", "dog")
    told = [problem.row for problem in dataset.problems if problem.rule == "ALFS406"]
    assert told == ROWS
    assert len(dataset) == N - len(ROWS)


@pytest.mark.parametrize("form", READERS)
def test_classes_that_are_named_are_classes(tmp_path, form):
    words = saved(tmp_path, form, labelled("nan"))
    dataset = load(DataSpec(**words, classes="cat,dog,nan"))
    assert np.bincount(dataset.labels).tolist() == [20, 18, 2]
    assert not dataset.problems
    assert not any("missing" in note for note in dataset.notes)


@pytest.mark.parametrize("form", READERS)
@pytest.mark.parametrize("word", PERHAPS)
def test_a_word_that_may_be_a_class_is_one_with_a_note(tmp_path, form, word):
    words = saved(tmp_path, form, labelled(word))
    dataset = load(DataSpec(**words))
    assert word in dataset.class_names
    (note,) = [note for note in dataset.notes if "missing" in note]
    assert f"2 labels '{word}'" in note
    named = load(DataSpec(**words, classes=f"cat,dog,{word}"))
    assert not any("missing" in note for note in named.notes)


def test_what_is_written_is_said():
    gone = missing_labels(text_labels(["cat", "nan", "<NA>", "banana", "NAtional"]))
    assert gone.tolist() == [False, True, True, False, False]


def test_a_folder_is_a_class_whatever_its_name(tmp_path, picture):
    for seed, name in enumerate(("nan/1", "nan/2", "cat/1", "cat/2")):
        picture(tmp_path / f"{name}.png", seed)
    dataset = load(DataSpec(str(tmp_path), lenient=True))
    assert dataset.class_names == ("cat", "nan")
    assert any("'nan'" in note and "missing" in note for note in dataset.notes)


def test_trusted_annotators_and_truth_likewise(tmp_path):
    frame = pd.DataFrame({"x": range(N), "label": labelled("cat"), "true_label": labelled("nan")})
    frame.to_csv(tmp_path / "m.csv", index=False)
    with pytest.raises(InputError, match=r"a missing true_label, written 'nan', .*lines 5, 9"):
        load(DataSpec(str(tmp_path / "m.csv")))
    frame["bob"] = labelled("<NA>")
    frame.drop(columns="true_label").to_csv(tmp_path / "m.csv", index=False)
    dataset = load(DataSpec(str(tmp_path / "m.csv"), label_columns="label,bob"))
    assert (dataset.annotations[:, 1] < 0).sum() == 2
    assert dataset.class_names == ("cat", "dog")
    known = pd.DataFrame({"index": range(N), "true_label": labelled("NaN")})
    known.to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(InputError, match=r"a missing true_label, written 'NaN'.*ALFS406"):
        read_trusted(tmp_path / "t.csv", dataset)


@pytest.mark.parametrize(
    "names",
    [
        ["cat", "dog", "cat,dog"],
        ["cat|dog", "dog|bird", "bird|cat"],
        ["cat", "cat; dog", "dog; bird", "bird"],
        ["['cat']", "['cat', 'dog']", "[]"],
        ['["cat"]', '["dog"]'],
    ],
)
def test_lists_of_labels_are_refused_as_such(tmp_path, names):
    labels = [names[i % len(names)] for i in range(N)]
    frame = pd.DataFrame({"x": range(N), "label": labels})
    frame.to_csv(tmp_path / "m.csv", index=False)
    np.savez(tmp_path / "m.npz", features=np.zeros((N, 1)), labels=np.asarray(labels))
    for name in ("m.csv", "m.npz"):
        for lenient in (False, True):
            with pytest.raises(InputError, match="single-label") as caught:
                load(DataSpec(str(tmp_path / name), lenient=lenient))
            assert "--classes" in caught.value.help
    (tmp_path / "c.txt").write_text("\n".join(sorted(names)) + "\n")
    assert load(DataSpec(str(tmp_path / "m.csv"), classes=str(tmp_path / "c.txt")))


@pytest.mark.parametrize(
    "names",
    [
        ["a,b", "c"],
        ["tench, Tinca tinca", "goldfish, Carassius auratus", "crane", "crane, machine"],
        ["Plantae|Rosa|canina", "Plantae|Rosa|rugosa", "Animalia|Felis|catus"],
        ["T-shirt/top", "Trouser"],
        ["[red]", "green", "blue"],
        ["a,", ",a", "a"],
    ],
)
def test_names_that_merely_hold_a_separator_are_classes(names):
    refuse_several(names, where="'m.csv'")


def test_lists_in_cells_are_refused(tmp_path):
    rows = [{"x": 1.0, "label": ["cat", "dog"]}, {"x": 2.0, "label": ["cat"]}]
    (tmp_path / "m.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    pd.DataFrame(rows).to_parquet(tmp_path / "m.parquet")
    for name in ("m.jsonl", "m.parquet"):
        with pytest.raises(InputError, match="label is not one value but a list") as caught:
            load(DataSpec(str(tmp_path / name)))
        assert "single-label" in caught.value.help


def test_one_hot_columns_are_named_as_such(tmp_path):
    marks = np.eye(3, dtype=int)[np.arange(N) % 3]
    frame = pd.DataFrame(marks, columns=["cat", "dog", "bird"]).assign(x=np.linspace(0, 3, N))
    frame.to_csv(tmp_path / "m.csv", index=False)
    with pytest.raises(InputError, match="'cat', 'dog', 'bird' look one-hot") as caught:
        load(DataSpec(str(tmp_path / "m.csv")))
    assert "idxmax" in caught.value.help
    with pytest.raises(InputError, match="these are classes, not annotators"):
        load(DataSpec(str(tmp_path / "m.csv"), label_columns="cat,dog,bird"))
    frame.assign(cat=1).to_csv(tmp_path / "n.csv", index=False)
    with pytest.raises(InputError) as caught:
        load(DataSpec(str(tmp_path / "n.csv")))
    assert "one-hot" not in str(caught.value)


@pytest.mark.parametrize(
    ("rows", "help"),
    [
        (np.eye(3, dtype=int)[np.arange(6) % 3], "one-hot rows: labels.argmax"),
        (np.ones((6, 3), dtype=int), "several 1s"),
        (np.random.default_rng(0).random((6, 3)), "scores: labels.argmax"),
        (np.zeros((6, 1), dtype=int), "labels.ravel()"),
    ],
)
def test_arrays_of_labels_say_what_they_look_like(tmp_path, rows, help):
    np.savez(tmp_path / "m.npz", features=np.zeros((6, 2)), labels=rows)
    with pytest.raises(InputError, match="not \\(N,\\)") as caught:
        load(DataSpec(str(tmp_path / "m.npz")))
    assert help in caught.value.help
