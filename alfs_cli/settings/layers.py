"""Settings from the command line, the environment, a file or their defaults, in that order.

The file is the nearest `alfs.yaml`, `.alfs.yaml` or `pyproject.toml` with `[tool.alfs]`, from the
current folder up to the root of the repository or the home folder; only one file is read. Files in
the folder of DATA are not read, since data may come from somebody else.
"""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alfs_cli.errors import InputError, UsageError, did_you_mean
from alfs_cli.storage.documents import limit_nesting
from alfs_cli.storage.files import as_text_file
from alfs_cli.text.addresses import is_address

if TYPE_CHECKING:
    from yaml import Node

FILES = ("alfs.yaml", ".alfs.yaml", "pyproject.toml")
REPOSITORY = (".git", ".hg", ".svn")
DEPTH = 6  # levels of keys that are searched for keys set twice; aliases may nest without end


class ConfigurationError(UsageError):
    """Settings are wrong; the message has a line for each mistake."""


@dataclass(frozen=True)
class Key:
    """A setting: how to check it, its default, and where it may be set.

    `read` returns the checked value, or raises ValueError with what the value is not. `parse` turns
    the text of an environment variable into a value; None means that only files can set the key.
    Values with `is_path` are relative to the file that sets them.
    """

    read: Callable[[Any], Any]
    default: Any = None
    parse: Callable[[str], Any] | None = str
    is_path: bool = False


@dataclass(frozen=True)
class Setting:
    """A value and its origin: `--max-noise-rate`, a variable, `alfs.yaml:3` or `default`."""

    value: Any
    origin: str


@dataclass(frozen=True)
class ConfigFile:
    """A configuration file: section -> key -> (value, place), and the mistakes in it.

    Keys are written with dashes.
    """

    path: Path
    sections: Mapping[str, Mapping[str, tuple[Any, str]]]
    errors: tuple[str, ...] = ()


# Finding and reading the file.


def find(start: Path, *, data: Path | None = None) -> tuple[Path | None, tuple[str, ...]]:
    """Return the nearest configuration file from `start` upward, and notes on files not read.

    Files in the folder `data`, or below it, are not read.
    """
    notes: list[str] = []
    for folder in _upward(start):
        found = [folder / name for name in FILES if _is_ours(folder / name)]
        if not found:
            continue
        if data is not None and (folder == data or data in folder.parents):
            notes.append(f"'{_near(found[0])}' lies in DATA and is not read; --config names it")
            continue
        if len(found) > 1:
            notes.append(f"'{_near(found[0])}' is read, '{_near(found[1])}' beside it is not")
        return found[0], tuple(notes)
    return None, tuple(notes)


def _upward(start: Path) -> Iterator[Path]:
    home = Path.home()
    for folder in (start, *start.parents):
        yield folder
        if folder == home or any((folder / name).exists() for name in REPOSITORY):
            return


def _is_ours(path: Path) -> bool:
    if not path.is_file():
        return False
    return path.suffix != ".toml" or bool(re.search(r"tool\s*\.\s*alfs\b", _text_of(path)))


def _near(path: Path) -> str:
    """Return a path relative to the current folder, for messages."""
    try:
        return os.path.relpath(path)
    except ValueError:
        return str(path)


def _text_of(path: Path) -> str:
    try:
        return as_text_file(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"no such file: '{path}'", help="--config FILE names another") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"cannot read '{_near(path)}': {error}",
            help="see that it is yours to read, or name another: --config FILE",
        ) from None


def load(path: Path, sections: Iterable[str]) -> ConfigFile:
    """Return the given sections of a configuration file, and the mistakes in it.

    Raises InputError where it cannot be read, ConfigurationError where it is no YAML or TOML.
    """
    where, written = _near(path), _text_of(path)
    errors: list[str] = []
    lines: dict[tuple[str, ...], int] = {}
    is_toml = path.suffix == ".toml"
    tree = _toml(written, where) if is_toml else _yaml(written, where, lines, errors)
    known = tuple(sections)
    found: dict[str, dict[str, tuple[Any, str]]] = {}
    for section, body in tree.items():
        place = f"{where}:{lines[(section,)]}" if (section,) in lines else where
        if section not in known:
            errors.append(f"{place}: unknown key '{section}'{did_you_mean(str(section), known)}")
        elif not isinstance(body, dict):
            errors.append(f"{place}: '{section}' is not a list of `key: value` lines")
        else:
            found[section] = {}
            for key, value in body.items():
                line = lines.get((section, key))
                here = f"{where}:{line}" if line else where
                name = str(key).replace("_", "-")
                if name in found[section]:
                    errors.append(f"{here}: '{key}' is set twice")
                found[section][name] = (value, here)
    return ConfigFile(path, found, tuple(errors))


