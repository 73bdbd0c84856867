"""`alfs evaluate`: how well a run's network predicts its test data or other data."""

from typing import TYPE_CHECKING, Annotated

import typer

from alfs_cli.options.data import DataOptions, OptionalData
from alfs_cli.options.shared import Invocation, command

if TYPE_CHECKING:
    from alfs_cli.data import DataSpec, LabelledDataset
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
) -> None:
    """Evaluate a trained network: accuracy, also per class, calibration, confusion matrix.

    Without DATA, on the run's own test data.
    """
    import numpy as np

    from alfs_cli.reports.run import evaluation_report
    from alfs_cli.results.evaluation import evaluate as judge
    from alfs_cli.results.run import find_run, load_config
    from alfs_cli.training.batches import gather
    from alfs_cli.training.checkpoint import load_trained
    from alfs_cli.training.devices import choose_device
    from alfs_cli.training.prediction import predict

    device = choose_device(invocation.device)
    folder = find_run(run, invocation.out)
    invocation.refuse_inputs(folder)
    trained = load_trained(folder)
    fingerprint = None
    if data is None:
        dataset, test = _own_test(folder.as_posix(), options)
    else:
        columns = load_config(folder).feature_columns
        dataset, test, fingerprint = _other_test(
            options.spec(data), trained, columns, test_labels_are_true=test_labels_are_true
        )
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
    if fingerprint == load_config(folder).fingerprint:
        invocation.console.warn(
            "the run was trained on these data: its accuracy on others is lower"
        )
    invocation.publish(evaluation_report(evaluation, trained.class_names))


def _own_test(run: str, options: DataOptions) -> "tuple[LabelledDataset, TestSummary]":
    """Return the data that the run was tested on."""
    from pathlib import Path

    from alfs_cli.errors import UsageError
    from alfs_cli.results.run import saved_settings
    from alfs_cli.training.experiment import plan

    if any(option is not None for option in options.named().values()):
        raise UsageError("options of data are given without DATA", help=f"alfs evaluate {run} DATA")
    experiment = plan(saved_settings(Path(run)))
    if experiment.parts.test is None or experiment.test is None:
        raise UsageError(f"run '{run}' was not tested", help=f"alfs evaluate {run} DATA")
    return experiment.parts.test, experiment.test


def _other_test(
    spec: "DataSpec",
    trained: "Trained",
    columns: tuple[str, ...] | None,
    *,
    test_labels_are_true: bool,
) -> "tuple[LabelledDataset, TestSummary, str]":
    """Return other test data with the run's class numbers, and the fingerprint of those data.

    The test split is read where there is one. The fingerprint is taken before labels are replaced.
    """
    from dataclasses import replace

    from alfs_cli.data import load
    from alfs_cli.data.reading import splits_of
    from alfs_cli.data.splits import TEST_SPLITS, same_classes
    from alfs_cli.results.run import TestSummary

    if spec.split is None:
        there = splits_of(spec)
        spec = replace(spec, split=next((name for name in TEST_SPLITS if name in there), None))
    dataset = load(spec, columns=columns, is_screened=False)
    fingerprint = dataset.fingerprint
    dataset = same_classes(dataset, replace(dataset, class_names=trained.class_names))
    if dataset.true_labels is not None:
        dataset = dataset.with_labels(dataset.true_labels)
    is_true = dataset.true_labels is not None or test_labels_are_true
    summary = TestSummary(
        source=dataset.name,
        split=dataset.split,
        n=len(dataset),
        labels="true" if is_true else "given",
    )
    return dataset, summary, fingerprint
