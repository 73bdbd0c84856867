"""`alfs`, and `python -m alfs_cli`."""

import sys
from typing import NoReturn

from alfs_cli.streams import settle_streams


def main() -> NoReturn:
    """Run `alfs`; Ctrl-C while it is being loaded is told of as at any other time."""
    settle_streams()
    try:
        from alfs_cli.cli import main as alfs
    except KeyboardInterrupt:
        print("error: interrupted", file=sys.stderr)
        sys.exit(130)
    alfs()


if __name__ == "__main__":
    main()
