"""What a program holds, as a data set: features, labels and probabilities of every common form."""

import numpy as np
import pandas as pd
import pytest

from alfs_cli.data import DataSpec, Given, load, trusted_of
from alfs_cli.data.readers.in_memory import labels_of
from alfs_cli.errors import InputError, UsageError

NOWHERE = DataSpec(None)
N = 60
CODES = np.arange(N) % 3
NAMES = np.array(["cat", "dog", "owl"])[CODES]
X = np.random.default_rng(0).normal(size=(N, 2)).astype(np.float32)
P = 0.1 + 0.7 * np.eye(3)[CODES]


def held(spec=NOWHERE, **things):
    return load(spec, given=Given(**things))


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (CODES, ("0", "1", "2")),
        (CODES.astype(np.float64), ("0", "1", "2")),
        (CODES.tolist(), ("0", "1", "2")),
        (pd.Series(CODES, dtype="Int64"), ("0", "1", "2")),
        (pd.Series(CODES.astype(object)), ("0", "1", "2")),
        (NAMES, ("cat", "dog", "owl")),
        (NAMES.tolist(), ("cat", "dog", "owl")),
        (NAMES.astype(object), ("cat", "dog", "owl")),
        (NAMES.astype("S"), ("cat", "dog", "owl")),
        (pd.Series(NAMES, dtype="string"), ("cat", "dog", "owl")),
        (pd.Categorical(NAMES, categories=["cat", "dog", "owl"]), ("cat", "dog", "owl")),
        (pd.Series([1, "cat", 2.0] * 20), ("1", "2", "cat")),
    ],
)
def test_labels_in_every_form_are_the_same_classes(labels, names):
    found = held(features=X, labels=labels)
    assert found.class_names == names
    written = [str(getattr(v, "decode", lambda v=v: v)()) for v in list(labels)]
    back = [found.class_names[place] for place in found.labels]
    assert [word.removesuffix(".0") for word in written] == back


@pytest.mark.parametrize("ordered", [True, False])
def test_categories_keep_their_order_and_those_that_no_row_has(ordered):
    order = ["owl", "cat", "dog", "emu"]
    found = held(features=X, labels=pd.Categorical(NAMES, categories=order, ordered=ordered))
    assert found.class_names == (("owl", "cat", "dog", "emu"))
    assert [problem.rule for problem in found.problems] == ["ALFS403"]


def test_bools_are_two_classes_false_first():
    found = held(features=X, labels=pd.Series(CODES == 0))
    assert found.class_names == ("false", "true")
    assert found.labels.tolist() == (CODES == 0).astype(int).tolist()
    named = held(DataSpec(None, classes="bad,good"), features=X, labels=(CODES == 0))
    assert named.class_names == ("bad", "good")


@pytest.mark.parametrize("nothing", [None, np.nan, pd.NA, pd.NaT])
@pytest.mark.parametrize("kind", [list, pd.Series, lambda v: np.array(v, dtype=object)])
def test_a_missing_label_is_refused_with_its_row(kind, nothing):
    labels = NAMES.tolist()
    labels[7] = nothing
    with pytest.raises(InputError, match=r"1 of labels are missing \(row 7; ALFS406\)"):
        held(features=X, labels=kind(labels))


def test_a_missing_label_is_named_by_its_index_too():
    labels = pd.Series(CODES, dtype="Int64", index=[f"r{i}" for i in range(N)])
    labels.iloc[[3, 9]] = pd.NA
    with pytest.raises(InputError, match=r"rows 3 \(index 'r3'\), 9 \(index 'r9'\)"):
        held(features=X, labels=labels)


@pytest.mark.parametrize("labels", [CODES.astype(object), NAMES.astype(object), CODES == 0])
def test_lenient_reading_notes_what_is_missing(labels):
    labels = pd.Series(labels).astype(object)
    labels[5] = None
    found = held(DataSpec(None, lenient=True), features=X, labels=labels)
    assert len(found) == N - 1
    assert [(problem.rule, problem.row) for problem in found.problems] == [("ALFS406", 5)]


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (np.eye(3)[CODES], "labels have shape"),
        (CODES + 0.5, "not a whole number"),
        (CODES - 1, "missing"),
        ([["a"], ["b", "c"]] * 30, "cannot be read as an array"),
        (np.where(CODES == 0, "nan", NAMES), "written 'nan'"),
        (CODES[:5], "labels has 5 rows"),
    ],
)
def test_labels_that_are_none(labels, said):
    with pytest.raises(InputError, match=said):
        held(features=X, labels=labels)


