"""The forms of DATA that are folders, told by the files in them."""

from collections.abc import Mapping
from pathlib import Path

from alfs_cli.data.content import Content
from alfs_cli.data.dataset import DataSpec
from alfs_cli.data.readers import Reader
from alfs_cli.data.readers.columnar import is_saved, json_object, read_saved
from alfs_cli.data.readers.folder import (
    METADATA,
    SPLIT_NAMES,
    chosen_split,
    layout_of,
)
from alfs_cli.data.readers.listing import Listing
from alfs_cli.data.readers.manifest import content_of, manifest_splits, read_manifest
from alfs_cli.data.readers.shards import INSIDE, read_shards, shards_in
from alfs_cli.data.readers.tables import Table
from alfs_cli.errors import InputError
from alfs_cli.results.features import is_features_folder

SPLITS_OF_SAVED = "dataset_dict.json"
SAVED = "huggingface"
DATALAB = "datalab.pkl"

IMAGES = Reader("folder:read_folder", "folder:folder_splits")
WITH_METADATA = Reader("folders:read_metadata", "folders:metadata_splits")
OF_SPLITS = Reader("folders:read_split_metadata", "folders:split_metadata_splits")
OF_SHARDS = Reader("shards:read_shards_data", "shards:shard_splits")
OF_FEATURES = Reader("features:read_features_data")
SAVED_TO_DISK = Reader("folders:read_saved_data", "folders:saved_splits")


def reader_of(folder: Path) -> Reader:
    """Return the reader of a folder: of features, save_to_disk, metadata, shards, class folders.

    Metadata are for a folder that has no class folders, or for those of its splits.
    """
    if is_features_folder(folder):
        return OF_FEATURES
    if is_saved(folder) or (folder / SPLITS_OF_SAVED).is_file():
        return SAVED_TO_DISK
    if (folder / DATALAB).is_file() and set(layout_of(folder).classes) <= {"data"}:
        raise InputError(
            f"'{folder}' is a Datalab that cleanlab saved, a pickle, which alfs does not read",
            help=f"its data set is '{folder / 'data'}'; with its probabilities or features, in "
            "Python: alfs.from_datalab(Datalab.load(folder), pred_probs=...)",
        )
    if _metadata(folder) is not None:
        return WITH_METADATA if _is_plain(folder) else IMAGES
    if _split_metadata(folder):
        return OF_SPLITS
    layout = layout_of(folder)
    is_bare = not layout.splits and not layout.loose and set(layout.classes) <= {INSIDE}
    return OF_SHARDS if is_bare and shards_in(folder) else IMAGES


def read_listed(folder: Path) -> Table:
    """Return the table of a folder: of one split that save_to_disk wrote, or of shards."""
    return read_saved(folder) if is_saved(folder) else read_shards(folder)


def read_metadata(folder: Path, spec: DataSpec) -> Content:
    """Return the pictures that a folder's metadata list."""
    return read_manifest(_listed(folder), spec)


def metadata_splits(folder: Path) -> tuple[str, ...]:
    """Return the names of the splits in the metadata of a folder."""
    return manifest_splits(_listed(folder))


def _listed(folder: Path) -> Path:
    found = _metadata(folder)
    if found is None:
        raise InputError(f"no metadata under '{folder}'", help=f"one of {', '.join(METADATA)}")
    return found


def read_split_metadata(folder: Path, spec: DataSpec) -> Content:
    """Return the pictures that the metadata in the folder of one split list."""
    found = _split_metadata(folder)
    split = chosen_split(spec.split, tuple(found), where=f"'{folder}'")
    return read_manifest(found[str(split)], spec, split=split)


def split_metadata_splits(folder: Path) -> tuple[str, ...]:
    """Return the usual names of the splits whose folders hold metadata."""
    return tuple(_split_metadata(folder))


def _metadata(folder: Path) -> Path | None:
    return next((folder / name for name in METADATA if (folder / name).is_file()), None)


def _is_plain(folder: Path) -> bool:
    """Say whether a folder holds neither splits nor classes, or pictures beside those."""
    layout = layout_of(folder)
    return not layout.splits and (layout.loose > 0 or not layout.classes)


def _split_metadata(folder: Path) -> dict[str, Path]:
    """Return the metadata of each split of a folder that has some, by its usual name."""
    found: dict[str, Path] = {}
    for entry in sorted(folder.iterdir()):
        split = SPLIT_NAMES.get(entry.name.lower())
        metadata = None if split is None or not entry.is_dir() else _metadata(entry)
        if split is None or metadata is None or not _is_plain(entry):
            continue
        if split in found:
            raise InputError(
                f"'{folder}' has two folders for the split '{split}': "
                f"'{found[split].parent.name}' and '{entry.name}'",
                help="move or merge one of them",
            )
        found[split] = metadata
    return found


def read_saved_data(folder: Path, spec: DataSpec) -> Content:
    """Return the content of a folder that save_to_disk wrote, of one split where it has splits."""
    splits = _saved_splits(folder)
    if splits is None:
        return content_of(Listing(read_saved(folder), kind=SAVED), spec)
    split = chosen_split(spec.split, tuple(splits), where=f"'{folder}'")
    if split is None:
        raise InputError(f"'{folder}' has no splits", help="save the data set again")
    return content_of(Listing(read_saved(splits[split]), kind=SAVED), spec, split=split)


def saved_splits(folder: Path) -> tuple[str, ...]:
    """Return the usual names of the splits of a folder that save_to_disk wrote."""
    return tuple(_saved_splits(folder) or ())


def _saved_splits(folder: Path) -> Mapping[str, Path] | None:
    """Return the folder of each split by its usual name, None for a data set without splits."""
    if is_saved(folder):
        return None
    names = json_object(folder / SPLITS_OF_SAVED).get("splits")
    listed = [name for name in names if isinstance(name, str)] if isinstance(names, list) else []
    found: dict[str, Path] = {}
    for name in listed:
        usual = SPLIT_NAMES.get(name.lower(), name)
        if usual in found or Path(name).name != name:
            raise InputError(
                f"'{folder / SPLITS_OF_SAVED}' names the split '{name}' twice, or no folder in it",
                help="save the data set again: dataset.save_to_disk(FOLDER)",
            )
        found[usual] = folder / name
    return found
