"""`alfs evaluate`: how well a run's network predicts its test data or other data."""

import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from alfs_cli.errors import InputError, UsageError
from alfs_cli.options.data import DataOptions, OptionalData
from alfs_cli.options.shared import Invocation, command

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from alfs_cli.audits.record import Record
    from alfs_cli.data import DataSpec, LabelledDataset
    from alfs_cli.results.evaluation import TrueAccuracy
    from alfs_cli.results.run import TestSummary
    from alfs_cli.training.checkpoint import Trained

Run = Annotated[str, typer.Argument(metavar="RUN", help="A run's folder, or its id.")]


@command
def evaluate(
    invocation: Invocation,
    *,
    run: Run,
    options: DataOptions,
    data: OptionalData = None,
    test_labels_are_true: Annotated[
        bool,
        typer.Option(
            "--test-labels-are-true", help="Declare the given labels to be the true ones."
        ),
    ] = False,
    audit: Annotated[
        Path | None,
        typer.Option(
            "--audit",
            metavar="FILE",
            help="An audit.json of DATA: the accuracy on true labels, with bounds that hold "
            "whatever the noise depends on.",
        ),
    ] = None,
) -> None:
    """Evaluate a trained network: accuracy, also per class, calibration, confusion matrix.

    Without DATA, on the run's own test data.
    """
    if audit is not None and data is None:
        raise UsageError(
            "--audit needs the data that were audited",
            help=f"alfs evaluate {shlex.quote(run)} DATA --audit {shlex.quote(str(audit))}",
        )
    import numpy as np

    from alfs_cli.auditing.accuracy import refuse_other
    from alfs_cli.audits.reading import read_audit
    from alfs_cli.data import load
    from alfs_cli.reports.run import evaluation_report
    from alfs_cli.results.evaluation import evaluate as judge
    from alfs_cli.results.run import find_run, load_config
    from alfs_cli.training.batches import gather
    from alfs_cli.training.checkpoint import load_trained
    from alfs_cli.training.devices import choose_device
    from alfs_cli.training.prediction import predict

    device = choose_device(invocation.device)
    folder = find_run(run, invocation.out)
    invocation.refuse_inputs(folder, *(() if audit is None else (audit,)))
    record = None if audit is None else read_audit(audit)
    trained = load_trained(folder)
    fingerprint = None
    if data is None:
        dataset, test = _own_test(folder.as_posix(), options)
    else:
        columns = load_config(folder).feature_columns
        spec = options.spec(data) if audit is not None else _test_split(options.spec(data))
        loaded = load(spec, columns=columns, is_screened=False)
        fingerprint = loaded.fingerprint
        if record is not None and audit is not None:
            refuse_other(record, loaded, audit)
        dataset, test = _other_test(loaded, trained, test_labels_are_true=test_labels_are_true)
    examples = gather(
        dataset.scaled(trained.scale),
        shape=trained.shape,
        cache=invocation.out / "cache",
        on_note=invocation.console.note,
    )
    probs = predict(trained, examples.inputs, device).numpy().astype(np.float64)
    evaluation = judge(
        probs,
        examples.labels.numpy(),
        class_names=trained.class_names,
        run=folder.as_posix(),
        test=test,
    )
    if record is not None and audit is not None:
        found = _on_true_labels(record, folder.as_posix(), trained, probs, audit)
        evaluation = replace(evaluation, on_true_labels=found)
    if fingerprint == load_config(folder).fingerprint:
        invocation.console.warn(
            "the run was trained on these data: its accuracy on others is lower"
        )
    invocation.publish(evaluation_report(evaluation, trained.class_names))


def _on_true_labels(
    record: "Record", run: str, trained: "Trained", probs: "NDArray[np.float64]", path: Path
) -> "TrueAccuracy":
    """Return the accuracy on true labels of what is predicted by probs (N, K)."""
    from alfs_cli.auditing.accuracy import by_classes, true_accuracy

    if len(probs) != len(record.examples):
        raise InputError(
            f"{len(record.examples) - len(probs)} of the pictures that were audited cannot be read",
            help="put them back: an accuracy is of all examples",
        )
    predicted = by_classes(probs.argmax(axis=1), trained.class_names, record, run)
    return true_accuracy(record, run, predicted, file=path)


def _own_test(run: str, options: DataOptions) -> "tuple[LabelledDataset, TestSummary]":
    """Return the data that the run was tested on."""
    from alfs_cli.results.run import saved_settings
    from alfs_cli.training.experiment import plan

    if any(option is not None for option in options.named().values()):
        raise UsageError("options of data are given without DATA", help=f"alfs evaluate {run} DATA")
    experiment = plan(saved_settings(Path(run)))
    if experiment.parts.test is None or experiment.test is None:
        raise UsageError(f"run '{run}' was not tested", help=f"alfs evaluate {run} DATA")
    return experiment.parts.test, experiment.test


def _test_split(spec: "DataSpec") -> "DataSpec":
    """Return how other data are read: their test split, where they have one and none is named."""
    from alfs_cli.data.reading import splits_of
    from alfs_cli.data.splits import TEST_SPLITS

    if spec.split is not None:
        return spec
    there = splits_of(spec)
    return replace(spec, split=next((name for name in TEST_SPLITS if name in there), None))


def _other_test(
    loaded: "LabelledDataset", trained: "Trained", *, test_labels_are_true: bool
) -> "tuple[LabelledDataset, TestSummary]":
    """Return other data with their true labels, if known, numbered as in training."""
    from alfs_cli.data.splits import same_classes
    from alfs_cli.results.run import TestSummary

    dataset = same_classes(loaded, replace(loaded, class_names=trained.class_names))
    if dataset.true_labels is not None:
        dataset = dataset.with_labels(dataset.true_labels)
    is_true = dataset.true_labels is not None or test_labels_are_true
    summary = TestSummary(
        source=dataset.name,
        split=dataset.split,
        n=len(dataset),
        labels="true" if is_true else "given",
    )
    return dataset, summary
