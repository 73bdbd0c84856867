"""How another Python is started: with this alfs, and without the modules of the current folder."""

import os
import sys
from pathlib import Path

HOME = Path(__file__).parents[2]  # of alfs: where its package lies
MODULE = ("-P", "-m")  # -P: the current folder, which may be a stranger's, is not searched


def module_command(module: str) -> list[str]:
    """Return the command that runs a module of alfs."""
    return [sys.executable, *MODULE, module]


def search_path() -> dict[str, str]:
    """Return the variables by which it, and what it starts in turn, finds modules.

    The same alfs comes first; an empty entry, which means the current folder, is left out.
    """
    written = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    places = [str(HOME), *(os.path.abspath(place) for place in written if place)]
    return {"PYTHONPATH": os.pathsep.join(dict.fromkeys(places)), "PYTHONSAFEPATH": "1"}
