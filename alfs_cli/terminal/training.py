"""Progress of training on stderr: a bar in a terminal, else a line per epoch.

Ten steps or seconds in, a run that takes minutes says how long it will take, and one that takes
hours what would make it shorter.
"""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from alfs_cli.terminal.display import duration
from alfs_cli.terminal.output import QUIET_SECONDS, Terminal

if TYPE_CHECKING:
    from alfs_cli.results.run import EpochMetrics, TrainConfig
    from alfs_cli.training.loop import Watch

NAME = "training"
STOPPING = "stopping after this step"
LOSS_SECONDS = 0.5  # between two looks at the running loss, each of which waits for the device
WARM_UP, TIMED = 2, 10  # steps: those that set things up, and the most that are timed
PATIENCE = 10.0  # seconds after which fewer steps are enough
LONG, TOO_LONG = 60.0, 3600.0  # seconds: of a run that is told, and of one that could be shorter


@dataclass
class Forecast:
    """How long the steps will take, from ten of them; `running_loss` waits for the device."""

    steps: int
    epochs: int
    running_loss: Callable[[], float]
    clock: Callable[[], float] = time.perf_counter
    taken: int = 0
    began: float = 0.0
    is_over: bool = False

    def hear(self, done: int) -> str | None:
        """Return what is to be said once `done` steps of the whole run are taken, if anything."""
        self.taken += 1
        if self.taken == WARM_UP:
            self.running_loss()
            self.began = self.clock()
        timed = self.taken - WARM_UP
        if self.is_over or timed < 1:
            return None
        if timed < TIMED and self.clock() - self.began < PATIENCE:
            return None
        self.is_over = True
        self.running_loss()
        each = (self.clock() - self.began) / timed
        return told(each, self.steps * self.epochs - done, self.steps)


def told(each: float, left: int, steps: int) -> str | None:
    """Return how long `left` steps of `each` seconds take, None where that is soon.

    >>> told(0.001, 100, 10)
    >>> told(0.02, 30_000, 300)
    'training will take about 10 min 0 s: 100 epochs of 300 steps, 20 ms each, tests not counted'
    >>> print(told(0.2, 60_000, 500).partition(" not counted")[2])
    ; shorter: --epochs 36 (1 h 0 min), a smaller --model, --set image_size=N, a GPU
    """
    seconds = each * left
    if seconds < LONG:
        return None
    epochs = -(-left // steps)
    said = (
        f"training will take about {duration(seconds)}: {epochs:,} epochs of {steps:,} steps, "
        f"{1000 * each:.0f} ms each, tests not counted"
    )
    if seconds < TOO_LONG:
        return said
    fewer = int(TOO_LONG / (each * steps))
    shorter = ["a smaller --model", "--set image_size=N", "a GPU"]
    if fewer:
        shorter.insert(0, f"--epochs {fewer} ({duration(fewer * steps * each)})")
    return f"{said}; shorter: {', '.join(shorter)}"


@dataclass
class Onlooker:
    """What is heard of a run, as a bar or as lines on stderr."""

    terminal: Terminal
    config: "TrainConfig"
    num_examples: int
    steps: int
    forecast: Forecast | None = None
    looked: float = field(default_factory=time.monotonic)
    last: str = ""

    def watch(self) -> "Watch":
        """Return what `train` is to tell beside epochs, steps and notes."""
        from alfs_cli.training.loop import Watch

        return Watch(ready=self.on_ready, stop=self.on_stop)

    def on_ready(self, running_loss: Callable[[], float]) -> None:
        """Begin to forecast, and to show the loss."""
        self.forecast = Forecast(self.steps, self.config.epochs, running_loss)

    def on_epoch(self, metrics: "EpochMetrics") -> None:
        """Show the metrics of an epoch."""
        if not self.terminal.is_live:
            self.looked = time.monotonic()
            self.terminal.note(describe(metrics, self.config.epochs))
            return
        speed = f"{self.num_examples / max(metrics.seconds, 1e-9):,.0f}/s"
        self.last = f"{accuracies(metrics)}  {speed}"
        self._show(f"loss {metrics.loss:.4f}")

    def on_step(self, done: int) -> None:
        """Show how many steps are done, twice a second the loss of the epoch so far."""
        if self.forecast is not None and (said := self.forecast.hear(done)):
            self.terminal.note(said)
        if not self.terminal.is_live:
            self._each_minute(done)
            return
        self.terminal.display.tell(NAME, done, self.steps * self.config.epochs)
        now = time.monotonic()
        if now - self.looked >= LOSS_SECONDS and self.forecast is not None and done % self.steps:
            self.looked = now
            epoch = f"epoch {done // self.steps + 1}/{self.config.epochs}"
            self.terminal.display.describe(NAME, as_=epoch)
            self._show(f"loss {self.forecast.running_loss():.4f}")

    def _each_minute(self, done: int) -> None:
        """Print a line within an epoch that takes minutes."""
        now = time.monotonic()
        if now - self.looked >= QUIET_SECONDS and self.forecast is not None and done % self.steps:
            self.looked = now
            self.terminal.note(
                f"epoch {done // self.steps + 1}/{self.config.epochs}, step "
                f"{done % self.steps} of {self.steps}: loss {self.forecast.running_loss():.4f}"
            )

    def on_stop(self) -> None:
        """Acknowledge a signal; called inside its handler, where nothing may be waited for."""
        if self.terminal.display.is_shown:
            self.terminal.display.describe(NAME, as_="stopping", more=STOPPING)
        elif self.terminal.verbosity >= 0:
            acknowledge(STOPPING)

    def _show(self, loss: str) -> None:
        self.terminal.display.describe(NAME, more=f"{loss}  {self.last}".rstrip())


def acknowledge(text: str) -> None:
    """Write a line on stderr past its buffer, which the interrupted code may be writing to."""
    try:
        os.write(sys.stderr.fileno(), f"{text}\n".encode())
    except (OSError, ValueError):  # closed, or no file
        return


@contextmanager
def training_progress(
    terminal: Terminal, config: "TrainConfig", num_examples: int
) -> Iterator[Onlooker]:
    """Yield what is to hear of the run."""
    from alfs_cli.training.batches import num_batches

    onlooker = Onlooker(
        terminal, config, num_examples, num_batches(num_examples, config.batch_size)
    )
    with terminal.showing("training"), terminal.display.stages():
        yield onlooker


def describe(metrics: "EpochMetrics", epochs: int) -> str:
    """Return a line about an epoch."""
    return (
        f"epoch {metrics.epoch}/{epochs}  loss {metrics.loss:.4f}  {accuracies(metrics)}  "
        f"lr {metrics.lr:.4g}  {metrics.seconds:.1f} s"
    )


def accuracies(metrics: "EpochMetrics") -> str:
    """Return the accuracies of an epoch in words."""
    tested = "" if metrics.test_accuracy is None else f"  test {100 * metrics.test_accuracy:.1f} %"
    return f"train {100 * metrics.train_accuracy:.1f} %{tested}"
