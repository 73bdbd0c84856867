"""One process of `alfs train --nproc N`: `python -m alfs_cli.member TASK.json`.

The launcher starts N of them. The first one shows its progress like a run on a single process.
"""

import json
import signal
import sys
from pathlib import Path
from typing import Any

from alfs_cli.errors import AlfsError
from alfs_cli.terminal.output import Terminal, printable


def main(file: str) -> int:
    """Train the run of a task with the other processes; return the exit code."""
    from alfs_cli.training import distributed

    signal.signal(signal.SIGINT, lambda *_: sys.exit(130))  # no message: the launcher gives one
    values = json.loads(Path(file).read_text(encoding="utf-8"))
    terminal = Terminal(-1 if values.pop("quiet") else 0)
    is_first = True
    try:
        from alfs_cli.training.devices import choose_device

        with distributed.joined(choose_device(values["device"])) as device:
            is_first = distributed.is_first()
            _train(terminal if is_first else Terminal(-1), values, device)
    except AlfsError as error:
        if is_first:
            print(f"error: {printable(str(error))}", file=sys.stderr)
            print(f"help: {printable(error.help or 'alfs train -h')}", file=sys.stderr, flush=True)
        return error.exit_code
    return 0


def _train(terminal: Terminal, values: dict[str, Any], device: Any) -> None:
    from alfs_cli.results.run import CHECKPOINT, EpochMetrics
    from alfs_cli.terminal.training import training_progress
    from alfs_cli.training import distributed, plan, train
    from alfs_cli.training.loggers import logging_to

    experiment, folder = plan(values["settings"]), Path(values["folder"])
    resume = not values["anew"] and (folder / CHECKPOINT).exists()
    logger = values["logger"] if distributed.is_first() else "none"
    with (
        training_progress(terminal, experiment.config, len(experiment.parts.train)) as onlooker,
        logging_to(logger, folder, resume=resume) as log,
    ):

        def hear(metrics: EpochMetrics) -> None:
            onlooker.on_epoch(metrics)
            log(metrics)

        train(
            experiment,
            folder,
            device,
            resume=resume,
            cache=Path(values["cache"]),
            on_epoch=hear,
            on_step=onlooker.on_step,
            on_note=terminal.note,
            watch=onlooker.watch(),
        )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
