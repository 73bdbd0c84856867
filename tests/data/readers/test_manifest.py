"""Manifests: labels kept as text, lines, paths, features, splits."""

import os
import unicodedata

import numpy as np
import pandas as pd
import pytest

from alfs_cli.data import DataSpec, load, splits_of
from alfs_cli.errors import InputError

TORTURE = [
    "NA", "null", "None", "no", "001", "1", "[red]", "<b>", "=1+1", "caf\u00e9", "\U0001f600",
    "a,b", "10", "2", 'say "x"', "two\nlines", "True", "1.0", " x ",
]  # fmt: skip


def read(path, **options):
    return load(DataSpec(str(path), **options))


@pytest.fixture
def write(tmp_path, picture):
    """Write a manifest of text beside the pictures a.png, b.png, c.png and sub/d.png."""
    for seed, name in enumerate(("a.png", "b.png", "c.png", "sub/d.png")):
        picture(tmp_path / name, seed)

    def manifest(text, name="labels.csv"):
        (tmp_path / name).write_bytes(text.encode() if isinstance(text, str) else text)
        return tmp_path / name

    return manifest


PLAIN = "path,label\na.png,cat\nb.png,dog\nc.png,cat\nsub/d.png,dog\n"


def test_a_table_without_rows_is_refused(tmp_path):
    """Its columns have no type, which is no reason to divide by their number."""
    (tmp_path / "a.csv").write_text("x,label\n")
    with pytest.raises(InputError, match="holds no examples"):
        load(DataSpec(str(tmp_path / "a.csv")))


def test_a_column_of_ids_is_no_feature_and_said_to_be_none(tmp_path):
    (tmp_path / "a.csv").write_text("id,x,label\n7,0.5,a\n8,1.5,b\n")
    dataset = load(DataSpec(str(tmp_path / "a.csv")))
    assert dataset.features.tolist() == [[0.5], [1.5]]
    assert dataset.notes == (
        "columns used as features: 'x'",
        "columns not used: 'id' is named as an id",
    )


def test_images_labels_and_lines(write, tmp_path):
    dataset = read(write(PLAIN))
    assert dataset.kind == "manifest"
    assert dataset.class_names == ("cat", "dog")
    assert dataset.labels.tolist() == [0, 1, 0, 1]
    assert dataset.lines.tolist() == [2, 3, 4, 5]
    assert dataset.paths[3] == str(tmp_path / "sub/d.png")
    assert dataset.images.decode(np.arange(4))[1].all()


@pytest.mark.parametrize("column", ["path", "file_name", "image", "filename"])
def test_the_path_column_is_found(write, column):
    assert len(read(write(PLAIN.replace("path", column)))) == 4


def test_columns_go_by_any_name(write):
    text = PLAIN.replace("path,label", "where,species")
    dataset = read(write(text), label_column="species", path_column="where")
    assert dataset.class_names == ("cat", "dog")
    with pytest.raises(InputError, match=r"no column 'label' \(has: where, species\)") as caught:
        read(write(text))
    assert "--label-column" in caught.value.help
    with pytest.raises(InputError, match=r"no column 'speces' \(did you mean 'species'\?\)"):
        read(write(text), label_column="speces")


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet", ".jsonl"])
def test_hostile_labels_survive_every_form(tmp_path, suffix):
    x = [7 * i % len(TORTURE) + 0.5 for i in range(len(TORTURE))]
    frame = pd.DataFrame({"x": x, "label": TORTURE, "true_label": TORTURE[::-1]})
    path = tmp_path / f"m{suffix}"
    match suffix:
        case ".parquet":
            frame.to_parquet(path)
        case ".jsonl":
            frame.to_json(path, orient="records", lines=True)
        case _:
            frame.to_csv(path, sep="\t" if suffix == ".tsv" else ",", index=False)
    dataset = read(path)
    assert [dataset.class_names[label] for label in dataset.labels] == TORTURE
    assert [dataset.class_names[label] for label in dataset.true_labels] == TORTURE[::-1]
    assert dataset.features.tolist() == [[value] for value in x]


def test_composed_and_decomposed_labels_are_one_class(tmp_path):
    names = [unicodedata.normalize(form, "caf\u00e9") for form in ("NFC", "NFD")] + ["tea"]
    pd.DataFrame({"x": [1, 2, 3], "label": names}).to_csv(tmp_path / "m.csv", index=False)
    assert read(tmp_path / "m.csv").labels.tolist() == [0, 0, 1]


