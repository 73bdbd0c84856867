"""Tasks of Label Studio: with other labels, all else being kept, and made anew of pictures."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

import numpy as np

from alfs_cli.arrays import BoolArray, IntArray
from alfs_cli.copies.edits import STAYS, Edit
from alfs_cli.data import LabelledDataset, positions_of
from alfs_cli.data.labels import same_text
from alfs_cli.data.readers.label_studio import CHOICE, LABEL, LOCAL
from alfs_cli.data.readers.reviewed import Issues
from alfs_cli.data.readers.tables import Table
from alfs_cli.errors import InputError
from alfs_cli.text.addresses import is_address


def edited_tasks(table: Table, edit: Edit) -> bytes:
    """Return the bytes of an export after an edit; tasks without a label stay as they are."""
    text = table.path.read_text(encoding="utf-8-sig")
    tasks: list[dict[str, Any]] = json.loads(text)
    dropped = set()
    for row, number in enumerate(table.frame.index):
        if not edit.is_kept[row]:
            dropped.add(int(number))
        elif edit.label[row] != STAYS:
            _relabel(tasks[number], edit.label_column, edit.class_names[edit.label[row]])
    kept = [task for number, task in enumerate(tasks) if number not in dropped]
    indent = 2 if "\n" in text.strip() else None
    return (json.dumps(kept, ensure_ascii=text.isascii(), indent=indent) + "\n").encode("utf-8")


def _relabel(task: dict[str, Any], column: str, label: str) -> None:
    """Set the choice of a task, in the control `column`, or in the only one for `label`."""
    for annotation in task["annotations"]:
        if not isinstance(annotation, dict) or annotation.get("was_cancelled"):
            continue
        for part in annotation["result"]:
            value = part.get("value") if isinstance(part, dict) else None
            if not isinstance(value, dict) or not value.get("choices"):
                continue
            is_own = column in (LABEL, same_text(str(part.get("from_name", CHOICE))))
            if is_own:
                value["choices"] = [label]


def tasks_of(
    dataset: LabelledDataset,
    labels: IntArray,
    is_kept: BoolArray,
    suspects: Issues | None,
    to: Path,
) -> bytes:
    """Return pictures as tasks of Label Studio, with `labels` (N,) as annotations.

    A suspect has a prediction: the suggested class with its probability, and the score of the
    suspect. Pictures at addresses keep them. Raises InputError for a picture that does not lie
    below the folder of `to`, since Label Studio serves local files below a folder.
    """
    names = dataset.class_names
    found = _predictions(suspects, names)
    folder = os.path.abspath(to.parent)
    tasks = []
    for place in np.flatnonzero(is_kept).tolist():
        path = (dataset.paths or ())[place]
        relative = path if is_address(path) else os.path.relpath(os.path.abspath(path), folder)
        if relative.split(os.sep)[0] == os.pardir:
            raise InputError(
                f"'{path}' does not lie below the folder of '{to}', and "
                "Label Studio serves pictures below one folder",
                help="--to FILE.json in a folder above the pictures",
            )
        data = {
            "image": path if is_address(path) else f"{LOCAL}?d={quote(Path(relative).as_posix())}",
            "index": int(positions_of(dataset)[place]),
        }
        annotation = {"result": [_choice(names[labels[place]])]}
        task = {"data": data, "annotations": [annotation], "predictions": found.get(place, [])}
        tasks.append(task)
    return (json.dumps(tasks, ensure_ascii=True, indent=1) + "\n").encode("ascii")


def interface(dataset: LabelledDataset) -> str:
    """Return the labelling configuration of `tasks_of`: the picture and one choice."""
    choices = "".join(f"    <Choice value={quoteattr(name)}/>\n" for name in dataset.class_names)
    return (
        f'<View>\n  <Image name="image" value="$image"/>\n'
        f'  <Choices name="{LABEL}" toName="image" choice="single" required="true">\n'
        f"{choices}  </Choices>\n</View>\n"
    )


def _choice(name: str) -> dict[str, Any]:
    value = {"choices": [name]}
    return {"from_name": LABEL, "to_name": "image", "type": "choices", "value": value}


def _predictions(suspects: Issues | None, names: Sequence[str]) -> dict[int, list[Any]]:
    """Return the prediction of each suspect that has a suggested class, by its place."""
    if suspects is None:
        return {}
    found: dict[int, list[Any]] = {}
    for row in np.flatnonzero(suspects.suggested >= 0).tolist():
        part = _choice(names[int(suspects.suggested[row])])
        part |= _scored(suspects.suggested_confidence[row])
        prediction = {"model_version": "alfs", **_scored(suspects.score[row]), "result": [part]}
        found[int(suspects.place[row])] = [prediction]
    return found


def _scored(value: float) -> dict[str, float]:
    return {} if np.isnan(value) else {"score": round(float(value), 6)}
