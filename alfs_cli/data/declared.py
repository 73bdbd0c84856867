"""Classes that a file declares for a column: Parquet's categories, Hugging Face's ClassLabel."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from alfs_cli.data.labels import RawLabels, same_text, text_labels
from alfs_cli.errors import InputError

HUB = b"huggingface"
MISSING = -1  # how ClassLabel writes that there is no label


@dataclass(frozen=True)
class Declared:
    """The classes of a column as its file lists them, including those without a row.

    `is_order` is False for categories that are declared without an order. With `are_positions` the
    cells are indices into `names`. `is_lost` means that the file declares an order, but does not
    keep it.
    """

    names: tuple[str, ...]
    is_order: bool = True
    are_positions: bool = False
    is_lost: bool = False

    @property
    def is_followed(self) -> bool:
        """Whether the order of the names is the order of the classes."""
        return self.is_order and not self.is_lost

    def named(self, cells: RawLabels) -> RawLabels:
        """Return cells of text (N,) as names; a cell that is no index stays as it is."""
        if not self.are_positions:
            return cells
        names = {str(place): name for place, name in enumerate(self.names)}
        names[str(MISSING)] = ""
        return text_labels(names.get(cell, cell) for cell in cells)


def declared_in(schema: Any, dictionaries: Mapping[str, list[Any]]) -> dict[str, Declared]:
    """Return what a Parquet file declares of its columns, by column.

    `schema` is its Arrow schema. `dictionaries` are the categories of each column that has some:
    one pyarrow array for each chunk.
    """
    about = schema.metadata or {}
    found: dict[str, Declared] = {}
    for column in pandas_notes(schema, "columns"):
        if isinstance(column, dict) and column.get("pandas_type") == "categorical":
            settings = column.get("metadata")
            ordered = bool(settings.get("ordered")) if isinstance(settings, dict) else False
            if ordered:
                found[str(column.get("name"))] = Declared((), is_lost=True)
    for name, chunks in dictionaries.items():
        kinds = {tuple(same_text(str(v)) for v in chunk.to_pylist()) for chunk in chunks}
        longest = max(kinds, key=len, default=())
        is_one = all(longest[: len(kind)] == kind for kind in kinds)
        ordered = bool(schema.field(name).type.ordered)
        if is_one and len(set(longest)) == len(longest) > 0:
            found[name] = Declared(longest, is_order=ordered)
        elif ordered:
            found[name] = Declared((), is_lost=True)
    features = _hub_features(about.get(HUB))
    for name, feature in features.items():
        names = _class_label(feature)
        if names is not None and name in schema.names:
            found[name] = Declared(names, are_positions=True)
    return found


def positions_named(labels: RawLabels, names: tuple[str, ...], *, where: str) -> RawLabels:
    """Return whole numbers as the names that they are indices of, and text as it is.

    Raises InputError for a number that is not below the number of names.
    """
    if labels.dtype == object:
        return labels
    beyond = np.flatnonzero(labels >= len(names))
    if len(beyond):
        raise InputError(
            f"{where}: label {labels[beyond[0]]} (row {beyond[0]}) is not one of the "
            f"{len(names)} class_names beside it (ALFS405)",
            help="labels are places in class_names, from 0, or names",
        )
    named = np.array(["", *names], dtype=object)  # numbers below 0 are missing labels: ""
    return np.asarray(named[np.maximum(labels, -1) + 1])


def pandas_notes(schema: Any, key: str) -> list[Any]:
    """Return the list under `key` of pandas' metadata in an Arrow schema, [] without one."""
    found = _document((schema.metadata or {}).get(b"pandas")).get(key)
    return found if isinstance(found, list) else []


def _hub_features(text: bytes | None) -> dict[str, Any]:
    info = _document(text).get("info")
    features = info.get("features") if isinstance(info, dict) else None
    return features if isinstance(features, dict) else {}


def _document(text: bytes | None) -> dict[str, Any]:
    """Return a JSON object in a file's metadata, {} where there is something else."""
    try:
        document = json.loads(text or b"{}")
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _class_label(feature: Any) -> tuple[str, ...] | None:
    if not isinstance(feature, dict) or feature.get("_type") != "ClassLabel":
        return None
    names = feature.get("names")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return None
    found = tuple(same_text(name) for name in names)
    return found if len(set(found)) == len(found) else None
