"""JSON lines, and a list of JSON objects in one file: a row for each object."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from alfs_cli.data.readers.delimited import THERE, UTF8, not_text
from alfs_cli.data.readers.tables import Table
from alfs_cli.errors import InputError
from alfs_cli.storage.memory import refuse_too_large

LINES = 'one object a line, as {"path": "a.png", "label": "cat"}'


def read_json_lines(path: Path) -> Table:
    """Return the table in a file of JSON lines; blank lines are passed over.

    Raises InputError, which names the line, where one is no JSON object.
    """
    refuse_too_large(path.stat().st_size, where=f"'{path}'", help="store it in parts")
    rows: list[dict[str, Any]] = []
    lines: list[int] = []
    number = 0
    try:
        with path.open(encoding="utf-8-sig") as file:
            for number, line in enumerate(file, start=1):
                if not line.strip():
                    continue
                row = json.loads(line)
                if not isinstance(row, dict):
                    raise InputError(f"{path}:{number}: not a JSON object", help=LINES)
                rows.append(row)
                lines.append(number)
    except UnicodeDecodeError:
        raise not_text(path, UTF8) from None
    except OSError as error:
        raise InputError(f"cannot read '{path}': {error.strerror}", help=THERE) from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}:{number}: not valid JSON: {why_not(error)}", help=LINES) from None
    return Table(path, frame_of(rows), np.asarray(lines, dtype=np.int64))


def why_not(error: ValueError | RecursionError) -> str:
    """Return why a text is no JSON, in a few words."""
    if isinstance(error, json.JSONDecodeError):
        return error.msg.lower()
    is_deep = isinstance(error, RecursionError)
    return "lists or objects are nested too deep" if is_deep else "a number is too long"


def frame_of(rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """Return objects as a table with a column for each of their keys; a missing key is empty.

    A key that is a list of D real numbers in all of them becomes D columns.
    """
    names = {name: None for row in rows for name in row}
    columns: dict[str, Any] = {}
    for name in names:
        columns |= _columns(name, [row.get(name) for row in rows])
    return pd.DataFrame(columns, index=range(len(rows)))


def _columns(name: str, values: list[Any]) -> dict[str, Any]:
    """Return JSON values as arrays of numbers where all are numbers, else as objects."""
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return {name: np.asarray(values)}
    if all(isinstance(value, list) and value for value in values):
        kinds = {type(number) for value in values for number in value}
        if kinds in ({float}, {float, int}) and len({len(value) for value in values}) == 1:
            numbers = np.asarray(values, dtype=np.float64)
            return {f"{name}[{place}]": column for place, column in enumerate(numbers.T)}
    return {name: pd.Series(values, dtype=object)}
