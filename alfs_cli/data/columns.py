"""Files laid beside or over a data set: labels, class probabilities, features; shards of them."""

import glob
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alfs_cli.data.arrays import (
    array_candidates,
    checked_features,
    load_npz,
    missing_key,
    names_of,
    refuse_no_text,
    unreadable_array,
)
from alfs_cli.data.dataset import Probabilities
from alfs_cli.data.declared import Declared, positions_named
from alfs_cli.data.feature_columns import LISTED, Candidates
from alfs_cli.data.labels import RawLabels, raw_labels, same_text, text_labels
from alfs_cli.data.tables import TABLE_SUFFIXES, Table, read_table
from alfs_cli.documents import DAMAGED
from alfs_cli.errors import InputError

SUFFIXES = (".npy", ".npz", ".txt", *TABLE_SUFFIXES)
PREFIX = "p_"
CHECK_BYTES = 1 << 20
Order = Declared | None


@dataclass(frozen=True, eq=False)
class ProbabilityFile:
    """Class probabilities (N, K), the class names if the file has them, labels if it has any.

    `order` is what the file declares of its labels' classes.
    """

    probs: Probabilities
    class_names: tuple[str, ...] | None
    labels: RawLabels | None = None
    true_labels: RawLabels | None = None
    order: Order = None


def files_of(text: str, *, option: str) -> list[Path]:
    """Return the file, or the sorted shards of a folder or glob.

    Raises InputError where there is none or where the shards are of different kinds.
    """
    path = Path(text)
    if path.is_dir():
        found = [file for file in path.iterdir() if file.suffix.lower() in SUFFIXES]
        found = sorted(file for file in found if not file.name.startswith("."))
    elif path.exists():
        found = [path]
    else:
        found = sorted(Path(name) for name in glob.glob(text) if Path(name).is_file())
    if not found:
        raise InputError(f"no such file: '{text}' ({option})", help=f"reads {' '.join(SUFFIXES)}")
    suffixes = {file.suffix.lower() for file in found}
    unread = suffixes - set(SUFFIXES)
    if unread:
        raise InputError(
            f"'{found[0]}' ({option}) has the suffix '{min(unread)}'",
            help=f"reads {' '.join(SUFFIXES)}",
        )
    if len(suffixes) > 1:
        raise InputError(
            f"'{text}' ({option}) holds files of different kinds: {', '.join(sorted(suffixes))}",
            help=f"name one kind, for example '{path if path.is_dir() else path.parent}/*"
            f"{min(suffixes)}'",
        )
    return found


def read_labels(
    text: str,
    *,
    option: str,
    column: str | None,
    usual: Sequence[str],
    lenient: bool = False,
) -> RawLabels:
    """Read labels (N,): .npy, .npz, a column of a table, or one name a line (.txt).

    `column` names the column or array; without it the first of `usual` that is there, or the only
    one. Missing labels are kept as `raw_labels` does if `lenient`.
    """
    parts = [
        _labels_of(path, option=option, column=column, usual=usual, lenient=lenient)
        for path in files_of(text, option=option)
    ]
    if len({part.dtype == object for part in parts}) > 1:
        parts = [text_labels(part) for part in parts]
    return np.concatenate(parts) if len(parts) > 1 else parts[0]


def label_order(text: str, *, option: str, column: str | None, usual: Sequence[str]) -> Order:
    """Return what files of labels declare of their classes, None where they say nothing.

    Raises InputError where shards say different things.
    """
    found = {_order_of(path, column, usual) for path in files_of(text, option=option)}
    if len(found) > 1:
        raise InputError(f"the shards of '{text}' ({option}) declare different classes")
    return next(iter(found))


def _order_of(path: Path, column: str | None, usual: Sequence[str]) -> Order:
    match path.suffix.lower():
        case ".npz":
            names = load_npz(path, keys=("class_names",)).get("class_names")
            return None if names is None else Declared(names_of(names, where=f"'{path}'"))
        case ".parquet":
            table = read_table(path, text=())
            name = _chosen(table.columns, column, [*usual, "label"])
            return None if name is None else table.declared.get(name)
        case _:
            return None


def _labels_of(
    path: Path, *, option: str, column: str | None, usual: Sequence[str], lenient: bool
) -> RawLabels:
    suffix = path.suffix.lower()
    if suffix == ".npy":
        return raw_labels(load_npy(path), where=f"labels of '{path}'", lenient=lenient)
    if suffix == ".npz":
        arrays = load_npz(path)
        names = arrays.pop("class_names", None)
        rows = {key: array for key, array in arrays.items() if array.ndim == 1}
        key = _chosen(list(rows), column, usual)
        if key is None:
            raise missing_key(path, column or usual[0])
        where = f"{key} of '{path}'"
        return named_labels(raw_labels(rows[key], where=where, lenient=lenient), names, where=where)
    if suffix == ".txt":
        try:
            lines = path.read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"cannot read '{path}': {error}") from None
        rows_of_text = np.asarray(lines, dtype=str)
        return raw_labels(rows_of_text, where=f"labels of '{path}'", lenient=lenient)
    table = read_table(path, text=[column] if column else [*usual, "label"])
    name = _chosen(table.columns, column, [*usual, "label"])
    if name is None:
        table.require(column or usual[0], option=option)
    return table.text(str(name)) if lenient else table_labels(table, str(name))


