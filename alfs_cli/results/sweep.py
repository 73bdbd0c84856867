"""The content of a sweep directory: the planned runs, and the status of each.

A sweep lies in `<out>/sweeps/<8 hex>/`: `sweep.json` is the plan, `runs/` holds the runs, each an
ordinary run directory, and `compare.json` is their comparison. The 8 hex digits are a hash of the
configurations of all runs, so the same command on the same data is the same sweep.
"""

import hashlib
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from alfs_cli.errors import InputError, did_you_mean
from alfs_cli.results.run import CHECKPOINT, RESULT, find_run, load_run
from alfs_cli.storage.documents import from_document, read_document, to_document, write_document

SCHEMA = "alfs.sweep/1"
PLAN = "sweep.json"
COMPARISON = "compare.json"
SWEEPS = "sweeps"

Status = Literal["finished", "started", "planned"]


@dataclass(frozen=True)
class PlannedNoise:
    """Noise to inject and the seed that draws it; `rate` is None where T is read from a file."""

    kind: str
    rate: float | None
    seed: int


@dataclass(frozen=True)
class PlannedRun:
    """One run of a sweep: its id, and the settings in which it differs from the others."""

    run: str
    loss: str
    noise: PlannedNoise | None
    seed: int


@dataclass(frozen=True)
class FailedRun:
    """A run that failed in every attempt when the sweep last ran, and the last error."""

    run: str
    attempts: int
    error: str


@dataclass(frozen=True)
class Sweep:
    """The content of sweep.json; `config` holds the settings that all runs share."""

    alfs_version: str
    sweep: str
    dataset: str
    fingerprint: str
    config: dict[str, Any]
    runs: tuple[PlannedRun, ...]
    failed: tuple[FailedRun, ...] = ()

    def document(self) -> dict[str, Any]:
        """Return the JSON document."""
        return to_document(SCHEMA, self)

    def save(self, folder: Path) -> None:
        """Write sweep.json."""
        write_document(folder / PLAN, self.document())

    def folder(self, out: Path) -> Path:
        """Return the folder of the sweep."""
        return out / SWEEPS / self.sweep


def sweep_id(run_ids: Iterable[str]) -> str:
    """Return 8 hex digits of a hash of the run ids, the same for any order."""
    return hashlib.sha256("\n".join(sorted(run_ids)).encode()).hexdigest()[:8]


def run_folder(folder: Path, run: str) -> Path:
    """Return the folder of a run of the sweep."""
    return folder / "runs" / run


def status_of(folder: Path) -> Status:
    """Return the status of a run directory; raises InputError for a broken or newer result."""
    if (folder / RESULT).exists() and load_run(folder).is_finished:
        return "finished"
    return "started" if (folder / CHECKPOINT).exists() else "planned"


def load_sweep(folder: Path) -> Sweep:
    """Read a sweep's plan; raises InputError where it is missing, broken or newer."""
    path = folder / PLAN
    return from_document(read_document(path, SCHEMA), Sweep, where=str(path))


def find_sweep(name: str, out: Path) -> Path | None:
    """Return the folder of a sweep named by its path or by its id under `out`, None without one."""
    for folder in (Path(name), out / SWEEPS / name):
        if (folder / PLAN).is_file():
            return folder
    return None


def sweep_folder(name: str, out: Path) -> Path:
    """Return the folder of a sweep; raises InputError where the name is that of none."""
    found = find_sweep(name, out)
    if found is not None:
        return found
    sweeps = out / SWEEPS
    known = sorted(path.parent.name for path in sweeps.glob(f"*/{PLAN}"))
    what = (
        f"'{name}' is no sweep: it holds no {PLAN}"
        if Path(name).exists()
        else f"no such sweep: '{name}'{did_you_mean(name, known)}"
    )
    raise InputError(
        what,
        help=f"a sweep is a folder or an id under {sweeps.as_posix()}; `alfs sweep` makes one",
    )


def finished_runs(names: Iterable[str], out: Path) -> list[Path]:
    """Return the folders of runs, and of all runs of sweeps, that are named by folder or id.

    Raises InputError where one is no run or has not finished.
    """
    folders: list[Path] = []
    for name in names:
        sweep = find_sweep(name, out)
        if sweep is None:
            folders.append(find_run(name, out))
        else:
            folders += [run_folder(sweep, planned.run) for planned in load_sweep(sweep).runs]
    for folder in folders:
        if not load_run(folder).is_finished:
            raise InputError(
                f"run '{folder.name}' has not finished",
                help=f"alfs train --resume {shlex.quote(folder.as_posix())}",
            )
    return list(dict.fromkeys(folders))
