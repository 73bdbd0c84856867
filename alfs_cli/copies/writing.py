"""Writing a data set with other labels to a new manifest or .npz; DATA is never changed."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from alfs_cli.arrays import BoolArray, IntArray
from alfs_cli.copies.delimited import cells_of, edited_text
from alfs_cli.copies.edits import (
    Moved,
    edit_of,
    moved_paths,
    read_manifest_of,
    root_for,
)
from alfs_cli.copies.json_lines import edited_json_lines, edited_records
from alfs_cli.copies.label_studio import edited_tasks, interface, tasks_of
from alfs_cli.copies.npz import arrays_as_they_lie, write_edited_npz
from alfs_cli.copies.parquet import write_edited_parquet
from alfs_cli.copies.text_rows import plain
from alfs_cli.data import LabelledDataset, positions_of
from alfs_cli.data.readers.columns import files_of
from alfs_cli.data.readers.label_studio import KIND
from alfs_cli.data.readers.manifest import numbers_of_split, path_column_of
from alfs_cli.data.readers.reviewed import Issues
from alfs_cli.data.readers.shards import are_archives
from alfs_cli.data.readers.tables import SEPARATORS
from alfs_cli.errors import InputError, UsageError
from alfs_cli.storage.arrays import save_npz
from alfs_cli.storage.writing import replacing, write_text
from alfs_cli.text import addresses

TASKS = ".json"  # of tasks for Label Studio
OWN_SUFFIX: Mapping[str, tuple[str, ...]] = {
    "huggingface": (".parquet",),
    **dict.fromkeys(("coco", "cvat", "crowd", "label-studio-min", "webdataset"), ()),
}
"""The suffix of a copy in the data's own form, by kind; others have that of their file."""


def written_form(dataset: LabelledDataset) -> Literal["manifest", "npz"]:
    """Return the form of a new copy: arrays and pictures inside a file as .npz, else a manifest."""
    is_table = dataset.manifest is not None and dataset.images is None
    return "manifest" if dataset.paths is not None or is_table else "npz"


def edited_suffixes(dataset: LabelledDataset) -> tuple[str, ...]:
    """Return the suffixes that an edited copy may have, the usual one first."""
    if dataset.manifest is None and written_form(dataset) == "npz":
        return (".npz",)
    own = _own_suffixes(dataset)
    # A COCO file is .json too: tasks under that name could be taken for it.
    are_files = dataset.paths is not None and dataset.kind not in (KIND, "coco")
    as_tasks = (TASKS,) if are_files else ()
    return tuple(dict.fromkeys((*own, *SEPARATORS, *as_tasks)))


def _own_suffixes(dataset: LabelledDataset) -> tuple[str, ...]:
    """Return the suffix of a copy in the data's own form, () where there is no such copy."""
    own = OWN_SUFFIX.get(dataset.kind)
    if own is None:
        own = () if dataset.manifest is None else (Path(dataset.manifest).suffix.lower(),)
    if dataset.kind == "shards":
        own = () if are_archives(Path(str(dataset.manifest))) else (".parquet",)
    if dataset.kind == KIND and dataset.annotations is not None:
        own = ()  # which of several people's annotations to change is not known
    return own


def makes_tasks(dataset: LabelledDataset, path: Path) -> bool:
    """Say whether a copy at `path` is made of tasks for Label Studio, for people to review."""
    return path.suffix.lower() == TASKS and TASKS not in _own_suffixes(dataset)


def new_suffixes(dataset: LabelledDataset) -> tuple[str, ...]:
    """Return the suffixes that a newly made copy may have."""
    return (".npz",) if written_form(dataset) == "npz" else tuple(SEPARATORS)


def refuse_target(
    dataset: LabelledDataset, path: Path, suffixes: Iterable[str], *, read: Iterable[Path] = ()
) -> None:
    """Raise UsageError where `path` has none of the suffixes, or is a file that is read."""
    if path.suffix.lower() not in suffixes:
        raise UsageError(
            f"--to '{path}' does not end in {' or '.join(suffixes)}",
            help=f"a copy of '{dataset.name}' ends in one of those",
        )
    for source in (*_inputs(dataset), *read):
        is_linked = path.exists() and source.exists() and path.samefile(source)
        if is_linked or path.resolve() == source.resolve():
            raise UsageError(
                f"--to '{path}' is the data itself"
                if str(source) == dataset.spec.source
                else f"--to '{path}' is '{source}', which is read",
                help="the input is never written over; name another file",
            )


