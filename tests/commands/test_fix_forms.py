"""`alfs fix` of forms that other tools write: back in their form, or as a table."""

import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from alfs_cli.data import DataSpec, load
from tests.data.readers.test_cvat import document
from tests.data.readers.test_folders import NAMES, N, encoded, save
from tests.data.readers.test_label_studio import annotation, task

HEAD = "index,path,given,suggested,self_confidence,suggested_confidence,score"


def fix(alfs, source, rows, to, *words):
    lines = [f"{index},,{given},{new},0.1,0.9,0.9" for index, given, new in rows]
    Path("list.csv").write_text("\n".join([HEAD, *lines]) + "\n")
    return alfs("fix", source, "--issues", "list.csv", "--to", to, *(words or ("--relabel",)))


def labels(path, **options):
    dataset = load(DataSpec(path, labels_alone=True, **options))
    return [dataset.class_names[label] for label in dataset.labels]


LIST = (
    '[ {"x": 1.50, "label": "cat"},\n  {"label":"d\\u00f6g", "x": 2},\n'
    ' {"x": 3e0, "label": "cat"},\n {"x": 4, "label": "d\\u00f6g"} ]\n'
)


def test_a_list_of_records_keeps_its_text(alfs):
    Path("m.json").write_text(LIST)
    assert fix(alfs, "m.json", [(0, "cat", "d\u00f6g")], "c.json").code == 0
    assert Path("c.json").read_text() == LIST.replace('"cat"', '"d\\u00f6g"', 1)
    assert fix(alfs, "m.json", [(0, "cat", "d\u00f6g")], "d.json", "--drop").code == 0
    assert json.loads(Path("d.json").read_text()) == json.loads(LIST)[1:]
    assert fix(alfs, "m.json", [(3, "d\u00f6g", "cat")], "e.json", "--drop").code == 0
    assert json.loads(Path("e.json").read_text()) == json.loads(LIST)[:3]
    assert fix(alfs, "m.json", [(0, "cat", "d\u00f6g")], "c.csv").code == 0
    assert labels("c.csv") == ["d\u00f6g", "d\u00f6g", "cat", "d\u00f6g"]


def test_json_lines_under_the_name_of_json(alfs):
    lines = "".join(json.dumps({"x": i + 0.5, "label": "ab"[i % 2]}) + "\n" for i in range(6))
    Path("m.json").write_text(lines)
    assert fix(alfs, "m.json", [(0, "a", "b")], "c.json").code == 0
    assert Path("c.json").read_text() == lines.replace('"a"', '"b"', 1)


def test_tasks_of_label_studio_keep_all_but_the_choice(alfs):
    tasks = [task(i, annotation("ab"[i % 2], control="mood")) for i in range(8)]
    tasks.insert(2, task(50))  # nobody labelled it
    Path("m.json").write_text(json.dumps(tasks))
    done = fix(alfs, "m.json", [(2, "a", "b")], "c.json")
    assert done.code == 0, done.err
    copy = json.loads(Path("c.json").read_text())
    tasks[3]["annotations"][0]["result"][0]["value"]["choices"] = ["b"]
    assert copy == tasks
    done = fix(alfs, "m.json", [(2, "a", "b")], "d.json", "--drop")
    assert json.loads(Path("d.json").read_text()) == [*tasks[:3], *tasks[4:]]


def test_tasks_that_several_people_labelled_become_a_table(alfs):
    tasks = [task(i, annotation("ab"[i % 2]), annotation("ab"[i % 2], 2)) for i in range(8)]
    Path("m.json").write_text(json.dumps(tasks))
    done = fix(alfs, "m.json", [(0, "a", "b")], "c.json")
    assert done.code == 2
    assert "does not end in .csv or .tsv" in done.err
    assert fix(alfs, "m.json", [(0, "a", "b")], "c.csv").code == 0
    assert labels("c.csv") == ["b", *list("bababab")]


def test_a_crowd_becomes_a_table_of_tasks(alfs):
    rows = [f"t{i},{worker},{'ab'[i % 2]}" for worker in "vw" for i in range(8)]
    for name in ("m.csv", "m.tsv"):
        text = "\n".join(["task,worker,label", *rows]) + "\n"
        Path(name).write_text(text.replace(",", "\t") if name == "m.tsv" else text)
        done = fix(alfs, name, [(0, "a", "b")], f"c{name[1:]}")
        assert done.code == 0, done.err
    assert labels("c.csv") == labels("c.tsv") == ["b", *list("bababab")]
    assert Path("c.csv").read_text().splitlines()[:2] == ["task,label", "t0,b"]


