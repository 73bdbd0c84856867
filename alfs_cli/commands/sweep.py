"""`alfs sweep DATA`: train losses x noise x seeds as one job that can be stopped and resumed."""

import os
from collections.abc import Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from alfs_cli.errors import Interrupted, UsageError, WorkError, together, unknown
from alfs_cli.options.data import DataOptions, OptionalData
from alfs_cli.options.shared import Invocation, command
from alfs_cli.options.sweep import GridFlags, JobFlags
from alfs_cli.options.train import TrainOptions
from alfs_cli.text.numbers import MOST_SEED, whole_number

if TYPE_CHECKING:
    from alfs_cli.executors import Executor, Outcome
    from alfs_cli.results.run import TrainConfig
    from alfs_cli.results.sweep import Sweep


@command
def sweep(
    invocation: Invocation,
    options: DataOptions,
    *,
    data: OptionalData = None,
    grid: GridFlags,
    jobs: JobFlags,
    training: TrainOptions,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Train finished runs again.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the runs, and train nothing.")
    ] = False,
) -> None:
    """Train losses x noise x seeds as one resumable job, and compare them.

    --grid makes a loss of every combination of parameters; `alfs figures fig3` draws them. The same
    command resumes a sweep that was stopped; finished runs are not trained again.
    """
    from alfs_cli.executors import EXECUTORS
    from alfs_cli.training.loggers import check_logger

    if jobs.executor not in EXECUTORS:
        raise unknown("executor", jobs.executor, EXECUTORS)
    check_logger(training.logger)
    names, choices, numbers = _read(invocation, grid)
    plan, configs = _plan(invocation, options, training, data, names, choices, numbers)
    folder = plan.folder(invocation.out)
    if dry_run:
        from alfs_cli.reports.sweep import sweep_plan_report

        invocation.publish(sweep_plan_report(plan, folder))
        return
    _run(invocation, plan, configs, jobs, logger=training.logger, overwrite=overwrite)


def _read(
    invocation: Invocation, grid: GridFlags
) -> "tuple[list[str], list[tuple[str, float | None] | None], tuple[int, ...]]":
    """Return losses, noises and seeds; raise one UsageError with every mistake in them."""
    single, grids, noise = grid.loss or [], grid.grid or [], grid.noise or []
    read: list[Any] = together(
        (
            *(partial(_loss, text) for text in single),
            *(partial(_grid, text) for text in grids),
            *(partial(_noise, text) for text in noise),
            partial(_seeds, grid.seeds, invocation),
        )
    )
    cells = read[len(single) : len(single) + len(grids)]
    for text, losses in zip(grids, cells, strict=True):
        count = "1 loss" if len(losses) == 1 else f"{len(losses)} losses"
        invocation.console.note(f"grid '{text}': {count}")
    names = dict.fromkeys([*read[: len(single)], *chain.from_iterable(cells)])
    return list(names), read[len(single) + len(grids) : -1], read[-1]


def _seeds(text: str | None, invocation: Invocation) -> tuple[int, ...]:
    if text is None:
        return (invocation.seed,) if invocation.has_seed else (0, 1, 2)
    if invocation.has_seed:
        raise UsageError("--seed and --seeds are both given", help="leave one of them out")
    seeds = [whole_number(word.strip(), most_digits=20) for word in text.split(",")]
    known = [seed for seed in seeds if seed is not None and seed <= MOST_SEED]
    if len(known) < len(seeds):
        raise UsageError(
            f"--seeds '{text[:100]}' are not whole numbers below 2^64",
            help="for example --seeds 0,1,2",
        )
    return tuple(dict.fromkeys(known))


def _loss(text: str) -> str:
    from alfs_cli.losses import parse_loss

    return str(parse_loss(text))


def _grid(text: str) -> list[str]:
    from alfs_cli.losses.grid import parse_grid

    return [str(loss) for loss in parse_grid(text)]


