"""What a trained run says of the examples, for claims about its accuracy on true labels."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from alfs_cli.console import Console
from alfs_cli.data import DataSpec, LabelledDataset, load
from alfs_cli.errors import InputError, brief, has


def predictions_of(
    run: str,
    spec: DataSpec,
    classes: Sequence[str],
    *,
    out: Path,
    device: str,
    console: Console,
    check: Callable[[LabelledDataset], None] | None = None,
) -> NDArray[np.int64]:
    """Return the class (N,) that a run predicts for each example of DATA.

    `check` sees the data before the run does. Raises InputError where it is no run, or knows other
    classes.
    """
    from alfs_cli.results.run import find_run, load_config

    folder = find_run(run, out)  # before torch is waited for
    from alfs_cli.training.batches import gather
    from alfs_cli.training.checkpoint import load_trained
    from alfs_cli.training.devices import choose_device
    from alfs_cli.training.prediction import predict

    trained, config = load_trained(folder), load_config(folder)
    dataset = load(spec, columns=config.feature_columns, is_screened=False)
    if check is not None:
        check(dataset)
    examples = gather(
        dataset.scaled(trained.scale),
        shape=trained.shape,
        cache=out / "cache",
        on_note=console.note,
    )
    if len(examples) != len(dataset):
        raise InputError(
            f"{len(dataset) - len(examples)} pictures of '{dataset.name}' cannot be read",
            help="mend or leave them out: a run's accuracy is of all examples",
        )
    if dataset.fingerprint == config.fingerprint:
        console.warn(f"run '{run}' was trained on these data: its accuracy here is in-sample")
    strange = [name for name in trained.class_names if name not in classes]
    if strange:
        raise InputError(
            f"run '{run}' knows a class '{brief(strange[0])}' that the data have not",
            help=has(classes, strange[:1]),
        )
    of_run = np.array([list(classes).index(name) for name in trained.class_names])
    probs = predict(trained, examples.inputs, choose_device(device)).numpy()
    return np.asarray(of_run[probs.argmax(axis=1)], dtype=np.int64)
