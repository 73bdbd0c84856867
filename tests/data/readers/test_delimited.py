"""Tables as spreadsheets of other countries save them, through every option that reads one."""

import numpy as np
import pandas as pd
import pytest

from alfs_cli.data import DataSpec, load, read_trusted
from alfs_cli.data.readers.delimited import form_of, rows_of
from alfs_cli.data.readers.tables import read_table
from alfs_cli.errors import InputError

N = 24
LABELS = np.asarray(["B\u00e4r", "\u00d6l"])[np.arange(N) % 2]
X = np.random.default_rng(0).normal(size=N).round(3)
FRAME = pd.DataFrame({"x": X, "z": np.arange(N) * 5 % N / 8, "label": LABELS})

FORMS = {
    "semicolons": dict(sep=";", decimal=","),
    "excel": dict(sep=";", decimal=",", encoding="utf-8-sig", lineterminator="\r\n"),
    "tabs": dict(sep="\t", decimal=","),
    "bars": dict(sep="|"),
    "utf-16": dict(sep="\t", encoding="utf-16"),
    "utf-16 without a mark": dict(sep=";", decimal=",", encoding="utf-16-le"),
    "big-endian": dict(encoding="utf-16-be"),
    "utf-32": dict(encoding="utf-32"),
}


def written(path, frame, *, sep=",", encoding="utf-8", before="", **options):
    text = frame.to_csv(index=False, sep=sep, **options)
    path.write_bytes((before + text).encode(encoding))
    return path


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("suffix", [".csv", ".tsv"])
def test_a_table_of_any_form_is_the_same_data(tmp_path, name, suffix):
    path = written(tmp_path / f"m{suffix}", FRAME, **FORMS[name])
    dataset = load(DataSpec(str(path)))
    assert dataset.class_names == ("B\u00e4r", "\u00d6l")
    assert dataset.labels.tolist() == (np.arange(N) % 2).tolist()
    assert dataset.features == pytest.approx(FRAME[["x", "z"]].to_numpy(np.float32))
    assert dataset.lines.tolist() == list(range(2, N + 2))


@pytest.mark.parametrize("line", ["sep=;\n", "SEP=;\r\n", '"sep=;"\n', "sep=;  \n"])
def test_a_first_line_says_what_separates(tmp_path, line):
    path = written(tmp_path / "m.csv", FRAME, sep=";", before=line)
    dataset = load(DataSpec(str(path)))
    assert dataset.features.shape == (N, 2)
    assert dataset.lines.tolist() == list(range(3, N + 3))


def test_a_first_line_names_any_character(tmp_path):
    frame = FRAME.assign(label=[f"{label},;\n" for label in LABELS])
    path = written(tmp_path / "m.csv", frame, sep="^", before="sep=^\n")
    dataset = load(DataSpec(str(path)))
    assert dataset.class_names == ("B\u00e4r,;\n", "\u00d6l,;\n")
    assert dataset.lines[:2].tolist() == [3, 5]


def test_commas_inside_cells_are_not_counted(tmp_path):
    (tmp_path / "m.csv").write_text('path,label\n"a;b.png","c;d"\n"e;f.png","g"\n')
    assert form_of(tmp_path / "m.csv").separator == ","
    (tmp_path / "n.csv").write_text('x;label\n"1,5";a\n2,5;b\n')
    assert read_table(tmp_path / "n.csv", text=["label"]).frame["x"].tolist() == [1.5, 2.5]


def test_two_separators_that_both_fit_are_refused(tmp_path):
    (tmp_path / "m.csv").write_text("weight, kg;label\n1,5;a\n2,5;b\n")
    with pytest.raises(InputError, match="with ',' and with ';'") as caught:
        load(DataSpec(str(tmp_path / "m.csv")))
    assert "sep=;" in caught.value.help
    (tmp_path / "m.csv").write_text("sep=;\nweight, kg;label\n1,5;a\n2,5;b\n")
    assert load(DataSpec(str(tmp_path / "m.csv"))).features.tolist() == [[1.5], [2.5]]


def test_points_between_thousands_and_what_nobody_can_tell(tmp_path):
    (tmp_path / "m.csv").write_text("x;label\n1.234,5;a\n-7,25;b\n1,5e2;b\n")
    features = load(DataSpec(str(tmp_path / "m.csv"))).features
    assert features.tolist() == [[1234.5], [-7.25], [150.0]]
    for text in ("x;y;label\n1,5;1.234;a\n2,5;7.5;b\n", "x;label\n1.234;a\n2,5;b\n"):
        (tmp_path / "m.csv").write_text(text)
        with pytest.raises(InputError, match="written in two ways"):
            load(DataSpec(str(tmp_path / "m.csv")))


def test_labels_keep_their_commas(tmp_path):
    (tmp_path / "m.csv").write_text("x;label\n1;0,5\n2;1,5\n")
    assert load(DataSpec(str(tmp_path / "m.csv"))).class_names == ("0,5", "1,5")


