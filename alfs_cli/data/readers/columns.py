"""Files of labels, class probabilities or features, alone or beside DATA, whole or in shards."""

import glob
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alfs_cli.arrays import Probabilities
from alfs_cli.data.declared import Declared, positions_named
from alfs_cli.data.feature_columns import LISTED, Candidates
from alfs_cli.data.labels import RawLabels, raw_labels, same_text, text_labels
from alfs_cli.data.placeholders import refuse_placeholder
from alfs_cli.data.readers.arrays import (
    array_candidates,
    checked_features,
    load_npz,
    missing_key,
    names_of,
    refuse_no_text,
    unreadable_array,
)
from alfs_cli.data.readers.delimited import USUAL, form_of
from alfs_cli.data.readers.probabilities import NOTHING_MENDED, Rounding, normalised
from alfs_cli.data.readers.tables import TABLE_SUFFIXES, Table, read_table
from alfs_cli.errors import InputError, brief, has
from alfs_cli.storage.documents import DAMAGED
from alfs_cli.storage.files import as_file, as_text_file

SUFFIXES = (".npy", ".npz", ".txt", *TABLE_SUFFIXES)
PREFIX = "p_"  # before the class in the name of a column of probabilities
SEPARATES = ",;|\t"
Order = Declared | None  # what is declared of the order of classes, None for nothing


@dataclass(frozen=True, eq=False)
class ProbabilityFile:
    """Class probabilities (N, K), with class names and labels (N,) where the file has them.

    `rounding` says how many rows were divided by their sum. `order` is what the file declares of
    the classes of its labels.
    """

    probs: Probabilities
    class_names: tuple[str, ...] | None
    labels: RawLabels | None = None
    true_labels: RawLabels | None = None
    rounding: Rounding = NOTHING_MENDED
    order: Order = None


def files_of(text: str, *, option: str) -> list[Path]:
    """Return the file that `text` names, or the sorted shards in a folder or of a glob pattern.

    Raises InputError where there is none, and where the shards are of different kinds.
    """
    path = Path(text)
    if path.is_dir():
        found = [file for file in path.iterdir() if file.suffix.lower() in SUFFIXES]
        found = sorted(file for file in found if not file.name.startswith("."))
    elif path.exists():
        found = [as_file(path)]
    else:
        found = sorted(Path(name) for name in glob.glob(text) if Path(name).is_file())
    for file in [path] if path.is_symlink() else found:
        refuse_placeholder(file)
    if not found:
        raise InputError(f"no such file: '{text}' ({option})", help=f"reads {' '.join(SUFFIXES)}")
    suffixes = {as_file(file).suffix.lower() for file in found}
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
    declared: Collection[str] = (),
) -> RawLabels:
    """Return labels (N,) from .npy, .npz, a column of a table, or a .txt with one name on a line.

    `column` names the column or array. Without it, it is the first of `usual` that the file has, or
    the only one. With `lenient`, missing labels are kept as in `raw_labels`. Words in `declared`
    are classes. Raises InputError where the file or the column cannot be read.
    """
    parts = [
        _labels_of(
            path, option=option, column=column, usual=usual, lenient=lenient, declared=declared
        )
        for path in files_of(text, option=option)
    ]
    if len({part.dtype == object for part in parts}) > 1:
        parts = [text_labels(part) for part in parts]
    return np.concatenate(parts) if len(parts) > 1 else parts[0]


def label_order(text: str, *, option: str, column: str | None, usual: Sequence[str]) -> Order:
    """Return what files of labels declare of the order of their classes, None for nothing.

    Raises InputError where shards declare different classes.
    """
    found = {_order_of(path, column, usual) for path in files_of(text, option=option)}
    if len(found) > 1:
        raise InputError(
            f"the shards of '{text}' ({option}) declare different classes",
            help="write all of them with the same categories, in the same order",
        )
    return next(iter(found))


def _order_of(path: Path, column: str | None, usual: Sequence[str]) -> Order:
    match path.suffix.lower():
        case ".npz":
            names = load_npz(path, keys=("class_names",)).get("class_names")
            return None if names is None else Declared(names_of(names, where=f"'{path}'"))
        case ".parquet":
            table = read_table(path, text=(), pictures=True)
            name = _chosen(table.columns, column, [*usual, "label"])
            return None if name is None else table.orders.get(name)
        case _:
            return None


