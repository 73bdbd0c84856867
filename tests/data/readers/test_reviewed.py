"""issues.csv as it comes back: from alfs, from a spreadsheet, from people who mistype."""

from dataclasses import replace

import numpy as np
import pytest

from alfs_cli.data import DataSpec, LabelledDataset
from alfs_cli.data.readers.reviewed import DROP, KEEP, UNDECIDED, read_issues
from alfs_cli.errors import InputError

NAMES = ("=cat", "dog", "1", "a,b")
HEAD = "index,path,given,suggested,self_confidence,suggested_confidence,score"
ROWS = (
    "5,x/a.png,'=cat,dog,0.1,0.8,0.9",
    "9,x/b.png,dog,1,0.2,0.7,0.8",
    '6,"x/c,d.png",1,"a,b",0.2,0.6,0.7',
    '7,x/e.png,"a,b",\'=cat,0.3,0.5,0.6',
)


@pytest.fixture
def dataset():
    return LabelledDataset(
        name="x", kind="folder", spec=DataSpec("x"), labels=np.array([0, 2, 3, 1]),
        class_names=NAMES, fingerprint="0", positions=np.array([5, 6, 7, 9]),
        paths=("/else/x/a.png", "/else/x/c,d.png", "/else/x/e.png", "/else/x/b.png"),
    )  # fmt: skip


def save(path, *decisions, rows=ROWS, newline="\n", separator=None, bom=b"", head=HEAD):
    lines = [head, *rows]
    if decisions:
        lines = [f"{HEAD},decision", *(f"{r},{d}" for r, d in zip(rows, decisions, strict=True))]
    text = newline.join(lines) + newline
    if separator:
        import csv
        import io

        cells = [row for row in csv.reader(lines)]
        out = io.StringIO()
        csv.writer(out, delimiter=separator, lineterminator=newline).writerows(
            [[c.replace(".", ",") if c[:1] == "0" else c for c in row] for row in cells]
        )
        text = out.getvalue()
    path.write_bytes(bom + text.encode())
    return path


def test_as_alfs_writes_it(tmp_path, dataset):
    issues = read_issues(save(tmp_path / "i.csv"), dataset)
    assert issues.place.tolist() == [0, 3, 1, 2]
    assert issues.suggested.tolist() == [1, 2, 3, 0]
    assert issues.score.tolist() == [0.9, 0.8, 0.7, 0.6]
    assert issues.suggested_confidence.tolist() == [0.8, 0.7, 0.6, 0.5]
    assert (issues.decision == UNDECIDED).all()
    assert issues.num_decided == 0


@pytest.mark.parametrize("separator", [None, ";", "\t"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
def test_as_a_spreadsheet_saves_it(tmp_path, dataset, separator, newline, bom):
    decisions = ("'=cat", " Keep ", "", "DROP")
    path = save(tmp_path / "i.csv", *decisions, separator=separator, newline=newline, bom=bom)
    issues = read_issues(path, dataset)
    assert issues.decision.tolist() == [0, KEEP, UNDECIDED, DROP]
    assert issues.score.tolist() == [0.9, 0.8, 0.7, 0.6]
    assert issues.num_decided == 3


def test_rows_may_be_sorted_left_out_and_followed_by_empty_ones(tmp_path, dataset):
    rows = (ROWS[2], ",,,,,,", ROWS[0], ",,,,,,")
    issues = read_issues(save(tmp_path / "i.csv", rows=rows), dataset)
    assert issues.place.tolist() == [1, 0]


def test_every_wrong_cell_is_told_at_once_with_its_line(tmp_path, dataset):
    bad = (ROWS[0], ROWS[1].replace("0.8", "8"), ROWS[2].replace('"a,b"', "a.b"), ROWS[3])
    path = save(tmp_path / "i.csv", "dgo", "", "kep", "", rows=bad)
    with pytest.raises(InputError) as caught:
        read_issues(path, dataset)
    told = str(caught.value).splitlines()
    assert told[0].endswith(
        "i.csv:2: decision 'dgo' is neither keep, drop nor a class (did you mean 'dog'?)"
    )
    assert told[1].endswith("i.csv:3: score '8' is not between 0 and 1")
    assert ":4: suggested 'a.b' is no class (did you mean 'a,b'?)" in told[2]
    assert ":4: decision 'kep'" in told[3]
    assert "'keep'" in told[3]
    assert len(told) == 4
    assert caught.value.help


@pytest.mark.parametrize(
    ("before", "after"), [("5,x/a.png", "8,x/a.png"), ("'=cat,dog", "dog,dog"), ("a.png", "z.png")]
)
def test_rows_of_other_data_are_stale(tmp_path, dataset, before, after):
    path = save(tmp_path / "i.csv", rows=(ROWS[0].replace(before, after), *ROWS[1:]))
    with pytest.raises(InputError, match=r"1 of 4 rows .* are not of these data \(line 2\)"):
        read_issues(path, dataset)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "no column 'index'"),
        (b"a,b\n1,2\n", "no column 'index' \\(has: a, b\\)"),
        ("index;given\n1;\u00e9".encode("latin1"), "not UTF-8"),
        (f"{HEAD}\n{ROWS[0]}\n{ROWS[0]}\n".encode(), ":3: index 5 is in line 2 already"),
        (f"{HEAD}\n{ROWS[0]},what\n".encode(), ":2: 8 cells, and 7 columns"),
    ],
)
def test_what_is_no_list_is_refused(tmp_path, dataset, content, says):
    (tmp_path / "i.csv").write_bytes(content)
    with pytest.raises(InputError, match=says):
        read_issues(tmp_path / "i.csv", dataset)
    with pytest.raises(InputError, match="no such file"):
        read_issues(tmp_path / "no.csv", dataset)


@pytest.mark.parametrize(
    ("cell", "means"),
    [("class:drop", 1), ("Class: drop", 1), ("action:drop", DROP), ("action: KEEP ", KEEP),
     ("class:Keep", 0), ("dog", 2), ("class:dog", 2), ("class:class:x", 3), ("class:x", 3)],
)  # fmt: skip
def test_classes_that_are_called_like_an_action(tmp_path, dataset, cell, means):
    dataset = replace(dataset, class_names=("Keep", "drop", "dog", "class:x"))
    (tmp_path / "i.csv").write_text(f"index,decision\n5,{cell}\n")
    issues = read_issues(tmp_path / "i.csv", dataset, needed=("index", "decision"))
    assert issues.decision.tolist() == [means]


@pytest.mark.parametrize("cell", ["drop", "DROP", "keep", "Keep"])
def test_a_word_that_is_a_class_and_an_action_is_refused(tmp_path, dataset, cell):
    dataset = replace(dataset, class_names=("Keep", "drop", "dog", "cat"))
    (tmp_path / "i.csv").write_text(f"index,decision\n5,{cell}\n")
    with pytest.raises(InputError, match=f":2: decision '{cell}' is a class as well") as caught:
        read_issues(tmp_path / "i.csv", dataset, needed=("index", "decision"))
    for way in ("class", "action"):
        assert f"'{way}:{cell.lower()}'" in str(caught.value).lower()


@pytest.mark.parametrize("cell", ["class:cow", "action:dog", "action:", "class:"])
def test_a_prefix_before_something_else_is_refused(tmp_path, dataset, cell):
    (tmp_path / "i.csv").write_text(f"index,decision\n5,{cell}\n")
    with pytest.raises(InputError, match="neither keep, drop nor a class"):
        read_issues(tmp_path / "i.csv", dataset, needed=("index", "decision"))
