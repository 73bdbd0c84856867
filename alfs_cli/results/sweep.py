"""What a sweep directory says: the runs that were planned, and what became of each.

A sweep lives under `<out>/sweeps/<8 hex>/`: `sweep.json` is the plan, `runs/` holds the runs, each
a run directory like any other, and `compare.json` their comparison. The 8 hex stand for the
configurations of all its runs, so the same words on the same data are the same sweep.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from alfs_cli.results.run import CHECKPOINT, RESULT, load_run
from alfs_cli.storage.documents import from_document, read_document, to_document, write_document

SCHEMA = "alfs.sweep/1"
PLAN = "sweep.json"
COMPARISON = "compare.json"
SWEEPS = "sweeps"

Status = Literal["finished", "started", "planned"]


@dataclass(frozen=True)
class PlannedNoise:
    """Noise to inject, with the seed that draws it; a file's T has no rate of its own."""

    kind: str
    rate: float | None
    seed: int


@dataclass(frozen=True)
class PlannedRun:
    """One run of a sweep: its id, and what tells it from the others."""

    run: str
    loss: str
    noise: PlannedNoise | None
    seed: int


@dataclass(frozen=True)
class FailedRun:
    """A run that failed in every attempt of the last time the sweep was run, and why."""

    run: str
    attempts: int
    error: str


@dataclass(frozen=True)
class Sweep:
    """The content of sweep.json; `config` is what all runs have in common."""

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
        """Return where the sweep lives."""
        return out / SWEEPS / self.sweep


def sweep_id(run_ids: Iterable[str]) -> str:
    """Return 8 hex that stand for a set of runs, in whatever order they are named."""
    return hashlib.sha256("\n".join(sorted(run_ids)).encode()).hexdigest()[:8]


def run_folder(folder: Path, run: str) -> Path:
    """Return where a run of the sweep lives."""
    return folder / "runs" / run


def status_of(folder: Path) -> Status:
    """Say how far a run directory is; raises InputError where its result is broken or newer."""
    if (folder / RESULT).exists() and load_run(folder).is_finished:
        return "finished"
    return "started" if (folder / CHECKPOINT).exists() else "planned"


def load_sweep(folder: Path) -> Sweep:
    """Read a sweep's plan; raises InputError where it is missing, broken or newer."""
    path = folder / PLAN
    return from_document(read_document(path, SCHEMA), Sweep, where=str(path))


def find_sweep(name: str, out: Path) -> Path | None:
    """Return the folder of a sweep named by its path or its 8 hex under `out`, None if none is."""
    for folder in (Path(name), out / SWEEPS / name):
        if (folder / PLAN).is_file():
            return folder
    return None
