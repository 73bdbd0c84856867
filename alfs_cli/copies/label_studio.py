"""Tasks of Label Studio with other labels: the choices change, all else is kept."""

import json
from typing import Any

from alfs_cli.copies.edits import STAYS, Edit
from alfs_cli.data.labels import same_text
from alfs_cli.data.readers.label_studio import CHOICE, LABEL
from alfs_cli.data.readers.tables import Table


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
