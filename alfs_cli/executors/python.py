"""How to start another Python process: with this alfs, without modules of the current folder."""

import os
import sys
from pathlib import Path

HOME = Path(__file__).parents[2]  # the folder that contains the alfs_cli package
MODULE = ("-P", "-m")  # -P leaves the current folder, which is not trusted, out of sys.path


def module_command(module: str) -> list[str]:
    """Return the command that runs a module of alfs."""
    return [sys.executable, *MODULE, module]


def search_path() -> dict[str, str]:
    """Return environment variables with which a process and its children find modules.

    The path of this alfs comes first. Empty entries of PYTHONPATH, which mean the current folder,
    are left out.
    """
    written = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    places = [str(HOME), *(os.path.abspath(place) for place in written if place)]
    return {"PYTHONPATH": os.pathsep.join(dict.fromkeys(places)), "PYTHONSAFEPATH": "1"}
