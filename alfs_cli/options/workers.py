"""The options that say where work is done: here, or on a Ray cluster."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from alfs_cli.options.shared import Invocation
    from alfs_cli.storage.workers import Workers

PANEL = "Where it runs"

MaxBad = Annotated[
    float,
    typer.Option(
        "--max-bad",
        metavar="SHARE",
        min=0,
        max=1,
        help="Share of the examples that may be unreadable; with more it stops, exit code 2.",
    ),
]


@dataclass(frozen=True)
class WorkerFlags:
    """Where work is done, and how many do it."""

    executor: Annotated[
        str,
        typer.Option(
            "--executor",
            help="local: this process; ray: a Ray cluster, the one at RAY_ADDRESS if that is set.",
            rich_help_panel=PANEL,
        ),
    ] = "local"
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs",
            min=1,
            help="Workers on Ray; by default one per core, or one per GPU.",
            rich_help_panel=PANEL,
        ),
    ] = None
    gpus_each: Annotated[
        float | None,
        typer.Option(
            "--gpus-each",
            min=0,
            help="GPUs of each worker on Ray that encodes, such as 0.5; by default an equal share.",
            rich_help_panel=PANEL,
        ),
    ] = None

    @contextmanager
    def begun(self, invocation: "Invocation", *, threads: int = 1) -> "Iterator[Workers]":
        """Yield the workers; those on Ray are gone when the context ends.

        Raises UsageError for an unknown executor, or where Ray is not there.
        """
        from alfs_cli.errors import unknown
        from alfs_cli.executors import EXECUTORS
        from alfs_cli.storage.workers import Threads

        if self.executor not in EXECUTORS:
            raise unknown("executor", self.executor, EXECUTORS)
        if self.executor == "local":
            yield Threads(threads)
            return
        from alfs_cli.executors.ray_workers import RayWorkers

        with RayWorkers.joined(
            self.jobs,
            invocation.console,
            gpus_each=self.gpus_each,
            uses_gpus=invocation.device != "cpu",
        ) as workers:
            yield workers
