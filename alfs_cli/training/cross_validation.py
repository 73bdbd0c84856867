"""Out-of-fold probabilities: each example is predicted by a network not trained on it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alfs_cli.data import LabelledDataset, TrainTest
from alfs_cli.data.folds import stratified_folds
from alfs_cli.errors import InputError, UsageError
from alfs_cli.results.run import CHECKPOINT, RESULT, load_run
from alfs_cli.training.batches import gather
from alfs_cli.training.checkpoint import load_trained
from alfs_cli.training.devices import Device
from alfs_cli.training.experiment import Experiment, plan
from alfs_cli.training.loop import train
from alfs_cli.training.prediction import predict

# settings of a run that do not apply to cross-validation on other data
NOT_CARRIED = ("fingerprint", "test", "holdout", "test_labels_are_true", "noise", "processes")


def experiment_on(settings: dict[str, Any], dataset: dict[str, str]) -> Experiment:
    """Return the experiment of a run on all of another data set, without test part and noise.

    `settings` are the settings of the run, `dataset` the fields that name the other data.
    """
    kept = {key: value for key, value in settings.items() if key not in NOT_CARRIED}
    return plan({**kept, "dataset": dataset, "holdout": 0})


def folds_of(labels: NDArray[np.int64], folds: int, *, seed: int) -> NDArray[np.int64]:
    """Return the fold of each example (N,), stratified by class.

    Raises UsageError where there are fewer examples than folds.
    """
    if folds > len(labels):
        raise UsageError(
            f"--cross-val {folds} is more than the {len(labels)} examples there are",
            help="take fewer folds, for example --cross-val 5",
        )
    return stratified_folds(labels, folds, np.random.default_rng(seed))


def out_of_fold(
    experiment: Experiment,
    folds: int,
    folder: Path,
    device: Device,
    *,
    cache: Path | None = None,
    on_note: Callable[[str], None],
) -> NDArray[np.float32]:
    """Return out-of-fold probabilities (N, K) in DATA order; trains one network per fold.

    Each training is a run under `folder`. A stopped run is resumed, a finished one is not repeated.
    """
    data, config = experiment.parts.train, experiment.config
    fold_of = folds_of(data.labels, folds, seed=config.seed)
    probs = np.empty((len(data), data.num_classes), dtype=np.float32)
    for fold in range(folds):
        held_out = np.flatnonzero(fold_of == fold)
        rest = data.subset(np.flatnonzero(fold_of != fold))
        place = folder / f"fold{fold}"
        if not _is_finished(place):
            on_note(f"fold {fold + 1} of {folds}: {len(rest):,} examples to train on")
            part = replace(experiment, parts=TrainTest(rest, None, None))
            there = (place / CHECKPOINT).exists()
            train(part, place, device, resume=there, cache=cache, on_note=on_note)
        trained = load_trained(place)
        probs[held_out] = predict(
            trained, _all_inputs(data.subset(held_out), experiment, cache), device
        ).numpy()
    return probs


def _is_finished(folder: Path) -> bool:
    return (folder / RESULT).exists() and load_run(folder).is_finished


def _all_inputs(data: LabelledDataset, experiment: Experiment, cache: Path | None) -> Any:
    examples = gather(data, shape=experiment.shape, cache=cache)
    if len(examples) != len(data):
        raise InputError(
            f"{len(data) - len(examples)} pictures of '{data.name}' cannot be read",
            help="mend or leave them out, so that rows stay in DATA order",
        )
    return examples.inputs
