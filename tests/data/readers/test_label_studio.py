"""Label Studio's exports: one annotation of a task, several, predictions, JSON-MIN."""

import json

import numpy as np
import pytest

from alfs_cli.data import DataSpec, load
from alfs_cli.errors import InputError

N = 12
NAMES = ("cat", "dog", "emu")


def result(choice, control="choice", **more):
    value = {"choices": [choice] if isinstance(choice, str) else choice}
    return {"from_name": control, "to_name": "image", "type": "choices", "value": value, **more}


def annotation(choice, person=1, control="choice", **more):
    about = {"id": 1, "completed_by": person, "was_cancelled": False, "ground_truth": False}
    return {**about, "result": [result(choice, control)], **more}


def task(number, *annotations, predictions=(), **data):
    return {
        "id": 100 + number,
        "annotations": list(annotations),
        "predictions": list(predictions),
        "data": data or {"x": number % 5 + 0.5},
        "meta": {},
    }


def plain(**more):
    return [task(i, annotation(NAMES[i % 3], **more)) for i in range(N)]


@pytest.fixture
def write(tmp_path):
    """Write tasks as an export."""

    def written(tasks, **options):
        (tmp_path / "export.json").write_text(json.dumps(tasks))
        return DataSpec(str(tmp_path / "export.json"), **options)

    return written


def test_one_choice_is_the_label(write):
    dataset = load(write(plain()))
    assert dataset.kind == "label-studio"
    assert dataset.class_names == NAMES
    assert dataset.labels.tolist() == [i % 3 for i in range(N)]
    assert dataset.annotations is None


@pytest.mark.parametrize(
    ("form", "root"),
    [
        ("{}.png", None),
        ("/data/local-files/?d=shop/{}.png", "shop"),
        ("/data/local-files/?d=a%20shop/{}.png", "a shop"),
        ("/data/upload/3/{}.png", "upload/3"),
    ],
)
def test_pictures_are_files_below_the_root(write, tmp_path, picture, form, root):
    tasks = plain()
    for seed, one in enumerate(tasks):
        picture(tmp_path / (root or ".") / f"{seed}.png", seed)
        one["data"] = {"image": form.format(seed)}
    dataset = load(write(tasks, root=None if root is None else str(tmp_path)))
    assert dataset.images.decode(np.arange(N))[1].all()


def test_skipped_and_empty_annotations_are_left_out(write):
    tasks = plain()
    tasks[2]["annotations"] = []
    tasks[3]["annotations"][0]["was_cancelled"] = True
    tasks[4]["annotations"][0]["result"] = []
    tasks[5]["annotations"].append(annotation("dog", was_cancelled=True))
    dataset = load(write(tasks))
    assert len(dataset) == N - 3
    assert "3 of 12 tasks have no choice and are left out" in dataset.notes


def test_several_people_are_annotators(write):
    tasks = [
        task(
            i,
            annotation(NAMES[i % 3], {"id": 4, "email": "a@b.c"}),
            *([annotation(NAMES[(i + 1) % 3], 7)] if i % 2 else []),
            text=f"text {i}",
        )
        for i in range(N)
    ]
    dataset = load(write(tasks))
    assert dataset.annotators == ("7", "a@b.c")
    assert dataset.annotations[:, 1].tolist() == [i % 3 for i in range(N)]
    assert dataset.annotations[:, 0].tolist() == [(i + 1) % 3 if i % 2 else -1 for i in range(N)]


def test_pictures_elsewhere_are_not_needed_where_several_people_answered(
    write, tmp_path, monkeypatch
):
    monkeypatch.setenv("ALFS_CACHE_DIR", str(tmp_path / "cache"))
    tasks = [task(i, annotation("cat"), annotation(NAMES[i % 2], 2)) for i in range(N)]
    for one in tasks:
        one["data"] = {"image": "memory://nothing/a.png"}
    dataset = load(write(tasks))
    assert dataset.images is None
    assert any("nothing is fetched" in note for note in dataset.notes)
    for one in tasks:
        one["annotations"] = one["annotations"][1:]
    with pytest.raises(InputError, match=r"names a URL outside the root"):
        load(write(tasks))


def complete(probs):
    return [
        {"score": float(p), "result": [result(name)]} for p, name in zip(probs, NAMES, strict=True)
    ]


