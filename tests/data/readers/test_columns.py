"""Probabilities and labels in files: forms, shards, and what are no probabilities."""

import numpy as np
import pandas as pd
import pytest

from alfs_cli.data import DataSpec, load
from alfs_cli.errors import InputError

N, K = 40, 3
LABELS = np.arange(N) % K
NAMES = ("cat", "dog", "a,b")


@pytest.fixture
def probs():
    return np.random.default_rng(0).dirichlet(np.ones(K), N)


def read(probs, labels=None, source=None, **options):
    return load(
        DataSpec(
            source if source is None else str(source),
            pred_probs=str(probs),
            labels=None if labels is None else str(labels),
            **options,
        )
    )


def save(folder, name, array):
    np.save(folder / name, array)
    return folder / name


def frame(probs, names=NAMES):
    table = pd.DataFrame(probs, columns=[f"p_{name}" for name in names])
    table["label"] = [names[label] for label in LABELS]
    return table


def test_npy_is_read_in_place(tmp_path, probs):
    dataset = read(
        save(tmp_path, "p.npy", probs.astype(np.float32)), save(tmp_path, "y.npy", LABELS)
    )
    assert dataset.kind == "probabilities"
    assert isinstance(dataset.pred_probs, np.memmap)
    assert dataset.pred_probs.dtype == np.float32
    assert dataset.class_names == ("0", "1", "2")
    assert dataset.labels.tolist() == LABELS.tolist()
    assert dataset.images is None


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet", ".jsonl"])
def test_tables_name_the_classes(tmp_path, probs, suffix):
    path = tmp_path / f"p{suffix}"
    table = frame(probs)
    match suffix:
        case ".parquet":
            table.to_parquet(path)
        case ".jsonl":
            table.to_json(path, orient="records", lines=True, double_precision=15)
        case _:
            table.to_csv(path, sep="\t" if suffix == ".tsv" else ",", index=False)
    dataset = read(path)
    assert dataset.class_names == NAMES
    assert dataset.labels.tolist() == LABELS.tolist()
    assert np.asarray(dataset.pred_probs) == pytest.approx(probs, abs=1e-9)


def test_npz_with_its_usual_keys(tmp_path, probs):
    np.savez(tmp_path / "p.npz", pred_probs=probs, labels=LABELS, class_names=NAMES)
    assert read(tmp_path / "p.npz").class_names == NAMES
    np.savez(tmp_path / "y.npz", labels=LABELS[::-1])
    dataset = read(tmp_path / "p.npz", tmp_path / "y.npz")
    assert dataset.labels.tolist() == LABELS[::-1].tolist()


@pytest.mark.parametrize("form", ["folder", "glob"])
def test_shards_are_joined_in_sorted_order(tmp_path, probs, form):
    (tmp_path / "p").mkdir()
    (tmp_path / "y").mkdir()
    for number, rows in enumerate(np.array_split(np.arange(N), 3)):
        save(tmp_path / "p", f"{number}.npy", probs[rows])
        save(tmp_path / "y", f"{number}.npy", LABELS[rows])
    end = "" if form == "folder" else "/*.npy"
    dataset = read(f"{tmp_path}/p{end}", f"{tmp_path}/y{end}")
    assert (dataset.pred_probs == probs).all()
    assert dataset.labels.tolist() == LABELS.tolist()
    np.savez(tmp_path / "p/x.npz", pred_probs=probs)
    with pytest.raises(InputError, match=r"different kinds: \.npy, \.npz"):
        read(f"{tmp_path}/p", f"{tmp_path}/y")


def test_columns_move_to_class_order(tmp_path, probs):
    table = frame(probs)[["p_dog", "p_a,b", "p_cat", "label"]]
    table.to_parquet(tmp_path / "p.parquet")
    np.savez(
        tmp_path / "x.npz", features=np.ones((N, 2)) * LABELS[:, None], labels=LABELS,
        class_names=NAMES,
    )  # fmt: skip
    dataset = read(tmp_path / "p.parquet", source=tmp_path / "x.npz")
    assert dataset.class_names == NAMES
    assert dataset.pred_probs == pytest.approx(probs)
    dataset = read(tmp_path / "p.parquet")
    assert dataset.class_names == ("dog", "a,b", "cat")


def test_a_class_without_a_column_is_refused(tmp_path, probs):
    frame(probs, ("cat", "dog", "fox")).to_parquet(tmp_path / "p.parquet")
    np.savez(tmp_path / "x.npz", features=np.ones((N, 2)), labels=LABELS, class_names=NAMES)
    with pytest.raises(InputError, match="no column for class 'a,b'"):
        read(tmp_path / "p.parquet", source=tmp_path / "x.npz")


