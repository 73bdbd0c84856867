"""Tasks for Label Studio, and both of its exports as it writes them."""

import json
import xml.etree.ElementTree as xml
from base64 import b64decode
from pathlib import Path

import pytest

from alfs_cli.auditing.answers import enter
from alfs_cli.auditing.label_studio import read_export, write_tasks
from alfs_cli.errors import InputError


def annotated(task, choice, person=1, **more):
    """Return a task as `JSON` exports it."""
    result = [
        {"id": "x", "type": "choices", "from_name": "true_label", "to_name": "example",
         "value": {"choices": [choice]}}
    ]  # fmt: skip
    one = {"id": 7, "completed_by": person, "result": result, "was_cancelled": False,
           "lead_time": 2.5, **more}  # fmt: skip
    return {"id": 1, "annotations": [one], "predictions": [], **task}


@pytest.fixture
def tasks(shows, begin):
    record = begin(shows)
    write_tasks(record, shows, record.batch(4), Path("tasks.json"))
    return record, json.loads(Path("tasks.json").read_text())


def test_a_task_shows_the_row_and_no_label(tasks, shows):
    record, written = tasks
    assert [task["data"]["index"] for task in written] == [t.index for t in record.batch(4)]
    assert "it is" in written[0]["data"]["text"]
    assert not any(name in Path("tasks.json").read_text() for name in ("good", "bad", "so-so"))
    interface = xml.parse("tasks.config.xml")
    assert [c.get("value") for c in interface.iter("Choice")] == ["bad", "good", "so-so", "?"]


def test_pictures_are_inside_the_task(pictures, begin):
    record = begin(pictures)
    write_tasks(record, pictures, record.batch(1), Path("p.json"))
    (task,) = json.loads(Path("p.json").read_text())
    kind, _, content = task["data"]["image"].partition(",")
    assert kind == "data:image/png;base64"
    assert b64decode(content).startswith(b"\x89PNG")


def test_the_export_with_annotations_is_read(tasks, shows):
    record, written = tasks
    export = [
        annotated(written[0], "good"),
        annotated(written[1], "?"),
        annotated(written[2], "bad", was_cancelled=True),
        {"id": 9, "annotations": [], **written[3]},
    ]
    export[0]["annotations"] += annotated(written[0], "bad", person={"id": 2, "email": "b@x"})[
        "annotations"
    ]
    Path("e.json").write_text(json.dumps(export))
    assert enter(record, shows, read_export(Path("e.json"))).new == 3
    first = record.drawn[0]
    assert (first.counts.label, first.counts.by, first.counts.seconds) == (1, "e-1", 2.5)
    assert first.others["e-2"].label == 0
    assert record.drawn[1].counts.label is None
    assert "b@x" not in (record.folder / "audit.jsonl").read_text()


def test_the_short_export_is_read(tasks, shows):
    record, written = tasks
    rows = [
        {**written[0]["data"], "id": 1, "true_label": "good", "annotator": 3, "lead_time": 1.0},
        {**written[1]["data"], "id": 2, "annotator": 3},
    ]
    Path("m.json").write_text(json.dumps(rows))
    assert enter(record, shows, read_export(Path("m.json"))).new == 1
    assert record.drawn[0].counts.by == "m-3"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "'e.json' is no JSON"),
        ("{}", "'e.json' is no list of tasks"),
        ('[{"data": {"text": "x"}, "annotations": []}]', "e.json: task 1: its data has neither"),
        ('[{"index": 0, "true_label": {"choices": ["bad", "good"]}}]', "task 1: 2 classes"),
    ],
)
def test_what_is_no_export_is_refused_with_its_task(shows, text, words):
    Path("e.json").write_text(text)
    with pytest.raises(InputError, match=words):
        read_export(Path("e.json"))


@pytest.mark.parametrize("form", ["annotations", "other types", "min"])
def test_answers_of_another_interface_are_told_not_passed_over(tasks, form):
    _, written = tasks
    if form == "min":
        export = [{**task["data"], "id": 1, "sentiment": "good", "annotator": 1,
                   "annotation_id": 2, "created_at": "", "updated_at": "", "lead_time": 1.0}
                  for task in written]  # fmt: skip
    else:
        export = [annotated(task, "good") for task in written]
        for task in export:
            result = task["annotations"][0]["result"][0]
            result["from_name"] = "sentiment"
            if form == "other types":
                result |= {"type": "rating", "value": {"rating": 3}}
    Path("e.json").write_text(json.dumps(export))
    with pytest.raises(InputError, match=r"none of them is called 'true_label' .*sentiment"):
        read_export(Path("e.json"))


def test_tasks_without_answers_are_no_answers_of_another_interface(tasks):
    _, written = tasks
    bare = [{**task["data"], "id": 1, "annotator": 1, "annotation_id": 2} for task in written]
    skipped = [annotated(task, "good", was_cancelled=True) for task in written]
    for export in (written, bare, skipped, []):
        Path("e.json").write_text(json.dumps(export))
        assert read_export(Path("e.json")) == []