def test_paths_in_the_other_unicode_form_are_found(tmp_path, picture):
    name = "caf\u00e9.png"
    picture(tmp_path / unicodedata.normalize("NFD", name))
    picture(tmp_path / "b.png")
    (tmp_path / "m.csv").write_text(f"path,label\n{name},x\nb.png,y\n", encoding="utf-8")
    assert len(read(tmp_path / "m.csv")) == 2


def test_lines_count_breaks_blanks_and_quotes(write):
    text = 'path,label\n"a.png","cat\nof two"\n\nb.png,dog\r\n"c.png",dog\n'
    assert read(write(text)).lines.tolist() == [2, 5, 6]
    jsonl = '{"path": "a.png", "label": "x"}\n\n{"path": "b.png", "label": 1}\n'
    dataset = read(write(jsonl, "m.jsonl"))
    assert dataset.lines.tolist() == [1, 3]
    assert dataset.class_names == ("1", "x")


def test_a_byte_order_mark_is_no_part_of_a_name(write):
    assert len(read(write(b"\xef\xbb\xbf" + PLAIN.encode()))) == 4


def test_missing_labels_are_named_by_line(write):
    with pytest.raises(InputError, match=r"2 rows have an empty label .*\(lines 3, 5; ALFS406\)"):
        read(write("path,label\na.png,cat\nb.png,\nc.png,dog\nsub/d.png,\n"))
    with pytest.raises(InputError, match=r"1 row has an empty label"):
        read(write("path,label\na.png,cat\nb.png\nc.png,dog\n"))
    frame = pd.DataFrame({"x": [1, 2, 3], "label": ["a", None, "b"]})
    frame.to_parquet(write("", "m.parquet"))
    with pytest.raises(InputError, match=r"row 1; ALFS406"):
        read(write("", "m.csv").with_suffix(".parquet"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("path,label\n", "holds no examples"),
        ("path,label\na.png,cat,3\nb.png,dog,4\n", "cannot read"),
        ("path,label\na.png,cat\nb.png,dog,4\n", "line 3"),
        (b"path,label\na.png,caf\xe9\n", "not UTF-8"),
        ("path;species\na.png;cat\n", r"has no column 'label' \(has: path, species\)"),
        ("label\ncat\ndog\n", "neither a column of image paths"),
        ("path,label\n,cat\nb.png,dog\n", "an empty path"),
    ],
)
def test_broken_files_say_where(write, text, message):
    with pytest.raises(InputError, match=message):
        read(write(text))


@pytest.mark.parametrize(
    ("text", "message"),
    [("{", "m.jsonl:2: not valid JSON"), ("[1]", "m.jsonl:2: not a JSON object")],
)
def test_broken_json_names_its_line(write, text, message):
    with pytest.raises(InputError, match=message):
        read(write('{"path": "a.png", "label": "x"}\n' + text, "m.jsonl"))


def test_paths_that_do_not_exist(write, tmp_path):
    text = PLAIN.replace("b.png", "no.png").replace("c.png", "no2.png")
    with pytest.raises(InputError, match=r"2 of 4 paths .* do not exist \(lines 3, 4: 'no.png'\)"):
        read(write(text))
    moved = tmp_path / "meta"
    moved.mkdir()
    (moved / "m.csv").write_text(PLAIN)
    with pytest.raises(InputError, match="4 of 4 paths") as caught:
        read(moved / "m.csv")
    assert "--root" in caught.value.help
    assert len(read(moved / "m.csv", root=str(tmp_path))) == 4


@pytest.mark.parametrize("path", ["../x.png", "sub/../../x.png", "/etc/x.png"])
def test_paths_out_of_the_root_are_refused(write, path, picture, tmp_path):
    picture(tmp_path.parent / "x.png")
    with pytest.raises(InputError, match=r"line 3 of .* points outside the root"):
        read(write(f"path,label\na.png,cat\n{path},dog\n"))


def test_a_path_with_a_nul_in_it_is_refused(write):
    """Most versions of pandas end a cell at it, and then there is no such file."""
    with pytest.raises(InputError, match=r"points outside the root|do not exist"):
        read(write("path,label\na.png,cat\na\0.png,dog\n"))


