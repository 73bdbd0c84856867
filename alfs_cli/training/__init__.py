"""Training: a plan of settings (experiment), batches on the device, steps, the loop, checkpoints.

`plan(settings)` completes settings into an Experiment, `train(experiment, ...)` runs it.
"""

from alfs_cli.training.experiment import Experiment, plan
from alfs_cli.training.loop import train

__all__ = ["Experiment", "plan", "train"]