def _labels_of(
    path: Path,
    *,
    option: str,
    column: str | None,
    usual: Sequence[str],
    lenient: bool,
    declared: Collection[str],
) -> RawLabels:
    suffix, where = path.suffix.lower(), f"labels of '{path}'"
    if suffix == ".npy":
        return raw_labels(load_npy(path), where=where, lenient=lenient, declared=declared)
    if suffix == ".npz":
        arrays = load_npz(path)
        names = arrays.pop("class_names", None)
        rows = {key: array for key, array in arrays.items() if array.ndim == 1}
        key = _chosen(list(rows), column, usual)
        if key is None:
            raise missing_key(path, column or usual[0])
        where = f"{brief(key)} of '{path}'"
        said = () if names is None else names_of(names, where=f"'{path}'")
        labels = raw_labels(rows[key], where=where, lenient=lenient, declared=(*declared, *said))
        return named_labels(labels, names, where=where)
    if suffix == ".txt":
        try:
            lines = as_text_file(path).read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(
                f"cannot read '{path}': {brief(error)}", help="one name a line, in UTF-8"
            ) from None
        rows_of_text = np.asarray(lines, dtype=str)
        return raw_labels(rows_of_text, where=where, lenient=lenient, declared=declared)
    table = read_table(path, text=[column] if column else [*usual, "label"], pictures=True)
    name = _chosen(table.columns, column, [*usual, "label"])
    if name is None:
        table.require(column or "label", option="--label-column")
    if column is None:
        _refuse_guess(table, str(name), option=option)
    return table_labels(table, str(name), lenient=lenient, declared=declared)


def _refuse_guess(table: Table, column: str, *, option: str) -> None:
    """Raise InputError where both the separator and the column of labels would be guesses."""
    usual = USUAL.get(table.path.suffix.lower())
    if usual is None or len(table.columns) < 2:
        return
    form = form_of(table.path)
    if form.separator != usual and not form.before:
        raise InputError(
            f"'{table.path}' ({option}) is separated by '{form.separator}' and has several "
            f"columns: {', '.join(map(brief, table.columns[:20]))}",
            help=f"--label-column {brief(column)} takes that one",
        )


def _chosen(names: list[str], column: str | None, usual: Sequence[str]) -> str | None:
    if column is not None and column in names:
        return column
    found = next((name for name in usual if name in names), None)
    if found is not None or len(names) != 1:
        return found
    # A name such as 'label;by' is a header that was not split at its separator.
    return None if any(mark in names[0] for mark in SEPARATES) else names[0]


def table_labels(
    table: Table, column: str, *, lenient: bool = False, declared: Collection[str] = ()
) -> RawLabels:
    """Return a column as labels (N,): whole numbers in Parquet stay numbers, all else is text.

    Numbers that the file declares to be indices into a list of names become those names.
    """
    values = table.frame[column]
    is_plain = column not in table.orders or not table.orders[column].are_positions
    if is_plain and table.path.suffix.lower() == ".parquet" and values.dtype.kind in "iu":
        where = f"{brief(column)} of '{table.path}'"
        return raw_labels(values.to_numpy(), where=where, lenient=lenient)
    return table.text(column) if lenient else table.labels(column, declared=declared)


def named_labels(labels: RawLabels, names: NDArray[Any] | None, *, where: str) -> RawLabels:
    """Return labels (N,) as the class_names of their file, unchanged where it has none."""
    if names is None:
        return labels
    return positions_named(labels, names_of(names, where=where), where=where)


def load_npy(path: Path) -> NDArray[Any]:
    """Return the array of an .npy file, mapped into memory; nothing is unpickled.

    Raises InputError where it cannot be read or holds Python objects.
    """
    try:
        array = np.load(as_file(path), mmap_mode="r", allow_pickle=False)
    except (ValueError, *DAMAGED) as error:
        raise unreadable_array(path, error) from None
    if not isinstance(array, np.ndarray):
        raise InputError(f"'{path}' is an .npz by content", help=f"rename it: {path.stem}.npz")
    refuse_no_text(array, where=f"the names in '{path}'")
    return array


