"""JSON files: records, tasks of Label Studio, or COCO; the content tells which."""

import json
from pathlib import Path
from typing import Any

from alfs_cli.data.content import Content
from alfs_cli.data.dataset import DataSpec
from alfs_cli.data.readers.coco import coco_listing, is_coco
from alfs_cli.data.readers.crowd import read_crowd, worker_column
from alfs_cli.data.readers.delimited import THERE, UTF8, not_text
from alfs_cli.data.readers.label_studio import (
    are_answers,
    are_tasks,
    listing_of_answers,
    listing_of_tasks,
)
from alfs_cli.data.readers.listing import Listing
from alfs_cli.data.readers.manifest import content_of, splits_in
from alfs_cli.data.readers.records import frame_of, read_json_lines, why_not
from alfs_cli.data.readers.tables import Table
from alfs_cli.errors import InputError
from alfs_cli.storage.files import as_text_file
from alfs_cli.storage.memory import refuse_too_large

LIST = 'a list of objects, as [{"path": "a.png", "label": "cat"}, ...]'
IN_MEMORY = 8  # bytes that a byte of JSON may take as Python's objects


def read_json(path: Path) -> Table:
    """Return the table in a JSON file of any of these forms."""
    return json_listing(path).table


def read_json_data(path: Path, spec: DataSpec) -> Content:
    """Return the content of a JSON file of any of these forms.

    Raises InputError where it is of another form, and as `content_of`.
    """
    listing = json_listing(path)
    worker = worker_column(listing.table, spec) if listing.kind == "manifest" else None
    if worker is not None:
        listing = read_crowd(listing.table, spec, worker)
    return content_of(listing, spec)


def json_splits(path: Path) -> tuple[str, ...]:
    """Return the names of the splits in a column `split` of records."""
    return splits_in(read_json(path))


def json_listing(path: Path) -> Listing:
    """Return what a JSON file lists; raises InputError where it is of none of the forms."""
    text = _text_of(path)
    if _are_lines(text):
        return Listing(read_json_lines(path))
    found = _records(path, text)
    if isinstance(found, dict):
        if is_coco(found):
            return coco_listing(path, found)
        raise _no_records(path, found)
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise InputError(f"'{path}' is JSON, but no list of objects", help=f"it takes {LIST}")
    if are_tasks(found):
        return listing_of_tasks(path, found)
    if are_answers(found):
        return listing_of_answers(path, found)
    return Listing(Table(path, frame_of(found), None))


def _records(path: Path, text: str) -> Any:
    """Return the document in a text of JSON; raises InputError where it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        where = f":{error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise InputError(
            f"{path}{where}: not valid JSON: {why_not(error)}", help=f"it takes {LIST}"
        ) from None


def _text_of(path: Path) -> str:
    """Return the text of a file; raises InputError where memory is short, and where it is none."""
    refuse_too_large(
        IN_MEMORY * path.stat().st_size, where=f"'{path}', read,", help="store it in parts"
    )
    try:
        return as_text_file(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise not_text(path, UTF8) from None
    except OSError as error:
        raise InputError(f"cannot read '{path}': {error.strerror}", help=THERE) from None


def _are_lines(text: str) -> bool:
    """Say whether a text is JSON lines, as Hugging Face's to_json writes them to a .json."""
    first, _, rest = text.lstrip().partition("\n")
    if not first.startswith("{") or not rest.lstrip().startswith("{"):
        return False
    try:
        return isinstance(json.loads(first), dict)
    except (ValueError, RecursionError):
        return False


def _no_records(path: Path, found: dict[str, Any]) -> InputError:
    """Return the error for one object that is not COCO; pandas and others write such files."""
    lists = [name for name, value in found.items() if isinstance(value, list) and value]
    records = [name for name in lists if isinstance(found[name][0], dict)]
    if len(records) == 1:
        help = f"the records are under '{records[0]}': jq .{records[0]} '{path}' > records.json"
    else:
        help = f"it takes {LIST}; in pandas: table.to_json(FILE, orient='records')"
    return InputError(f"'{path}' is JSON, but no list of objects", help=help)
