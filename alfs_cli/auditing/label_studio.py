"""Draws as tasks for Label Studio, and its exports: JSON with annotations, or JSON-MIN.

A task's `data` holds `index` and `draw`, and the picture as a data URI or the row's cells as
`text`: nothing has to be served, and nothing tells the given label.
"""

import json
from base64 import b64encode
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

from alfs_cli.auditing.answers import Said, mark_of
from alfs_cli.auditing.exhibits import Exhibits
from alfs_cli.auditing.sheet import DRAW, GIVEN, INDEX, TRUE, Written
from alfs_cli.audits.record import CANNOT_TELL, Record, Task
from alfs_cli.errors import InputError, has
from alfs_cli.storage.writing import write_text
from alfs_cli.text.plain import plain

PICTURE = 512  # px
OF_EXPORTS = (
    *(INDEX, DRAW, GIVEN, "image", "text", "id", "annotator", "annotation_id"),
    *("created_at", "updated_at", "lead_time"),
)  # what a task of JSON-MIN has beside answers
EXPORT = "export the project as JSON or JSON-MIN"


def is_tasks(path: Path) -> bool:
    """Return whether a file is Label Studio's by its name."""
    return path.suffix.lower() == ".json"


def write_tasks(record: Record, shows: Exhibits, tasks: Sequence[Task], path: Path) -> Written:
    """Write draws as tasks, and the labelling interface that they need beside them."""
    found = [{"data": data_of(record, shows, task)} for task in tasks]
    write_text(path, json.dumps(found, indent=1, ensure_ascii=True) + "\n")
    config = path.with_name(f"{path.stem}.config.xml")
    write_text(config, interface(record, shows))
    return Written(len(tasks), config, None)


def data_of(record: Record, shows: Exhibits, task: Task) -> dict[str, Any]:
    """Return what a task of Label Studio shows of a draw, and its mark."""
    dataset = shows.dataset
    data: dict[str, Any] = {
        INDEX: shows.row(task.index),
        DRAW: mark_of(record, task.number),
    }
    if shows.are_pictures:
        png = shows.picture(task.index, PICTURE) or b""
        data["image"] = f"data:image/png;base64,{b64encode(png).decode('ascii')}"
    else:
        cells = shows.cells(task.index)
        data["text"] = "\n".join(f"{name}: {cell}" for name, cell in cells) or f"row {data[INDEX]}"
    if record.plan.show_given:
        data[GIVEN] = dataset.class_names[dataset.labels[task.index]]
    return data


def interface(record: Record, shows: Exhibits) -> str:
    """Return the labelling configuration: the example, and one choice among the classes."""
    kind, value = ("Image", "$image") if shows.are_pictures else ("Text", "$text")
    header = f'  <Header value="given: ${GIVEN}"/>\n' if record.plan.show_given else ""
    choices = "".join(
        f"    <Choice value={quoteattr(plain(name))}/>\n"
        for name in (*record.examples.classes, CANNOT_TELL)
    )
    return (
        f'<View>\n  <{kind} name="example" value="{value}"/>\n{header}'
        f'  <Choices name="{TRUE}" toName="example" choice="single" required="true">\n'
        f"{choices}  </Choices>\n</View>\n"
    )


def read_export(path: Path, *, who: str | None = None) -> list[Said]:
    """Return the answers of an export; skipped tasks and those without one are passed over.

    Raises InputError where it is none, naming the task.
    """
    try:
        tasks = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise InputError(f"no such file: '{path}'", help=EXPORT) from None
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"'{path}' is no JSON: {error}", help=EXPORT) from None
    if not isinstance(tasks, list) or not all(isinstance(task, dict) for task in tasks):
        raise InputError(f"'{path}' is no list of tasks", help=EXPORT)
    found: list[Said] = []
    for number, task in enumerate(tasks, start=1):
        found += said_in(task, f"{path}: task {number}", who or path.stem)
    others = dict.fromkeys(name for task in tasks for name in controls_of(task))
    if not found and others:
        raise InputError(
            f"'{path}' has answers, and none of them is called '{TRUE}' ({has(others, [TRUE])})",
            help=f"label with the interface that `alfs audit --sheet {path.name}` writes beside it",
        )
    return found


def controls_of(task: dict[str, Any]) -> Iterator[str]:
    """Yield the names of the controls of which a task has answers, if not those asked for."""
    data = task.get("data", task)
    if data is task and "annotation_id" in task and TRUE not in task:
        yield from (name for name in task if name not in OF_EXPORTS)
    for annotation in _listed(task.get("annotations")):
        for result in _listed(annotation.get("result")):
            if not annotation.get("was_cancelled") and result.get("from_name", TRUE) != TRUE:
                yield str(result["from_name"])


def _listed(value: object) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def said_in(task: dict[str, Any], where: str, who: str) -> Iterator[Said]:
    """Yield each person's answer to a task of either export."""
    data = task.get("data", task)
    if not isinstance(data, dict) or not {INDEX, DRAW} & set(data):
        raise InputError(
            f"{where}: its data has neither '{DRAW}' nor '{INDEX}'",
            help="tasks that `alfs audit --sheet FILE.json` wrote are needed here",
        )
    draw, index = str(data.get(DRAW, "")), str(data.get(INDEX, ""))
    if "annotations" not in task:
        text = choice_in(task.get(TRUE), where)
        if text:
            by = person(task.get("annotator"), who)
            yield Said(where, draw, index, text, by, seconds_of(task.get("lead_time")))
        return
    for annotation in _listed(task["annotations"]):
        if annotation.get("was_cancelled"):
            continue
        for result in _listed(annotation.get("result")):
            value = result.get("value")
            choices = value.get("choices") if isinstance(value, dict) else None
            if choices is None or result.get("from_name", TRUE) != TRUE:
                continue
            by = person(annotation.get("completed_by"), who)
            text = choice_in(choices, where)
            if text:
                yield Said(where, draw, index, text, by, seconds_of(annotation.get("lead_time")))


def choice_in(value: object, where: str) -> str:
    """Return the one class that was chosen, nothing where none was."""
    chosen = value.get("choices") if isinstance(value, dict) else value
    if isinstance(chosen, list):
        if len(chosen) > 1:
            raise InputError(
                f"{where}: {len(chosen)} classes are chosen", help="an example has one true class"
            )
        chosen = chosen[0] if chosen else ""
    return "" if chosen is None else str(chosen)


def person(value: object, who: str) -> str:
    """Return a label for whom Label Studio knows by a number, or by a record with one."""
    known = value.get("id") if isinstance(value, dict) else value
    return who if known is None else f"{who}-{known}"


def seconds_of(value: object) -> float | None:
    """Return the seconds that an answer took, None where that is no number."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and value == value else None  # type: ignore[arg-type]