def _toml(written: str, where: str) -> dict[str, Any]:
    import tomllib

    try:
        document = tomllib.loads(written)
    except (ValueError, RecursionError) as error:  # ValueError: also a number with too many digits
        raise ConfigurationError(f"{where}: not valid TOML: {error}") from None
    table = document.get("tool", {})
    tree = table.get("alfs", {}) if isinstance(table, dict) else {}
    if not isinstance(tree, dict):
        raise ConfigurationError(f"{where}: tool.alfs is not a table")
    return tree


def _yaml(
    written: str, where: str, lines: dict[tuple[str, ...], int], errors: list[str]
) -> dict[str, Any]:
    """Return the mapping in a YAML text; add the line of each key, by its path, to `lines`."""
    import yaml

    try:
        root = yaml.compose(limit_nesting(written), Loader=yaml.SafeLoader)
        if root is None:
            return {}
        _walk(root, (), where, lines, errors)
        tree = yaml.safe_load(written)
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{where}:{mark.line + 1}" if mark else where
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise ConfigurationError(f"{place}: not valid YAML: {problem}") from None
    except RecursionError:
        raise ConfigurationError(f"{where}: not valid YAML: nested too deeply") from None
    if not isinstance(tree, dict):
        raise ConfigurationError(f"{where}: not a list of `key: value` lines")
    return tree


def _walk(
    node: "Node",
    path: tuple[str, ...],
    where: str,
    lines: dict[tuple[str, ...], int],
    errors: list[str],
) -> None:
    """Add the line of each key to `lines`, and each key that is set twice to `errors`."""
    from yaml import MappingNode

    if not isinstance(node, MappingNode) or len(path) > DEPTH:
        return
    own: set[str] = set()
    for key, value in node.value:
        name = str(key.value)
        line = key.start_mark.line + 1
        if name in own:
            errors.append(f"{where}:{line}: '{name}' is set twice")
        own.add(name)
        lines[(*path, name)] = line
        if len(path) < DEPTH:
            _walk(value, (*path, name), where, lines, errors)


# Putting it together.


def resolve(
    section: str,
    keys: Mapping[str, Key],
    *,
    typed: Mapping[str, Any],
    environment: Mapping[str, str],
    file: ConfigFile | None,
) -> dict[str, Setting]:
    """Return the value and origin of every key; raises ConfigurationError with all mistakes.

    `typed` are the values of options, None for an option that was not typed.
    """
    errors = list(file.errors) if file is not None else []
    said: dict[str, _Said] = {}
    if file is not None:
        for name, (value, place) in file.sections.get(section, {}).items():
            if name not in keys:
                near = did_you_mean(name, keys)
                errors.append(f"{place}: {section}.{name}: unknown key{near}")
                continue
            if keys[name].is_path and isinstance(value, str) and value and not is_address(value):
                value = _near(file.path.parent / value)
            said[name] = _Said(value, place, f"{place}: {section}.{name}")
    said |= _variables(section, keys, environment, errors)
    said |= {
        name: _Said(value, f"--{name}", f"--{name}")
        for name, value in typed.items()
        if value is not None
    }
    found = {name: Setting(key.default, "default") for name, key in keys.items()}
    for name, each in said.items():
        try:
            found[name] = Setting(keys[name].read(each.value), each.origin)
        except ValueError as error:
            errors.append(f"{each.what} is {_short(each.value)}, {error}")
    if errors:
        raise ConfigurationError("\n".join(errors))
    return found


@dataclass(frozen=True)
class _Said:
    """A value as it was written, its origin, and its name in an error."""

    value: Any
    origin: str
    what: str


def _variables(
    section: str, keys: Mapping[str, Key], environment: Mapping[str, str], errors: list[str]
) -> dict[str, _Said]:
    """Return the values of the variables ALFS_<SECTION>_<KEY>; add mistakes to `errors`."""
    prefix = f"ALFS_{section.upper()}_"
    readable = [name for name, key in keys.items() if key.parse is not None]
    said: dict[str, _Said] = {}
    for variable in sorted(name for name in environment if name.startswith(prefix)):
        name = variable.removeprefix(prefix).lower().replace("_", "-")
        parse = keys[name].parse if name in keys else None
        if parse is None:
            near = did_you_mean(name, readable)
            errors.append(f"the variable {variable} names no setting{near}")
            continue
        try:
            said[name] = _Said(parse(environment[variable]), variable, variable)
        except ValueError as error:
            errors.append(f"{variable} is {_short(environment[variable])}, {error}")
    return said


def _short(value: Any) -> str:
    """Return a wrong value as a short text, even if aliases in YAML make it endless."""
    from reprlib import Repr

    short = Repr()
    short.maxlevel = 2
    short.maxstring = short.maxother = 60
    try:
        return short.repr(value)
    except ValueError:
        return "a number of thousands of digits"
