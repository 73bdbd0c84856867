"""alfs inject: what is written, what is said, what is refused."""

import json
import os
import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from alfs_cli.cli import run
from alfs_cli.data import DataSpec, load, train_and_test
from alfs_cli.noise import asymmetric, realised, symmetric


@pytest.fixture
def inject(capsys):
    """Run `alfs inject`: exit code, document (None where it failed), stderr."""

    def call(*arguments):
        code = run(["inject", *map(str, arguments), "-f", "json"])
        output = capsys.readouterr()
        return code, json.loads(output.out) if code == 0 else None, output.err

    return call


@pytest.fixture
def folder(tmp_path):
    """Two classes of ten grey pictures."""
    for label, name in enumerate(("cat", "dog")):
        (tmp_path / "data" / name).mkdir(parents=True)
        for number in range(10):
            picture = Image.new("L", (4, 4), 100 * label + number)
            picture.save(tmp_path / f"data/{name}/{number}.png")
    return tmp_path / "data"


def test_a_folder_becomes_a_manifest_that_loads_back(inject, folder, tmp_path):
    code, document, err = inject(folder, "--rate", 0.3, "--to", tmp_path / "noisy.csv")
    assert (code, err) == (0, "")
    frame = pd.read_csv(tmp_path / "noisy.csv")
    assert list(frame.columns) == ["path", "label", "true_label"]
    assert frame.path[0] == "data/cat/0.png"
    assert (frame.label != frame.true_label).sum() == 6
    dataset = load(DataSpec(str(tmp_path / "noisy.csv")))
    assert dataset.population.tolist() == symmetric(0.3, 2).array.tolist()
    assert (dataset.true_labels == load(DataSpec(str(folder))).labels).all()
    assert dataset.images.decode(np.arange(20))[1].all()
    assert document["schema"] == "alfs.inject/1"
    assert document["flipped"] == 6
    assert document["counts"] == [[7, 3], [3, 7]]
    assert document["realised_rate"] == pytest.approx(0.3)
    assert document["noise_rate"] == pytest.approx(0.3)
    assert document["transition_file"] == str(tmp_path / "noisy.transition.csv")


def test_a_manifest_becomes_a_manifest(inject, folder, tmp_path):
    inject(folder, "--rate", 0, "--to", tmp_path / "clean.csv")
    code, document, _ = inject(
        tmp_path / "clean.csv", "--noise", "pair", "--rate", 0.5, "--to", tmp_path / "b.tsv"
    )
    assert code == 0
    assert document["clean_level"] == 1.0
    assert len(load(DataSpec(str(tmp_path / "b.tsv")))) == 20
    assert pd.read_csv(tmp_path / "clean.csv").label.tolist() == ["cat"] * 10 + ["dog"] * 10


def test_features_of_a_manifest_are_kept_as_they_were(inject, tmp_path):
    rows = "".join(f"{i}.50,n{i},{'ab'[i % 2]},{['train', 'test'][i > 7]}\n" for i in range(12))
    (tmp_path / "m.csv").write_text("x,note,species,split\n" + rows)
    code, _, _ = inject(
        tmp_path / "m.csv", "--rate", 0.25, "--label-column", "species", "--to", tmp_path / "n.csv"
    )
    assert code == 0
    frame = pd.read_csv(tmp_path / "n.csv", dtype=str)
    assert list(frame.columns) == ["x", "note", "label", "true_label"]
    assert frame.x.tolist() == [f"{i}.50" for i in range(8)]
    assert frame.true_label.tolist() == list("abababab")
    assert (frame.label != frame.true_label).sum() == 2


def test_an_npz_is_copied_with_its_labels_replaced(inject, tmp_path):
    labels = np.arange(30) % 3
    extra = np.arange(5.0)
    np.savez(
        tmp_path / "x.npz",
        images=np.zeros((30, 2, 2), np.uint8),
        labels=np.array(["a", "b", "c"])[labels],
        extra=extra,
    )
    code, _, _ = inject(tmp_path / "x.npz", "--rate", 0.2, "--to", tmp_path / "y.npz")
    assert code == 0
    with np.load(tmp_path / "y.npz", allow_pickle=False) as file:
        assert file["labels"].dtype.kind == "U"
        assert file["true_labels"].tolist() == np.array(["a", "b", "c"])[labels].tolist()
        assert file["extra"].tolist() == extra.tolist()
        assert file["transition"].tolist() == symmetric(0.2, 3).array.tolist()
    again = load(DataSpec(str(tmp_path / "y.npz")))
    assert realised(again.true_labels, again.labels, 3).tolist() == [
        [8, 1, 1], [1, 8, 1], [1, 1, 8]
    ]  # fmt: skip


