"""`alfs`, and `python -m alfs_cli`."""

import os
import sys
from typing import NoReturn

from alfs_cli.terminal.streams import settle_streams


def _search_no_current_folder() -> None:
    """Leave the folder alfs is run in out of where modules are looked for: it may be a stranger's.

    `python -m` searches it first, and a Python that this one starts (workers, helpers of libraries)
    might; the folder alfs itself lies in stays.
    """
    os.environ["PYTHONSAFEPATH"] = "1"
    own = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
    is_searched = __name__ == "__main__" and not sys.flags.safe_path
    if is_searched and os.path.realpath(sys.path[0]) != own:
        del sys.path[0]


def main() -> NoReturn:
    """Run `alfs`; Ctrl-C while it is being loaded is told of as at any other time."""
    _search_no_current_folder()
    settle_streams()
    try:
        from alfs_cli.cli import main as alfs
    except KeyboardInterrupt:
        print("error: interrupted", file=sys.stderr)
        sys.exit(130)
    alfs()


if __name__ == "__main__":
    main()
