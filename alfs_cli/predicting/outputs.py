"""A network's probabilities or features of every example of DATA, and the file they are kept in."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from alfs_cli.console import Console
from alfs_cli.data import DataSpec, load
from alfs_cli.errors import InputError
from alfs_cli.results.run import load_config, saved_settings
from alfs_cli.storage.writing import replacing

PROBABILITIES = "pred_probs"
FEATURES = "features"


@dataclass(frozen=True, eq=False)
class Outputs:
    """Outputs (N, D) of data named `source`, in their order, with the labels given to them (N,).

    `columns` name the D columns: classes for probabilities, f_0, f_1 ... for features.
    """

    source: str
    kind: str
    values: NDArray[np.float32]
    columns: tuple[str, ...]
    given: NDArray[np.str_]


def outputs_of(
    folder: Path, spec: DataSpec, *, kind: str, device: str, cache: Path, console: Console
) -> Outputs:
    """Return what a run's network says of every example.

    Raises InputError where a picture cannot be read: rows would leave the order of the data.
    """
    from alfs_cli.training.batches import gather
    from alfs_cli.training.checkpoint import load_trained
    from alfs_cli.training.devices import choose_device
    from alfs_cli.training.prediction import features_of, predict

    chosen = choose_device(device)
    trained, config = load_trained(folder), load_config(folder)
    dataset = load(spec, columns=config.feature_columns, is_screened=False)
    examples = gather(
        dataset.scaled(trained.scale), shape=trained.shape, cache=cache, on_note=console.note
    )
    if len(examples) != len(dataset):
        raise InputError(
            f"{len(dataset) - len(examples)} pictures of '{dataset.name}' cannot be read",
            help="mend or leave them out, so that rows stay in DATA order",
        )
    if dataset.fingerprint == config.fingerprint:
        words = "features" if kind == FEATURES else "probabilities"
        console.warn(f"the run was trained on these data: its {words} are in-sample")
    _say_strange(dataset.name, dataset.class_names, trained.class_names, console)
    compute = features_of if kind == FEATURES else predict
    values = compute(trained, examples.inputs, chosen).numpy()
    numbered = tuple(f"f_{column}" for column in range(values.shape[1]))
    return Outputs(
        source=dataset.name,
        kind=kind,
        values=values,
        columns=numbered if kind == FEATURES else trained.class_names,
        given=np.array(dataset.class_names)[examples.labels.numpy()],
    )


def out_of_fold_outputs(
    run: Path, spec: DataSpec, folds: int, *, device: str, out: Path, console: Console
) -> Outputs:
    """Return probabilities of networks trained as the run was: each part by one that never saw it.

    The networks are kept under `out`, where an interrupted call goes on.
    """
    from alfs_cli.training.cross_validation import experiment_on, out_of_fold
    from alfs_cli.training.devices import choose_device
    from alfs_cli.training.experiment import spec_fields

    chosen = choose_device(device)
    experiment = experiment_on(saved_settings(run), spec_fields(spec))
    data, name = experiment.parts.train, f"{experiment.config.run_id}-{folds}"
    values = out_of_fold(
        experiment,
        folds,
        out / "cross-val" / name,
        chosen,
        cache=out / "cache",
        on_note=console.note,
    )
    given = np.array(data.class_names)[data.labels]
    return Outputs(data.name, PROBABILITIES, values, data.class_names, given)


def write_outputs(path: Path, outputs: Outputs) -> None:
    """Write outputs and given labels, atomically, as a .npz or a .parquet file."""
    with replacing(path) as temporary:
        if path.suffix == ".npz":
            arrays: dict[str, Any] = {outputs.kind: outputs.values, "labels": outputs.given}
            if outputs.kind == PROBABILITIES:
                arrays["class_names"] = np.array(outputs.columns)
            np.savez_compressed(temporary, **arrays)
        else:
            prefix = "p_" if outputs.kind == PROBABILITIES else ""
            names = [f"{prefix}{name}" for name in outputs.columns]
            frame = pd.DataFrame(outputs.values, columns=names)
            frame["label"] = outputs.given
            frame.to_parquet(temporary, index=False)


def _say_strange(
    source: str, classes: Sequence[str], known: Sequence[str], console: Console
) -> None:
    """Warn of classes of the data that the run does not know."""
    if strange := sorted(set(classes) - set(known)):
        more = f" and {len(strange) - 1} more" if len(strange) > 1 else ""
        console.warn(
            f"'{source}' has the class '{strange[0]}'{more} that the run does not know: columns "
            "are the run's classes"
        )
