"""`alfs predict`: write a run's probabilities or features of any data to a file."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from alfs_cli.commands.evaluate import Run
from alfs_cli.options.data import Data, ReadingOptions
from alfs_cli.options.shared import Invocation, command
from alfs_cli.storage.targets import Writes

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from alfs_cli.data import DataSpec
    from alfs_cli.training.batches import Examples
    from alfs_cli.training.devices import Device

SUFFIXES = (".npz", ".parquet")


@command
def predict(
    invocation: Invocation,
    *,
    run: Run,
    data: Data,
    options: ReadingOptions,
    to: Annotated[
        Path | None,
        typer.Option(
            "--to", metavar="FILE", help="An .npz or .parquet; by default an .npz under --out."
        ),
        Writes(),
    ] = None,
    features: Annotated[
        bool,
        typer.Option("--features", help="Penultimate features instead of probabilities."),
    ] = False,
    cross_val: Annotated[
        int | None,
        typer.Option(
            "--cross-val",
            metavar="K",
            min=2,
            help="Train K networks on DATA, each without one part, and predict that part: "
            "out-of-fold probabilities.",
        ),
    ] = None,
) -> None:
    """Write class probabilities (N, K) of DATA, in its order.

    --cross-val uses the run's settings, not its network. An .npz holds an array `pred_probs` or
    `features`, a parquet file columns p_<class> or f_<number>; both hold the given labels too.
    """
    from alfs_cli.errors import UsageError
    from alfs_cli.results.run import find_run
    from alfs_cli.training.devices import choose_device

    device = choose_device(invocation.device)
    kind = "features" if features else "pred_probs"
    path = to or invocation.out / f"{kind}.npz"
    if path.suffix not in SUFFIXES or path.is_dir():
        raise UsageError(f"--to '{path}' is no .npz or .parquet file", help="--to probs.npz")
    folder = find_run(run, invocation.out)
    invocation.refuse_inputs(folder)
    if cross_val is not None:
        if features:
            raise UsageError(
                "--features and --cross-val are both given",
                help="features of different networks do not compare; leave one of them out",
            )
        _cross_validated(invocation, folder, options.spec(data), cross_val, path, device)
    else:
        _predict(invocation, folder, options.spec(data), path, device, features=features)


def _predict(
    invocation: Invocation,
    folder: Path,
    spec: "DataSpec",
    path: Path,
    device: "Device",
    *,
    features: bool,
) -> None:
    """Write the network's probabilities or features of every example."""
    from alfs_cli.data import load
    from alfs_cli.errors import InputError
    from alfs_cli.reports.run import prediction_report
    from alfs_cli.results.run import load_config
    from alfs_cli.training.batches import gather
    from alfs_cli.training.checkpoint import load_trained
    from alfs_cli.training.prediction import features_of
    from alfs_cli.training.prediction import predict as probabilities_of

    kind, words = ("features", "features") if features else ("pred_probs", "probabilities")
    trained = load_trained(folder)
    config = load_config(folder)
    dataset = load(spec, columns=config.feature_columns, is_screened=False)
    examples = gather(
        dataset.scaled(trained.scale),
        shape=trained.shape,
        cache=invocation.out / "cache",
        on_note=invocation.console.note,
    )
    if len(examples) != len(dataset):
        raise InputError(
            f"{len(dataset) - len(examples)} pictures of '{dataset.name}' cannot be read",
            help="mend or leave them out, so that rows stay in DATA order",
        )
    if dataset.fingerprint == config.fingerprint:
        invocation.console.warn(f"the run was trained on these data: its {words} are in-sample")
    if strange := sorted(set(dataset.class_names) - set(trained.class_names)):
        invocation.console.warn(
            f"'{dataset.name}' has the class '{strange[0]}'"
            + (f" and {len(strange) - 1} more" if len(strange) > 1 else "")
            + " that the run does not know: columns are the run's classes"
        )
    outputs = (features_of if features else probabilities_of)(trained, examples.inputs, device)
    names = [f"f_{i}" for i in range(outputs.shape[1])] if features else trained.class_names
    write_predictions(path, kind, outputs.numpy(), names, examples, dataset.class_names)
    invocation.publish(
        prediction_report(folder.as_posix(), dataset.name, path.as_posix(), kind, outputs.shape)
    )


def _cross_validated(
    invocation: Invocation,
    run: Path,
    spec: "DataSpec",
    folds: int,
    path: Path,
    device: "Device",
) -> None:
    """Write out-of-fold probabilities: each part is predicted by a network that never saw it."""
    import torch

    from alfs_cli.reports.run import prediction_report
    from alfs_cli.results.run import saved_settings
    from alfs_cli.training.batches import Examples
    from alfs_cli.training.cross_validation import experiment_on, out_of_fold
    from alfs_cli.training.experiment import spec_fields

    experiment = experiment_on(saved_settings(run), spec_fields(spec))
    data, name = experiment.parts.train, f"{experiment.config.run_id}-{folds}"
    probs = out_of_fold(
        experiment,
        folds,
        invocation.out / "cross-val" / name,
        device,
        cache=invocation.out / "cache",
        on_note=invocation.console.note,
    )
    given = Examples(torch.empty(len(data), 0), torch.from_numpy(data.labels))
    write_predictions(path, "pred_probs", probs, data.class_names, given, data.class_names)
    invocation.publish(
        prediction_report(
            run.as_posix(), data.name, path.as_posix(), "pred_probs", probs.shape, folds=folds
        )
    )


def write_predictions(
    path: Path,
    kind: str,
    outputs: "NDArray[np.float32]",
    names: "list[str] | tuple[str, ...]",
    examples: "Examples",
    class_names: tuple[str, ...],
) -> None:
    """Write the outputs (N, D) with the given labels, atomically.

    `names` are the columns of the outputs, `class_names` those of the labels.
    """
    import numpy as np
    import pandas as pd

    from alfs_cli.storage.writing import replacing

    given = np.array(class_names)[examples.labels.numpy()]
    with replacing(path) as temporary:
        if path.suffix == ".npz":
            arrays = {kind: outputs, "labels": given}
            if kind == "pred_probs":
                arrays["class_names"] = np.array(names)
            np.savez_compressed(temporary, **arrays)
        else:
            columns = [f"p_{name}" for name in names] if kind == "pred_probs" else list(names)
            frame = pd.DataFrame(outputs, columns=columns)
            frame["label"] = given
            frame.to_parquet(temporary, index=False)