def test_class_counts_must_agree(tmp_path, probs):
    np.savez(tmp_path / "x.npz", features=np.ones((N, 2)), labels=LABELS, class_names=NAMES)
    four = save(tmp_path, "p.npy", np.full((N, 4), 0.25))
    with pytest.raises(InputError, match="pred_probs have 4 columns, the data 3 classes"):
        read(four, source=tmp_path / "x.npz")
    with pytest.raises(InputError, match="4 columns, the data 3 classes"):
        read(four, save(tmp_path, "y.npy", np.asarray(NAMES)[LABELS]))


def test_a_class_no_label_carries_is_still_a_column(tmp_path):
    five = save(tmp_path, "p.npy", np.full((N, 5), 0.2))
    dataset = read(five, save(tmp_path, "y.npy", LABELS))
    assert dataset.class_names == ("0", "1", "2", "3", "4")
    assert {problem.rule for problem in dataset.problems} == {"ALFS403"}


def test_rows_must_agree(tmp_path, probs):
    with pytest.raises(InputError, match="labels has 39 rows, pred_probs has 40"):
        read(save(tmp_path, "p.npy", probs), save(tmp_path, "y.npy", LABELS[1:]))


def test_numbers_as_names_need_an_order_beside_probabilities(tmp_path):
    names = [str(number) for number in range(1, 12)]
    labels = np.asarray(names * 4)
    path = save(tmp_path, "p.npy", np.full((44, 11), 1 / 11))
    with pytest.raises(InputError, match="sort in two ways"):
        read(path, save(tmp_path, "y.npy", labels))
    dataset = read(path, save(tmp_path, "y.npy", labels), classes=",".join(names))
    assert dataset.labels.tolist() == list(range(11)) * 4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: np.log(p) + 3, "with values below 0: these look like logits"),
        (lambda p: np.log(p), "these look like log-probabilities"),
        (lambda p: 10 * p, r"row 0 .* sums to 10, not 1, as all rows do: a multiple"),
        (lambda p: p * 0.9, r"row 0 of pred_probs .* sums to 0.9, not 1"),
        (lambda p: np.where(np.arange(N)[:, None] == 7, np.nan, p), r"1 NaN rows \(first 7\)"),
        (lambda p: np.where(np.arange(N)[:, None] == 7, np.inf, p), r"1 infinite rows \(first 7\)"),
        (lambda p: p[:, 0], r"shape \(40,\)"),
        (lambda p: p[:, :1], r"shape \(40, 1\)"),
        (lambda p: (p > 0.5).astype(int), "type int64"),
    ],
)
def test_what_are_no_probabilities_is_said(tmp_path, probs, change, message):
    with pytest.raises(InputError, match=message):
        read(save(tmp_path, "p.npy", change(probs)), save(tmp_path, "y.npy", LABELS))


def test_half_precision_sums_are_close_enough(tmp_path):
    probs = np.random.default_rng(0).dirichlet(np.ones(500), N).astype(np.float16)
    read(save(tmp_path, "p.npy", probs), save(tmp_path, "y.npy", LABELS))


def test_broken_rows_are_found_in_any_block(tmp_path, probs, monkeypatch):
    monkeypatch.setattr("alfs_cli.data.readers.probabilities.CHECK_BYTES", 100)
    probs[33] *= 2
    with pytest.raises(InputError, match="row 33"):
        read(save(tmp_path, "p.npy", probs), save(tmp_path, "y.npy", LABELS))


@pytest.mark.parametrize(
    ("content", "message"),
    [("label,x\ncat,1\n", "no columns p_<class>"), ("p_a,p_b,label\n0.5,x,a\n", "not a number")],
)
def test_tables_without_probabilities_are_refused(tmp_path, content, message):
    (tmp_path / "p.csv").write_text(content)
    with pytest.raises(InputError, match=message):
        read(tmp_path / "p.csv")


def test_missing_files_name_the_option(tmp_path, probs):
    path = save(tmp_path, "p.npy", probs)
    with pytest.raises(InputError, match=r"no such file: 'no.npy' \(--labels\)"):
        read(path, "no.npy")
    with pytest.raises(InputError, match="has no labels"):
        read(path)
    (tmp_path / "p.pkl").write_bytes(b"x")
    with pytest.raises(InputError, match=r"suffix '\.pkl'"):
        read(tmp_path / "p.pkl")
