"""One module per subcommand: read arguments, call the core, publish the report.

COMMANDS and GROUPS are the whole command line; help lists them in this order.
"""

from collections.abc import Callable

from alfs_cli.commands.check import check
from alfs_cli.commands.estimate import estimate
from alfs_cli.commands.evaluate import evaluate
from alfs_cli.commands.recipes import copy_recipe, list_recipes, show_recipe, validate_recipe
from alfs_cli.commands.recommend import recommend
from alfs_cli.commands.train import train

COMMANDS: dict[str, Callable[..., None]] = {
    "estimate": estimate,
    "recommend": recommend,
    "train": train,
    "evaluate": evaluate,
    "check": check,
}

GROUPS: dict[str, tuple[str, dict[str, Callable[..., None]]]] = {
    "recipes": (
        "Settings that work, to run, to read, to copy and change.",
        {
            "list": list_recipes,
            "show": show_recipe,
            "copy": copy_recipe,
            "validate": validate_recipe,
        },
    ),
}
