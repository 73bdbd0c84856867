"""Tasks of Label Studio with one choice each: its exports JSON and JSON-MIN.

Several people's annotations of a task are labels of annotators. Predictions that give every class
of every task a score which sums to 1 are class probabilities.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import numpy as np

from alfs_cli.arrays import FloatArray
from alfs_cli.data.labels import same_text
from alfs_cli.data.readers.crowd import by_task
from alfs_cli.data.readers.listing import Listing, left_out, marks_of
from alfs_cli.data.readers.records import frame_of
from alfs_cli.data.readers.tables import Table
from alfs_cli.errors import InputError, brief

KIND, MIN = "label-studio", "label-studio-min"
LOCAL = "/data/local-files/"  # pictures on the server's disk
SERVED = "/data/"  # pictures that people uploaded
ANNOTATOR = "annotator"
ANSWER = {ANNOTATOR, "annotation_id"}  # keys that JSON-MIN adds to each answer
ABOUT = (*ANSWER, "created_at", "updated_at", "lead_time", "agreement")
LABEL, CHOICE = "label", "choice"
SUM = 0.02  # how far from 1 the scores of a task may sum


@dataclass(frozen=True)
class Answer:
    """One person's choice for a task, by its 0-based number, in the control `control`."""

    task: int
    person: str
    control: str
    label: str


def are_tasks(rows: Sequence[dict[str, Any]]) -> bool:
    """Say whether records are tasks as Label Studio exports them."""
    return bool(rows) and all(
        isinstance(row.get("data"), dict) and isinstance(row.get("annotations"), list)
        for row in rows
    )


def are_answers(rows: Sequence[dict[str, Any]]) -> bool:
    """Say whether records are answers as Label Studio exports them in JSON-MIN."""
    return bool(rows) and all(row.keys() >= {"id", *ANSWER} for row in rows)


def listing_of_tasks(path: Path, rows: Sequence[dict[str, Any]]) -> Listing:
    """Return the tasks that somebody has labelled, in the order of the file.

    Labels are in the column `label`, or in a column for each control where there are several.
    Raises InputError for a task with two choices, and where no task has a choice.
    """
    answers = [found for number, row in enumerate(rows) for found in _answers(path, number, row)]
    if not answers:
        raise InputError(
            f"no task of '{path}' has an annotation with a choice",
            help="choices (<Choices>) are read, one for each task, and no other annotations",
        )
    controls = sorted({answer.control for answer in answers})
    labelled = sorted({answer.task for answer in answers})
    data = [_data(rows[number]["data"]) for number in labelled]
    place = {number: at for at, number in enumerate(labelled)}
    people = {(answer.task, answer.person) for answer in answers}
    is_crowd = len(controls) == 1 and len(people) > len(labelled)
    for answer in () if is_crowd else answers:
        column = LABEL if len(controls) == 1 else answer.control
        data[place[answer.task]][column] = answer.label
    frame = frame_of(data).set_axis(labelled, axis=0)
    listing = Listing(Table(path, frame, None, is_as_written=False), kind=KIND)
    if is_crowd:
        tasks = [place[answer.task] for answer in answers]
        names = [answer.person for answer in answers]
        labels = [answer.label for answer in answers]
        marks = marks_of(tasks, names, labels, count=len(labelled))
        listing = replace(listing, annotations=marks)
    notes = left_out(len(rows) - len(labelled), len(rows), "tasks have no choice")
    listing = _with_predictions(listing, path, [rows[number] for number in labelled], answers)
    return _without_remote(replace(listing, notes=(*notes, *listing.notes)))


def listing_of_answers(path: Path, rows: Sequence[dict[str, Any]]) -> Listing:
    """Return the tasks of a JSON-MIN file, which has an object for each answer.

    The controls are the keys between `id` and `annotator`, in the order in which they are written.
    """
    controls = dict.fromkeys(control for row in rows for control in _controls(row))
    only = next(iter(controls), None) if len(controls) == 1 else None
    data = [_data(_with_label(row, only)) for row in rows]
    frame = frame_of(data)
    if len({str(row["id"]) for row in rows}) == len(rows):
        table = Table(path, frame.drop(columns=["id", ANNOTATOR]), None, is_as_written=False)
        return _without_remote(Listing(table, kind=MIN))
    table = Table(path, frame, None)
    if LABEL not in table.columns:
        raise InputError(
            f"several people answered the tasks of '{path}', in the controls {', '.join(controls)}",
            help="export one control alone: several people's labels are read of one",
        )
    listing = by_task(table, task="id", worker=ANNOTATOR, label=LABEL)
    reduced = replace(listing.table, frame=listing.table.frame.drop(columns="id"))
    return _without_remote(replace(listing, table=reduced, kind=MIN))


