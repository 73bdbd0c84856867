"""The data that a Python caller names: a DataSpec, and arrays in memory.

`estimate` and `check` each list the parameters of data themselves, so that help() and editors show
names, types and defaults; a test keeps the two lists alike.
"""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from alfs_cli.data import DataSpec, Given
from alfs_cli.errors import UsageError
from alfs_cli.text.names import joined

Names = Sequence[str] | str | None
"""Several names: a sequence, or text with commas."""

FileName = str | os.PathLike[str]


def several(names: Names) -> tuple[str, ...]:
    """Return names as a tuple; text is one name, for a folder's may have commas."""
    return (names,) if isinstance(names, str) else tuple(names or ())


class HasFolder(Protocol):
    """What keeps its files in a folder, as an audit does."""

    @property
    def folder(self) -> Path:
        """The folder."""


def audit_place(audit: HasFolder | FileName) -> Path:
    """Return the path of an audit, or of its audit.json, that a caller names."""
    return Path(audit) if isinstance(audit, str | os.PathLike) else audit.folder


def data_asked(
    data: FileName | None,
    given: Given,
    *,
    class_names: Names,
    split: str | None,
    label_column: str | None,
    path_column: str | None,
    text_column: str | None,
    true_label_column: str | None,
    label_columns: Names,
    feature_columns: Names,
    exclude_columns: Names,
    group_column: str | None,
    root: FileName | None,
) -> tuple[DataSpec, Given | None]:
    """Return the DataSpec, and the arrays in memory, None where all of the data are in files.

    A path in `given` names a file. Raises UsageError where `data` is not a path.
    """
    if data is not None and not isinstance(data, str | os.PathLike):
        raise UsageError(
            f"data is a {type(data).__name__}, not a path or a name",
            help="arrays and frames go in by name: features=..., labels=...",
        )
    held = Given(
        features=_unless_file(given.features),
        labels=_unless_file(given.labels),
        true_labels=_unless_file(given.true_labels),
        pred_probs=_unless_file(given.pred_probs),
        texts=given.texts,
    )
    spec = DataSpec(
        _file(data),
        split=split,
        labels=_file(given.labels),
        true_labels=_file(given.true_labels),
        pred_probs=_file(given.pred_probs),
        features=_file(given.features),
        label_column=label_column,
        path_column=path_column,
        text_column=text_column,
        true_label_column=true_label_column,
        label_columns=_names(label_columns),
        feature_columns=_names(feature_columns),
        exclude_columns=_names(exclude_columns),
        group_column=group_column,
        classes=_classes(class_names),
        root=_file(root),
    )
    return spec, None if held.is_empty and not _is_nothing(spec) else held


def _is_nothing(spec: DataSpec) -> bool:
    return (spec.source, spec.pred_probs, spec.features) == (None,) * 3


def _file(value: Any) -> str | None:
    return os.fspath(value) if isinstance(value, str | Path | os.PathLike) else None


def _unless_file(value: Any) -> Any:
    return None if isinstance(value, str | os.PathLike) else value


def _names(names: Names) -> str | None:
    if names is None or isinstance(names, str):
        return names
    return joined([str(name) for name in names])


def _classes(names: Names) -> str | None:
    """Return class names as one text that `parse_classes` reads."""
    if names is None or isinstance(names, str):
        return names
    texts = [str(name) for name in names]
    is_plain = len(texts) > 1 and not any("," in name or name != name.strip() for name in texts)
    return ",".join(texts) if is_plain else json.dumps(texts)