def test_paths_of_a_copy_elsewhere_are_followed_within_a_root(write, picture, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "c.csv").write_text("path,label\n../a.png,cat\n../b.png,dog\n")
    assert len(read(tmp_path / "out" / "c.csv", root=str(tmp_path))) == 2
    with pytest.raises(InputError, match="points outside the root"):
        read(tmp_path / "out" / "c.csv")
    picture(tmp_path.parent / "x.png")
    (tmp_path / "out" / "c.csv").write_text("path,label\n../a.png,cat\n../../x.png,dog\n")
    with pytest.raises(InputError, match=r"line 3 of .* points outside the root"):
        read(tmp_path / "out" / "c.csv", root=str(tmp_path))


def test_absolute_paths_below_the_root_are_fine(write, tmp_path):
    assert len(read(write(f"path,label\na.png,cat\n{tmp_path}/b.png,dog\n"))) == 2


@pytest.mark.parametrize("url", ["https://x.org/b.png", "s3://b/b.png", "memory://x/b.png"])
def test_nothing_is_fetched_for_a_table_s_word_alone(write, url):
    with pytest.raises(InputError, match=r"names a URL outside the root \(line 3: '"):
        read(write(f"path,label\na.png,cat\n{url},dog\n"))


def test_an_address_where_nothing_lies_is_a_path_that_does_not_exist(write, tmp_path, monkeypatch):
    monkeypatch.setenv("ALFS_CACHE_DIR", str(tmp_path / "cache"))
    with pytest.raises(InputError, match=r"2 of 2 paths .* \(lines 2, 3: 'memory://x/a.png'"):
        read(write("path,label\nmemory://x/a.png,cat\nmemory://x/b.png,dog\n"), root="memory://x")


def test_numeric_columns_are_features(tmp_path):
    text = "id,label,x,note,y,true_label\n7,a,0.5,p,1,a\n8,b,1.5,q,2,a\n9,a,2.5,r,3,b\n"
    (tmp_path / "m.csv").write_text(text)
    dataset = read(tmp_path / "m.csv")
    assert dataset.features.tolist() == [[0.5, 1], [1.5, 2], [2.5, 3]]
    assert dataset.true_labels.tolist() == [0, 0, 1]
    assert dataset.paths is None
    (tmp_path / "m.csv").write_text(text.replace("1.5", "nan"))
    assert read(tmp_path / "m.csv").features.tolist() == [[0.5, 1], [1.5, 2], [2.5, 3]]
    (tmp_path / "m.csv").write_text(text.replace("1.5", "one"))
    with pytest.raises(InputError, match=r"column 'x' .* not a number in 1 of 3 rows \(line 3\)"):
        read(tmp_path / "m.csv")


def test_a_split_column_counts(tmp_path):
    rows = "".join(f"{i},{'ab'[i % 2]},{['train', 'test', 'dev'][i % 3]}\n" for i in range(12))
    (tmp_path / "m.csv").write_text("x,label,split\n" + rows)
    path = tmp_path / "m.csv"
    assert splits_of(DataSpec(str(path))) == ("train", "test", "val")
    dataset = read(path)
    assert dataset.split == "train"
    assert dataset.features[:, 0].tolist() == [0, 3, 6, 9]
    assert dataset.lines.tolist() == [2, 5, 8, 11]
    assert read(path, split="validation").features[:, 0].tolist() == [2, 5, 8, 11]


def test_a_column_of_ids_is_questioned(tmp_path):
    rows = "".join(f"{i},id{i}\n" for i in range(30))
    (tmp_path / "m.csv").write_text("x,label\n" + rows)
    with pytest.raises(InputError, match="30 different labels in 30 rows: is it an id"):
        read(tmp_path / "m.csv")
    names = ",".join(f"id{i}" for i in range(30))
    assert read(tmp_path / "m.csv", classes=names).num_classes == 30


def test_unreadable_files_are_named_with_their_line(write, tmp_path):
    rows = "a.png,cat\nb.png,dog\n" * 100
    path = write("path,label\n" + rows + "broken.png,cat\n")
    (tmp_path / "broken.png").write_bytes(b"")
    dataset = read(path)
    assert len(dataset) == 200
    (problem,) = dataset.problems
    assert (problem.rule, problem.line) == ("ALFS401", 202)
    assert os.path.basename(problem.path) == "broken.png"


