"""Saved results as JSON, with a schema name, "inf" for infinity, and null for unknown numbers.

A result type is a frozen dataclass; pydantic reads and checks it by its annotations. Readers ignore
keys that they do not know, so that a schema keeps its number when keys are added.
"""

import json
import math
import re
import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BeforeValidator, PlainSerializer, TypeAdapter, ValidationError

from alfs_cli.errors import InputError
from alfs_cli.storage.files import as_file, as_text_file
from alfs_cli.storage.writing import write_text
from alfs_cli.text.numbers import whole_number

T = TypeVar("T")
HEAD = 1 << 16  # characters that tell data from a result
LINES = re.compile(r"\{.*\}[ \t\r]*\n\s*\{")
DAMAGED = (
    OSError, EOFError, KeyError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error,
    tokenize.TokenError, SyntaxError,
)  # fmt: skip
"""The errors, besides ValueError, that NumPy raises for damaged .npy and .npz files."""


def _number_from_json(value: Any) -> Any:
    return math.inf if value == "inf" else value


def _number_to_json(value: float) -> float | str | None:
    if math.isinf(value) and value > 0:
        return "inf"
    return None if math.isnan(value) else value


Number = Annotated[
    float, BeforeValidator(_number_from_json), PlainSerializer(_number_to_json, return_type=Any)
]
"""A float in a saved result; infinity is written as "inf", NaN as null."""


_ADAPTERS: dict[type[Any], TypeAdapter[Any]] = {}


def _adapter_of(kind: type[T]) -> TypeAdapter[T]:
    """Return pydantic's adapter of a type, kept because making it takes longer than using it."""
    if kind not in _ADAPTERS:
        _ADAPTERS[kind] = TypeAdapter(kind)
    return _ADAPTERS[kind]


def to_document(schema: str, result: Any) -> dict[str, Any]:
    """Return the JSON document of a result dataclass, with its schema name as the first key."""
    body = _adapter_of(type(result)).dump_python(result, mode="json", by_alias=True)
    return {"schema": schema, **body}


def from_document(
    document: dict[str, Any], kind: type[T], *, where: str, is_strict: bool = False
) -> T:
    """Return the result in a document.

    With `is_strict` only finite JSON numbers and "inf" count as numbers. Raises InputError, which
    names the first wrong key and, with `where`, the file.
    """
    adapter = _adapter_of(kind)
    try:
        result = adapter.validate_python(document)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "the document"
        more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
        raise InputError(
            f"{where}: {key}: {first['msg'][0].lower() + first['msg'][1:]}{more}",
            help="the file was edited or cut short; make it anew",
        ) from None
    wrong = _no_number(document, adapter.dump_python(result, by_alias=True)) if is_strict else None
    if wrong is not None:
        raise InputError(
            f"{where}: {wrong}: not a value of its kind",
            help="the file was edited or cut short; make it anew",
        )
    return result


def _no_number(said: Any, read: Any, place: str = "") -> str | None:
    """Return the key at which a number was read from true, "NaN", "1" or infinity, else None.

    `said` is the document, `read` the same as read and written again.
    """
    if isinstance(read, dict) and isinstance(said, dict):
        pairs = [(key, said[key], value) for key, value in read.items() if key in said]
    elif isinstance(read, list | tuple) and isinstance(said, list | tuple):
        pairs = [(str(i), *both) for i, both in enumerate(zip(said, read, strict=False))]
    else:
        is_number = isinstance(said, int | float) and not isinstance(said, bool)
        is_known = said == "inf" or (is_number and math.isfinite(said))
        wanted = isinstance(read, int | float) and not isinstance(read, bool)
        if isinstance(read, bool):
            return None if isinstance(said, bool) else place
        wanted = wanted or (read is None and said is not None)  # NaN is written as null
        return place if wanted and not is_known else None
    found = (_no_number(one, other, f"{place}.{key}".lstrip(".")) for key, one, other in pairs)
    return next((wrong for wrong in found if wrong is not None), None)


def write_document(path: Path, document: dict[str, Any]) -> None:
    """Write JSON to a temporary file beside `path` and rename it into place."""
    write_text(path, render_document(document))