def test_saved_to_disk_becomes_parquet_with_its_pictures_and_classes(alfs):
    save(Path("d"), files=2, embedded=True)
    done = fix(alfs, "d", [(0, "zebra", "cat")], "c.parquet")
    assert done.code == 0, done.err
    assert pq.read_table("c.parquet")["label"].to_pylist() == [1, *[i % 3 for i in range(1, N)]]
    before, after = load(DataSpec("d")), load(DataSpec("c.parquet"))
    assert before.class_names == after.class_names == NAMES
    assert before.content_digest == after.content_digest
    done = fix(alfs, "d", [(0, "zebra", "cat")], "c.csv")
    assert (done.code, "holds pictures" in done.err) == (2, True)


@pytest.mark.parametrize("folder", ["images", "."])
def test_coco_and_cvat_become_tables_of_their_pictures(alfs, folder):
    Path("a", folder).mkdir(parents=True, exist_ok=True)
    for i in range(9):
        Image.fromarray(np.full((8, 8), 20 * i, np.uint8)).save(Path("a", folder, f"{i}.png"))
    Path("a/m.xml").write_text(document([[("cat", "dog")[i % 2]] for i in range(9)], labels=()))
    coco = {
        "images": [{"id": i, "file_name": f"{i}.png"} for i in range(9)],
        "annotations": [{"image_id": i, "category_id": i % 2} for i in range(9)],
        "categories": [{"id": 0, "name": "cat"}, {"id": 1, "name": "dog"}],
    }
    Path("a/m.json").write_text(json.dumps(coco))
    for name in ("a/m.xml", "a/m.json"):
        done = fix(alfs, name, [(0, "cat", "dog")], "c.csv")
        assert done.code == 0, done.err
        copy = load(DataSpec("c.csv"))
        assert copy.images.decode(np.arange(9))[1].all()
        assert labels("c.csv") == ["dog", *[("cat", "dog")[i % 2] for i in range(1, 9)]]
    done = fix(alfs, "a/m.json", [(0, "cat", "dog")], "c.json")
    assert (done.code, "does not end in .csv or .tsv" in done.err) == (2, True)


def test_a_tar_becomes_a_table_of_keys_which_can_be_laid_over_it(alfs):
    with tarfile.open("m.tar", "w") as archive:
        for i in range(8):
            for name, content in ((f"{i}.png", encoded(i)), (f"{i}.cls", b"ab"[i % 2 : i % 2 + 1])):
                member = tarfile.TarInfo(name)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    done = fix(alfs, "m.tar", [(0, "a", "b")], "c.csv")
    assert done.code == 0, done.err
    assert "the pictures stay in 'm.tar'" in done.err
    assert Path("c.csv").read_text().splitlines()[:3] == ["__key__,label", "0,b", "1,b"]
    assert labels("m.tar", labels="c.csv", label_column="label") == ["b", *list("bababab")]
    done = fix(alfs, "m.tar", [(0, "a", "b")], "c.tar")
    assert (done.code, "does not end in .csv or .tsv" in done.err) == (2, True)


def test_pictures_become_tasks_of_label_studio_with_predictions(alfs):
    for i in range(8):
        path = Path(f"d/{('a b', 'cat')[i % 2]}/{i}.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(i))
    data = load(DataSpec("d"))
    done = fix(alfs, "d", [(0, "a b", "cat")], "c.json", "--review")
    assert done.code == 0, done.err
    assert "tasks for Label Studio" in done.err
    assert '<Choice value="a b"/>' in Path("c.config.xml").read_text()
    tasks = json.loads(Path("c.json").read_text())
    assert [task["data"]["index"] for task in tasks] == list(range(8))
    assert tasks[0]["predictions"] == [
        {
            "model_version": "alfs",
            "score": 0.9,
            "result": [
                {
                    "from_name": "label",
                    "to_name": "image",
                    "type": "choices",
                    "value": {"choices": ["cat"]},
                    "score": 0.9,
                }
            ],
        }
    ]
    assert all(task["predictions"] == [] for task in tasks[1:])
    back = load(DataSpec("c.json"))
    assert back.labels.tolist() == data.labels.tolist()
    assert (back.images.decode(np.arange(8))[0] == data.images.decode(np.arange(8))[0]).all()
    assert fix(alfs, "d", [(0, "a b", "cat")], "r.json", "--relabel").code == 0
    assert load(DataSpec("r.json")).labels.tolist() == [1, *data.labels.tolist()[1:]]
    done = fix(alfs, "d", [(0, "a b", "cat")], "elsewhere/c.json", "--relabel")
    assert (done.code, "does not lie below the folder" in done.err) == (2, True)
