"""Saved results as JSON: the schema name, "inf" for unbounded, null for not known, atomic writes.

A result type is a frozen dataclass; pydantic reads and checks it by its annotations. Keys that a
reader does not know are passed over, so additions keep the schema's number.
"""

import json
import math
import os
import secrets
import tokenize
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BeforeValidator, PlainSerializer, TypeAdapter, ValidationError

from alfs_cli.errors import InputError, WorkError
from alfs_cli.files import as_file, as_text_file
from alfs_cli.plain import escaped, unescaped

T = TypeVar("T")
DAMAGED = (
    OSError, EOFError, KeyError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error,
    tokenize.TokenError, SyntaxError,
)  # fmt: skip
"""What numpy raises, besides ValueError, for files that are no whole .npy or .npz."""

FORMULA = ("=", "+", "-", "@", "\t")  # what a spreadsheet may run


def _number_from_json(value: Any) -> Any:
    return math.inf if value == "inf" else value


def _number_to_json(value: float) -> float | str | None:
    if math.isinf(value) and value > 0:
        return "inf"
    return None if math.isnan(value) else value


Number = Annotated[
    float, BeforeValidator(_number_from_json), PlainSerializer(_number_to_json, return_type=Any)
]
"""A float of a saved result: infinity is written as "inf"."""


def to_document(schema: str, result: Any) -> dict[str, Any]:
    """Return the JSON document of a result dataclass, its schema name first."""
    body = TypeAdapter(type(result)).dump_python(result, mode="json", by_alias=True)
    return {"schema": schema, **body}


def from_document(document: dict[str, Any], kind: type[T], *, where: str) -> T:
    """Return the result a document holds.

    Raises InputError naming the first wrong key and its place.
    """
    try:
        return TypeAdapter(kind).validate_python(document)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "the document"
        more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
        raise InputError(
            f"{where}: {key}: {first['msg'][0].lower() + first['msg'][1:]}{more}",
            help="the file was edited or cut short; make it anew",
        ) from None


def write_document(path: Path, document: dict[str, Any]) -> None:
    """Write JSON to a temporary file beside `path` and rename it into place."""
    write_text(path, render_document(document))


def render_document(document: dict[str, Any]) -> str:
    """Return the saved form: two-space indents, numeric rows on one line, a final newline.

    Characters that are not for printing are escaped: those that steer a terminal or turn the
    direction of text, and halves of characters that UTF-8 cannot hold.
    """
    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
    lines = (line if line.isprintable() else _escaped(line) for line in text.split("\n"))
    return _join_number_rows("\n".join(lines)) + "\n"


def _escaped(line: str) -> str:
    return "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in line)


def _join_number_rows(text: str) -> str:
    """Put each list of plain numbers on one line: a 10 x 10 matrix is 10 lines, not 100."""
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


def read_document(path: Path, schema: str) -> dict[str, Any]:
    """Return the JSON document at `path`, its schema checked.

    Raises InputError if it is missing, not JSON, of another schema, or of a newer number.
    """
    try:
        text = as_text_file(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"no such file: '{path}'") from None
    except UnicodeDecodeError:
        raise InputError(
            f"'{path}' is no JSON file", help=f"a saved result is wanted here ({schema}), not data"
        ) from None
    except OSError as error:
        raise InputError(f"cannot read '{path}': {error}") from None
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(
            f"{path}:{error.lineno}: not valid JSON: {error.msg.lower()}",
            help="the file was edited or cut short; make it anew",
        ) from None
    except RecursionError:
        raise InputError(f"{path}: not valid JSON: nested too deeply") from None
    family, _, number = schema.partition("/")
    found = document.get("schema") if isinstance(document, dict) else None
    found_family, _, found_number = str(found).partition("/")
    if found is None or found_family != family:
        raise InputError(
            f"{path}: schema is {found!r}, not '{schema}'",
            help=f"a file of the schema '{schema}' is needed here",
        )
    if not found_number.isdigit() or int(found_number) > int(number):
        raise InputError(
            f"{path}: schema is '{found}', and this alfs reads up to '{schema}'",
            help="upgrade alfs: pip install --upgrade alfs-cli",
        )
    return dict(document)


def limit_nesting(text: str, most: int = 100) -> str:
    """Return YAML text; raises RecursionError where its brackets are nested deeper than `most`.

    The time that reading takes grows with the depth. Brackets in quotes count too: settings have
    none.
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


def unwritable(path: Path, error: OSError) -> WorkError:
    """Return the error of a file that cannot be written: a full disk, most of the time."""
    return WorkError(
        f"cannot write '{path}': {error.strerror or error}",
        help="make room there and type it again, or take another folder with --out",
    )


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path in the same folder; it becomes `path` if the body succeeds.

    Raises WorkError where the disk is full or the folder cannot be written, InputError where `path`
    is a device or a pipe; then it is as it was before.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = _begun_beside(as_file(path))
    except OSError as error:
        raise unwritable(path, error) from None
    try:
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.replace(path)
    except OSError as error:
        raise unwritable(path, error) from None
    finally:
        temporary.unlink(missing_ok=True)


def _begun_beside(path: Path) -> Path:
    """Make an empty file beside `path`, for the eyes of those for whom `path` will be.

    They are those that the umask lets, and no more than the file that is there lets.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}{path.suffix}")
    mode = 0o666 & (path.stat().st_mode | 0o600) if path.exists() else 0o666
    os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode))
    return temporary


def remove_leftovers(paths: Iterable[Path]) -> None:
    """Remove what a process that was killed while writing one of these files left beside it."""
    for path in paths:
        for temporary in path.parent.glob(f".{path.name}.*"):
            temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write text to a temporary file beside `path` and rename it into place."""
    write_texts([(path, text)])


def write_texts(files: Iterable[tuple[Path, str]]) -> None:
    """Write several files, each by a temporary one beside it; if one cannot be, none is."""
    with ExitStack() as stack:
        for path, text in files:
            temporary = stack.enter_context(replacing(path))
            temporary.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")


def safe_cell(cell: Any) -> Any:
    """Return a cell that steers nothing: text that looks like a formula gets a `'`.

    Characters that are not printable are written out, `\\x1b` for ESC.
    """
    if isinstance(cell, str):
        text = escaped(cell)
        return "'" + text if text[:1] in FORMULA else text
    if cell is None or cell != cell:  # NaN is not known
        return ""
    return cell


def unguarded(text: str) -> str:
    """Return the text that `safe_cell` made this from."""
    return unescaped(text[1:] if text[:1] == "'" and text[1:2] in FORMULA else text)
