"""Out-of-fold probabilities of networks, one trained in each fold for a few epochs.

Networks learn right labels before they memorise wrong ones (Arpit et al., ICML 2017). So after a
few epochs of cross entropy their scores still disagree with wrong labels. The scores are calibrated
afterwards.
"""

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from alfs_cli.arrays import FloatArray, IntArray
from alfs_cli.errors import InputError
from alfs_cli.evidence.out_of_fold import calibrated, calibration
from alfs_cli.evidence.tuning import GATHERING

if TYPE_CHECKING:
    from alfs_cli.data import LabelledDataset
    from alfs_cli.training.devices import Device


LOSS = "ce"  # cross entropy, whose scores can be calibrated
SMALLEST = 1e-7  # guard of a logarithm


def readable_part(dataset: "LabelledDataset") -> tuple["LabelledDataset", IntArray]:
    """Return the readable examples, with pictures decoded in memory, and their indices (n,).

    Raises InputError where no picture can be read.
    """
    from alfs_cli.data import ArrayImages
    from alfs_cli.training.experiment import input_shape

    if dataset.images is None:
        return dataset, np.arange(len(dataset))
    shape = input_shape(dataset, None)
    size = shape.height if shape.height == shape.width else None
    pixels, readable = dataset.images.decode(np.arange(len(dataset)), size=size)
    kept = np.flatnonzero(readable)
    if not len(kept):
        raise InputError(
            f"none of the {len(dataset):,} images can be read",
            help="alfs inspect FILE... says what is wrong with each",
        )
    return replace(dataset.subset(kept), images=ArrayImages(pixels[kept])), kept


def network_probabilities(
    dataset: "LabelledDataset",
    fold_of: IntArray,
    *,
    epochs: int | None = None,
    seed: int = 0,
    device: "Device",
    progress: Callable[[str, int, int], None] | None = None,
) -> tuple[FloatArray, str]:
    """Return out-of-fold probabilities (N, K) of networks, and a name for the report.

    `fold_of` (N,) is the fold of each example; each fold has its own seed. The network and its
    settings are the defaults of `alfs train`, `epochs` that of the table of constants.
    """
    from alfs_cli.data import TrainTest
    from alfs_cli.training.batches import gather, num_batches
    from alfs_cli.training.checkpoint import load_trained
    from alfs_cli.training.experiment import Experiment, complete, input_shape, spec_fields
    from alfs_cli.training.loop import train
    from alfs_cli.training.prediction import predict

    epochs = GATHERING.network_epochs if epochs is None else epochs
    shape = input_shape(dataset, None)
    probs = np.zeros((len(dataset), dataset.num_classes))
    folds = int(fold_of.max()) + 1
    model = ""
    for fold in range(folds):
        seen, held = np.flatnonzero(fold_of != fold), np.flatnonzero(fold_of == fold)
        settings = {
            "dataset": spec_fields(dataset.spec),
            "loss": LOSS,
            "epochs": epochs,
            "seed": seed + fold,
        }
        part = dataset.subset(seen)
        config = complete(settings, part, shape)
        model = config.model
        steps = num_batches(len(seen), config.batch_size) * epochs

        def tell(done: int, fold: int = fold, steps: int = steps) -> None:
            if progress is not None:
                progress("training folds", fold * steps + done, folds * steps)

        with tempfile.TemporaryDirectory() as folder:
            train(
                Experiment(config, TrainTest(part, None, None), shape),
                Path(folder),
                device,
                on_step=tell,
            )
            trained = load_trained(Path(folder))
        found = gather(dataset.subset(held), shape=shape)
        probs[held] = predict(trained, found.inputs, device).numpy()
    scores = np.log(np.maximum(probs, SMALLEST)).astype(np.float32)
    parameters, _ = calibration(scores, dataset.labels)
    return calibrated(scores, parameters), f"{model}, {epochs} epochs of cross entropy"