def _chosen(names: list[str], column: str | None, usual: Sequence[str]) -> str | None:
    if column is not None and column in names:
        return column
    found = next((name for name in usual if name in names), None)
    return found if found is not None or len(names) != 1 else names[0]


def table_labels(table: Table, column: str) -> RawLabels:
    """Return a column as labels: Parquet's whole numbers stay numbers, all else is text.

    Numbers that the file declares to be places among names become those names.
    """
    values = table.frame[column]
    is_plain = column not in table.declared or not table.declared[column].are_positions
    if is_plain and table.path.suffix.lower() == ".parquet" and values.dtype.kind in "iu":
        return raw_labels(values.to_numpy(), where=f"{column} of '{table.path}'")
    return table.labels(column)


def named_labels(labels: RawLabels, names: NDArray[Any] | None, *, where: str) -> RawLabels:
    """Return labels by the class_names that lie beside them, as they are where none do."""
    if names is None:
        return labels
    return positions_named(labels, names_of(names, where=where), where=where)


def load_npy(path: Path) -> NDArray[Any]:
    """Return the array of an .npy file, read in place; raises InputError for Python objects."""
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, *DAMAGED) as error:
        raise unreadable_array(path, error) from None
    if not isinstance(array, np.ndarray):
        raise InputError(f"'{path}' is an .npz by content", help=f"rename it: {path.stem}.npz")
    refuse_no_text(array, where=f"the names in '{path}'")
    return array


def read_features(
    text: str, *, asked: str | None = None, excluded: str | None = None
) -> Candidates:
    """Read features: .npy, .npz (`features` or the only array), or numeric columns of a table.

    `asked` and `excluded` name columns, those of arrays by number.
    """
    parts = []
    for path in files_of(text, option="--features"):
        where = f"features of '{path}'"
        suffix = path.suffix.lower()
        if suffix in (".npy", ".npz"):
            values = load_npy(path) if suffix == ".npy" else _features_of_npz(path)
            part = array_candidates(values, where=where, asked=asked, excluded=excluded)
        elif suffix == ".txt":
            raise InputError(f"'{path}' is no file of features", help="reads .npy .npz .csv")
        else:
            table = read_table(path, text=[])
            part = table.numbers(("label", "true_label"), asked=asked, excluded=excluded)
            if not part.names:
                said = "; ".join(f"'{name}' {reason}" for name, reason in part.aside[:LISTED])
                raise InputError(f"'{path}' has no numeric column{': ' if said else ''}{said}")
            checked_features(part.values, where=where)
        parts.append(part)
    if len({part.names for part in parts}) > 1:
        raise InputError(f"the shards of '{text}' have different columns")
    if len(parts) == 1:
        return parts[0]
    values = np.concatenate([part.values for part in parts])
    orders = tuple(dict(pair for part in parts for pair in part.orders).items())
    return replace(parts[0], values=values, orders=orders)


def _features_of_npz(path: Path) -> NDArray[Any]:
    arrays = load_npz(path)
    key = _chosen(list(arrays), None, ["features"])
    if key is None:
        raise missing_key(path, "features")
    return arrays[key]


def read_probabilities(text: str, *, label_column: str | None = None) -> ProbabilityFile:
    """Read class probabilities (N, K), checked: a file, or the shards of a folder or glob.

    .npy (read in place), .npz with `pred_probs` (and `labels`, `class_names`), or a table with
    columns `p_<class>` (and `label`).
    """
    parts = []
    for path in files_of(text, option="--pred-probs"):
        part = _probabilities_of(path, label_column)
        check_probabilities(part.probs, where=f"pred_probs of '{path}'")
        parts.append(part)
    first = parts[0]
    if len(parts) == 1:
        return first
    for part in parts[1:]:
        if part.class_names != first.class_names or part.probs.shape[1] != first.probs.shape[1]:
            raise InputError(f"the shards of '{text}' have different classes")
    given = [part.labels for part in parts if part.labels is not None]
    true = [part.true_labels for part in parts if part.true_labels is not None]
    return ProbabilityFile(
        np.concatenate([part.probs for part in parts]),
        first.class_names,
        np.concatenate(given) if len(given) == len(parts) else None,
        np.concatenate(true) if len(true) == len(parts) else None,
        first.order,
    )