def test_complete_predictions_are_probabilities(write):
    probs = np.random.default_rng(0).dirichlet(np.ones(3), N)
    tasks = [
        task(i, annotation(NAMES[i % 3]), predictions=complete(probs[i]), text=f"text {i}")
        for i in range(N)
    ]
    dataset = load(write(tasks))
    assert np.allclose(dataset.pred_probs, probs)
    one = {"result": [result(n, score=float(p)) for n, p in zip(NAMES, probs[0], strict=True)]}
    tasks[0]["predictions"] = [one]
    assert np.allclose(load(write(tasks)).pred_probs, probs)


@pytest.mark.parametrize("kept", [[0], [0, 1], [0, 1, 2]])
def test_incomplete_predictions_are_said_not_to_be_used(write, kept):
    tasks = [
        task(i, annotation(NAMES[i % 3]), predictions=complete([0.5, 0.3, 0.4]), x=i % 5 + 0.5)
        for i in range(N)
    ]
    for one in tasks:
        one["predictions"] = [one["predictions"][place] for place in kept]
    dataset = load(write(tasks))
    assert dataset.pred_probs is None
    assert any("predictions in" in note and "are not used" in note for note in dataset.notes)


def test_several_controls_are_columns_by_their_names(write):
    tasks = plain()
    for i, one in enumerate(tasks):
        one["annotations"][0]["result"].append(result("ab"[i % 2], "mood"))
    assert load(write(tasks, label_column="mood")).class_names == ("a", "b")
    with pytest.raises(InputError, match=r"no column 'label' \(has: x, choice, mood\)"):
        load(write(tasks))


def test_a_label_in_the_data_does_not_pass_for_the_annotation(write):
    tasks = [task(i, annotation(NAMES[i % 3]), x=i % 5 + 0.5, label="old") for i in range(N)]
    assert load(write(tasks)).class_names == NAMES


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda t: t[4]["annotations"][0].update(result=[result(["cat", "dog"])]),
         r"task 5 \(id 104\) .* 2 choices"),
        (lambda t: [one.update(annotations=[]) for one in t], "no task .* has an annotation"),
        (lambda t: [one["annotations"][0].update(result=[{"value": {"rectanglelabels": ["a"]}}])
                    for one in t], "no task .* has an annotation"),
        (lambda t: [one.update(data={"text": ""}) for one in t], "holds no text"),
        (lambda t: [one.update(data={"image": "../../x.png"}) for one in t], "outside the root"),
        (lambda t: [one.update(annotations=[3]) for one in t], "no task .* has an annotation"),
        (lambda t: [one["annotations"][0].update(result=3) for one in t], "no task .* has an"),
    ],
)  # fmt: skip
def test_what_is_refused(write, change, says):
    tasks = plain()
    change(tasks)
    with pytest.raises(InputError, match=says) as caught:
        load(write(tasks))
    assert caught.value.help


def answer(number, choice, person=1, control="choice", **data):
    return {
        **(data or {"x": number % 5 + 0.5}),
        "id": 100 + number,
        control: choice,
        "annotator": person,
        "annotation_id": number,
        "created_at": "2026-01-01T00:00:00Z",
        "updated_at": "2026-01-01T00:00:00Z",
        "lead_time": 1.5,
    }


def test_json_min_is_a_record_for_each_answer(write):
    dataset = load(write([answer(i, NAMES[i % 3]) for i in range(N)]))
    assert dataset.class_names == NAMES
    assert dataset.columns.used == ("x",)
    named = load(write([answer(i, NAMES[i % 3], control="mood") for i in range(N)]))
    assert named.labels.tolist() == dataset.labels.tolist()


def test_json_min_of_several_people(write):
    rows = [answer(i, NAMES[i % 3], 1 + k) for i in range(N) for k in range(2) if k == 0 or i % 2]
    dataset = load(write(rows))
    assert dataset.annotators == ("1", "2")
    assert dataset.annotations[:, 1].tolist() == [i % 3 if i % 2 else -1 for i in range(N)]


def test_several_choices_in_json_min_are_refused(write):
    rows = [answer(i, {"choices": ["cat", "dog"]}) for i in range(N)]
    with pytest.raises(InputError, match=r"label is not one value but an object"):
        load(write(rows))


def test_json_min_of_several_controls(write):
    rows = []
    for i in range(N):
        row = answer(i, NAMES[i % 3], control="mood")
        place = list(row).index("annotator")
        pairs = list(row.items())
        rows.append(dict([*pairs[:place], ("side", "lr"[i % 2]), *pairs[place:]]))
    assert load(write(rows, label_column="side")).class_names == ("l", "r")
    again = [*rows, rows[0] | {"annotator": 2}]
    with pytest.raises(InputError, match=r"several people answered .* controls mood, side"):
        load(write(again))
