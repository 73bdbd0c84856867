"""Progress of training on stderr: a bar in a terminal, else a line per epoch."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from alfs_cli.terminal.output import Terminal

if TYPE_CHECKING:
    from alfs_cli.results.run import EpochMetrics, TrainConfig

Listeners = tuple[Callable[["EpochMetrics"], None], Callable[[int], None]]


@contextmanager
def training_progress(
    terminal: Terminal, config: "TrainConfig", num_examples: int
) -> Iterator[Listeners]:
    """Yield two functions: to call with the metrics of each epoch, and with the steps done."""
    if terminal.verbosity >= 0 and sys.stderr.isatty():
        with _bar(terminal, config, num_examples) as listeners:
            yield listeners
        return

    def on_epoch(metrics: "EpochMetrics") -> None:
        terminal.note(describe(metrics, config.epochs))

    yield on_epoch, lambda _: None


def describe(metrics: "EpochMetrics", epochs: int, *, pace: str | None = None) -> str:
    """Return a line about an epoch that ends with `pace` or its seconds."""
    tested = "" if metrics.test_accuracy is None else f"  test {100 * metrics.test_accuracy:.1f} %"
    return (
        f"epoch {metrics.epoch}/{epochs}  loss {metrics.loss:.4f}  "
        f"train {100 * metrics.train_accuracy:.1f} %{tested}  "
        f"lr {metrics.lr:.4g}  {pace or f'{metrics.seconds:.1f} s'}"
    )


@contextmanager
def _bar(terminal: Terminal, config: "TrainConfig", num_examples: int) -> Iterator[Listeners]:
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from alfs_cli.training.batches import num_batches

    steps = num_batches(num_examples, config.batch_size)
    columns = (BarColumn(bar_width=12), TextColumn("{task.description}"))
    with Progress(*columns, TimeRemainingColumn(), console=terminal.rich(), transient=True) as bar:
        task = bar.add_task(f"epoch 0/{config.epochs}", total=config.epochs * steps)

        def on_epoch(metrics: "EpochMetrics") -> None:
            speed = f"{num_examples / max(metrics.seconds, 1e-9):,.0f}/s"
            bar.update(task, description=describe(metrics, config.epochs, pace=speed))

        yield on_epoch, lambda done: bar.update(task, completed=done)
