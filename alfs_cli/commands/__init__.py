"""One module per subcommand: read arguments, call the core, publish the report.

COMMANDS and GROUPS are the whole command line; help lists them in this order.
"""

from collections.abc import Callable

from alfs_cli.commands.estimate import estimate
from alfs_cli.commands.inject import inject
from alfs_cli.commands.recommend import recommend

COMMANDS: dict[str, Callable[..., None]] = {
    "estimate": estimate,
    "recommend": recommend,
    "inject": inject,
}

GROUPS: dict[str, tuple[str, dict[str, Callable[..., None]]]] = {}
