"""`alfs sweep DATA`: train losses x noise x seeds as one job that can be stopped and resumed."""

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from alfs_cli.errors import WorkError, unknown
from alfs_cli.options.data import DataOptions, OptionalData
from alfs_cli.options.shared import Invocation, command
from alfs_cli.options.sweep import GridFlags, JobFlags, PaperFlags, Varied
from alfs_cli.options.train import TrainOptions

if TYPE_CHECKING:
    from alfs_cli.comparing.paper import Cell
    from alfs_cli.results.run import TrainConfig
    from alfs_cli.results.sweep import Sweep


@command
def sweep(
    invocation: Invocation,
    options: DataOptions,
    *,
    data: OptionalData = None,
    grid: GridFlags,
    paper: PaperFlags,
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

    --grid makes a loss of every combination of parameters; `alfs figures fig3` draws them. --paper
    trains a table of the paper, and sets its figures beside. The same command resumes a sweep that
    was stopped; finished runs are not trained again.
    """
    from alfs_cli.executors import EXECUTORS

    if jobs.executor not in EXECUTORS:
        raise unknown("executor", jobs.executor, EXECUTORS)
    paper.check(data, grid, training)
    varied = grid.varied(invocation)
    cells = paper.cells(data, varied) if paper.paper is not None else ()
    if cells:
        plan, configs = _plan_table(invocation, options, training, cells, varied.seeds)
    else:
        plan, configs = _plan(invocation, options, training, data, varied)
    from alfs_cli.executors.sweeping import Job, train_runs
    from alfs_cli.reports.sweep import sweep_plan_report
    from alfs_cli.terminal.sweeping import on_stop, sweep_progress

    if dry_run:
        invocation.publish(sweep_plan_report(plan, plan.folder(invocation.out)))
        return
    job = Job(jobs.executor, jobs.jobs, invocation.device, training.logger, overwrite)
    console = invocation.console
    ended = train_runs(
        plan,
        configs,
        job,
        out=invocation.out,
        console=console,
        watched=partial(sweep_progress, console),
        on_stop=partial(on_stop, console),
    )
    _conclude(invocation, ended, with_paper=bool(cells))


def _plan_table(
    invocation: Invocation,
    options: DataOptions,
    training: TrainOptions,
    cells: "tuple[Cell, ...]",
    seeds: tuple[int, ...],
) -> "tuple[Sweep, dict[str, TrainConfig]]":
    """Return the plan of cells of a table of the paper, each run with its recipe's settings."""
    from alfs_cli.comparing.paper import runs_of
    from alfs_cli.executors.planning import plan_runs
    from alfs_cli.options.training import inputs_of, refuse_decided, typed
    from alfs_cli.training.loggers import check_logger

    check_logger(training.logger)
    data = cells[0].data
    said = typed(training, data, options, {})
    refuse_decided(said, said)
    invocation.refuse_inputs(*inputs_of(said))
    settings = list(runs_of(cells, said, seeds))
    plan, configs, _ = plan_runs(settings)
    count = "1 cell" if len(cells) == 1 else f"{len(cells)} cells"
    invocation.console.note(f"{count} of the paper on {data}, seeds {', '.join(map(str, seeds))}")
    return plan, configs


def _plan(
    invocation: Invocation,
    options: DataOptions,
    training: TrainOptions,
    data: str | None,
    varied: Varied,
) -> "tuple[Sweep, dict[str, TrainConfig]]":
    from alfs_cli.options.training import (
        check_expected,
        inputs_of,
        saved_inputs,
        settle,
        typed,
    )

    kind, rate = next((choice for choice in varied.noises if choice is not None), (None, None))
    loss = varied.losses[0] if varied.losses else None
    more = {"loss": loss, "noise.kind": kind, "noise.rate": rate}
    settings, expected = settle(invocation, typed(training, data, options, more), training)
    invocation.refuse_inputs(*inputs_of(settings), *saved_inputs(invocation.out))
    from alfs_cli.executors.planning import plan_sweep  # a wrong setting is said before torch
    from alfs_cli.training.loggers import check_logger

    check_logger(training.logger)

    plan, configs, experiment = plan_sweep(
        settings, losses=varied.losses, noises=varied.noises, seeds=varied.seeds
    )
    check_expected(expected, plan.fingerprint, training)
    for note in experiment.parts.train.notes:
        invocation.console.note(note)
    return plan, configs


def _conclude(invocation: Invocation, ended: "Sweep", *, with_paper: bool) -> None:
    """Save and publish the comparison of the finished runs; raise WorkError where runs failed."""
    from alfs_cli.comparing import compare, courses, find_runs
    from alfs_cli.executors.sweeping import is_finished
    from alfs_cli.reports.comparison import comparison_report
    from alfs_cli.results.sweep import COMPARISON
    from alfs_cli.storage.documents import write_document

    folder, failed = ended.folder(invocation.out), ended.failed
    if any(is_finished(folder, planned.run) for planned in ended.runs):
        runs = find_runs([folder.as_posix()], invocation.out)
        comparison = compare(runs, with_paper=with_paper)
        write_document(folder / COMPARISON, comparison.document())
        invocation.publish(comparison_report(comparison, courses(runs)))
        invocation.console.note(f"saved {folder.as_posix()}")
    if failed:
        raise WorkError(
            f"{len(failed)} of {len(ended.runs)} runs failed, each tried twice; "
            f"the first, {failed[0].run}: {failed[0].error}",
            help=f"the same command tries them again; what they printed is in {folder.as_posix()}",
        )