def read_features(
    text: str, *, asked: str | None = None, excluded: str | None = None
) -> Candidates:
    """Return features from .npy, .npz (`features`, or the only array), or a table's numbers.

    `asked` and `excluded` name columns, those of arrays by number. Raises InputError where there
    are no features, or where shards have different columns.
    """
    parts, files = [], files_of(text, option="--features")
    for path in files:
        where = f"features of '{path}'"
        suffix = path.suffix.lower()
        if suffix in (".npy", ".npz"):
            values = load_npy(path) if suffix == ".npy" else _features_of_npz(path)
            part = array_candidates(values, where=where, asked=asked, excluded=excluded)
        elif suffix == ".txt":
            raise InputError(
                f"'{path}' is no file of features", help="--features reads .npy .npz .csv .parquet"
            )
        else:
            table = read_table(path, text=[], pictures=True)
            own, is_one = ("label", "true_label"), len(files) == 1
            part = table.numbers(own, asked=asked, excluded=excluded, with_categories=is_one)
            if part.is_empty:
                said = "; ".join(f"'{name}' {reason}" for name, reason in part.aside[:LISTED])
                raise InputError(
                    f"'{path}' has no numeric column{': ' if said else ''}{said}",
                    help="--features reads (N, D) arrays (.npy, .npz) and tables of numbers",
                )
            if part.names:
                checked_features(part.values, where=where)
        parts.append(part)
    if len({part.names for part in parts}) > 1:
        raise InputError(
            f"the shards of '{text}' have different columns",
            help="all need the same features in the same order",
        )
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


def read_probabilities(
    text: str, *, label_column: str | None = None, what: str = "pred_probs"
) -> ProbabilityFile:
    """Return class probabilities (N, K) whose rows sum to 1, from a file or from shards.

    Files are .npy (mapped into memory), .npz with `pred_probs` (and `labels`, `class_names`), or
    tables with columns `p_<class>` (and `label`). Raises InputError for rows that are no
    distributions, and where shards have different classes.
    """
    parts = []
    for path in files_of(text, option=f"--{what.replace('_', '-')}"):
        part = _probabilities_of(path, label_column)
        probs, rounding = normalised(part.probs, where=f"{what} of '{path}'")
        parts.append(replace(part, probs=probs, rounding=rounding))
    first = parts[0]
    if len(parts) == 1:
        return first
    for part in parts[1:]:
        if part.class_names != first.class_names or part.probs.shape[1] != first.probs.shape[1]:
            raise InputError(
                f"the shards of '{text}' have different classes",
                help="all need the same columns p_<class>, in the same order",
            )
    given = [part.labels for part in parts if part.labels is not None]
    true = [part.true_labels for part in parts if part.true_labels is not None]
    return ProbabilityFile(
        np.concatenate([part.probs for part in parts]),
        first.class_names,
        np.concatenate(given) if len(given) == len(parts) else None,
        np.concatenate(true) if len(true) == len(parts) else None,
        order=first.order,
        rounding=sum((part.rounding for part in parts), NOTHING_MENDED),
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
        own = None if names is None else names_of(names, where=f"'{path}'")
        said = own or ()
        return ProbabilityFile(
            arrays[key],
            own,
            None
            if given is None
            else raw_labels(given, where=f"labels of '{path}'", declared=said),
            None
            if true is None
            else raw_labels(true, where=f"true labels of '{path}'", declared=said),
        )
    if suffix == ".txt":
        raise InputError(
            f"'{path}' is no file of probabilities",
            help="--pred-probs reads .npy .npz .csv .parquet",
        )
    label = label_column or "label"
    table = read_table(path, text=[label, "true_label"], pictures=True)
    columns = [name for name in table.columns if name.startswith(PREFIX)]
    if not columns:
        raise no_columns(path, table.columns)
    classes = tuple(same_text(name.removeprefix(PREFIX)) for name in columns)
    labels, true_labels = (
        table_labels(table, name, declared=classes) if name in table.columns else None
        for name in (label, "true_label")
    )
    order = table.orders.get(label)
    return ProbabilityFile(_matrix(table, columns), classes, labels, true_labels, order=order)


def no_columns(path: Path, columns: Sequence[str]) -> InputError:
    """Return the error for a table without columns `p_<class>`."""
    return InputError(
        f"'{path}' has no columns p_<class> ({has(columns, (PREFIX, 'prob', 'pred'))})",
        help="one column of probabilities for each class: rename them to p_cat, p_dog, ...",
    )


def _matrix(table: Table, columns: Sequence[str]) -> Probabilities:
    single = all(table.frame[name].dtype == np.float32 for name in columns)
    values = np.empty((len(table.frame), len(columns)), dtype=np.float32 if single else np.float64)
    for index, name in enumerate(columns):
        try:
            values[:, index] = table.frame[name].to_numpy(dtype=values.dtype, na_value=np.nan)
        except (TypeError, ValueError):
            raise InputError(
                f"column '{brief(name)}' of '{table.path}' holds something that is not a number",
                help="probabilities are numbers from 0 to 1, without a sign such as %",
            ) from None
    return values