def test_noise_starts_from_the_truth_where_it_is_known(inject, tmp_path):
    truth = np.arange(40) % 2
    np.savez(
        tmp_path / "x.npz", features=np.ones((40, 2)), labels=np.zeros(40, int), true_labels=truth,
        class_names=["a", "b"],
    )  # fmt: skip
    code, document, _ = inject(tmp_path / "x.npz", "--rate", 0.1, "--to", tmp_path / "y.npz")
    assert code == 0
    assert document["flipped"] == 4
    assert load(DataSpec(str(tmp_path / "y.npz"))).true_labels.tolist() == truth.tolist()


def test_built_in_data_become_an_npz(inject, tmp_path):
    code, document, _ = inject(
        "digits", "--noise", "asymmetric", "--rate", 0.4, "--to", tmp_path / "d.npz"
    )
    assert code == 0
    assert (document["n"], document["split"]) == (1437, "train")
    noisy, clean = load(DataSpec(str(tmp_path / "d.npz"))), load(DataSpec("digits"))
    assert (noisy.images.pixels == clean.images.pixels).all()
    assert (noisy.true_labels == clean.labels).all()
    expected = asymmetric(0.4, 10, dataset="digits").array
    assert noisy.population.tolist() == expected.tolist()
    assert train_and_test(DataSpec(str(tmp_path / "d.npz"))).about.labels == "true"


def test_a_seed_gives_the_same_bytes_and_another_others(inject, tmp_path):
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        inject("digits", "--rate", 0.2, "--seed", seed, "--to", tmp_path / f"{name}.npz")
    labels = [load(DataSpec(str(tmp_path / f"{name}.npz"))).labels for name in "abc"]
    assert (labels[0] == labels[1]).all()
    assert (labels[0] != labels[2]).any()


def test_sampled_draws_differ_from_exact_ones(inject, tmp_path):
    documents = [
        inject("digits", "--rate", 0.2, "--draw", draw, "--to", tmp_path / "x.npz")[1]
        for draw in ("exact", "sampled")
    ]
    off = [np.ptp([row[i] / sum(row) for i, row in enumerate(d["counts"])]) for d in documents]
    assert off[0] < 0.01 < off[1]


def test_instance_noise_reports_its_population(inject, tmp_path):
    code, document, _ = inject(
        "digits", "--noise", "instance", "--rate", 0.3, "--to", tmp_path / "x.npz"
    )
    assert code == 0
    assert document["noise_rate"] == pytest.approx(0.3, abs=0.01)
    assert document["draw"] == "sampled"
    assert document["realised_rate"] == pytest.approx(0.3, abs=0.04)


def test_instance_noise_of_pictures_in_a_folder(inject, folder, tmp_path):
    code, document, _ = inject(
        folder, "--noise", "instance", "--rate", 0.4, "--to", tmp_path / "x.csv"
    )
    assert code == 0
    assert document["clean_level"] > 1


def test_a_given_matrix(inject, folder, tmp_path):
    (tmp_path / "t.csv").write_text(",dog,cat\ndog,0.9,0.1\ncat,0.4,0.6\n")
    code, document, _ = inject(folder, "--noise", tmp_path / "t.csv", "--to", tmp_path / "x.csv")
    assert code == 0
    assert document["counts"] == [[6, 4], [1, 9]]
    assert document["rate"] is None


def test_names_survive_the_way_there_and_back(inject, tmp_path):
    for name in ("NA", "a,b", "=1+1", "caf\u00e9", '"q"', "1.0"):
        (tmp_path / "data" / name).mkdir(parents=True)
        for number in range(4):
            Image.new("L", (2, 2)).save(tmp_path / "data" / name / f"{number}.png")
    assert inject(tmp_path / "data", "--rate", 0.25, "--to", tmp_path / "x.csv")[0] == 0
    before, after = load(DataSpec(str(tmp_path / "data"))), load(DataSpec(str(tmp_path / "x.csv")))
    assert after.class_names == before.class_names
    assert (after.true_labels == before.labels).all()
    assert after.population is not None


def test_images_elsewhere_are_found_with_root(inject, folder, tmp_path):
    code, _, err = inject(folder, "--rate", 0.1, "--to", tmp_path / "out/x.csv")
    assert code == 0
    assert f"--root '{tmp_path}'" in err
    dataset = load(DataSpec(str(tmp_path / "out/x.csv"), root=str(tmp_path)))
    assert dataset.images.decode(np.arange(20))[1].all()