def _inputs(dataset: LabelledDataset) -> list[Path]:
    spec = dataset.spec
    laid = (spec.labels, spec.true_labels, spec.pred_probs, spec.features)
    files = [path for text in laid if text is not None for path in files_of(text, option="--to")]
    named = (spec.source, dataset.manifest, spec.classes)
    return [*(Path(text) for text in named if text is not None), *files]


@dataclass(frozen=True)
class Written:
    """Notes on how to read a copy, and its number of rows that are no examples of the data set."""

    notes: tuple[str, ...] = ()
    other_rows: int = 0


def write_edited(
    dataset: LabelledDataset,
    labels: IntArray,
    is_kept: BoolArray,
    path: Path,
    *,
    suspects: Issues | None = None,
) -> Written:
    """Write a copy of DATA with new `labels` (N,), without the examples that are not kept.

    A copy of a manifest or .npz is equal to it in all else. Other data get a new manifest or .npz;
    pictures become tasks of Label Studio where `path` ends in .json, with `suspects` as
    predictions.
    """
    if makes_tasks(dataset, path):
        return _write_tasks(dataset, labels, is_kept, path, suspects)
    if dataset.kind == "npz" and dataset.spec.source is not None:
        write_edited_npz(dataset, labels, is_kept, path)
        return Written()
    if dataset.manifest is None:
        kept = np.flatnonzero(is_kept)
        rest = dataset.subset(kept)
        return Written(tuple(write_anew(rest, labels[kept], path, true=rest.true_labels)))
    table = read_manifest_of(dataset)
    edit, root = edit_of(dataset, table, labels, is_kept, path)
    target = path.suffix.lower()
    with replacing(path) as temporary:
        if target in SEPARATORS:
            temporary.write_bytes(edited_text(table, edit, target))
        elif dataset.kind == KIND:
            temporary.write_bytes(edited_tasks(table, edit))
        elif target == ".jsonl" or (target == ".json" and table.lines is not None):
            temporary.write_bytes(edited_json_lines(table, edit))
        elif target == ".json":
            temporary.write_bytes(edited_records(table, edit))
        else:
            write_edited_parquet(table, edit, temporary)
    notes = [*_on_root(path, None if target == ".json" and dataset.kind == KIND else root)]
    if are_archives(table.path):
        where = addresses.shown(str(table.path))
        notes.append(f"the pictures stay in '{where}': the copy has its keys and labels")
    return Written(tuple(notes), len(table.frame) - len(dataset))


def _write_tasks(
    dataset: LabelledDataset,
    labels: IntArray,
    is_kept: BoolArray,
    path: Path,
    suspects: Issues | None,
) -> Written:
    tasks = tasks_of(dataset, labels, is_kept, suspects, path)
    config = path.with_name(f"{path.stem}.config.xml")
    with replacing(path) as temporary:
        temporary.write_bytes(tasks)
    write_text(config, interface(dataset))
    note = (
        f"tasks for Label Studio, with the labelling interface in '{config}': it serves pictures "
        f"below LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT={os.path.abspath(path.parent)}"
    )
    return Written((note,))


def write_anew(
    dataset: LabelledDataset,
    labels: IntArray,
    path: Path,
    *,
    true: IntArray | None,
    more: Mapping[str, NDArray[Any]] | None = None,
) -> list[str]:
    """Write a new file with the examples of `dataset`, `labels` (N,) and true labels, if known.

    Folders and manifests become a manifest with `path`, `label`, `true_label` and the other columns
    of the old one. An .npz keeps its other arrays, with the rows of these examples. `more` are
    arrays to add to an .npz. Returns notes for the user: what was left out, and how to read the
    copy.
    """
    if written_form(dataset) == "npz":
        return _write_npz(dataset, labels, true, path, dict(more or {}))
    return _write_manifest(dataset, labels, true, path)


