"""`alfs recipes`: list, show, copy and validate training settings."""

from pathlib import Path
from typing import Annotated

import typer

from alfs_cli.options.shared import Invocation, command
from alfs_cli.storage.targets import Writes

Name = Annotated[str, typer.Argument(metavar="NAME", help="A recipe, such as cifar10/nce-aul.")]


@command
def list_recipes(invocation: Invocation) -> None:
    """List the recipes that come with alfs."""
    from alfs_cli.formats.blocks import Column, Report, Table
    from alfs_cli.settings.recipes import load_recipe, recipe_names

    recipes = [load_recipe(name) for name in recipe_names()]
    keys = ("dataset.source", "model", "loss", "epochs")
    rows = tuple((recipe.name, *(recipe.values.get(key) for key in keys)) for recipe in recipes)
    heads = (Column("recipe"), Column("data"), Column("model"), Column("loss"))
    table = Table("Recipes", (*heads, Column("epochs", "count")), rows)
    document = {
        "schema": "alfs.recipes/1",
        "recipes": [
            {"name": recipe.name, "about": recipe.about, **recipe.nested()} for recipe in recipes
        ],
    }
    invocation.publish(Report("Recipes", (table,), document))


@command
def show_recipe(invocation: Invocation, name: Name) -> None:
    """Print the text of a recipe."""
    import sys

    from alfs_cli.formats.blocks import Facts, Report
    from alfs_cli.settings.recipes import load_recipe

    recipe = load_recipe(name)
    if invocation.format == "text" and not invocation.outputs:
        sys.stdout.write(recipe.text)
        return
    facts = Facts(tuple((key, str(value)) for key, value in recipe.values.items()))
    document = {"schema": "alfs.recipe/1", "name": recipe.name, **recipe.nested()}
    invocation.publish(Report(f"Recipe {recipe.name}", (facts,), document))


@command
def copy_recipe(
    invocation: Invocation,
    *,
    name: Name,
    to: Annotated[
        Path | None,
        typer.Argument(
            metavar="FILE", help="The copy; by default NAME.yaml in the current folder."
        ),
        Writes(),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a file that is there.")
    ] = False,
) -> None:
    """Copy a recipe to a file of your own."""
    from alfs_cli.errors import UsageError
    from alfs_cli.formats.blocks import Facts, Report
    from alfs_cli.settings.recipes import load_recipe
    from alfs_cli.storage.writing import write_text

    recipe = load_recipe(name)
    path = to or Path(name.rpartition("/")[2]).with_suffix(".yaml")
    if path.is_dir():
        path = path / f"{name.rpartition('/')[2]}.yaml"
    if path.exists() and not overwrite:
        raise UsageError(f"'{path}' is there already", help="name another file, or --overwrite")
    write_text(path, recipe.text)
    facts = Facts((("copied to", path.as_posix()), ("run it", f"alfs train --recipe {path}")))
    document = {"schema": "alfs.recipe/1", "name": path.as_posix(), **recipe.nested()}
    invocation.publish(Report("Recipe", (facts,), document))


@command
def validate_recipe(
    invocation: Invocation,
    file: Annotated[str, typer.Argument(metavar="FILE", help="A recipe of your own.")],
) -> None:
    """Check a recipe and report every mistake in it at once."""
    from alfs_cli.formats.blocks import Report, Verdict
    from alfs_cli.settings.recipes import load_recipe, load_settings

    recipe = load_settings(Path(file)) if Path(file).is_file() else load_recipe(file)
    verdict = Verdict("pass", f"{file}: {len(recipe.values)} settings, all in order")
    document = {"schema": "alfs.recipe/1", "name": recipe.name, **recipe.nested()}
    invocation.publish(Report("Recipe", (verdict,), document))


MEMBERS = {
    "list": list_recipes,
    "show": show_recipe,
    "copy": copy_recipe,
    "validate": validate_recipe,
}
