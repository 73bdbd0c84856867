"""`alfs merge FILE...`: an estimate from the statistics that `alfs shard` wrote."""

import time
from pathlib import Path
from typing import Annotated

import typer

from alfs_cli.options.estimate import CountedFlags
from alfs_cli.options.shared import Invocation, command


@command
def merge(
    invocation: Invocation,
    flags: CountedFlags,
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...", help="The files that `alfs shard` wrote, one for each part."
        ),
    ],
) -> None:
    """Estimate from the statistics of all shards how many labels are wrong, with bounds.

    Writes estimate.json, transition.csv, issues.csv and issues.parquet under --out.
    """
    from alfs_cli.estimating.shards import estimate_shards
    from alfs_cli.reports.estimate import estimate_report

    started = time.perf_counter()
    found = estimate_shards(files, flags.read(invocation), invocation.console, started=started)
    found.save(invocation.out)
    invocation.publish(estimate_report(found.estimate))
    invocation.say_saved("estimate")
    invocation.console.note(f"next: alfs recommend{invocation.out_words}")