def _write_npz(
    dataset: LabelledDataset,
    labels: IntArray,
    true: IntArray | None,
    path: Path,
    more: dict[str, NDArray[Any]],
) -> list[str]:
    spec, notes = dataset.spec, []
    arrays: dict[str, NDArray[Any]] = {}
    label_key, true_key = spec.label_column or "labels", spec.true_label_column or "true_labels"
    named = None
    if dataset.kind == "npz" and spec.source is not None:
        arrays = dict(arrays_as_they_lie(Path(spec.source), positions_of(dataset)))
        named = arrays.get(label_key)
    elif dataset.images is not None:
        pixels, readable = dataset.images.decode(np.arange(len(dataset)))
        if not readable.all():
            notes.append(
                f"pictures that cannot be read are black in the copy: {(~readable).sum():,}"
            )
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
    save_npz(path, arrays)
    return notes


def _write_manifest(
    dataset: LabelledDataset, labels: IntArray, true: IntArray | None, path: Path
) -> list[str]:
    names = np.asarray(dataset.class_names, dtype=object)
    own: dict[str, Any] = {"label": names[labels]} | (
        {} if true is None else {"true_label": names[true]}
    )
    others: dict[str, list[str]] = {}
    notes: list[str] = []
    if dataset.manifest is not None:
        others, notes = _other_columns(dataset, {*own, *(("path",) if dataset.paths else ())})
    if dataset.paths is None:
        columns = others | own
    else:
        moved, texts = _paths_from(dataset, path)
        columns = {"path": texts} | own | others
        notes += _on_root(path, moved.root)
    frame = pd.DataFrame(columns)
    separator = SEPARATORS[path.suffix.lower()]
    with replacing(path) as temporary:
        frame.to_csv(temporary, sep=separator, index=False, lineterminator="\n", encoding="utf-8")
    return notes


def _other_columns(
    dataset: LabelledDataset, taken: set[str]
) -> tuple[dict[str, list[str]], list[str]]:
    """Return the columns of a manifest that the copy keeps, and a note on what it leaves out."""
    spec, table = dataset.spec, read_manifest_of(dataset)
    text = cells_of(table)
    rows = numbers_of_split(table, dataset.split)[positions_of(dataset)]
    label, true = spec.label_column or "label", spec.true_label_column or "true_label"
    renamed = {label, true, path_column_of(table.columns, spec) if dataset.paths else None}
    kept = [name for name in table.columns if name not in {"split", *renamed, *taken}]
    records = [text.rows[text.places[row]].cells for row in rows]
    columns = {}
    for name in kept:
        place = table.columns.index(name)
        columns[name] = [plain(cells[place]) if place < len(cells) else "" for cells in records]
    lost = [f"column '{name}'" for name in table.columns if name not in {*kept, *renamed}]
    if label in table.columns and true in table.columns:
        lost.append(f"the labels of '{label}'")
    if len(rows) < len(table.frame):
        lost.append(f"{len(table.frame) - len(rows):,} rows of other splits")
    return columns, [f"left out of the copy: {', '.join(lost)}"] if lost else []


def _paths_from(dataset: LabelledDataset, to: Path) -> tuple[Moved, list[str]]:
    """Return the paths of the pictures as a manifest at `to` writes them."""
    if dataset.manifest is not None:
        table = read_manifest_of(dataset)
        rows = numbers_of_split(table, dataset.split)[positions_of(dataset)]
        cells = table.exact(str(path_column_of(table.columns, dataset.spec)))[rows]
        moved = moved_paths(cells, table.folder, dataset.spec.root, to)
        return moved, [path if moved.move is None else moved.move(path) for path in cells]
    if dataset.paths and addresses.is_address(dataset.paths[0]):
        return Moved(None, addresses.store_of(dataset.paths[0])), list(dataset.paths)
    files = [os.path.abspath(path) for path in dataset.paths or ()]
    for path, shown in zip(files, dataset.paths or (), strict=True):
        if not os.path.lexists(path):
            raise InputError(
                f"the file name of '{shown}' is not valid text, which a manifest cannot hold",
                help="rename the file",
            )
    folder = os.path.abspath(to.parent)
    texts = [Path(os.path.relpath(path, folder)).as_posix() for path in files]
    return Moved(None, root_for(files, to)), texts


def _on_root(path: Path, root: str | None) -> list[str]:
    if root is None:
        return []
    return [
        f"the images do not lie below the folder of '{path}': its paths lead there, and alfs "
        f"follows them with --root '{root}'"
    ]
