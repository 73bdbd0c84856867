"""`alfs fix` of tables: the copy is the user's file, byte for byte, but for the label cells."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from alfs_cli.data import DataSpec, load

HEAD = "index,path,given,suggested,self_confidence,suggested_confidence,score"


def listed(*rows, head=HEAD, name="list.csv"):
    """Write a list of suspects: (index, given, suggested) each, scored 0.9."""
    lines = [f"{index},,{given},{new},0.1,0.9,0.9" for index, given, new in rows]
    Path(name).write_text("\n".join([head, *lines]) + "\n")


def fixed(alfs, source, *words, to=None):
    suffix = Path(source).suffix
    to = to or f"c{suffix}"
    done = alfs("fix", source, "--issues", "list.csv", "--to", to, *words)
    assert done.code == 0, done.err
    return Path(to).read_bytes()


CSV = {
    "plain": b"id,x,label\nA1,1.50,cat\nA2,2,dog\nA3,3e0,cat\nA4,4,dog\n",
    "crlf": b"id,x,label\r\nA1,1.50,cat\r\nA2,2,dog\r\nA3,3e0,cat\r\nA4,4,dog\r\n",
    "old mac": b"id,x,label\rA1,1.50,cat\rA2,2,dog\rA3,3e0,cat\rA4,4,dog\r",
    "no last end": b"id,x,label\nA1,1.50,cat\nA2,2,dog\nA3,3e0,cat\nA4,4,dog",
    "mark": b"\xef\xbb\xbfid,x,label\nA1,1.50,cat\nA2,2,dog\nA3,3e0,cat\nA4,4,dog\n",
    "quoted": b'"id","x",label\n"A,1",1.50,"cat"\n"A""2",2,dog\n"A\n3",3e0,cat\nA4,4,"dog"\n',
    "blank lines": b"\n\nid,x,label\nA1,1.50,cat\n\nA2,2,dog\n  \nA3,3e0,cat\nA4,4,dog\n\n\n",
    "empty cells": b"id,n,x,label\nNA,,1,cat\nnan,07,2,dog\n,,3,cat\nNULL,,4,dog\n",
    "index column": b",x,label\n0,1.5,cat\n1,2,dog\n2,3,cat\n3,4,dog\n",
    "same names": b"a,a,x,label,label\n1,2,1.5,cat,k\n3,4,2,dog,k\n5,6,3,cat,k\n7,8,4,dog,k\n",
    "a quote within": b'id,x,label\nA"1,1.50,cat\nA2,2,dog\n5" tv,3e0,cat\nA4,4,dog\n',
    "label first": b"label,x,note\ncat,1.50,a \ndog,2, b\ncat,3e0,\tc\ndog,4,\n",
    "other letters": "id,x,label\n\u00e4\u4e2d,1,cat\n\u200bB,2,dog\nC,3,cat\nD,4,dog\n".encode(),
}


@pytest.mark.parametrize("name", CSV)
def test_only_label_cells_change(alfs, name):
    Path("m.csv").write_bytes(CSV[name])
    listed((1, "dog", "cat"), (2, "cat", "dog"))
    copy = fixed(alfs, "m.csv", "--relabel")
    before, after = CSV[name].split(b","), copy.split(b",")
    assert len(before) == len(after)
    changed = [(a, b) for a, b in zip(before, after, strict=True) if a != b]
    assert len(changed) == 2
    assert all(a.replace(b"dog", b"cat") == b.replace(b"dog", b"cat") for a, b in changed)
    assert load(DataSpec("c.csv")).labels.tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize("name", CSV)
def test_dropped_rows_go_and_nothing_else(alfs, name):
    Path("m.csv").write_bytes(CSV[name])
    listed((1, "dog", "cat"))
    copy = fixed(alfs, "m.csv", "--drop")
    whole, part = pd.read_csv("m.csv", dtype=str), pd.read_csv("c.csv", dtype=str)
    pd.testing.assert_frame_equal(part, whole.drop(index=1).reset_index(drop=True))
    assert CSV[name].startswith(copy[: copy.index(b"cat") + 3])


@pytest.mark.parametrize("name", CSV)
def test_without_a_change_it_is_the_same_file(alfs, name):
    Path("m.csv").write_bytes(CSV[name])
    listed((1, "dog", "cat"))
    assert fixed(alfs, "m.csv", "--relabel", "--min-score", "1") == CSV[name]


def test_a_new_label_is_quoted_like_the_old_one_or_where_it_must_be(alfs):
    Path("m.csv").write_text('x,label\n1,"a,b"\n2,"cat"\n3,cat\n4,"a,b"\n5,cat\n')
    listed((0, '"a,b"', "cat"), (1, "cat", '"a,b"'), (2, "cat", '"a,b"'))
    copy = fixed(alfs, "m.csv", "--relabel")
    assert copy == b'x,label\n1,"cat"\n2,"a,b"\n3,"a,b"\n4,"a,b"\n5,cat\n'


@pytest.mark.parametrize(
    ("cells", "new"),
    [(("0", "1"), "1"), (("01", "02"), "02"), (("caf\u00e9", "the\u0301"), "the\u0301"),
     (("NA", "None"), "None"), (("1.0", "2.0"), "2.0"), (("TRUE", "False"), "False")],
)  # fmt: skip
def test_a_class_is_spelled_as_the_file_spells_it(alfs, cells, new):
    a, b = cells
    Path("m.csv").write_text(f"x,label\n1,{a}\n2,{b}\n3,{a}\n4,{b}\n", encoding="utf-8")
    dataset = load(DataSpec("m.csv"))
    names = [dataset.class_names[k] for k in dataset.labels]
    listed((0, names[0], names[1]))
    copy = fixed(alfs, "m.csv", "--relabel").decode()
    assert copy == f"x,label\n1,{new}\n2,{b}\n3,{a}\n4,{b}\n"


def test_other_splits_stay_whole(alfs):
    splits = ["test", "train", "train", "val", "train", "train"]
    names = ["cat", "dog"] * 3
    rows = "".join(f"{i},{i}.0,{names[i]},{splits[i]},p{i}\n" for i in range(6))
    Path("m.csv").write_text("id,x,species,split,patient\n" + rows)
    listed((1, "cat", "dog"), (2, "cat", "dog"))
    done = alfs("fix", "m.csv", "--label-column", "species", "--issues", "list.csv", "--relabel",
                "--force", "--to", "c.csv", "-f", "json")  # fmt: skip
    assert done.code == 0, done.err
    assert json.loads(done.out)["other_rows"] == 2
    assert Path("c.csv").read_text() == Path("m.csv").read_text().replace(
        "2,2.0,cat,train", "2,2.0,dog,train"
    ).replace("4,4.0,cat,train", "4,4.0,dog,train")


@pytest.fixture
def pictures(tmp_path, monkeypatch):
    """im/0.png ... im/5.png in the current folder."""
    monkeypatch.chdir(tmp_path)
    Path("im").mkdir()
    for i in range(6):
        Image.new("L", (4, 4), 40 * i).save(f"im/{i}.png")
    rows = "".join(f"im/{i}.png,{['cat', 'dog'][i % 2]},{i}\n" for i in range(6))
    Path("m.csv").write_text("path,label,id\n" + rows)
    listed((1, "dog", "cat"))
    return tmp_path


@pytest.mark.parametrize("to", ["c.csv", "out/deep/c.csv", "im/c.csv", "alfs-out/c.tsv"])
def test_paths_lead_from_where_the_copy_lies(alfs, pictures, to):
    done = alfs("fix", "m.csv", "--issues", "list.csv", "--relabel", "--to", to)
    assert done.code == 0, done.err
    assert ("with --root '.'" in done.err) == (to != "c.csv" and to != "im/c.csv")
    frame = pd.read_csv(to, sep="\t" if to.endswith("tsv") else ",")
    assert all((Path(to).parent / path).is_file() for path in frame.path)
    assert frame.id.tolist() == list(range(6))
    again = load(DataSpec(to, root="." if "--root" in done.err else None))
    assert again.images.decode(np.arange(6))[1].all()
    assert again.labels.tolist() == [0, 0, 0, 1, 0, 1]


def test_absolute_paths_stay(alfs, pictures):
    text = Path("m.csv").read_text().replace("im/1.png", f"{pictures}/im/1.png")
    Path("m.csv").write_text(text)
    fixed(alfs, "m.csv", "--relabel", to="out/c.csv")
    paths = pd.read_csv("out/c.csv").path.tolist()
    assert paths[:2] == ["../im/0.png", f"{pictures}/im/1.png"]
    assert len(load(DataSpec("out/c.csv", root="."))) == 6


def test_a_copy_beyond_reach_says_how_it_is_read(alfs, pictures, monkeypatch):
    elsewhere = pictures / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    listed((1, "dog", "cat"))
    done = alfs("fix", str(pictures / "m.csv"), "--issues", "list.csv", "--relabel",
                "--to", "c.csv")  # fmt: skip
    assert done.code == 0, done.err
    assert f"--root '{pictures}'" in done.err
    assert load(DataSpec("c.csv", root=str(pictures))).images.decode(np.arange(6))[1].all()
    assert alfs("estimate", "c.csv", "-q").code == 2


def test_paths_under_a_root_lead_from_the_copy(alfs, pictures):
    Path("lists").mkdir()
    Path("m.csv").rename("lists/m.csv")
    fixed(alfs, "lists/m.csv", "--root", ".", "--relabel", to="lists/c.csv")
    assert len(load(DataSpec("lists/c.csv", root="."))) == 6
    assert pd.read_csv("lists/c.csv").path[0] == "../im/0.png"


def test_json_lines_keep_their_text(alfs):
    lines = [
        '{"x": 1.50, "label":"cat" , "n": null, "t": {"label": "dog"}}',
        '{ "label": "d\\u006fg","x": 2, "s": "a\\u00e9" }',
        "",
        '{"x": 3e0, "label": "cat", "big": 12345678901234567890}',
        '{"x": 4, "label": "dog"}',
    ]
    Path("m.jsonl").write_text("\r\n".join(lines), newline="")
    listed((0, "cat", "dog"), (3, "dog", "cat"))
    copy = fixed(alfs, "m.jsonl", "--relabel").decode()
    expected = [lines[0].replace('"cat"', '"d\\u006fg"'), *lines[1:4]]
    assert copy == "\r\n".join([*expected, lines[4].replace("dog", "cat")])
    assert fixed(alfs, "m.jsonl", "--drop").decode().split("\r\n") == [*lines[1:4], ""]


@pytest.mark.parametrize("values", [(3, 7), (True, False), ("1", "2")])
def test_json_labels_keep_their_type(alfs, values):
    rows = [{"x": i, "label": values[i % 2]} for i in range(4)]
    Path("m.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    dataset = load(DataSpec("m.jsonl"))
    names = [dataset.class_names[k] for k in dataset.labels]
    listed((0, names[0], names[1]))
    copy = [json.loads(line) for line in fixed(alfs, "m.jsonl", "--relabel").splitlines()]
    assert copy == [{"x": 0, "label": values[1]}, *rows[1:]]
    assert type(copy[0]["label"]) is type(values[1])


def parquet(**columns):
    Path("im").mkdir()
    for i in range(4):
        Image.new("L", (4, 4), 40 * i).save(f"im/{i}.png")
    paths = [f"im/{i}.png" for i in range(4)]
    table = pa.table({"path": paths, "x": pa.array([1.5, 2, 3, 4], pa.float32()), **columns})
    table = table.replace_schema_metadata({"made": "by hand"})
    pq.write_table(table, "m.parquet", compression="zstd")
    return pq.read_table("m.parquet")


@pytest.mark.parametrize(
    ("labels", "new"),
    [
        (pa.array([3, 7, 3, 7], pa.int8()), 7),
        (pa.array(["cat", "dog", "cat", "dog"], pa.large_string()), "dog"),
        (pa.array(["cat", "dog", "cat", "dog"]).dictionary_encode(), "dog"),
        (
            pa.DictionaryArray.from_arrays(
                pa.array([2, 1, 2, 1], pa.int8()), pa.array(["z", "dog", "cat"]), ordered=True
            ),
            "dog",
        ),
    ],
)
def test_parquet_keeps_types_and_metadata(alfs, labels, new):
    table = parquet(
        label=labels, n=pa.array([None, 1, 2, None], pa.int32()),
        day=pa.array([1, 2, None, 4], pa.timestamp("us", "UTC")), raw=[b"a", b"", None, b"\0"],
        nested=[{"a": 1}, None, {"a": 2}, {"a": 3}],
    )  # fmt: skip
    dataset = load(DataSpec("m.parquet"))
    names = [dataset.class_names[k] for k in dataset.labels]
    listed((0, names[0], names[1]))
    words = ("fix", "m.parquet", "--issues", "list.csv", "--relabel")
    done = alfs(*words, "--to", "c.parquet")
    assert done.code == 0, done.err
    copy = pq.read_table("c.parquet")
    assert copy.schema.equals(table.schema, check_metadata=True)
    assert copy["label"].to_pylist() == [new, *labels.to_pylist()[1:]]
    for name in ("x", "n", "day", "raw", "nested"):
        assert copy[name].equals(table[name])
    if pa.types.is_dictionary(labels.type):
        assert copy["label"].chunk(0).dictionary.equals(labels.dictionary)
    assert pq.read_metadata("c.parquet").row_group(0).column(0).compression == "ZSTD"
    done = alfs("fix", "m.parquet", "--issues", "list.csv", "--drop", "--to", "d.parquet")
    assert pq.read_table("d.parquet").equals(table.slice(1).combine_chunks())


def test_a_pandas_index_stays(alfs):
    frame = pd.DataFrame({"x": [1.5, 2, 3, 4], "label": ["a", "b"] * 2}, index=list("pqrs"))
    frame["label"] = pd.Categorical(frame["label"], ["b", "c", "a"])
    frame.to_parquet("m.parquet")
    listed((1, "b", "a"))
    fixed(alfs, "m.parquet", "--drop")
    pd.testing.assert_frame_equal(pd.read_parquet("c.parquet"), frame.drop(index="q"))


def test_a_copy_in_another_form_keeps_values(alfs):
    parquet(label=["a", "b", "a", "b"], n=pa.array([None, 1, 2, None], pa.int32()))
    listed((1, "b", "a"))
    assert fixed(alfs, "m.parquet", "--relabel", to="c.csv").decode() == (
        "path,x,label,n\nim/0.png,1.5,a,\nim/1.png,2.0,a,1\nim/2.png,3.0,a,2\nim/3.png,4.0,b,\n"
    )
    Path("m.csv").write_text('a;b,x,label\n"p\tq",1,a\nr,2,b\ns,3,a\nt,4,b\n')
    assert fixed(alfs, "m.csv", "--relabel", to="c.tsv").decode() == (
        'a;b\tx\tlabel\n"p\tq"\t1\ta\nr\t2\ta\ns\t3\ta\nt\t4\tb\n'
    )
    done = alfs("fix", "m.csv", "--issues", "list.csv", "--drop", "--to", "c.parquet")
    assert done.code == 2
    assert "does not end in .csv or .tsv" in done.err


def test_labels_of_another_file_come_into_the_copy(alfs):
    Path("m.csv").write_text("id,x,label\n1,1,a\n2,2,b\n3,3,a\n4,4,b\n")
    Path("y.txt").write_text("b\nb\na\na\n")
    listed((3, "a", "b"))
    copy = fixed(alfs, "m.csv", "--labels", "y.txt", "--relabel").decode()
    assert copy == "id,x,label\n1,1,b\n2,2,b\n3,3,a\n4,4,b\n"
    Path("m.csv").write_text("id,x\n1,1\n2,2\n3,3\n4,4\n")
    copy = fixed(alfs, "m.csv", "--labels", "y.txt", "--relabel").decode()
    assert copy == "id,x,label\n1,1,b\n2,2,b\n3,3,a\n4,4,b\n"


def test_an_image_list_in_a_folder_leads_to_the_same_files(alfs, pictures):
    text = Path("m.csv").read_text().replace("im/", "")
    Path("im").rename("data")
    Path("data/metadata.csv").write_text(text)
    fixed(alfs, "data", "--relabel", to="c.csv")
    assert pd.read_csv("c.csv").path[0] == "data/0.png"
    assert (
        alfs("fix", "data", "--issues", "list.csv", "--drop", "--to", "data/metadata.csv").code == 2
    )