def test_the_fingerprint_stays_when_the_folder_moves(write, tmp_path):
    before = read(write(PLAIN)).fingerprint
    moved = tmp_path.parent / f"{tmp_path.name}-moved"
    tmp_path.rename(moved)
    try:
        assert read(moved / "labels.csv").fingerprint == before
        assert read(moved / "labels.csv", classes="dog,cat").fingerprint != before
    finally:
        moved.rename(tmp_path)


def test_several_labels_an_example_are_refused(write):
    rows = '{"path": "a.png", "label": ["x", "y"]}\n{"path": "b.png", "label": "y"}\n'
    with pytest.raises(InputError, match=r"line 1 .* label is not one value"):
        read(write(rows, "m.jsonl"))


def test_names_that_differ_in_spaces_are_a_problem(write):
    dataset = read(write(PLAIN.replace("c.png,cat", "c.png,Cat ")))
    assert dataset.class_names == ("Cat ", "cat", "dog")
    assert [(p.message, p.given) for p in dataset.problems if p.rule == "ALFS409"] == [
        ("classes 'Cat ' and 'cat' differ only in spaces or case", "cat")
    ]


@pytest.mark.parametrize(
    "form", ["{}", "sub\\{}", ".\\sub\\{}", "sub/deep\\..\\{}", "sub\\\\{}", ".\\sub/./{}"]
)
def test_backslashes_of_windows_are_slashes(tmp_path, picture, form):
    folder = tmp_path / "sub" if "sub" in form else tmp_path
    (tmp_path / "sub" / "deep").mkdir(parents=True)
    for seed, name in enumerate(("a.png", "b.png")):
        picture(folder / name, seed)
    rows = "".join(f"{form.format(name)},{name[0]}\r\n" for name in ("a.png", "b.png"))
    (tmp_path / "m.csv").write_text(f"path,label\r\n{rows}", newline="")
    dataset = read(tmp_path / "m.csv")
    assert dataset.images.decode(np.arange(2))[1].all()


def test_a_name_that_holds_a_backslash_is_that_file(tmp_path, picture):
    picture(tmp_path / "a\\1.png", 1)
    picture(tmp_path / "a" / "1.png", 2)
    picture(tmp_path / "b.png", 3)
    (tmp_path / "m.csv").write_text("path,label\na\\1.png,x\nb.png,y\n")
    assert read(tmp_path / "m.csv").paths[0] == str(tmp_path / "a\\1.png")


@pytest.mark.parametrize(
    ("path", "message", "help"),
    [
        ("C:\\work\\im\\a.png", "do not exist", "written on Windows"),
        ("\\\\server\\share\\a.png", "outside the root", "written on Windows"),
        ("..\\a.png", "outside the root", "--root names another folder"),
        ("im\\a.png", "do not exist", "--root names another folder"),
        ("nan", "a missing path, written 'nan'", "fill them in"),
    ],
)
def test_paths_of_windows_that_lead_nowhere(tmp_path, picture, path, message, help):
    picture(tmp_path / "top" / "b.png")
    picture(tmp_path / "a.png")
    (tmp_path / "top" / "m.csv").write_text(f"path,label\n{path},x\nb.png,y\n")
    with pytest.raises(InputError, match=message) as caught:
        read(tmp_path / "top" / "m.csv")
    assert help in caught.value.help


@pytest.mark.parametrize("wanted", ["my_label", "Label", "target"])
def test_the_wanted_column_is_never_cut_from_the_list(tmp_path, wanted):
    names = [f"c{i}" for i in range(60)] + [wanted]
    frame = pd.DataFrame([range(61)] * 3, columns=names)
    frame.to_csv(tmp_path / "m.csv", index=False)
    with pytest.raises(InputError, match=f"has: {wanted}, c0, .* and 41 more"):
        read(tmp_path / "m.csv")


def test_long_values_are_cut(tmp_path):
    long = "x" * 5000
    (tmp_path / "m.csv").write_text(f"x,label,{long}\n1,{long},2\n2,b,3\n")
    for options in ({"classes": "a,b"}, {"label_column": long + "y"}, {"path_column": long}):
        with pytest.raises(InputError) as caught:
            read(tmp_path / "m.csv", **options)
        assert "x" * 101 not in f"{caught.value} {caught.value.help}"