def test_tensors_are_read_without_their_library_being_asked_for():
    import torch

    tensor = torch.tensor(X, requires_grad=True)
    found = held(features=tensor, labels=torch.tensor(CODES))
    np.testing.assert_array_equal(found.features, X)
    assert found.labels.tolist() == CODES.tolist()
    half = held(features=torch.tensor(X).bfloat16(), labels=CODES)
    np.testing.assert_allclose(half.features, X, rtol=1e-2)


def test_a_frame_is_screened_as_a_table_is(tmp_path):
    frame = pd.DataFrame(X, columns=["width", "height"])
    frame["sample_id"] = np.random.default_rng(1).permutation(N)
    frame["row"] = np.arange(N) * 2.0
    frame["target"] = CODES * 10
    frame["colour"] = NAMES
    frame["label"] = NAMES
    found = held(features=frame, labels=NAMES)
    frame.to_csv(tmp_path / "t.csv", index=False)
    file = load(DataSpec(str(tmp_path / "t.csv")))
    assert found.columns == file.columns
    assert found.columns.used == ("width", "height")
    assert {name for name, _ in found.columns.aside} == {"sample_id", "row", "target", "colour"}
    np.testing.assert_array_equal(found.features, file.features)
    assert found.notes == file.notes


def test_columns_of_every_type(tmp_path):
    columns = {
        "times": pd.date_range("2020-01-01", periods=N)[::-1],
        "span": pd.to_timedelta(np.arange(N) % 7, unit="D"),
        "kind": pd.Categorical(NAMES),
        "whole": pd.array(np.arange(N) % 7, dtype="Int64"),
        "objects": pd.Series(X[:, 0].tolist(), dtype=object),
        "written": [str(value) for value in X[:, 1]],
        "flag": np.arange(N) % 2 == 0,
    }
    frame = pd.DataFrame(columns)
    found = held(features=frame, labels=np.roll(NAMES, 1))
    assert found.columns.used == ("whole", "objects", "written", "flag")
    np.testing.assert_allclose(found.features[:, 1:3], X)
    frame.drop(columns="span").assign(label=np.roll(NAMES, 1)).to_parquet(tmp_path / "t.parquet")
    assert load(DataSpec(str(tmp_path / "t.parquet"))).columns.used == found.columns.used


def test_columns_of_arrays_go_by_number():
    frame = pd.DataFrame(np.column_stack([X, CODES]))
    for features in (frame, frame.to_numpy()):
        found = held(features=features, labels=NAMES)
        assert found.columns.used == ("0", "1")
        assert found.columns.aside == (("2", "holds the label again"),)


def test_columns_that_are_asked_for_and_groups():
    frame = pd.DataFrame(X, columns=["a", "b"]).assign(patient=NAMES)
    spec = DataSpec(None, feature_columns="b", group_column="patient")
    found = held(spec, features=frame, labels=CODES)
    assert found.columns.used == ("b",)
    assert found.groups.tolist() == CODES.tolist()


@pytest.mark.parametrize(
    ("features", "said"),
    [
        (X[:, 0], r"features have shape \(60,\)"),
        (np.where(X > 2, np.nan, X), "NaN or infinite"),
        (pd.DataFrame(np.column_stack([X, X]), columns=["a", "a", "b", "c"]), "two columns named"),
        (pd.DataFrame({"a": [f"n{i}" for i in range(60)]}), "no numeric column: 'a' has 60 values"),
        (np.array(NAMES).reshape(-1, 1), "not numbers"),
    ],
)
def test_features_that_are_none(features, said):
    with pytest.raises(InputError, match=said):
        held(features=features, labels=CODES)


def test_a_sparse_matrix_is_named_as_one():
    from scipy.sparse import csr_matrix

    with pytest.raises(InputError, match="features are a sparse matrix"):
        held(features=csr_matrix(X), labels=CODES)


def test_columns_of_a_frame_of_probabilities_are_classes():
    for prefix in ("", "p_"):
        frame = pd.DataFrame(P, columns=[f"{prefix}{name}" for name in ("owl", "cat", "dog")])
        found = held(pred_probs=frame, labels=NAMES)
        assert found.class_names == ("owl", "cat", "dog")
    np.testing.assert_array_equal(found.pred_probs, P)
    arranged = held(DataSpec(None, classes="cat,dog,owl"), pred_probs=frame, labels=NAMES)
    np.testing.assert_array_equal(arranged.pred_probs, P[:, [1, 2, 0]])