def test_what_cannot_be_read_is_said_and_left_out(inject, tmp_path):
    for name, count in (("cat", 150), ("dog", 2)):
        (tmp_path / "data" / name).mkdir(parents=True)
        for number in range(count):
            Image.new("L", (2, 2)).save(tmp_path / "data" / name / f"{number}.png")
    (tmp_path / "data/cat/0.png").write_bytes(b"")
    code, document, err = inject(tmp_path / "data", "--rate", 0.5, "--to", tmp_path / "x.csv")
    assert (code, document["n"]) == (0, 151)
    assert "0.png' cannot be read as an image (ALFS401)" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("digits", "--to", "x.npz"), "needs a rate"),
        (("digits", "--rate", "0.2", "--to", "x.csv"), "does not end in .npz"),
        (("data", "--rate", "0.2", "--to", "x.npz"), "does not end in .csv or .tsv"),
        (("digits", "--rate", "1.2", "--to", "x.npz"), "'--rate'"),
        (("digits", "--rate", "0.2", "--noise", "pear", "--to", "x.npz"), "did you mean 'pair'"),
        (("digits", "--rate", "0.2", "--noise", "t.csv", "--to", "x.npz"), "no meaning"),
        (("digits", "--noise", "t.csv", "--to", "x.npz"), "no such file: 't.csv'"),
        (("digits", "--rate", "0.2", "--draw", "exat", "--to", "x.npz"), "did you mean 'exact'"),
        (("nowhere", "--rate", "0.2", "--to", "x.npz"), "no such file or directory"),
        (("digits", "--rate", "0.2"), "--to"),
    ],
)
def test_what_cannot_be_meant_is_exit_2(inject, folder, monkeypatch, arguments, message):
    monkeypatch.chdir(folder.parent)
    code, _, err = inject(*arguments)
    assert code == 2
    assert err.startswith("error: ")
    assert message in err
    assert sorted(os.listdir()) == ["data"]


def test_the_input_is_never_overwritten(inject, folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    inject(folder, "--rate", 0.1, "--to", "x.csv")
    before = (tmp_path / "x.csv").read_bytes()
    for target in ("x.csv", "./x.csv", "data/../x.csv"):
        code, _, err = inject("x.csv", "--rate", 0.5, "--to", target)
        assert code == 2
        assert "which is read" in err
    assert (tmp_path / "x.csv").read_bytes() == before


def test_a_failed_write_leaves_what_was_there(inject, tmp_path, monkeypatch):
    (tmp_path / "x.npz").write_bytes(b"before")

    def full(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    code, _, err = inject("digits", "--rate", 0.2, "--to", tmp_path / "x.npz")
    assert code == 3
    assert "No space left" in err
    assert (tmp_path / "x.npz").read_bytes() == b"before"
    assert os.listdir(tmp_path) == ["x.npz"]


def test_text_says_what_was_flipped(folder, tmp_path, capsys):
    shutil.rmtree(folder / "dog")
    for number in range(10):
        (folder / "[red]").mkdir(exist_ok=True)
        Image.new("L", (2, 2)).save(folder / f"[red]/{number}.png")
    assert run(["inject", str(folder), "--rate", "0.2", "--to", str(tmp_path / "x.csv")]) == 0
    output = capsys.readouterr().out
    assert "4 of 20 labels flipped" in output
    assert "[red]" in output


def test_other_columns_come_behind_and_what_is_lost_is_said(inject, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "im").mkdir()
    for number in range(8):
        Image.new("L", (4, 4), 30 * number).save(f"im/{number}.png")
    rows = "".join(
        f"A{i},im/{i}.png,{'ab'[i % 2]},0{i},{['train', 'test'][i > 5]},k\n" for i in range(8)
    )
    (tmp_path / "m.csv").write_text("id,file_name,species,patient,split,label\n" + rows)
    code, _, err = inject("m.csv", "--rate", 0.3, "--label-column", "species", "--to", "o/n.csv")
    assert code == 0
    frame = pd.read_csv("o/n.csv", dtype=str)
    assert list(frame.columns) == ["path", "label", "true_label", "id", "patient"]
    assert frame.path[0] == "../im/0.png"
    assert frame.patient.tolist() == [f"0{i}" for i in range(6)]
    assert "left out of the copy: column 'split', column 'label', 2 rows of other splits" in err
    assert len(load(DataSpec("o/n.csv", root="."))) == 6


def test_neither_the_matrix_nor_the_data_are_written_over(inject, folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    T = ",dog,cat\ndog,0.9,0.1\ncat,0.4,0.6\n"
    (tmp_path / "t.csv").write_text(T)
    (tmp_path / "n.transition.csv").write_text(T)
    for noise, to in (("t.csv", "t.csv"), ("n.transition.csv", "n.csv")):
        code, _, err = inject("data", "--noise", noise, "--to", to)
        assert code == 2
        assert "which is read" in err
        assert (tmp_path / noise).read_text() == T
    assert not (tmp_path / "n.csv").exists()
