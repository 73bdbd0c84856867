"""Long tables of a crowd's answers, against the same answers in a column for each worker."""

import json

import numpy as np
import pandas as pd
import pytest

from alfs_cli.data import DataSpec, load
from alfs_cli.errors import InputError

TASKS, WORKERS = 40, ("ann", "ben", "cy")


@pytest.fixture
def answers():
    """Return answers in rows, some workers leaving tasks out; each task has one at least."""
    generator = np.random.default_rng(0)
    rows = []
    for task in range(TASKS):
        for worker in WORKERS:
            if worker == WORKERS[task % 3] or generator.random() < 0.6:
                label = "cat" if generator.random() < (0.8 if task % 2 else 0.2) else "dog"
                rows.append({"task": f"t{task}", "worker": worker, "label": label})
    return pd.DataFrame(rows)


def write(frame, path):
    match path.suffix:
        case ".json":
            path.write_text(json.dumps(frame.to_dict("records")))
        case ".jsonl":
            frame.to_json(path, orient="records", lines=True)
        case ".parquet":
            frame.to_parquet(path)
        case _:
            frame.to_csv(path, index=False, sep="\t" if path.suffix == ".tsv" else ",")
    return DataSpec(str(path))


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".json", ".parquet"])
def test_it_is_a_column_for_each_worker(tmp_path, answers, suffix):
    wide = answers.pivot(index="task", columns="worker", values="label").fillna("")
    wide = wide.loc[answers["task"].unique()].reset_index()
    wide.to_csv(tmp_path / "wide.csv", index=False)
    same = load(DataSpec(str(tmp_path / "wide.csv"), label_columns=",".join(WORKERS)))
    dataset = load(write(answers, tmp_path / f"m{suffix}"))
    assert dataset.kind == "crowd"
    assert dataset.annotators == WORKERS
    assert dataset.annotations.tolist() == same.annotations.tolist()
    assert dataset.labels.tolist() == same.labels.tolist()
    assert dataset.notes[0] == f"{len(answers)} answers of 3 workers to 40 tasks"


def test_lines_are_those_of_the_first_answer(tmp_path, answers):
    dataset = load(write(answers, tmp_path / "m.csv"))
    first = answers.drop_duplicates("task").index.to_numpy() + 2
    assert dataset.lines.tolist() == first.tolist()


def test_the_order_of_rows_changes_nothing_but_that_of_tasks(tmp_path, answers):
    shuffled = answers.sample(frac=1, random_state=3)
    one, other = (load(write(f, tmp_path / "m.csv")) for f in (answers, shuffled))
    place = {task: i for i, task in enumerate(answers["task"].unique())}
    order = [place[task] for task in shuffled["task"].unique()]
    assert other.annotations.tolist() == one.annotations[order].tolist()


def test_of_two_answers_of_one_worker_the_last_counts(tmp_path):
    rows = [("a", "w", "cat"), ("b", "w", "dog"), ("a", "w", "dog"), ("b", "v", "cat")]
    frame = pd.DataFrame(rows, columns=["task", "worker", "label"])
    dataset = load(write(frame, tmp_path / "m.csv"))
    assert dataset.annotators == ("v", "w")
    assert dataset.annotations.tolist() == [[-1, 1], [0, 1]]


def test_pictures_and_features_of_tasks_come_along(tmp_path, answers, picture):
    for seed, task in enumerate(answers["task"].unique()):
        picture(tmp_path / f"{task}.png", seed)
    answers["path"] = answers["task"] + ".png"
    answers["seconds"] = np.arange(len(answers))
    dataset = load(write(answers, tmp_path / "m.csv"))
    assert dataset.images.decode(np.arange(TASKS))[1].all()
    answers["x"] = answers["task"].str[1:].astype(int) % 7 + 0.5
    dataset = load(write(answers.drop(columns="path"), tmp_path / "m.csv"))
    assert dataset.columns.used == ("x",)


@pytest.mark.parametrize("column", ["task", "worker", "label"])
def test_an_answer_without_a_part_is_refused(tmp_path, answers, column):
    answers.loc[4, column] = ""
    with pytest.raises(InputError, match=rf"an empty {column} in .*line 6; ALFS406"):
        load(write(answers, tmp_path / "m.csv"))


def test_a_table_of_workers_without_tasks_or_with_labels_of_its_own_is_no_crowd(tmp_path, answers):
    answers["x"] = np.arange(len(answers)) % 5 + 0.5
    plain = answers.rename(columns={"task": "topic"})
    assert load(write(plain, tmp_path / "m.csv")).kind == "manifest"
    with pytest.raises(InputError, match=r"no column 'label'"):
        load(write(answers.drop(columns="label"), tmp_path / "m.csv"))


def test_too_many_workers_for_memory(tmp_path, answers, monkeypatch):
    monkeypatch.setattr("alfs_cli.data.readers.crowd.CELL_BYTES", 1 << 50)
    with pytest.raises(InputError, match=r"a table of 40 tasks by 3 workers takes"):
        load(write(answers, tmp_path / "m.csv"))


def test_the_number_of_a_task_is_no_feature(tmp_path, answers):
    answers["task"] = answers["task"].str[1:].astype(int) * 37 % 101
    assert load(write(answers, tmp_path / "m.csv")).features is None