def test_probabilities_without_names_and_classes_that_sort_two_ways():
    labels = np.array(["c1", "c2", "c10"])[CODES]
    with pytest.raises(InputError, match="sort in two ways"):
        held(pred_probs=P, labels=labels)
    kept = held(pred_probs=P, labels=pd.Categorical(labels, categories=["c1", "c2", "c10"]))
    assert kept.class_names == ("c1", "c2", "c10")


def test_what_is_given_lies_over_files(tmp_path):
    np.savez(tmp_path / "d.npz", features=X, labels=NAMES)
    spec = DataSpec(str(tmp_path / "d.npz"))
    moved = np.roll(NAMES, 1)
    found = held(spec, labels=moved, pred_probs=P)
    assert [found.class_names[i] for i in found.labels] == moved.tolist()
    np.testing.assert_array_equal(found.pred_probs, P)
    np.testing.assert_array_equal(found.features, X)
    named = held(spec, pred_probs=pd.DataFrame(P, columns=["owl", "cat", "dog"]))
    np.testing.assert_array_equal(named.pred_probs, P[:, [1, 2, 0]])


def test_labels_of_files_that_have_none(tmp_path):
    np.savez(tmp_path / "d.npz", features=X)
    pd.DataFrame({"name": NAMES}).to_csv(tmp_path / "t.csv", index=False)
    assert held(DataSpec(str(tmp_path / "d.npz")), labels=NAMES).num_classes == 3
    found = held(DataSpec(str(tmp_path / "t.csv")), labels=NAMES, pred_probs=P)
    assert found.labels.tolist() == CODES.tolist()
    np.save(tmp_path / "X.npy", X)
    np.save(tmp_path / "y.npy", CODES)
    for spec, things in (
        (DataSpec(None, features=str(tmp_path / "X.npy")), {"labels": NAMES}),
        (DataSpec(None, labels=str(tmp_path / "y.npy")), {"features": X}),
    ):
        np.testing.assert_array_equal(held(spec, **things).features, X)


def test_nothing_at_all():
    with pytest.raises(UsageError, match="nothing to judge"):
        held(labels=CODES)
    with pytest.raises(InputError, match="no labels"):
        held(features=X)


def test_the_index_is_the_callers_and_must_be_one():
    index = [f"r{i}" for i in range(N)]
    frame, labels = pd.DataFrame(X, index=index), pd.Series(CODES, index=index)
    assert Given(frame, CODES).index().tolist() == index
    assert Given(X, labels).index().tolist() == index
    assert Given(frame, pd.Series(CODES)).index().tolist() == index
    assert Given(X, pd.Series(CODES)).index() is None
    with pytest.raises(InputError, match="features and labels have different indices"):
        Given(frame, labels.iloc[::-1]).index()


def test_trusted_labels_by_index_or_position():
    index = pd.Index([f"r{i}" for i in range(N)])
    dataset = held(features=X, labels=NAMES)
    by_place = trusted_of({4: "owl", 1: "dog"}, dataset, None)
    assert by_place.places.tolist() == [1, 4]
    assert by_place.true.tolist() == [1, 2]
    for values in ({"r4": "owl", "r1": "dog"}, pd.Series({"r4": "owl", "r1": "dog"})):
        assert trusted_of(values, dataset, index).places.tolist() == [1, 4]
    frame = pd.DataFrame({"index": [4, 1], "true_label": ["owl", "dog"]})
    assert trusted_of(frame, dataset, index).true.tolist() == [1, 2]
    refused = {
        "not in the index": {"x9": "owl"},
        "is not one of": {"r1": "cow"},
        "no column 'true_label'": frame.drop(columns="true_label"),
        "missing": {"r1": None},
    }
    for said, values in refused.items():
        with pytest.raises(InputError, match=said):
            trusted_of(values, dataset, index)
    with pytest.raises(InputError, match="index 60 is not between"):
        trusted_of({60: "owl"}, dataset, None)
    with pytest.raises(InputError, match="other than their 0-based positions"):
        trusted_of({"r1": "owl"}, dataset, None)
    with pytest.raises(UsageError, match="trusted is a int"):
        trusted_of(7, dataset, None)


def test_labels_of_says_what_the_type_declares():
    _, order = labels_of(pd.Categorical(["b", "a"], categories=["a", "b"]), name="labels")
    assert not order.is_followed
    _, order = labels_of(pd.Categorical(["b", "a"], categories=["b", "a"]), name="labels")
    assert order.is_followed
