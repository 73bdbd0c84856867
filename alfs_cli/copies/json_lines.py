"""JSON lines, and lists of records, with other labels: only values that change are rewritten."""

import json
import re
from collections.abc import Mapping

from alfs_cli.copies.edits import STAYS, Edit
from alfs_cli.copies.text_rows import LINE_END
from alfs_cli.data.readers.tables import Table


def edited_json_lines(table: Table, edit: Edit) -> bytes:
    """Return the bytes of a file of JSON lines after an edit, all other text being kept."""
    content = table.path.read_bytes().decode("utf-8")
    ends = [*(found.span() for found in LINE_END.finditer(content)), (len(content),) * 2]
    starts = [0, *(stop for _, stop in ends[:-1])]
    lines = [(content[a:b], content[b:c]) for a, (b, c) in zip(starts, ends, strict=True)]
    objects = [text for text, _ in lines if text.strip("\ufeff \t\r\n")]
    names = [_spelled_json(edit, objects, k) for k in range(len(edit.class_names))]
    row, parts = -1, []
    for text, end in lines:
        if not text.strip("\ufeff \t\r\n"):
            parts.append(text + end)
            continue
        row += 1
        if edit.is_kept[row]:
            parts.append(_edited_json(text, edit, row, names) + end)
    return "".join(parts).encode("utf-8")


def edited_records(table: Table, edit: Edit) -> bytes:
    """Return the bytes of a list of JSON objects after an edit, all other text being kept."""
    text = table.path.read_bytes().decode("utf-8")
    spans = _objects(text)
    objects = [text[start:stop] for start, stop in spans]
    names = [_spelled_json(edit, objects, k) for k in range(len(edit.class_names))]
    kept = [row for row in range(len(objects)) if edit.is_kept[row]]
    parts = [text[: spans[0][0]]]
    for row in kept:
        if row != kept[0]:
            parts.append(text[spans[row - 1][1] : spans[row][0]])
        parts.append(_edited_json(objects[row], edit, row, names))
    return "".join((*parts, text[spans[-1][1] :])).encode("utf-8")


def _objects(text: str) -> list[tuple[int, int]]:
    """Return (start, stop) of each object in the text of a list of objects."""
    decoder = json.JSONDecoder()
    spans: list[tuple[int, int]] = []
    at = text.index("[") + 1
    while (start := text.find("{", at)) >= 0:
        _, at = decoder.raw_decode(text, start)
        spans.append((start, at))
    return spans


def _spelled_json(edit: Edit, objects: list[str], k: int) -> str:
    """Return class `k` as JSON, as the file writes it if it does."""
    row = int(edit.spelled[k])
    if row == STAYS:
        return json.dumps(edit.class_names[k], ensure_ascii=False)
    start, stop = _spans(objects[row])[edit.label_column]
    return objects[row][start:stop]


def _edited_json(text: str, edit: Edit, row: int, names: list[str]) -> str:
    new = int(edit.label[row])
    if new == STAYS and edit.move is None:
        return text
    spans, changes = _spans(text), {}
    if new != STAYS and edit.label_column in spans:
        changes[spans[edit.label_column]] = names[new]
    elif new != STAYS:
        end = text.rindex("}")
        changes[end, end] = f", {json.dumps(edit.label_column, ensure_ascii=False)}: {names[new]}"
    if edit.move is not None and edit.path_column is not None and edit.path_column in spans:
        start, stop = spans[edit.path_column]
        path = json.loads(text[start:stop])
        if isinstance(path, str) and edit.move(path) != path:
            changes[start, stop] = json.dumps(edit.move(path), ensure_ascii=text.isascii())
    for (start, stop), value in sorted(changes.items(), reverse=True):
        text = text[:start] + value + text[stop:]
    return text


def _spans(text: str) -> Mapping[str, tuple[int, int]]:
    """Return (start, stop) in the text of a JSON object of the value of each of its keys."""
    decoder, space = json.JSONDecoder(), re.compile(r"[\s\ufeff]*")

    def after_space(at: int) -> int:
        found = space.match(text, at)
        return at if found is None else found.end()

    spans = {}
    at = after_space(text.index("{") + 1)
    while text[at] != "}":
        key, at = decoder.raw_decode(text, at)
        start = after_space(after_space(at) + 1)  # past the colon
        _, stop = decoder.raw_decode(text, start)
        spans[key] = (start, stop)
        at = after_space(stop)
        at = after_space(at + 1) if text[at] == "," else at
    return spans
