"""An .npz with other labels: arrays that do not change are copied byte by byte."""

import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from alfs_cli.arrays import BoolArray, IntArray
from alfs_cli.data import LabelledDataset, positions_of
from alfs_cli.data.readers.arrays import load_npz
from alfs_cli.errors import InputError
from alfs_cli.storage.writing import replacing

EXAMPLES = ("images", "features", "pred_probs", "labels")
DRAWN_FROM = "transition"  # the T of the labels, dropped because it does not hold for new ones


def write_edited_npz(
    dataset: LabelledDataset, labels: IntArray, is_kept: BoolArray, to: Path
) -> None:
    """Write a copy of the .npz that a data set was read from, with new `labels` (N,).

    Arrays with a row for each example lose the rows that are not kept, `is_kept` (N,). All other
    arrays are copied, even those of Python objects. Raises InputError where rows of an array of
    Python objects would have to be left out.
    """
    source = Path(str(dataset.spec.source))
    key = dataset.spec.label_column or "labels"
    new = {key: _labels(dataset, labels, load_npz(source, keys=(key,)).get(key))} | _laid(dataset)
    positions = positions_of(dataset)
    with (
        zipfile.ZipFile(source) as archive,
        replacing(to) as temporary,
        zipfile.ZipFile(temporary, "w") as copy,
    ):
        members = {member.filename.removesuffix(".npy"): member for member in archive.infolist()}
        if "class_names" not in members and _needs_names(
            dataset, labels[is_kept], has_labels=key in members
        ):
            new["class_names"] = np.asarray(dataset.class_names)
        lengths = {name: _length(archive, member) for name, member in members.items()}
        count = max((lengths[name] or 0 for name in (*EXAMPLES, key) if name in lengths), default=0)
        kept = np.ones(max(count, len(labels)), dtype=np.bool_)
        kept[positions] = is_kept
        for name, member in members.items():
            has_rows = lengths[name] == count and name != "class_names" and not kept.all()
            if name == DRAWN_FROM:
                continue
            if name in new or has_rows:
                array = new.pop(name) if name in new else _loaded(source, name)
                _add(copy, name, array[kept] if has_rows else array, member.compress_type)
            else:
                _add_raw(copy, archive, member)
        for name, array in new.items():
            rows = kept if len(array) == len(kept) and name != "class_names" else slice(None)
            _add(copy, name, array[rows], zipfile.ZIP_STORED)


def _labels(dataset: LabelledDataset, labels: IntArray, own: NDArray[Any] | None) -> NDArray[Any]:
    """Return the new labels as names or numbers, in the way and type of the file's own array.

    The array may have more rows than the data set; those keep their labels.
    """
    names, positions = dataset.class_names, positions_of(dataset)
    if own is None:
        return labels
    values: list[Any] = list(range(len(names)))
    if own.dtype.kind in "US":
        values = [name.encode() if own.dtype.kind == "S" else name for name in names]
    elif {str(value) for value in np.unique(own).tolist()} <= set(names):
        values = [int(name) if name.isdecimal() else place for place, name in enumerate(names)]
    if dataset.spec.labels is None:
        first, at = np.unique(dataset.labels, return_index=True)
        for k, place in zip(first, positions[at], strict=True):
            values[k] = own[place]
        is_new = labels != dataset.labels
    else:
        is_new = np.ones(len(labels), dtype=np.bool_)
    cells = np.asarray(values)[labels[is_new]]
    kind = np.promote_types(own.dtype, cells.dtype) if own.dtype.kind in "US" else own.dtype
    new = own.astype(kind)
    new[positions[is_new]] = cells
    return new


def _laid(dataset: LabelledDataset) -> dict[str, NDArray[Any]]:
    """Return the arrays that other files supplied, so that the copy is complete without them."""
    laid: dict[str, NDArray[Any]] = {}
    if dataset.spec.features is not None and dataset.features is not None:
        laid["features"] = dataset.features
    if dataset.spec.pred_probs is not None and dataset.pred_probs is not None:
        laid["pred_probs"] = np.asarray(dataset.pred_probs)
    return laid


def _needs_names(dataset: LabelledDataset, left: IntArray, *, has_labels: bool) -> bool:
    """Say whether the copy needs `class_names`, since its labels do not show all classes."""
    is_whole = len(np.unique(left)) == dataset.num_classes
    spec = dataset.spec
    return not (is_whole and has_labels and spec.classes is None and spec.labels is None)


def _length(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> int | None:
    """Return the number of rows of an array, from its header; None for a single value."""
    with archive.open(member) as file:
        version = np.lib.format.read_magic(file)
        read = {(1, 0): np.lib.format.read_array_header_1_0}
        header = read.get(version, np.lib.format.read_array_header_2_0)
        shape: tuple[int, ...] = header(file)[0]
    return shape[0] if shape else None


def _loaded(source: Path, name: str) -> NDArray[Any]:
    try:
        return load_npz(source, keys=(name,))[name]
    except InputError as error:
        raise InputError(
            f"rows of '{name}' cannot be left out: {error}", help="--relabel keeps every row"
        ) from None


def _add(archive: zipfile.ZipFile, name: str, array: NDArray[Any], compression: int) -> None:
    info = zipfile.ZipInfo(f"{name}.npy")
    info.compress_type = compression
    with archive.open(info, "w", force_zip64=True) as file:
        np.lib.format.write_array(file, np.asanyarray(array), allow_pickle=False)


def _add_raw(copy: zipfile.ZipFile, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
    info = zipfile.ZipInfo(member.filename)
    info.compress_type = member.compress_type
    source: IO[bytes]
    with archive.open(member) as source, copy.open(info, "w", force_zip64=True) as file:
        shutil.copyfileobj(source, file, 1 << 20)


def arrays_as_they_lie(source: Path, rows: IntArray) -> Mapping[str, NDArray[Any]]:
    """Return the arrays of an .npz, of those with a row for each example only the rows `rows`."""
    arrays = load_npz(source)
    arrays.pop(DRAWN_FROM, None)
    count = max((len(array) for key, array in arrays.items() if key in EXAMPLES), default=0)
    if len(rows) == count:
        return arrays
    return {
        key: array[rows] if array.ndim and len(array) == count and key != "class_names" else array
        for key, array in arrays.items()
    }
