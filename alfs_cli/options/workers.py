"""The options that say where work is done: here, or on a Ray cluster."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from alfs_cli.options.shared import Invocation
    from alfs_cli.storage.workers import Hired, Workers

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
    def begun(self, invocation: "Invocation", *, threads: int = 1) -> "Iterator[Hired]":
        """Yield the workers; those on Ray begin when there is work, and end with the context.

        Raises UsageError for an unknown executor; their first work raises it where Ray is not
        there.
        """
        from alfs_cli.errors import unknown
        from alfs_cli.executors import EXECUTORS
        from alfs_cli.storage.workers import Hired, Threads

        if self.executor not in EXECUTORS:
            raise unknown("executor", self.executor, EXECUTORS)

        def here_or_on_ray() -> "AbstractContextManager[Workers]":
            if self.executor == "local":
                return nullcontext(Threads(threads))
            from alfs_cli.executors.ray_workers import RayWorkers

            return RayWorkers.joined(
                self.jobs,
                invocation.console,
                gpus_each=self.gpus_each,
                uses_gpus=invocation.device != "cpu",
            )

        with ExitStack() as until:
            yield Hired(here_or_on_ray, until)
