"""Saved results as JSON: the schema name, "inf" for unbounded, null for not known, atomic writes.

A result type is a frozen dataclass; pydantic reads and checks it by its annotations. Keys that a
reader does not know are passed over, so additions keep the schema's number.
"""

import errno
import json
import math
import os
import re
import secrets
import time
import tokenize
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BeforeValidator, PlainSerializer, TypeAdapter, ValidationError

from alfs_cli.errors import InputError, WorkError
from alfs_cli.files import as_file, as_text_file
from alfs_cli.numbers import whole_number
from alfs_cli.plain import escaped, unescaped

T = TypeVar("T")
DAMAGED = (
    OSError, EOFError, KeyError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error,
    tokenize.TokenError, SyntaxError,
)  # fmt: skip
"""What numpy raises, besides ValueError, for files that are no whole .npy or .npz."""

OURS, ABANDONED_SECONDS = ".alfs-", 60.0  # in the names of temporary files; older are no new ones
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


_ADAPTERS: dict[type[Any], TypeAdapter[Any]] = {}


def _adapter_of(kind: type[T]) -> TypeAdapter[T]:
    """Return what reads and writes a dataclass; made once, for it takes longer than a document."""
    if kind not in _ADAPTERS:
        _ADAPTERS[kind] = TypeAdapter(kind)
    return _ADAPTERS[kind]


def to_document(schema: str, result: Any) -> dict[str, Any]:
    """Return the JSON document of a result dataclass, its schema name first."""
    body = _adapter_of(type(result)).dump_python(result, mode="json", by_alias=True)
    return {"schema": schema, **body}


def from_document(
    document: dict[str, Any], kind: type[T], *, where: str, is_strict: bool = False
) -> T:
    """Return the result a document holds; `is_strict` takes numbers for numbers alone.

    Raises InputError naming the first wrong key and its place.
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
    """Return where something else was read as a number: true, "NaN", "1", or one without end."""
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
        wanted = wanted or (read is None and said is not None)  # "NaN", as it is written again
        return place if wanted and not is_known else None
    found = (_no_number(one, other, f"{place}.{key}".lstrip(".")) for key, one, other in pairs)
    return next((wrong for wrong in found if wrong is not None), None)


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
        target = as_file(path)
        _clear_abandoned(path.parent.resolve())
        temporary, handle = _begun_beside(target)
    except OSError as error:
        raise unwritable(path, error) from None
    try:
        _lock(handle)  # as long as this process lives and writes
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.replace(path)
    except OSError as error:
        raise unwritable(path, error) from None
    finally:
        os.close(handle)
        temporary.unlink(missing_ok=True)


def _begun_beside(path: Path) -> tuple[Path, int]:
    """Make an empty file beside `path`, for the eyes of those for whom `path` will be, and open it.

    They are those that the umask lets, and no more than the file that is there lets.
    """
    temporary = path.with_name(f".{path.name}{OURS}{secrets.token_hex(4)}{path.suffix}")
    mode = 0o666 & (path.stat().st_mode | 0o600) if path.exists() else 0o666
    return temporary, os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode)


def _lock(handle: int) -> bool:
    """Lock an open file; return whether no other process holds it. True without file locks."""
    try:
        import fcntl
    except ImportError:
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in (errno.EWOULDBLOCK, errno.EACCES)
    return True


@cache
def _clear_abandoned(folder: Path) -> None:
    """Remove temporary files of ours that a killed process left in a folder.

    Those that a live process holds, and new ones, stay.
    """
    pattern = re.compile(r"\..+" + re.escape(OURS) + r"[a-z0-9_]{8}(\.\w+)?")
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if pattern.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                _remove_abandoned(entry)


def _remove_abandoned(entry: "os.DirEntry[str]") -> None:
    with suppress(OSError):
        if time.time() - entry.stat(follow_symlinks=False).st_mtime < ABANDONED_SECONDS:
            return
        handle = os.open(entry.path, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))
        try:
            if _lock(handle):
                os.unlink(entry.path)
        finally:
            os.close(handle)


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
