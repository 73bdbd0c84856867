"""_features.json: what a folder of features holds, with its reader and writer."""

from dataclasses import dataclass, field
from pathlib import Path

from alfs_cli.storage.documents import (
    from_document,
    read_document,
    to_document,
    write_document,
)

SCHEMA = "alfs.features/1"
MANIFEST = "_features.json"  # what reads a folder of Parquet passes over such names


@dataclass(frozen=True)
class FeaturesFolder:
    """What a folder of features holds: which data, made how, in which files.

    `count` are the rows of DATA, of which each file holds up to `rows`, drawn at random. `kind` is
    "encoder", or "features" for columns that the data have themselves; `encoder` and
    `encoder_digest` name the network. `columns` are the names of a table's columns, which have
    units of their own. `spec` holds the fields of the DataSpec that reads DATA again.
    """

    alfs_version: str
    name: str
    kind: str
    fingerprint: str
    count: int
    rows: int
    files: int
    classes: tuple[str, ...]
    dtype: str
    encoder: str | None = None
    encoder_digest: str | None = None
    size: int | None = None
    columns: tuple[str, ...] = ()
    has_paths: bool = False
    has_groups: bool = False
    spec: dict[str, str | None] = field(default_factory=dict)

    def file(self, number: int) -> str:
        """Return the name of the file `number`, counted from 0."""
        return f"features-{number:06d}.parquet"

    def rows_of(self, number: int) -> int:
        """Return how many rows of DATA belong in the file `number`."""
        return min(self.rows, self.count - number * self.rows)

    def save(self, folder: Path) -> None:
        """Write _features.json."""
        write_document(folder / MANIFEST, to_document(SCHEMA, self))


def is_features_folder(path: str | Path | None) -> bool:
    """Say whether a path is a folder that `alfs features` wrote."""
    return path is not None and (Path(path) / MANIFEST).is_file()


def load_features(folder: Path) -> FeaturesFolder:
    """Read the _features.json of a folder; raises InputError if it is missing or broken."""
    file = folder / MANIFEST
    return from_document(read_document(file, SCHEMA), FeaturesFolder, where=str(file))
