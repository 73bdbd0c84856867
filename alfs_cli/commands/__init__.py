"""One module per subcommand: read arguments, call the core, publish the report.

COMMANDS and GROUPS are the whole command line, each with its line in `alfs -h`, which lists them
in this order. The module of a command is imported when the command is called: its function has the
command's name, and its docstring begins with that line; the module of a group has MEMBERS.
"""

from collections.abc import Callable
from importlib import import_module

COMMANDS = {
    "demo": (
        "Take the whole tour on real digits: inject noise, estimate, recommend, train, compare."
    ),
    "estimate": (
        "Estimate how many labels are wrong, which, and between which classes, with bounds."
    ),
    "features": (
        "Write features of pictures, texts or a table as Parquet, for data too large for memory."
    ),
    "shard": (
        "Count one part of a file of probabilities too large for one machine, for `alfs merge`."
    ),
    "merge": ("Estimate from the statistics of all shards how many labels are wrong, with bounds."),
    "recommend": (
        "Recommend a loss function that withstands the estimated noise, with a certificate."
    ),
    "train": "Train a network with a loss that withstands wrong labels.",
    "evaluate": (
        "Evaluate a trained network: accuracy, also per class, calibration, confusion matrix."
    ),
    "predict": "Write class probabilities (N, K) of DATA, in its order.",
    "compare": "Compare runs: mean and standard deviation over seeds; the best losses are marked.",
    "sweep": "Train losses x noise x seeds as one resumable job, and compare them.",
    "check": "Fail with exit code 1 if label quality surely breaks a threshold.",
    "audit": "Decide claims about the labels by asking people about examples drawn at random.",
    "inspect": "Fail with exit code 1 if an image is damaged, cut short or too large to be safe.",
    "fix": (
        "Write a cleaned copy of the labels from issues.csv: drop, relabel or do what people "
        "decided."
    ),
    "inject": "Write a copy of the labels with noise in them; images are never touched.",
    "figures": "Draw the paper's figures under --out as PNG and SVG, with the numbers as CSV.",
    "report": "Write a self-contained page about an estimate, a run, a sweep or an audit.",
    "doctor": (
        "Say what alfs runs on; with DATA, what they are, what can be done with them and what next."
    ),
}

GROUPS = {
    "losses": "Every loss: its formula, what is known of it, its certificate.",
    "recipes": "Tested training settings, to list, show, copy and validate.",
}


def bodies(name: str) -> dict[str, Callable[..., None]]:
    """Import a command or a group, and return its functions by the second word of their command.

    >>> list(bodies("losses")), list(bodies("estimate"))
    (['list', 'show', 'check'], [''])
    """
    module = import_module(f"{__name__}.{name}")
    found: dict[str, Callable[..., None]] = (
        module.MEMBERS if name in GROUPS else {"": getattr(module, name)}
    )
    return found