def _noise(text: str) -> tuple[str, float | None] | None:
    """Return kind and rate of KIND:RATE, or a file with T and None, or None for `none`."""
    from alfs_cli.noise import INSTANCE, NOISE_KINDS
    from alfs_cli.settings.training import is_file, read_setting

    kind, colon, rate = text.partition(":")
    if text == "none":
        return None
    if not colon and is_file(text):
        return text, None
    if kind not in (*NOISE_KINDS, INSTANCE):
        raise unknown("kind of noise", kind, [*NOISE_KINDS, INSTANCE, "none", "a file with T"])
    example = f"for example --noise {kind}:0.4"
    if not colon:
        raise UsageError(f"--noise '{text}' lacks its rate", help=example)
    try:
        return kind, read_setting("noise.rate", rate)
    except UsageError as error:
        text = str(error).replace("noise.rate", f"--noise {kind}: the rate")
        raise UsageError(text, help=example) from None


def _plan(
    invocation: Invocation,
    options: DataOptions,
    training: TrainOptions,
    data: str | None,
    names: Sequence[str],
    choices: "Sequence[tuple[str, float | None] | None]",
    seeds: Sequence[int],
) -> "tuple[Sweep, dict[str, TrainConfig]]":
    from alfs_cli.options.training import (
        check_expected,
        inputs_of,
        saved_inputs,
        settle,
        typed,
    )

    first = next((choice for choice in choices if choice is not None), (None, None))
    more = {"loss": names[0] if names else None, "noise.kind": first[0], "noise.rate": first[1]}
    said = typed(training, data, options, more)
    settings, expected = settle(invocation, said, training)
    invocation.refuse_inputs(*inputs_of(settings), *saved_inputs(invocation.out))
    from alfs_cli.executors.planning import plan_sweep

    plan, configs, experiment = plan_sweep(settings, losses=names, noises=choices, seeds=seeds)
    check_expected(expected, plan.fingerprint, training)
    for note in experiment.parts.train.notes:
        invocation.console.note(note)
    return plan, configs


def _run(
    invocation: Invocation,
    plan: "Sweep",
    configs: "dict[str, TrainConfig]",
    jobs: JobFlags,
    *,
    logger: str,
    overwrite: bool,
) -> None:
    """Train the unfinished runs of the plan, compare all finished ones, and report failures."""
    from alfs_cli.executors.local import kept_alone
    from alfs_cli.executors.planning import adopt
    from alfs_cli.results.sweep import PLAN, run_folder, status_of

    folder = plan.folder(invocation.out)
    with kept_alone(folder) as held:
        if (folder / PLAN).exists():
            invocation.console.note(f"going on with sweep {folder.as_posix()}")
        plan.save(folder)
        adopted = 0 if overwrite else adopt(plan, invocation.out)
        if adopted:
            invocation.console.note(f"{adopted} runs were finished already under {invocation.out}")
        left = {
            run: config
            for run, config in configs.items()
            if overwrite or status_of(run_folder(folder, run)) != "finished"
        }
        invocation.console.note(f"sweep {plan.sweep}: {len(configs)} runs, {len(left)} to train")
        outcomes: dict[str, Outcome] = {}
        if left:
            outcomes = _train(
                invocation, plan, left, jobs, held, logger=logger, overwrite=overwrite
            )
        _conclude(invocation, plan, folder, outcomes)


