"""The runs of a sweep, trained side by side: what is left of them, and how each ended."""

import os
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

from alfs_cli.console import Console
from alfs_cli.errors import Interrupted
from alfs_cli.executors.local import LocalExecutor, kept_alone, threads_each
from alfs_cli.executors.planning import adopt
from alfs_cli.executors.queue import MOST_ATTEMPTS, Executor, run_all
from alfs_cli.executors.task import Outcome, Progress, Task
from alfs_cli.results.run import TrainConfig
from alfs_cli.results.sweep import PLAN, FailedRun, Sweep, run_folder, status_of
from alfs_cli.storage.memory import num_cores
from alfs_cli.training.interruption import stop_signal

Listener = Callable[[Outcome | Progress, int], None]
Watched = Callable[[Mapping[str, int]], AbstractContextManager[Listener]]
"""The epochs of each run -> a context, in which what it gives hears each event and attempt."""


@dataclass(frozen=True)
class Job:
    """Where runs are trained, how many at a time, and whether finished ones are trained again."""

    executor: str = "local"
    jobs: int | None = None
    device: str = "auto"
    logger: str = "none"
    overwrite: bool = False


def train_runs(
    plan: Sweep,
    configs: Mapping[str, TrainConfig],
    job: Job,
    *,
    out: Path,
    console: Console,
    watched: Watched,
    on_stop: Callable[[], None] = lambda: None,
) -> Sweep:
    """Train the unfinished runs of a plan; return it with those that failed, as it is saved.

    `on_stop` is called inside the handler of the first signal that asks to stop.

    Raises Interrupted on a signal, when the runs have saved what they have.
    """
    folder = plan.folder(out)
    with kept_alone(folder) as held:
        if (folder / PLAN).exists():
            console.note(f"going on with sweep {folder.as_posix()}")
        plan.save(folder)
        adopted = 0 if job.overwrite else adopt(plan, out)
        if adopted:
            were = "1 run was" if adopted == 1 else f"{adopted} runs were"
            console.note(f"{were} finished already under {out}")
        left = {
            run: config
            for run, config in configs.items()
            if job.overwrite or not is_finished(folder, run)
        }
        console.note(f"sweep {plan.sweep}: {len(configs)} runs, {len(left)} to train")
        outcomes = _trained(plan, left, job, out, held, watched, on_stop) if left else {}
        ended = replace(plan, failed=_failed(outcomes))
        ended.save(folder)
    return ended


def is_finished(folder: Path, run: str) -> bool:
    """Whether a run of the sweep in a folder was trained to its end."""
    return status_of(run_folder(folder, run)) == "finished"


def _failed(outcomes: Mapping[str, Outcome]) -> tuple[FailedRun, ...]:
    return tuple(
        FailedRun(run, MOST_ATTEMPTS, outcome.error or outcome.status)
        for run, outcome in outcomes.items()
        if outcome.status != "finished"
    )


def _trained(
    plan: Sweep,
    left: Mapping[str, TrainConfig],
    job: Job,
    out: Path,
    held: tuple[int, ...],
    watched: Watched,
    on_stop: Callable[[], None],
) -> Mapping[str, Outcome]:
    """Train runs side by side and return how each ended; raises Interrupted on a signal.

    `held` are the file descriptors of the sweep's lock, which its processes inherit.
    """
    folder = plan.folder(out)
    log = folder / "log.txt"
    place, devices = _executor(job, len(left), log, held)
    tasks = [
        Task(
            run=run,
            folder=str(run_folder(folder, run).resolve()),
            settings=config.settings(),
            device=devices[number % len(devices)],
            threads=place.threads,
            working_folder=os.getcwd(),
            cache=str((out / "cache").resolve()),
            logger=job.logger,
            anew=job.overwrite,
        )
        for number, (run, config) in enumerate(left.items())
    ]
    epochs = {run: config.epochs for run, config in left.items()}
    with stop_signal(on_stop) as stop, watched(epochs) as hear:
        outcomes = run_all(tasks, place, on_event=hear, is_stopped=lambda: stop.signal is not None)
    if log.exists() and not log.stat().st_size:
        log.unlink()
    if stop.signal is not None:
        raise _interrupted(plan, folder, stop.signal)
    return outcomes


def _executor(
    job: Job, num_runs: int, log: Path, held: tuple[int, ...]
) -> tuple[Executor, list[str]]:
    """Return the executor, and the names of the devices that its tasks take in turn."""
    if job.executor == "ray":
        from alfs_cli.executors.on_ray import RayExecutor

        return RayExecutor.join(job.jobs, num_runs, uses_gpus=job.device != "cpu"), [job.device]
    import torch

    from alfs_cli.training.devices import choose_device

    chosen = choose_device(job.device)
    devices = [chosen.name]
    if chosen.kind == "cuda" and ":" not in job.device:
        devices = [f"cuda:{i}" for i in range(torch.cuda.device_count())]
    side_by_side = job.jobs or min(num_runs, len(devices) if chosen.kind != "cpu" else num_cores())
    return LocalExecutor(side_by_side, threads_each(side_by_side), log, held), devices


def _interrupted(plan: Sweep, folder: Path, signal: str) -> Interrupted:
    done = sum(is_finished(folder, planned.run) for planned in plan.runs)
    word, code = ("interrupted", 130) if signal == "SIGINT" else ("terminated", 143)
    return Interrupted(
        f"{word} with {done} of {len(plan.runs)} runs finished; what is done is saved in "
        f"{folder.as_posix()}",
        exit_code=code,
        help="the same command goes on with them",
    )