def render_document(document: dict[str, Any]) -> str:
    """Return the saved text of a document: indented by two, rows of numbers on one line.

    Characters that are not printable are escaped: those that control a terminal or the direction of
    text, and lone surrogates, which UTF-8 cannot hold.
    """
    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
    lines = (line if line.isprintable() else _escaped(line) for line in text.split("\n"))
    return _join_number_rows("\n".join(lines)) + "\n"


def _escaped(line: str) -> str:
    return "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in line)


def _join_number_rows(text: str) -> str:
    """Put each list of numbers on one line, so that a 10 x 10 matrix has 10 lines, not 100."""
    lines: list[str] = []
    row: list[str] | None = None
    for line in text.split("\n"):
        bare = line.strip()
        if row is not None:
            if bare in ("]", "],"):
                lines.append(row[0] + " ".join(row[1:]) + bare)
                row = None
            elif bare[:1] in "-0123456789" and bare[:1]:
                row.append(bare)
            else:
                lines.append(row[0])
                pad = " " * (len(line) - len(line.lstrip()))
                lines.extend(pad + part for part in row[1:])
                row = None
                if bare.endswith("["):
                    row = [line]
                else:
                    lines.append(line)
        elif bare.endswith("["):
            row = [line]
        else:
            lines.append(line)
    return "\n".join(lines + (row or []))


def names_result(data: str) -> bool:
    """Say whether DATA names a saved result: a .json, unless it begins like data in JSON.

    Data are lists, objects in lines, or have the lists of COCO. A missing file counts as a result.
    """
    if not data.endswith(".json"):
        return False
    try:
        with open(as_file(data), encoding="utf-8-sig", errors="replace") as file:
            head = file.read(HEAD).lstrip()
    except OSError:
        return True
    has_lists = any(f'"{name}"' in head for name in ("images", "annotations", "categories"))
    is_data = head.startswith("[") or LINES.match(head) is not None or has_lists
    return '"alfs.' in head or not is_data


def read_document(path: Path, schema: str) -> dict[str, Any]:
    """Return the JSON document at `path`.

    Raises InputError if it is missing, is no JSON, or has another schema or a newer version of it.
    """
    try:
        text = as_text_file(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(
            f"no such file: '{path}'",
            help="see that the name is right, and that what writes it has been run",
        ) from None
    except UnicodeDecodeError:
        raise InputError(
            f"'{path}' is no JSON file", help=f"a saved result is wanted here ({schema}), not data"
        ) from None
    except OSError as error:
        raise InputError(
            f"cannot read '{path}': {error}", help="see that it is a file and yours to read"
        ) from None
    try:
        document = json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise InputError(
            f"{path}:{error.lineno}: not valid JSON: {error.msg.lower()}",
            help="the file was edited or cut short; make it anew",
        ) from None
    except RecursionError:
        raise InputError(
            f"{path}: not valid JSON: nested too deeply",
            help="make it anew: nothing that alfs saves is so deep",
        ) from None
    except ValueError:
        raise InputError(
            f"{path}: it holds NaN, or a number of thousands of digits",
            help="the file was edited; make it anew",
        ) from None
    family, _, number = schema.partition("/")
    found = document.get("schema") if isinstance(document, dict) else None
    found_family, _, found_number = str(found).partition("/")
    if found is None or found_family != family:
        shown = None if found is None else repr(str(found)[:100])
        raise InputError(
            f"{path}: schema is {shown}, not '{schema}'",
            help=f"a file of the schema '{schema}' is needed here",
        )
    known = whole_number(found_number)
    if known is None or known > int(number):
        raise InputError(
            f"{path}: schema is '{str(found)[:100]}', and this alfs reads up to '{schema}'",
            help="upgrade alfs: pip install --upgrade alfs-cli",
        )
    return dict(document)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def limit_nesting(text: str, most: int = 100) -> str:
    """Return the YAML text; raises RecursionError where brackets are nested deeper than `most`.

    Deep nesting would make the YAML parser slow. Brackets in quotes count too, since no setting has
    any.
    """
    depth = 0
    for character in text:
        if character in "[{":
            depth += 1
            if depth > most:
                raise RecursionError("nested too deeply")
        elif character in "]}":
            depth = max(0, depth - 1)
    return text
