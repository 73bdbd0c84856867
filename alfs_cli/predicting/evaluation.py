"""How well a run's network predicts its test data, or other data."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from alfs_cli.audits.reading import read_audit
from alfs_cli.audits.record import Record
from alfs_cli.console import Console
from alfs_cli.data import DataSpec, LabelledDataset, load
from alfs_cli.data.reading import splits_of
from alfs_cli.data.splits import TEST_SPLITS, same_classes
from alfs_cli.errors import InputError, UsageError
from alfs_cli.predicting.true_accuracy import by_classes, refuse_other, true_accuracy
from alfs_cli.results.evaluation import Evaluation, TrueAccuracy, evaluation_of
from alfs_cli.results.run import TestSummary, load_config, saved_settings


@dataclass(frozen=True)
class OtherData:
    """Data that a run is evaluated on instead of its own test data.

    `are_true` declares their labels true; `audit` is an audit.json of them.
    """

    spec: DataSpec
    are_true: bool = False
    audit: Path | None = None


def evaluate(
    folder: Path, other: OtherData | None, *, device: str, cache: Path, console: Console
) -> Evaluation:
    """Return accuracy, also per class, calibration and confusion of the run kept in a folder.

    On its own test data where there are no others. Raises UsageError where the run was not tested,
    InputError where data, run and audit do not go together.
    """
    from alfs_cli.training.batches import gather
    from alfs_cli.training.checkpoint import load_trained
    from alfs_cli.training.devices import choose_device
    from alfs_cli.training.prediction import predict

    chosen = choose_device(device)
    record = None if other is None or other.audit is None else read_audit(other.audit)
    trained, is_trained_on = load_trained(folder), False
    if other is None:
        dataset, test = _own_test(folder)
    else:
        loaded = _loaded(folder, other, record)
        is_trained_on = loaded.fingerprint == load_config(folder).fingerprint
        dataset, test = _numbered(loaded, trained.class_names, are_true=other.are_true)
    examples = gather(
        dataset.scaled(trained.scale), shape=trained.shape, cache=cache, on_note=console.note
    )
    probs = predict(trained, examples.inputs, chosen).numpy().astype(np.float64)
    if is_trained_on:
        console.warn("the run was trained on these data: its accuracy on others is lower")
    run, names = folder.as_posix(), trained.class_names
    labels = examples.labels.numpy()
    evaluation = evaluation_of(probs, labels, class_names=names, run=run, test=test)
    if other is None or other.audit is None or record is None:
        return evaluation
    predicted = probs.argmax(axis=1)
    found = _on_true_labels(record, run, names, predicted, other.audit)
    return replace(evaluation, on_true_labels=found)


def _on_true_labels(
    record: Record, run: str, names: tuple[str, ...], predicted: np.ndarray, path: Path
) -> TrueAccuracy:
    """Return the accuracy on true labels of predicted classes (N,), numbered as `names`."""
    if len(predicted) != len(record.examples):
        missing = len(record.examples) - len(predicted)
        raise InputError(
            f"{missing} of the pictures that were audited cannot be read",
            help="put them back: an accuracy is of all examples",
        )
    return true_accuracy(record, run, by_classes(predicted, names, record, run), file=path)


def _own_test(folder: Path) -> tuple[LabelledDataset, TestSummary]:
    """Return the data that the run was tested on."""
    from alfs_cli.training.experiment import plan

    experiment = plan(saved_settings(folder))
    if experiment.parts.test is None or experiment.test is None:
        run = folder.as_posix()
        raise UsageError(f"run '{run}' was not tested", help=f"alfs evaluate {run} DATA")
    return experiment.parts.test, experiment.test


def _loaded(folder: Path, other: OtherData, record: Record | None) -> LabelledDataset:
    """Return other data, with the columns that the run knows; those of the audit if there is one.

    Without an audit, data that have a test split and name none are read by it.
    """
    spec = other.spec
    if record is None and spec.split is None:
        there = splits_of(spec)
        spec = replace(spec, split=next((name for name in TEST_SPLITS if name in there), None))
    loaded = load(spec, columns=load_config(folder).feature_columns, is_screened=False)
    if record is not None and other.audit is not None:
        refuse_other(record, loaded, other.audit)
    return loaded


def _numbered(
    loaded: LabelledDataset, names: tuple[str, ...], *, are_true: bool
) -> tuple[LabelledDataset, TestSummary]:
    """Return other data with their true labels, if known, numbered as in training."""
    dataset = same_classes(loaded, replace(loaded, class_names=names))
    if dataset.true_labels is not None:
        dataset = dataset.with_labels(dataset.true_labels)
    summary = TestSummary(
        source=dataset.name,
        split=dataset.split,
        n=len(dataset),
        labels="true" if dataset.true_labels is not None or are_true else "given",
    )
    return dataset, summary