def test_a_number_that_is_none_is_told_with_decimal_commas_too(tmp_path):
    (tmp_path / "m.csv").write_text("x;label\n1,5;a\none;b\n2,5;b\n")
    with pytest.raises(InputError, match=r"column 'x' .* not a number in 1 of 3 rows \(line 3\)"):
        load(DataSpec(str(tmp_path / "m.csv")))


@pytest.mark.parametrize("name", FORMS)
def test_files_laid_over_data_are_read_likewise(tmp_path, name):
    form = FORMS[name]
    np.savez(tmp_path / "d.npz", features=np.zeros((N, 2)))
    probs = pd.DataFrame({"p_B\u00e4r": 0.25 + 0.5 * (np.arange(N) % 2)})
    probs["p_\u00d6l"] = 1 - probs["p_B\u00e4r"]
    others = pd.DataFrame({"label": LABELS, "by": "ann"})
    dataset = load(
        DataSpec(
            str(tmp_path / "d.npz"),
            labels=str(written(tmp_path / "labels.csv", others, **form)),
            label_column="label",
            pred_probs=str(written(tmp_path / "probs.csv", probs, **form)),
            features=str(written(tmp_path / "features.csv", FRAME[["x", "z"]], **form)),
        )
    )
    assert dataset.class_names == ("B\u00e4r", "\u00d6l")
    assert dataset.pred_probs == pytest.approx(probs.to_numpy())
    assert dataset.features == pytest.approx(FRAME[["x", "z"]].to_numpy(np.float32))
    trusted = pd.DataFrame({"index": range(N), "true_label": LABELS})
    known = read_trusted(written(tmp_path / "trusted.csv", trusted, **form), dataset)
    assert known.true.tolist() == dataset.labels.tolist()
    decided = trusted.rename(columns={"true_label": "decision"})
    known = read_trusted(written(tmp_path / "decided.csv", decided, **form), dataset)
    assert known.true.tolist() == dataset.labels.tolist()


@pytest.mark.parametrize("name", ["semicolons", "tabs"])
def test_labels_of_several_columns_under_a_guessed_separator_are_asked_for(tmp_path, name):
    np.savez(tmp_path / "d.npz", features=np.zeros((N, 2)))
    others = pd.DataFrame({"label": LABELS, "by": "ann"})
    file = written(tmp_path / "labels.csv", others, **FORMS[name])
    with pytest.raises(InputError, match="several columns: label, by") as refused:
        load(DataSpec(str(tmp_path / "d.npz"), labels=str(file)))
    assert refused.value.help == "--label-column label takes that one"


def test_annotators_are_read_likewise(tmp_path):
    marks = pd.DataFrame({"x": X, "ann": LABELS, "bob": LABELS[::-1]})
    path = written(tmp_path / "m.csv", marks, sep=";", decimal=",", encoding="utf-16")
    dataset = load(DataSpec(str(path), label_columns="ann,bob"))
    assert dataset.annotators == ("ann", "bob")


def test_a_name_that_holds_a_separator_is_no_label_column(tmp_path):
    """Each line in quotes: what was to be taken apart was not."""
    np.savez(tmp_path / "d.npz", features=np.zeros((4, 2)))
    for mark in ",;|\t":
        rows = [f"label{mark}by", f"cat{mark}ann", f"dog{mark}ann"]
        (tmp_path / "l.csv").write_text("".join(f'"{row}"\n' for row in rows))
        with pytest.raises(InputError, match="no column 'label'"):
            load(DataSpec(str(tmp_path / "d.npz"), labels=str(tmp_path / "l.csv")))


@pytest.mark.parametrize(
    ("content", "message", "help"),
    [
        ("label,x\ncaf\u00e9,1\n".encode("cp1252"), "not UTF-8", "iconv -f cp1252"),
        (b"\xff\xfel\x00a\x00\x00", "UTF-16 text, but is not", "cut short"),
    ],
)
def test_what_is_no_text_is_said(tmp_path, content, message, help):
    (tmp_path / "m.csv").write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        load(DataSpec(str(tmp_path / "m.csv")))
    assert help in caught.value.help


def test_a_folder_with_the_name_of_a_table_is_none(tmp_path):
    (tmp_path / "m.csv").mkdir()
    with pytest.raises(InputError, match="is no file"):
        list(rows_of(tmp_path / "m.csv"))


def test_a_blank_line_among_labels_is_a_missing_one(tmp_path):
    """Passed over, it would move all labels after it up by one."""
    np.savez(tmp_path / "d.npz", features=np.zeros((4, 2)))
    for blank in ("", " ", "\t"):
        (tmp_path / "l.csv").write_text(f"label\ncat\n{blank}\ndog\ncat\n\n\n")
        spec = DataSpec(str(tmp_path / "d.npz"), labels=str(tmp_path / "l.csv"))
        with pytest.raises(InputError, match=r"1 row has an? .*label.*ALFS406"):
            load(spec)
    (tmp_path / "l.csv").write_text("label\ncat\ncat\ndog\ncat\n\n\n")
    assert load(spec).labels.tolist() == [0, 0, 1, 0]
