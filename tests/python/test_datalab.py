"""The bridge from cleanlab's Datalab and back, with a real one."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import alfs_cli as alfs
from alfs_cli.cli import run
from alfs_cli.data import DataSpec, load


@pytest.fixture(scope="module")
def datalab():
    """The class; `cleanlab[datalab]` is in the development group."""
    pytest.importorskip("datasets")
    from cleanlab import Datalab

    return Datalab


@pytest.fixture(scope="module")
def names(data):
    """Names whose order as text is not that of their numbers."""
    _, y, _ = data
    return np.array(["c1", "c10", "c2"])[y]


def test_labels_classes_and_columns_come_along(datalab, data, names):
    X, y, _ = data
    frame = pd.DataFrame(X, columns=["a", "b", "c"]).assign(file="x.png", row=range(len(y)))
    lab = datalab(frame.assign(kind=names), label_name="kind", verbosity=0)
    est = alfs.estimate(**alfs.from_datalab(lab))
    assert est.class_names == ("c1", "c10", "c2")
    assert est.result.evidence.columns.used == ("a", "b", "c")
    plain = alfs.estimate(features=pd.DataFrame(X, columns=["a", "b", "c"]), labels=names)
    np.testing.assert_array_equal(est.transition, plain.transition)


@pytest.mark.filterwarnings("ignore")  # of cleanlab's own
def test_probabilities_are_in_the_order_of_its_classes(datalab, data, names):
    _, _, true = data
    logits = np.random.default_rng(1).normal(size=(len(true), 3)) + 4 * np.eye(3)[true]
    P = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    lab = datalab({"kind": names.tolist()}, label_name="kind", verbosity=0)
    found = alfs.from_datalab(lab, pred_probs=P)
    est = alfs.estimate(**found)
    assert est.class_names == tuple(lab.class_names)
    assert alfs.check(**found, max_noise_rate=0.9).passed
    lab.find_issues(pred_probs=P, issue_types={"label": {}})
    theirs, ours = lab.get_issues("label"), est.to_datalab()
    assert ours.columns.tolist() == theirs.columns.tolist()
    assert ours.index.equals(theirs.index)
    for column, kind in theirs.dtypes.items():
        assert pd.api.types.is_bool_dtype(ours[column]) == pd.api.types.is_bool_dtype(kind)
    assert (ours["given_label"] == theirs["given_label"]).all()
    both = ours["is_label_issue"] & theirs["is_label_issue"]
    assert both.sum() > 0.9 * theirs["is_label_issue"].sum() > 20
    assert (ours["predicted_label"] == theirs["predicted_label"])[both].all()
    assert ours["label_score"][both].max() < ours["label_score"][~ours["is_label_issue"]].min()


def test_whole_number_classes_are_names(datalab):
    codes = np.arange(120) % 12
    lab = datalab({"y": [str(code) for code in codes]}, label_name="y", verbosity=0)
    labels = alfs.from_datalab(lab, features=np.zeros((120, 1)))["labels"]
    assert labels.astype(str).tolist() == [str(code) for code in codes]
    assert labels.cat.categories.tolist() == [str(name) for name in lab.class_names]


def test_what_a_datalab_cannot_give(datalab, names):
    lab = datalab({"kind": names.tolist()}, label_name="kind", verbosity=0)
    with pytest.raises(alfs.AlfsError, match="keeps no probabilities"):
        alfs.from_datalab(lab)
    with pytest.raises(alfs.AlfsError, match="no labels of one class"):
        alfs.from_datalab(datalab({"a": [1.0, 2.0]}, verbosity=0))


@pytest.mark.parametrize(
    ("task", "labels"),
    [
        ("multilabel", [[0], [1], [0, 1], []]),
        ("multilabel", [[0], [1], [0], [1]]),
        ("regression", [0.5, 1.5, 2.0, 1.0]),
    ],
)
def test_labels_that_are_not_one_class_each_are_refused(datalab, task, labels):
    lab = datalab({"x": [1, 2, 3, 4], "y": labels}, label_name="y", task=task, verbosity=0)
    with pytest.raises(alfs.AlfsError, match="no labels of one class"):
        alfs.from_datalab(lab, pred_probs=np.full((4, 2), 0.5))


def test_a_folder_is_not_unpickled_for_you(tmp_path):
    (tmp_path / "datalab.pkl").write_bytes(b"not read")
    with pytest.raises(alfs.AlfsError, match="lab is a str, not a Datalab") as caught:
        alfs.from_datalab(str(tmp_path))
    assert "Datalab.load" in caught.value.help


def test_the_frame_bears_the_callers_index(framed):
    frame, _, est = framed
    issues = est.to_datalab()
    assert issues.index.equals(frame.index)
    listed = est.suspects[est.suspects["kind"] != "possible"]
    assert set(issues.index[issues["is_label_issue"]]) == set(listed.index)


@pytest.mark.parametrize("command", ["estimate", "check", "doctor"])
def test_a_saved_datalab_named_as_data_is_told_from_a_folder_of_pictures(
    datalab, data, names, tmp_path, capsys, command
):
    X, _, _ = data
    frame = pd.DataFrame(X, columns=["a", "b", "c"]).assign(kind=names)
    datalab(frame, label_name="kind", verbosity=0).save(str(tmp_path / "lab"))
    capsys.readouterr()
    words = [command, str(tmp_path / "lab")]
    assert run([*words, "--out", str(tmp_path / "o")]) == 2
    said = capsys.readouterr().err
    assert "is a Datalab that cleanlab saved" in said
    assert f"'{tmp_path / 'lab' / 'data'}'" in said
    assert "from_datalab" in said
    words = ["check", str(tmp_path / "lab" / "data"), "--label-column", "kind"]
    assert run([*words, "-q", "--out", str(tmp_path / "o")]) == 0


def test_pictures_beside_a_saved_datalab_are_read(tmp_path):
    for name in ("cat", "dog"):
        for i in range(3):
            (tmp_path / name).mkdir(exist_ok=True)
            Image.new("L", (4, 4), 9 * i).save(tmp_path / name / f"{i}.png")
    (tmp_path / "datalab.pkl").write_bytes(b"not read")
    assert len(load(DataSpec(str(tmp_path)))) == 6
