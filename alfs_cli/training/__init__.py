"""Training of networks: data and settings, batches, steps, the epoch loop, checkpoints.

`plan(settings)` completes settings to an `Experiment`, and `train(experiment, ...)` runs it.
"""

from alfs_cli.training.experiment import Experiment, plan
from alfs_cli.training.loop import train

__all__ = ["Experiment", "plan", "train"]
