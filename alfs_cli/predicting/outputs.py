"""A network's probabilities or features of every example of DATA, and the file they are kept in."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from alfs_cli.console import Console
from alfs_cli.data import DataSpec, load
from alfs_cli.errors import InputError
from alfs_cli.results.run import load_config, saved_settings
from alfs_cli.storage.workers import Workers
from alfs_cli.storage.writing import replacing

if TYPE_CHECKING:
    from alfs_cli.data import LabelledDataset
    from alfs_cli.training.checkpoint import Trained

BATCHES = 8  # that a worker predicts at once
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


@dataclass(frozen=True)
class Predicting:
    """The work of predicting some rows of DATA; one in each process holds the data and the network.

    Relative paths are relative to `working_folder`.
    """

    folder: str
    spec: DataSpec
    kind: str
    device: str
    cache: str
    working_folder: str

    def __call__(self, rows: tuple[int, int]) -> NDArray[np.float32]:
        """Return the outputs (n, D) of the examples from one place up to another.

        Raises InputError where a picture cannot be read: rows would leave the order of the data.
        """
        if os.getcwd() != self.working_folder:  # in a worker's process
            os.chdir(self.working_folder)
        trained, dataset = _loaded(self.folder, self.spec)
        part = dataset.subset(np.arange(*rows)) if rows != (0, len(dataset)) else dataset
        return _outputs(trained, part, self, lambda _: None)


@lru_cache(maxsize=1)
def _loaded(folder: str, spec: DataSpec) -> "tuple[Trained, LabelledDataset]":
    """Return a run's network and the data, loaded once in each process of workers."""
    from alfs_cli.training.checkpoint import load_trained

    columns = load_config(Path(folder)).feature_columns
    return load_trained(Path(folder)), load(spec, columns=columns, is_screened=False)


def _outputs(
    trained: "Trained",
    dataset: "LabelledDataset",
    asked: Predicting,
    on_note: Callable[[str], None],
) -> NDArray[np.float32]:
    from alfs_cli.training.batches import gather
    from alfs_cli.training.devices import choose_device
    from alfs_cli.training.prediction import features_of, predict

    examples = gather(
        dataset.scaled(trained.scale),
        shape=trained.shape,
        cache=Path(asked.cache),
        on_note=on_note,
    )
    if len(examples) != len(dataset):
        raise InputError(
            f"{len(dataset) - len(examples)} pictures of '{dataset.name}' cannot be read",
            help="mend or leave them out, so that rows stay in DATA order",
        )
    compute = features_of if asked.kind == FEATURES else predict
    found: NDArray[np.float32] = compute(
        trained, examples.inputs, choose_device(asked.device)
    ).numpy()
    return found


def outputs_of(
    folder: Path,
    spec: DataSpec,
    *,
    kind: str,
    device: str,
    cache: Path,
    console: Console,
    workers: Workers | None = None,
) -> Outputs:
    """Return what a run's network says of every example; `workers` predict parts of them.

    Raises InputError where a picture cannot be read: rows would leave the order of the data.
    """
    from alfs_cli.training.checkpoint import load_trained
    from alfs_cli.training.prediction import BATCH

    config = load_config(folder)
    dataset = load(spec, columns=config.feature_columns, is_screened=False)
    trained = load_trained(folder)
    asked = Predicting(
        str(folder.absolute()), spec, kind, device, str(cache.absolute()), os.getcwd()
    )
    if workers is None:
        values = _outputs(trained, dataset, asked, console.note)
    else:
        step = BATCHES * BATCH  # whole batches, as one process takes them
        parts = [(at, min(at + step, len(dataset))) for at in range(0, len(dataset), step)]
        found = []
        with console.progress() as progress:
            for part, outputs in zip(parts, workers.map(asked, parts, uses_gpu=True), strict=True):
                found.append(outputs)
                progress("predicting", part[1], len(dataset))
        values = np.concatenate(found)
    if dataset.fingerprint == config.fingerprint:
        words = "features" if kind == FEATURES else "probabilities"
        console.warn(f"the run was trained on these data: its {words} are in-sample")
    _say_strange(dataset.name, dataset.class_names, trained.class_names, console)
    numbered = tuple(f"f_{column}" for column in range(values.shape[1]))
    return Outputs(
        source=dataset.name,
        kind=kind,
        values=values,
        columns=numbered if kind == FEATURES else trained.class_names,
        given=np.array(dataset.class_names)[dataset.labels],
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