def _train(
    invocation: Invocation,
    plan: "Sweep",
    left: "dict[str, TrainConfig]",
    jobs: JobFlags,
    held: tuple[int, ...],
    *,
    logger: str,
    overwrite: bool,
) -> "dict[str, Outcome]":
    """Train runs side by side and return how each ended; raises Interrupted on a signal.

    `held` are the file descriptors of the sweep's lock, which its processes inherit.
    """
    from alfs_cli.executors import run_all
    from alfs_cli.executors.task import Task
    from alfs_cli.results.sweep import run_folder
    from alfs_cli.terminal.sweeping import on_stop, sweep_progress
    from alfs_cli.training.interruption import stop_signal

    folder = plan.folder(invocation.out)
    log = folder / "log.txt"
    place, devices = _executor(invocation, jobs, len(left), log, held)
    tasks = [
        Task(
            run=run,
            folder=str(run_folder(folder, run).resolve()),
            settings=config.settings(),
            device=devices[number % len(devices)],
            threads=place.threads,
            working_folder=os.getcwd(),
            cache=str((invocation.out / "cache").resolve()),
            logger=logger,
            anew=overwrite,
        )
        for number, (run, config) in enumerate(left.items())
    ]
    epochs = {run: config.epochs for run, config in left.items()}
    with (
        stop_signal(lambda: on_stop(invocation.console)) as stop,
        sweep_progress(invocation.console, epochs) as hear,
    ):
        outcomes = run_all(tasks, place, on_event=hear, is_stopped=lambda: stop.signal is not None)
    if log.exists() and not log.stat().st_size:
        log.unlink()
    if stop.signal is not None:
        raise _interrupted(plan, folder, stop.signal)
    return outcomes


def _executor(
    invocation: Invocation,
    jobs: JobFlags,
    num_runs: int,
    log: Path,
    held: tuple[int, ...],
) -> "tuple[Executor, list[str]]":
    """Return the executor, and the names of the devices that its tasks take in turn."""
    import torch

    from alfs_cli.executors.local import LocalExecutor, threads_each
    from alfs_cli.storage.memory import num_cores
    from alfs_cli.training.devices import choose_device

    device = invocation.device
    if jobs.executor == "ray":
        from alfs_cli.executors.on_ray import RayExecutor

        return RayExecutor.join(jobs.jobs, num_runs, uses_gpus=device != "cpu"), [device]
    chosen = choose_device(device)
    devices = [chosen.name]
    if chosen.kind == "cuda" and ":" not in device:
        devices = [f"cuda:{i}" for i in range(torch.cuda.device_count())]
    side_by_side = jobs.jobs or min(num_runs, len(devices) if chosen.kind != "cpu" else num_cores())
    return LocalExecutor(side_by_side, threads_each(side_by_side), log, held), devices


def _interrupted(plan: "Sweep", folder: Path, signal: str) -> Interrupted:
    from alfs_cli.results.sweep import run_folder, status_of

    done = sum(status_of(run_folder(folder, planned.run)) == "finished" for planned in plan.runs)
    word, code = ("interrupted", 130) if signal == "SIGINT" else ("terminated", 143)
    return Interrupted(
        f"{word} with {done} of {len(plan.runs)} runs finished; what is done is saved in "
        f"{folder.as_posix()}",
        exit_code=code,
        help="the same command goes on with them",
    )


def _conclude(
    invocation: Invocation, plan: "Sweep", folder: Path, outcomes: "dict[str, Outcome]"
) -> None:
    """Save and publish the comparison of the finished runs; raise WorkError where runs failed."""
    from dataclasses import replace

    from alfs_cli.comparing import compare, courses, find_runs
    from alfs_cli.executors.queue import MOST_ATTEMPTS
    from alfs_cli.reports.comparison import comparison_report
    from alfs_cli.results.sweep import COMPARISON, FailedRun, run_folder, status_of
    from alfs_cli.storage.documents import write_document

    failed = tuple(
        FailedRun(run, MOST_ATTEMPTS, outcome.error or outcome.status)
        for run, outcome in outcomes.items()
        if outcome.status != "finished"
    )
    replace(plan, failed=failed).save(folder)
    if any(status_of(run_folder(folder, planned.run)) == "finished" for planned in plan.runs):
        runs = find_runs([folder.as_posix()], invocation.out)
        comparison = compare(runs)
        write_document(folder / COMPARISON, comparison.document())
        invocation.publish(comparison_report(comparison, courses(runs)))
        invocation.console.note(f"saved {folder.as_posix()}")
    if failed:
        raise WorkError(
            f"{len(failed)} of {len(plan.runs)} runs failed, each tried twice; "
            f"the first, {failed[0].run}: {failed[0].error}",
            help=f"the same command tries them again; what they printed is in {folder.as_posix()}",
        )
