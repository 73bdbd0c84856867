"""Recipes: training settings in one YAML file each, and how they are found, read and checked.

A recipe contains no code and includes no other recipe. Its keys are those of
`settings.training.SETTINGS`, nested by group. All errors of a file are reported together, with
their lines.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alfs_cli.errors import InputError, UsageError
from alfs_cli.settings.training import SHORT, RecipeError, Values, incomplete, nest, read_setting
from alfs_cli.storage.documents import limit_nesting
from alfs_cli.storage.files import as_text_file

if TYPE_CHECKING:
    from yaml import MappingNode, Node

SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True)
class Recipe:
    """The settings of a YAML text, as dotted key -> checked value, with the name of the recipe."""

    name: str
    text: str
    values: Values = field(default_factory=dict)

    @property
    def about(self) -> str:
        """The first line of the comment at the top, "" without one."""
        first = self.text.partition("\n")[0]
        return first.lstrip("# ").strip() if first.startswith("#") else ""

    def nested(self) -> dict[str, Any]:
        """Return the settings as nested mappings, as in YAML."""
        return nest(self.values)


# Finding.


def recipe_dir() -> Traversable:
    """Return the folder of recipes in this installation, or in this checkout."""
    packaged = files("alfs_cli") / "_recipes"
    return packaged if packaged.is_dir() else Path(__file__).resolve().parents[2] / "recipes"


def recipe_names() -> tuple[str, ...]:
    """Return the names of the recipes that come with alfs, such as `cifar10/nce-aul`, sorted."""
    return tuple(sorted(_names(recipe_dir(), "")))


def _names(folder: Traversable, prefix: str) -> Iterator[str]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _names(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith(SUFFIXES[0]):
            yield prefix + entry.name.removesuffix(SUFFIXES[0])


def load_recipe(name: str) -> Recipe:
    """Read a recipe: the file where `name` ends in .yaml or .yml, else one that comes with alfs.

    Raises InputError for a missing file, UsageError for an unknown name, and RecipeError with all
    mistakes in the recipe.
    """
    if name.endswith(SUFFIXES):
        return load_settings(Path(name))
    known = recipe_names()
    if name not in known:
        near = get_close_matches(name, known, n=1) or [k for k in known if k.endswith(f"/{name}")]
        hint = f" (did you mean '{near[0]}'?)" if near else ""
        raise UsageError(
            f"unknown recipe '{name}'{hint}",
            help="`alfs recipes list` shows all; a file is named with its .yaml",
        )
    found = recipe_dir()
    for part in f"{name}{SUFFIXES[0]}".split("/"):
        found = found / part
    return parse_recipe(found.read_text(encoding="utf-8"), name=name, where=f"recipe {name}")


def load_settings(path: Path) -> Recipe:
    """Read a recipe or a config.yaml; raises InputError or RecipeError as `load_recipe` does."""
    try:
        text = as_text_file(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"no such file: '{path}'", help="`alfs recipes list` names some") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"cannot read '{path}': {error}", help="alfs recipes list names those there are"
        ) from None
    return parse_recipe(text, name=path.as_posix(), where=path.as_posix())


# Reading.


def parse_recipe(text: str, *, name: str, where: str) -> Recipe:
    """Return the recipe in a YAML text; raises RecipeError with all mistakes and their lines."""
    import yaml

    try:
        root = yaml.compose(limit_nesting(text), Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{where}:{mark.line + 1}" if mark else where
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise RecipeError(f"{place}: not valid YAML: {problem}") from None
    except RecursionError:
        raise RecipeError(f"{where}: not valid YAML: nested too deeply") from None
    if not isinstance(root, yaml.MappingNode):
        raise RecipeError(f"{where}: a recipe is a list of `key: value` lines")
    values: Values = {}
    lines: dict[str, int] = {}
    errors: list[tuple[int, str]] = []
    for key, node, line in _entries(root, errors):
        if key in lines:
            errors.append((line, f"'{key}' is set twice, first in line {lines[key]}"))
            continue
        lines[key] = line
        try:
            value = _plain(node)
            if value is not None and not (key == "noise" and value == "none"):
                values[key] = read_setting(key, value)
        except UsageError as error:
            errors.append((line, str(error)))
    if not errors:
        errors = [(1, problem) for problem in incomplete(values)]
    if errors:
        raise RecipeError("\n".join(f"{where}:{line}: {problem}" for line, problem in errors))
    return Recipe(name, text, values)


def _entries(
    root: "MappingNode", errors: list[tuple[int, str]]
) -> "Iterator[tuple[str, Node, int]]":
    """Yield (dotted key, value, line) for each setting in a mapping and in the groups in it."""
    from yaml import MappingNode, ScalarNode

    for key_node, value in root.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, ScalarNode):
            errors.append((line, "a key must be plain text"))
            continue
        key = str(key_node.value)
        if not isinstance(value, MappingNode):
            yield SHORT.get(key, key), value, line
            continue
        for inner, item in value.value:
            name = str(inner.value) if isinstance(inner, ScalarNode) else "?"
            yield f"{key}.{name}", item, inner.start_mark.line + 1


def _plain(node: "Node") -> Any:
    """Return a node's value, a scalar or a list of scalars; raises UsageError for any other."""
    import yaml

    if isinstance(node, yaml.MappingNode):
        raise UsageError(
            "settings are nested too deeply",
            help="a recipe is flat: alfs recipes show NAME shows one",
        )
    if isinstance(node, yaml.SequenceNode) and not all(
        isinstance(item, yaml.ScalarNode) for item in node.value
    ):
        raise UsageError(
            "a list may hold plain values only",
            help="a recipe is flat: alfs recipes show NAME shows one",
        )
    loader = yaml.SafeLoader("")
    try:
        return loader.construct_object(node, deep=True)
    except (yaml.YAMLError, ValueError) as error:
        problem = getattr(error, "problem", None) or str(error)
        raise UsageError(
            f"not a plain value: {problem}",
            help="a recipe is flat: alfs recipes show NAME shows one",
        ) from None
    finally:
        loader.dispose()
