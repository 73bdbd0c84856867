"""Every picture of an estimate's data with its label and what was found of it, for other tools."""

import os
from pathlib import Path
from typing import Any

from alfs_cli.errors import InputError
from alfs_cli.formats.blocks import Sample
from alfs_cli.results.estimate import NoiseEstimate


def samples_of(path: Path, estimate: NoiseEstimate) -> tuple[Sample, ...]:
    """Return the pictures of the data of an estimate.json, in the order of DATA.

    Raises InputError where the data or the list of suspects are missing or have changed, and where
    the pictures are no files.
    """
    from alfs_cli.data import DataSpec, load, positions_of
    from alfs_cli.suspects.scores import LISTED, read_issues_table

    rows = read_issues_table(path, estimate.data.classes)
    if rows is None:
        raise InputError(f"{LISTED} is not beside '{path}'", help="alfs estimate DATA writes both")
    spec: dict[str, Any] = {"source": None, **estimate.data.spec}
    dataset = load(DataSpec(**spec))
    if dataset.fingerprint != estimate.data.fingerprint:
        raise InputError(
            f"the data of '{path}' have changed since", help="alfs estimate DATA judges them anew"
        )
    if dataset.images is None or dataset.paths is None:
        raise InputError(
            f"FiftyOne imports files of pictures, and '{dataset.name}' has none of its own",
            help="-f html shows the suspects of any data; save the pictures as files for FiftyOne",
        )
    found = {int(row["index"]): row for row in rows.to_dict("records")}
    samples = []
    for place, position in enumerate(positions_of(dataset)):
        row = found.get(int(position), {})
        samples.append(
            Sample(
                os.path.abspath(dataset.paths[place]),
                dataset.class_names[dataset.labels[place]],
                row.get("suggested"),
                row.get("score"),
                row.get("self_confidence"),
                row.get("kind"),
            )
        )
    return tuple(samples)