def _controls(row: dict[str, Any]) -> list[str]:
    keys = list(row)
    return keys[keys.index("id") + 1 : keys.index(ANNOTATOR)]


def _with_label(row: dict[str, Any], control: str | None) -> dict[str, Any]:
    """Return an answer without what Label Studio adds, the choice of `control` as the label."""
    kept = {key: value for key, value in row.items() if key not in ABOUT}
    if control is not None:
        kept[LABEL] = kept.pop(control, None)
    return kept | {ANNOTATOR: _person(row[ANNOTATOR])}


def _answers(path: Path, number: int, task: dict[str, Any]) -> Iterator[Answer]:
    """Yield the choices of each person who annotated a task; skipped ones are passed over."""
    for annotation in task["annotations"]:
        if not isinstance(annotation, dict) or annotation.get("was_cancelled"):
            continue
        person = _person(annotation.get("completed_by"))
        for control, chosen, _ in _choices(annotation):
            if len(chosen) > 1:
                raise InputError(
                    f"task {number + 1} (id {brief(task.get('id'))}) of '{path}' has "
                    f"{len(chosen)} choices: each example has one label here (single-label data)",
                    help="keep the tasks with one choice, or audit a column 0/1 for each class, "
                    "one at a time",
                )
            if chosen:
                yield Answer(number, person, control, chosen[0])


def _choices(result: dict[str, Any]) -> Iterator[tuple[str, list[str], object]]:
    """Yield the control, the choices and the score of each result of an annotation."""
    results = result.get("result")
    for part in results if isinstance(results, list) else ():
        value = part.get("value") if isinstance(part, dict) else None
        chosen = value.get("choices") if isinstance(value, dict) else None
        if isinstance(chosen, list):
            names = [same_text(str(name)) for name in chosen]
            yield str(part.get("from_name", CHOICE)), names, part.get("score", result.get("score"))


def _person(value: object) -> str:
    """Return the name of a person, whom Label Studio knows by a number or a record."""
    if isinstance(value, dict):
        value = value.get("email") or value.get("id")
    return "annotator" if value is None else str(value)


def _data(data: dict[str, Any]) -> dict[str, Any]:
    """Return what a task shows, with paths in place of addresses on Label Studio's server."""
    return {key: _local(value) for key, value in data.items()}


def _local(value: object) -> object:
    if not isinstance(value, str) or not value.startswith(SERVED):
        return value
    if value.startswith(LOCAL):
        return parse_qs(urlsplit(value).query).get("d", [value])[0]
    return unquote(value.removeprefix(SERVED))


def _without_remote(listing: Listing) -> Listing:
    """Return the tasks without addresses of pictures elsewhere, where labels are judged without."""
    frame = listing.table.frame
    remote = [name for name in frame.columns if _is_remote(list(frame[name]))]
    if not remote or not listing.has_evidence:
        return listing
    note = f"'{brief(remote[0])}' holds addresses: nothing is fetched, and no picture is shown"
    table = replace(listing.table, frame=frame.drop(columns=remote))
    return replace(listing, table=table, notes=(*listing.notes, note))


def _is_remote(cells: list[Any]) -> bool:
    return bool(cells) and all(isinstance(cell, str) and "://" in cell[:10] for cell in cells)


def _with_predictions(
    listing: Listing, path: Path, rows: Sequence[dict[str, Any]], answers: Sequence[Answer]
) -> Listing:
    """Return the tasks with class probabilities, if the predictions of all of them are complete."""
    said = [_scores(row) for row in rows]
    if not any(said):
        return listing
    names = sorted({answer.label for answer in answers} | {name for row in said for name in row})
    probs = np.full((len(rows), len(names)), np.nan)
    for at, row in enumerate(said):
        for k, name in enumerate(names):
            probs[at, k] = row.get(name, np.nan)
    if not _are_complete(probs):
        note = (
            f"the predictions in '{path}' are not used: they do not give every class of every task "
            "a score, summing to 1"
        )
        return replace(listing, notes=(*listing.notes, note))
    return replace(listing, pred_probs=probs, column_names=tuple(names))


def _scores(task: dict[str, Any]) -> dict[str, float]:
    """Return the score of each class in the predictions of a task; the last of a class counts."""
    predictions = task.get("predictions")
    found: dict[str, float] = {}
    for prediction in predictions if isinstance(predictions, list) else ():
        for _, chosen, score in _choices(prediction) if isinstance(prediction, dict) else ():
            is_number = isinstance(score, int | float) and not isinstance(score, bool)
            if len(chosen) == 1 and is_number:
                found[chosen[0]] = float(score)  # type: ignore[arg-type]
    return found


def _are_complete(probs: FloatArray) -> bool:
    """Say whether probabilities (N, K) are distributions, apart from their rounding."""
    return bool((probs >= 0).all() and (np.abs(probs.sum(axis=1) - 1) <= SUM).all())
