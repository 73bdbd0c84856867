"""A data set under other labels, as a file: a manifest or an .npz; DATA itself stays as it is."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from alfs_cli.data import DataSpec, LabelledDataset, positions_of
from alfs_cli.data.arrays import load_npz
from alfs_cli.data.tables import SEPARATORS, Table, read_table
from alfs_cli.documents import replacing
from alfs_cli.errors import InputError, UsageError

IntArray = NDArray[np.int64]
EXAMPLES = ("images", "features", "pred_probs", "labels")
DRAWN_FROM = "transition"  # of an .npz: the T that its labels were drawn from


def written_form(dataset: LabelledDataset) -> Literal["manifest", "npz"]:
    """Return what a copy is written as: arrays as .npz, everything else as a manifest."""
    return "manifest" if dataset.paths is not None or dataset.kind == "manifest" else "npz"


def refuse_target(dataset: LabelledDataset, path: Path) -> None:
    """Raise UsageError where the suffix of `path` is another form's, or `path` is DATA itself."""
    form = written_form(dataset)
    suffixes = (".npz",) if form == "npz" else tuple(SEPARATORS)
    if path.suffix.lower() not in suffixes:
        raise UsageError(
            f"--to '{path}' does not end in {' or '.join(suffixes)}",
            help=f"a copy of '{dataset.name}' is written as {form}",
        )
    spec = dataset.spec
    for source in (spec.source, spec.labels, spec.true_labels, spec.pred_probs, spec.features):
        if source is not None and path.exists() and Path(source).exists() and path.samefile(source):
            raise UsageError(
                f"--to '{path}' is the data itself", help="the input is never written over"
            )


def write_labels(
    dataset: LabelledDataset,
    labels: IntArray,
    path: Path,
    *,
    true: IntArray | None,
    more: Mapping[str, NDArray[Any]] | None = None,
) -> list[str]:
    """Write the examples of `dataset` under `labels` (N,) and true labels, where known.

    Folders and manifests become a manifest of `path`, `label` and `true_label`; an .npz keeps its
    other arrays, of the examples that are in `dataset` where they have a row an example. `more` are
    arrays for an .npz alone. Returns notes on how to read it.

    Raises UsageError where the suffix is another form's or `path` is DATA itself.
    """
    refuse_target(dataset, path)
    if written_form(dataset) == "npz":
        _write_npz(dataset, labels, true, path, dict(more or {}))
        return []
    return _write_manifest(dataset, labels, true, path)


def _write_npz(
    dataset: LabelledDataset,
    labels: IntArray,
    true: IntArray | None,
    path: Path,
    more: dict[str, NDArray[Any]],
) -> None:
    spec = dataset.spec
    arrays: dict[str, NDArray[Any]] = {}
    label_key, true_key = spec.label_column or "labels", spec.true_label_column or "true_labels"
    named = None
    if dataset.kind == "npz" and spec.source is not None:
        arrays = load_npz(Path(spec.source))
        named = arrays.get(label_key)
        arrays.pop(DRAWN_FROM, None)
        _keep_rows(arrays, positions_of(dataset))
    elif dataset.images is not None:
        pixels, _ = dataset.images.decode(np.arange(len(dataset)))
        arrays["images"] = pixels[..., 0] if pixels.shape[3] == 1 else pixels
    if dataset.features is not None and "features" not in arrays:
        arrays["features"] = dataset.features
    if dataset.pred_probs is not None:
        arrays["pred_probs"] = np.asarray(dataset.pred_probs)
    names = np.asarray(dataset.class_names)
    as_text = named is not None and named.dtype.kind in "US" and "class_names" not in arrays
    arrays[label_key] = names[labels] if as_text else labels
    if true is not None:
        arrays[true_key] = names[true] if as_text else true
    arrays |= {"class_names": names, **more}
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


def _keep_rows(arrays: dict[str, NDArray[Any]], rows: IntArray) -> None:
    """Leave out the rows of examples that are not there any more."""
    count = max((len(array) for key, array in arrays.items() if key in EXAMPLES), default=0)
    if len(rows) == count:
        return
    for key, array in arrays.items():
        if array.ndim and len(array) == count and key != "class_names":
            arrays[key] = array[rows]


def _write_manifest(
    dataset: LabelledDataset, labels: IntArray, true: IntArray | None, path: Path
) -> list[str]:
    notes = []
    names = np.asarray(dataset.class_names, dtype=object)
    if dataset.paths is not None:
        folder, relative = _relative_paths(dataset.paths, path)
        frame = pd.DataFrame({"path": relative})
        if folder != os.path.abspath(path.parent):
            near = os.path.relpath(folder)
            notes.append(
                f"the images do not lie below the folder of '{path}': "
                f"read it with --root '{folder if near.startswith('..') else near}'"
            )
    else:
        rows = _features_table(dataset.spec, dataset.split, positions_of(dataset))
        frame = rows.frame.reset_index(drop=True)
    frame["label"] = names[labels]
    if true is not None:
        frame["true_label"] = names[true]
    separator = SEPARATORS[path.suffix.lower()]
    with replacing(path) as temporary:
        frame.to_csv(temporary, sep=separator, index=False, lineterminator="\n", encoding="utf-8")
    return notes


def _features_table(spec: DataSpec, split: str | None, rows: IntArray) -> Table:
    """Return a manifest's own rows without the columns that a copy replaces."""
    from alfs_cli.data.manifest import rows_of_split

    path = Path(str(spec.source))
    columns = read_table(path, text=[]).columns
    table = rows_of_split(read_table(path, text=columns), split).take(rows)
    replaced = {"split", spec.label_column or "label", spec.true_label_column or "true_label"}
    kept = [name for name in columns if name not in {*replaced, "label", "true_label"}]
    return Table(path, table.frame[kept], table.lines)


def _relative_paths(paths: Sequence[str], manifest: Path) -> tuple[str, list[str]]:
    """Return paths relative to the manifest's folder, or to the nearest one above all of them."""
    absolute = [os.path.abspath(path) for path in paths]
    for path, shown in zip(absolute, paths, strict=True):
        if not os.path.lexists(path):
            raise InputError(
                f"the file name of '{shown}' is not valid text, which a manifest cannot hold",
                help="rename the file",
            )
    folder = os.path.commonpath([os.path.abspath(manifest.parent), *map(os.path.dirname, absolute)])
    return folder, [Path(os.path.relpath(path, folder)).as_posix() for path in absolute]
