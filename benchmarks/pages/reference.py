"""What can be read off the program: commands and options, saved results, tables of constants."""

import importlib
import inspect
import json
import types
import typing
from collections.abc import Iterable, Iterator
from dataclasses import MISSING, Field, fields, is_dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import TypeAdapter
from pydantic.fields import FieldInfo

import alfs_cli
from alfs_cli.cli import every_command
from alfs_cli.storage.documents import Number
from alfs_cli.tuned import ARBITRARY, Constant, constants
from pages.writing import MADE, frame, table

DATA, SHARED = "Data", "Shared options"
TO_DATA = "[options that name the data](#options-that-name-the-data)"

DOCUMENTS = {
    "estimate": ("alfs_cli.results.estimate:NoiseEstimate", "`estimate.json`, of `alfs estimate`"),
    "recommendation": (
        "alfs_cli.results.recommendation:Recommendations",
        "`recommendation.json`, of `alfs recommend`",
    ),
    "features": (
        "alfs_cli.results.features:FeaturesFolder",
        "`_features.json`, of `alfs features`",
    ),
    "check": ("alfs_cli.results.check:CheckResult", "`check.json`, of `alfs check`"),
    "run": ("alfs_cli.results.run:RunResult", "`result.json` of a run, of `alfs train`"),
    "sweep": ("alfs_cli.results.sweep:Sweep", "`sweep.json`, of `alfs sweep`"),
    "evaluate": ("alfs_cli.results.evaluation:Evaluation", "`alfs evaluate -f json`"),
    "compare": ("alfs_cli.comparing.comparison:Comparison", "`alfs compare -f json`"),
    "certificate": (
        "alfs_cli.certificate.verdicts:Certificate",
        "`alfs losses check -f json`",
    ),
}


def commands_page() -> str:
    """Return the page that lists every command with all its options."""
    commands = list(every_command().items())
    parts = [
        "# Commands",
        "Each command says the same with `-h`. Results go to stdout and nothing else does; notes, "
        "progress, warnings and errors go to stderr.",
        table(
            ("command", ""),
            ((f"[`alfs {name}`](#{_anchor(name)})", _first(command)) for name, command in commands),
        ),
        "## Exit codes",
        table(
            ("code", ""),
            (
                ("0", "done; `check`: no gate failed; `recommend`: certified"),
                ("1", "judged, and the answer is not yes"),
                ("2", "usage, configuration or input is wrong; nothing was judged"),
                ("3", "work started and could not finish: loss NaN, out of memory, disk full"),
                ("101", "a bug in alfs; the message says where the traceback is"),
                ("130, 143", "interrupted, after a clean checkpoint"),
            ),
        ),
        *_common(commands),
    ]
    usual = _usual_data(commands)
    for name, command in commands:
        parts += _command(name, command, usual)
    return MADE + "\n\n".join(parts) + "\n"


def _anchor(name: str) -> str:
    return f"alfs-{name.replace(' ', '-')}"


def _first(command: Any) -> str:
    return str(command.help).splitlines()[0]


def _common(commands: list[tuple[str, Any]]) -> list[str]:
    usual = _usual_data(commands)
    _, any_command = commands[0]
    shared = [one for one in any_command.params if _panel(one) == SHARED]
    return [
        "## Options of every command",
        _options(shared),
        "## Options that name the data",
        "Commands that read DATA take these; where one of them takes fewer it says which.",
        _options(usual.values()),
    ]


