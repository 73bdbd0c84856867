"""The plan of a sweep: losses x noises x seeds, each run with a complete configuration."""

import shutil
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

from alfs_cli import __version__
from alfs_cli.errors import UsageError
from alfs_cli.results.run import TrainConfig
from alfs_cli.results.sweep import (
    SWEEPS,
    PlannedNoise,
    PlannedRun,
    Sweep,
    run_folder,
    status_of,
    sweep_id,
)
from alfs_cli.training import Experiment, plan
from alfs_cli.training.experiment import complete

VARIED = ("loss", "noise", "seed")
NoiseChoice = tuple[str, float | None] | None


def plan_sweep(
    settings: dict[str, Any],
    *,
    losses: Sequence[str],
    noises: Sequence[NoiseChoice],
    seeds: Sequence[int],
) -> tuple[Sweep, dict[str, TrainConfig], Experiment]:
    """Read the data and return the plan, the configuration of each run, and the first experiment.

    Without losses or noises, those of `settings` are used; a noise of None injects none. Raises
    UsageError where there is no test part, because the runs could not be compared, or where
    `settings` ask for several processes.
    """
    noise = settings.get("noise", {})
    varied: list[dict[str, Any]] = []
    for loss, choice, seed in product(losses or (settings["loss"],), noises or (noise,), seeds):
        values = {**settings, "loss": loss, "seed": seed}
        values.pop("noise", None)
        if isinstance(choice, tuple):
            values["noise"] = {**noise, "kind": choice[0], "rate": choice[1], "fingerprint": None}
        elif choice:
            values["noise"] = choice
        varied.append(values)
    return plan_runs(varied)


def plan_runs(
    varied: Sequence[dict[str, Any]],
) -> tuple[Sweep, dict[str, TrainConfig], Experiment]:
    """Return the plan of runs by their nested settings, all on the same data; see `plan_sweep`."""
    if any(settings.get("processes", 1) > 1 for settings in varied):
        raise UsageError(
            "a sweep trains each run on one process",
            help="leave `processes` out; --jobs N trains several runs at once",
        )
    first = plan(varied[0])
    if first.test is None:
        raise UsageError(
            "there is nothing to test on, so nothing to compare", help="give --test or --holdout"
        )
    used = {} if first.config.transition is None else {"transition": first.config.transition}
    completed = (complete({**values, **used}, first.parts.train, first.shape) for values in varied)
    configs = {config.run_id: config for config in completed}
    common = _common([config.settings() for config in configs.values()])
    sweep = Sweep(
        alfs_version=__version__,
        sweep=sweep_id(configs),
        dataset=first.parts.train.name,
        fingerprint=first.config.fingerprint,
        config=common,
        runs=tuple(
            PlannedRun(run, config.loss, noise_of(config), config.seed)
            for run, config in configs.items()
        ),
    )
    return sweep, configs, first


def _common(settings: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the settings that all runs share, without those that a sweep varies."""
    first, *others = settings
    return {
        key: value
        for key, value in first.items()
        if key not in VARIED and all(other.get(key) == value for other in others)
    }


def noise_of(config: TrainConfig) -> PlannedNoise | None:
    """Return the noise that a configuration injects, with its seed; None without noise."""
    if config.noise is None or config.noise_seed is None:
        return None
    return PlannedNoise(config.noise.kind, config.noise.rate, config.noise_seed)


def adopt(sweep: Sweep, out: Path) -> int:
    """Copy runs of the plan that are finished elsewhere under `out`; return their number."""
    count = 0
    for planned in sweep.runs:
        target = run_folder(sweep.folder(out), planned.run)
        places = [out / "runs" / planned.run, *out.glob(f"{SWEEPS}/*/runs/{planned.run}")]
        found = next((place for place in places if status_of(place) == "finished"), None)
        if found is None or target.exists():
            continue
        copy = target.with_name(f".{target.name}.copy")
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(found, copy)
        copy.rename(target)
        count += 1
    return count
