"""One module per subcommand: read arguments, call the core, publish the report.

COMMANDS and GROUPS are the whole command line; help lists them in this order.
"""

from collections.abc import Callable

from alfs_cli.commands.inject import inject

COMMANDS: dict[str, Callable[..., None]] = {
    "inject": inject,
}

GROUPS: dict[str, tuple[str, dict[str, Callable[..., None]]]] = {}
