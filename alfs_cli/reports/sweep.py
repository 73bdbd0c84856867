"""The report of a planned sweep, and the table of its runs."""

from pathlib import Path

from alfs_cli.formats.blocks import Column, Facts, Report, Table
from alfs_cli.results.sweep import PlannedNoise, Sweep, run_folder, status_of


def sweep_plan_report(sweep: Sweep, folder: Path) -> Report:
    """Return the report of a dry run: the runs of a sweep and their status."""
    facts = Facts(
        (
            ("sweep", folder.as_posix()),
            ("data", sweep.dataset),
            ("model", f"{sweep.config['model']}, {sweep.config['epochs']} epochs"),
            ("runs", f"{len(sweep.runs)}"),
        )
    )
    return Report("Plan", (facts, runs_table(sweep, folder)), sweep.document())


def runs_table(sweep: Sweep, folder: Path) -> Table:
    """Return the table of a sweep's runs with their status."""
    failed = {run.run for run in sweep.failed}
    rows = tuple(
        (
            planned.run,
            planned.loss,
            noise_text(planned.noise),
            planned.seed,
            "failed" if planned.run in failed else status_of(run_folder(folder, planned.run)),
        )
        for planned in sweep.runs
    )
    columns = (
        Column("run"),
        Column("loss"),
        Column("noise"),
        Column("seed", "count"),
        Column("status"),
    )
    return Table("Runs", columns, rows)


def noise_text(noise: PlannedNoise | None) -> str:
    """Return a kind of noise and its rate as text.

    >>> noise_text(PlannedNoise("symmetric", 0.4, seed=0)), noise_text(None)
    ('symmetric 0.4', 'none')
    """
    if noise is None:
        return "none"
    return noise.kind if noise.rate is None else f"{noise.kind} {noise.rate:g}"
