"""A recommendation as a recipe for `alfs train --recipe FILE`."""

from pathlib import Path
from typing import Any

from alfs_cli.errors import UsageError
from alfs_cli.results.estimate import NoiseEstimate
from alfs_cli.results.recommendation import Recommendations
from alfs_cli.settings.recipes import SUFFIXES
from alfs_cli.text.plain import plain


def check_recipe_name(path: Path) -> None:
    """Raise UsageError where `--recipe` would not read a file of this name."""
    if path.suffix not in SUFFIXES:
        raise UsageError(
            f"--write-recipe '{path}' is not the name of a recipe", help="it ends in .yaml or .yml"
        )


def recipe_text(path: Path, found: Recommendations, estimate: NoiseEstimate) -> str:
    """Return YAML with the first recommended loss, its data and its learning rate.

    `path` is the file it will be written to. Raises UsageError where nothing is recommended.
    """
    import yaml

    if not found.recommendations:
        raise UsageError(
            "no loss is recommended, so there is no recipe to write",
            help="--explain says why; alfs recipes list names settings that need no certificate",
        )
    best = found.recommendations[0]
    dataset = {key: value for key, value in estimate.data.spec.items() if value is not None}
    settings: dict[str, Any] = {
        "dataset": dataset or {"source": estimate.data.source},
        "fingerprint": estimate.data.fingerprint,
        "loss": best.loss,
        "optimizer": {"lr": found.lr},
    }
    if best.correction == "forward":
        transition: dict[str, Any] = {"file": found.estimate}
        if best.least_level:
            transition["least_level"] = best.least_level
        settings |= {"correction": "forward", "transition": transition}
    header = (
        f"# {found.status}: the loss that `alfs recommend` puts first for {found.estimate}.",
        f"#   alfs train --recipe {path.as_posix()}",
        f"# Clean level r {found.clean_level.value:.4g}, at least {found.clean_level.low:.4g}"
        f"{'' if found.audit is None else f' by the audit {found.audit.file}'}; "
        f"required ratio {found.required_ratio:.4g}.",
        f"# Why: {best.why}.",
    )
    body = yaml.safe_dump(settings, sort_keys=False, allow_unicode=True, width=1000)
    return "\n".join((*(plain(line, mark="?") for line in header), body))