def _probabilities_of(path: Path, label_column: str | None) -> ProbabilityFile:
    suffix = path.suffix.lower()
    if suffix == ".npy":
        return ProbabilityFile(load_npy(path), None)
    if suffix == ".npz":
        arrays = load_npz(path)
        key = _chosen([k for k, a in arrays.items() if a.ndim == 2], None, ["pred_probs"])
        if key is None:
            raise missing_key(path, "pred_probs")
        names = arrays.get("class_names")
        given, true = arrays.get(label_column or "labels"), arrays.get("true_labels")
        return ProbabilityFile(
            arrays[key],
            None if names is None else names_of(names, where=f"'{path}'"),
            None if given is None else raw_labels(given, where=f"labels of '{path}'"),
            None if true is None else raw_labels(true, where=f"true labels of '{path}'"),
        )
    if suffix == ".txt":
        raise InputError(f"'{path}' is no file of probabilities", help="reads .npy .npz .parquet")
    label = label_column or "label"
    table = read_table(path, text=[label, "true_label"])
    columns = [name for name in table.columns if name.startswith(PREFIX)]
    if not columns:
        has = ", ".join(table.columns[:10])
        raise InputError(
            f"'{path}' has no columns p_<class> (has: {has})",
            help="one column of probabilities a class: p_cat, p_dog, ...",
        )
    return ProbabilityFile(
        _matrix(table, columns),
        tuple(same_text(name.removeprefix(PREFIX)) for name in columns),
        table_labels(table, label) if label in table.columns else None,
        table_labels(table, "true_label") if "true_label" in table.columns else None,
        table.declared.get(label),
    )


def _matrix(table: Table, columns: Sequence[str]) -> Probabilities:
    single = all(table.frame[name].dtype == np.float32 for name in columns)
    values = np.empty((len(table.frame), len(columns)), dtype=np.float32 if single else np.float64)
    for index, name in enumerate(columns):
        try:
            values[:, index] = table.frame[name].to_numpy(dtype=values.dtype, na_value=np.nan)
        except (TypeError, ValueError):
            raise InputError(
                f"column '{name}' of '{table.path}' holds something that is not a number"
            ) from None
    return values


def check_probabilities(probs: NDArray[Any], *, where: str, first_row: int = 0) -> None:
    """Raise InputError unless each row (N, K) is a distribution; says what it looks like instead.

    Reads the array once, in blocks. Rows are named from `first_row` on.
    """
    if probs.ndim != 2 or probs.shape[1] < 2:
        raise InputError(
            f"{where} have shape {probs.shape}, not (N, K) with K >= 2",
            help="one row an example, one column a class",
        )
    if probs.dtype.kind != "f":
        raise InputError(
            f"{where} are of type {probs.dtype}, not floating point",
            help="probabilities are float32 or float64",
        )
    tolerance = 1e-2 if probs.dtype.itemsize == 2 else 1e-3
    rows = max(1, CHECK_BYTES // (probs.shape[1] * probs.dtype.itemsize))
    ones = np.ones(probs.shape[1], dtype=np.float32 if probs.dtype.itemsize < 8 else np.float64)
    for start in range(0, len(probs), rows):
        block = np.asarray(probs[start : start + rows])
        with np.errstate(invalid="ignore", over="ignore"):
            sums = block @ ones
        if block.min() >= 0 and np.abs(sums - 1).max() <= tolerance:
            continue
        row = int(np.flatnonzero(~((np.abs(sums - 1) <= tolerance) & (block.min(axis=1) >= 0)))[0])
        values, place = block[row].astype(np.float64), first_row + start + row
        if np.isnan(values).any() or np.isposinf(values).any():
            what = "NaN" if np.isnan(values).any() else "infinite"
            count = sum(
                int((~np.isfinite(probs[at : at + rows]).all(axis=1)).sum())
                for at in range(start, len(probs), rows)
            )
            raise InputError(
                f"{where} have {count:,} {what} rows (first {place})",
                help="leave those examples out, or predict them again",
            )
        raise _not_probabilities(values, f"row {place} of {where}")


def _not_probabilities(row: NDArray[np.float64], where: str) -> InputError:
    """Return the error for a row (K,) that is no distribution, with what it looks like."""
    negative = bool((row < 0).any())
    said = f"{where} sums to {row.sum():.4g}" + (" with values below 0" if negative else "")
    if (row <= 1e-6).all() and abs(np.exp(row).sum() - 1) < 1e-2:
        return InputError(
            f"{said}: these look like log-probabilities",
            help="apply exp; alfs will not guess",
        )
    if negative or row.sum() > 1.5:
        return InputError(
            f"{said}: these look like logits", help="apply softmax; alfs will not guess"
        )
    return InputError(f"{said}, not 1", help="each row is a distribution over the K classes")
