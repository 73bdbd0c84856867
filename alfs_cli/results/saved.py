"""Saved results found by name or path, and the documents beside an estimate."""

from pathlib import Path
from typing import Literal

from alfs_cli.errors import InputError
from alfs_cli.results.check import CheckResult, load_check
from alfs_cli.results.estimate import NoiseEstimate
from alfs_cli.results.recommendation import Recommendations, load_recommendations
from alfs_cli.results.run import CONFIG, RESULT, find_run
from alfs_cli.results.sweep import PLAN, find_sweep
from alfs_cli.storage.files import as_file

ESTIMATE = "estimate.json"
RECOMMENDATION = "recommendation.json"
AUDIT = "audit.json"

Kind = Literal["estimate", "run", "sweep", "audit"]


def find_saved(name: str | None, out: Path) -> tuple[Kind, Path]:
    """Return the kind of a saved result, and its file (estimate, audit) or folder (run, sweep).

    `name` is a path, or the id of a run or sweep under `out`; None is the estimate under `out`,
    else the audit. Raises InputError where there is no such result.
    """
    path = Path(name) if name is not None else out / ESTIMATE
    if name is None and not path.is_file():
        if (out / AUDIT).is_file():
            return "audit", out / AUDIT
        raise InputError(
            f"nothing is named, and there is no '{path.as_posix()}'",
            help="name an estimate.json, an audit, a run or a sweep; `alfs estimate DATA` makes "
            "the first",
        )
    if as_file(path).is_file():
        by_name: dict[str, Kind] = {RESULT: "run", CONFIG: "run", PLAN: "sweep", AUDIT: "audit"}
        kind = by_name.get(path.name, "estimate")
        return kind, path if kind in ("estimate", "audit") else path.parent
    if (path / ESTIMATE).is_file():
        return "estimate", path / ESTIMATE
    if (path / AUDIT).is_file():
        return "audit", path / AUDIT
    sweep = find_sweep(str(name), out)
    return ("run", find_run(str(name), out)) if sweep is None else ("sweep", sweep)


def advice_beside(path: Path, estimate: NoiseEstimate) -> Recommendations | None:
    """Return the recommendation beside an estimate, None without one for the same data."""
    file = path.with_name(RECOMMENDATION)
    if not file.is_file():
        return None
    found = load_recommendations(file)
    return found if found.data.fingerprint == estimate.data.fingerprint else None


def check_beside(path: Path) -> CheckResult | None:
    """Return the check beside an estimate, None without one or where the estimate is newer."""
    file = path.with_name("check.json")
    if not file.is_file() or file.stat().st_mtime_ns < path.stat().st_mtime_ns:
        return None
    return load_check(file)