def _usual_data(commands: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the options of the data as most commands have them, by name."""
    found: dict[str, Any] = {}
    for _, command in commands:
        for one in command.params:
            if _panel(one) == DATA:
                found.setdefault(one.name, one)
    return found


def _panel(parameter: Any) -> str | None:
    return getattr(parameter, "rich_help_panel", None)


def _is_argument(parameter: Any) -> bool:
    return bool(parameter.param_type_name == "argument")


def _command(name: str, command: Any, usual: dict[str, Any]) -> list[str]:
    arguments = [one for one in command.params if _is_argument(one)]
    words = [one.metavar if one.required else f"[{one.metavar}]" for one in arguments]
    text = inspect.cleandoc(command.help).replace("\b", "")
    parts = [
        f"## `alfs {name}`",
        f"```text\nalfs {' '.join([name, *map(str, words), '[OPTIONS]'])}\n```",
        text,
    ]
    if arguments:
        rows = ((f"`{one.metavar}`", one.help or "") for one in arguments)
        parts.append(table(("argument", ""), rows))
    options = [one for one in command.params if not _is_argument(one) and one.name != "help"]
    of_data = [one for one in options if _panel(one) == DATA]
    same = [one for one in of_data if usual[one.name].help == one.help]
    own = [one for one in options if _panel(one) != SHARED and one not in same]
    for panel in dict.fromkeys(_panel(one) for one in own):
        if panel is not None:
            parts.append(f"**{panel}**")
        parts.append(_options([one for one in own if _panel(one) == panel]))
    if len(same) == len(usual):
        parts.append(f"And the {TO_DATA}.")
    elif same:
        named = ", ".join(f"`{one.opts[-1]}`" for one in same)
        parts.append(f"And of the {TO_DATA} {named}.")
    return parts


def _options(parameters: Iterable[Any]) -> str:
    return table(("option", ""), (_option(one) for one in parameters))


def _option(one: Any) -> tuple[str, str]:
    names = ", ".join(f"`{word}`" for word in (*one.opts, *one.secondary_opts))
    value = "" if one.is_flag else f" `{one.metavar or _kind(one)}`"
    default = one.default
    is_said = default in (None, False, ()) or (one.is_flag and default is not True)
    usual = "" if is_said or one.is_flag else f" Default: `{default}`."
    repeated = " Repeatable." if one.multiple and "repeatable" not in str(one.help) else ""
    return f"{names}{value}", f"{one.help or ''}{usual}{repeated}"


def _kind(one: Any) -> str:
    kind = one.type_descriptor.annotation
    return {int: "N", float: "NUMBER", Path: "PATH"}.get(kind, "TEXT")


def schemas_page() -> str:
    """Return the page that says what each saved document holds, from the types that read it."""
    parts = [
        "# Saved results, key by key",
        "Every document begins with `schema`, its name and number. Keys may be added under the "
        "same number, and readers pass over keys that they do not know; a document of a newer "
        'number is refused. Numbers without bound are written `"inf"`, what is not known is '
        "`null`. Every `low` and `high` is a one-sided bound at `confidence`, so that the two "
        "together hold a 90 % interval at 0.95. The tables are printed from the types that write "
        "and read the documents, and so are the JSON Schemas beside them.",
    ]
    told: set[type] = set()
    for name, (where, what) in DOCUMENTS.items():
        kind = _loaded(where)
        parts += [
            f"## `alfs.{name}/1`",
            f"{what[0].upper()}{what[1:]}. [JSON Schema](schemas/{name}.schema.json).",
        ]
        for one in _types_in(kind):
            if one in told:
                continue
            told.add(one)
            if one is not kind:
                parts.append(f"### {one.__name__}")
            parts += [_prose(one), _fields(one)]
    return MADE + "\n\n".join(part for part in parts if part) + "\n"


def _loaded(where: str) -> type:
    module, _, name = where.partition(":")
    found: type = getattr(importlib.import_module(module), name)
    return found


def _types_in(kind: type) -> Iterator[type]:
    """Yield a dataclass and those that its fields hold, each once, from the top down."""
    waiting, seen = [kind], set()
    while waiting:
        one = waiting.pop(0)
        if one in seen:
            continue
        seen.add(one)
        yield one
        for hint in typing.get_type_hints(one).values():
            waiting += _dataclasses_of(hint)


def _dataclasses_of(hint: Any) -> list[type]:
    if is_dataclass(hint) and isinstance(hint, type):
        return [hint]
    return [found for part in typing.get_args(hint) for found in _dataclasses_of(part)]


def _prose(kind: type) -> str:
    return inspect.cleandoc(kind.__doc__ or "").split("\n\nArgs:")[0]


def _fields(kind: type) -> str:
    hints = typing.get_type_hints(kind, include_extras=True)
    return table(
        ("key", "value", ""),
        (
            (f"`{_key(hints[one.name], one.name)}`", _written(hints[one.name]), _optional(one))
            for one in fields(kind)
        ),
    )


def _optional(one: "Field[Any]") -> str:
    is_optional = one.default is not MISSING or one.default_factory is not MISSING
    return "may be missing" if is_optional else ""


def _key(hint: Any, name: str) -> str:
    for part in getattr(hint, "__metadata__", ()):
        if isinstance(part, FieldInfo) and part.alias:
            return part.alias
    return name


def _written(hint: Any) -> str:
    """Return a type in the words of JSON."""
    if hint is Number:
        return "number"
    if hasattr(hint, "__metadata__"):
        return _written(typing.get_args(hint)[0])
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        return " or ".join(dict.fromkeys(_written(part) for part in parts))
    if origin is typing.Literal:
        return ", ".join(f"`{part}`" for part in parts)
    if origin in (tuple, list):
        return f"list of {_written(parts[0])}"
    if origin is dict:
        return f"object: {_written(parts[1])} by name"
    if is_dataclass(hint) and isinstance(hint, type):
        return f"[{hint.__name__}](#{hint.__name__.lower()})"
    plain = {str: "text", int: "whole number", float: "number", bool: "true or false"}
    return plain.get(hint, "null" if hint in (None, type(None)) else "any value")


def json_schemas() -> dict[str, str]:
    """Return the JSON Schema of each document, by the name of its file."""
    found = {}
    for name, (where, _) in DOCUMENTS.items():
        schema = TypeAdapter(_loaded(where)).json_schema(by_alias=True)
        schema = _with_unbounded(schema)
        schema["properties"] = {"schema": {"const": f"alfs.{name}/1"}, **schema["properties"]}
        schema["required"] = ["schema", *schema.get("required", ())]
        schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
        found[f"{name}.schema.json"] = json.dumps(schema, indent=1) + "\n"
    return found


def _with_unbounded(node: Any) -> Any:
    """Return a schema whose numbers may be "inf", or null where they are not known."""
    if isinstance(node, list):
        return [_with_unbounded(one) for one in node]
    if not isinstance(node, dict):
        return node
    if node.get("type") == "number":
        return {"anyOf": [node, {"const": "inf"}, {"type": "null"}]}
    return {key: _with_unbounded(one) for key, one in node.items()}


def constants_page() -> str:
    """Return the page of the constants that were chosen rather than derived."""
    tables = list(_tuning_tables())
    every = [one for _, _, rows in tables for one in rows]
    arbitrary = sum(one.benchmark == ARBITRARY for one in every)
    tried = frame("constants").groupby(["subject", "constant"])["told_apart"].any()
    parts = [
        "# Constants",
        f"What was chosen, not derived: {len(every)} constants, each with its unit, what sets it "
        f"and the benchmark that tells it from other values. For {arbitrary} of them no benchmark "
        f"tells the value from its half and its double: they are marked {ARBITRARY}. "
        f"`benchmarks/constants.py` halved and doubled {len(tried)} on the same small draws of the "
        f"learning part of `benchmarks/precision.py`; there {_told(tried)} told from its half or "
        "double by three standard errors. A named benchmark is one that asks more of its constant.",
    ]
    for module, prose, rows in tables:
        parts += [
            f"## `{module}`",
            prose,
            table(
                ("constant", "value", "unit", "what sets it", "benchmark"),
                (
                    (f"`{one.name}`", one.value, one.unit, one.reason,
                     one.benchmark if one.benchmark == ARBITRARY else f"`{one.benchmark}`")
                    for one in rows
                ),
            ),
        ]  # fmt: skip
    return MADE + "\n\n".join(parts) + "\n"


def _told(tried: "pd.Series[bool]") -> str:
    count = int(tried.sum())
    return {0: "none was", 1: "one was"}.get(count, f"{count} were")


def _tuning_tables() -> Iterator[tuple[str, str, list[Constant]]]:
    """Yield each table of constants: its module, what it says of itself, and its rows."""
    top = Path(alfs_cli.__file__).parent
    for path in sorted(top.rglob("tuning.py")):
        name = ".".join(path.relative_to(top.parent).with_suffix("").parts)
        module = importlib.import_module(name)
        for found in vars(module).values():
            if is_dataclass(found) and type(found).__module__ == name:
                yield name, inspect.cleandoc(module.__doc__ or ""), constants(found)
