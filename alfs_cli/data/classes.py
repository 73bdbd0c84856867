"""Class names and their order: from --classes, else from the data's own list, else sorted."""

import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd

from alfs_cli.arrays import BoolArray, IntArray
from alfs_cli.data.dataset import DataSpec
from alfs_cli.data.labels import RawLabels, same_text
from alfs_cli.data.ordering import (
    few,
    refuse_two_orders,
    sorts_two_ways,
    unknown_order,
    value_of,
)
from alfs_cli.data.tuning import TUNING
from alfs_cli.errors import InputError, brief, did_you_mean
from alfs_cli.storage.files import as_text_file


def parse_classes(text: str) -> tuple[str, ...]:
    """Return the names that --classes gives: as a file, as a JSON list, or as a,b,c.

    Raises InputError for fewer than two names, and for a name given twice.

    >>> parse_classes("cat,dog")
    ('cat', 'dog')
    """
    path = Path(text)
    try:
        names = read_class_file(path) if path.is_file() else _names_in(text)
    except OSError:
        names = _names_in(text)
    names = tuple(same_text(name.strip()) for name in names)
    if len(names) == 1 and path.suffix and "," not in text:
        raise InputError(f"no such file: '{text}'", help="--classes FILE or --classes a,b,c")
    return checked_names(names, where="--classes")


def _names_in(text: str) -> tuple[str, ...]:
    """Return names between commas, or those of a JSON list, whose names may contain commas."""
    if text.startswith('["'):
        with suppress(ValueError, RecursionError):
            names = json.loads(text)
            if all(isinstance(name, str) for name in names):
                return tuple(names)
    return tuple(text.split(","))


def declared_classes(spec: DataSpec) -> tuple[str, ...]:
    """Return the names that --classes gives, () without that option."""
    return () if spec.classes is None else parse_classes(spec.classes)


def read_class_file(path: Path) -> tuple[str, ...]:
    """Return the names in a file: one on each line, or JSON (a list, or {name: index}).

    Raises InputError for a file that cannot be read or holds something else.
    """
    try:
        text = as_text_file(path).read_text(encoding="utf-8-sig")
        if path.suffix != ".json":
            return tuple(line for line in text.splitlines() if line.strip())
        document = json.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(
            f"cannot read the class names in '{path}': {brief(error)}",
            help="one name a line, or JSON: a list of names, or {name: index}",
        ) from None
    if isinstance(document, dict):
        try:
            document = sorted(document, key=lambda name: int(document[name]))
        except (TypeError, ValueError, OverflowError):
            raise InputError(
                f"'{path}' is not {{name: index}}", help='for example {"cat": 0, "dog": 1}'
            ) from None
    if not isinstance(document, list) or not all(isinstance(name, str) for name in document):
        raise InputError(
            f"'{path}' is not a list of texts",
            help='for example ["cat", "dog"]; quote names like "no" and "1"',
        )
    return tuple(document)


def checked_names(names: Sequence[str], *, where: str) -> tuple[str, ...]:
    """Return the names; raises InputError for an empty or repeated one, and for fewer than two."""
    seen: set[str] = set()
    for name in names:
        if not name:
            raise InputError(
                f"{where}: a class name is empty", help="give every class a name, as in a,b,c"
            )
        if name in seen:
            raise InputError(
                f"{where}: class '{brief(name)}' is named twice", help="name each class once"
            )
        seen.add(name)
    if len(names) < 2:
        found = f"only one class ('{names[0]}')" if names else "no class"
        raise InputError(
            f"{where}: {found} found: label noise needs two or more",
            help="pass the parent folder, or name all classes with --classes",
        )
    return tuple(names)


def numbered(
    raw: RawLabels, names: Sequence[str], *, where: str, by_name: bool = False
) -> IntArray:
    """Return labels (N,) as indices into `names`.

    Text is looked up. Whole numbers are indices where all of them are below K, and are looked up
    as names otherwise; with `by_name` names come first, where every number is one. Raises
    InputError for a label that is no class.

    >>> numbered(np.array(["dog", "cat"], dtype=object), ("cat", "dog"), where="labels")
    array([1, 0])
    """
    K = len(names)
    if raw.dtype != object and len(raw) and raw.max() < K and _is_counting(names):
        return np.asarray(raw, dtype=np.int64)
    place = {name: index for index, name in enumerate(names)}
    if raw.dtype != object:
        values = np.unique(raw)
        all_named = all(str(value) in place for value in values)
        in_range = not len(values) or int(values[-1]) < K
        if in_range and not (by_name and all_named):
            return np.asarray(raw, dtype=np.int64)
        if not all_named:
            row = int(np.flatnonzero(raw >= K)[0]) if not in_range else 0
            one_based = len(values) and values[0] == 1 and values[-1] == K
            raise InputError(
                f"{where}: label {raw[row]} (row {row}) is not one of the {K} classes 0 .. {K - 1}"
                " (ALFS405)",
                help="labels seem to start at 1: subtract 1"
                if one_based
                else "name all classes with --classes",
            )
        codes = np.asarray([place[str(value)] for value in values], dtype=np.int64)
        return codes[np.searchsorted(values, raw)]
    found, uniques = pd.factorize(raw)
    for index, name in enumerate(uniques):
        if name not in place:
            row = int(np.flatnonzero(found == index)[0])
            raise InputError(
                f"{where}: label '{brief(name)}' (row {row}) is not one of the {K} classes"
                f"{did_you_mean(name, names)} (ALFS405)",
                help="name all classes with --classes",
            )
    codes = np.asarray([place[name] for name in uniques], dtype=np.int64)
    return codes[found] if len(codes) else np.zeros(0, dtype=np.int64)


def _is_counting(names: Sequence[str]) -> bool:
    """Say whether the names are 0 .. K - 1 in order, so that each index is its own name."""
    return all(name == str(index) for index, name in enumerate(names))


def unknown_labels(raw: RawLabels, names: Sequence[str], *, by_name: bool = False) -> BoolArray:
    """Return a mask (N,) of the labels that are no class by the rules of `numbered`.

    Where whole numbers run from 1 to K the mask is False everywhere: all of them are off by one,
    and `numbered` says so.
    """
    K = len(names)
    if raw.dtype == object:
        codes, uniques = pd.factorize(raw)
        strange = np.asarray([name not in set(names) for name in uniques], dtype=np.bool_)
        return np.asarray(strange[codes], dtype=np.bool_)
    values = np.unique(raw)
    if not len(values) or values[-1] < K or (values[0] == 1 and values[-1] == K):
        return np.zeros(len(raw), dtype=np.bool_)
    known = set(names)
    named = np.isin(raw, [value for value in values if str(value) in known])
    return ~named if by_name and named.any() else np.asarray(raw >= K, dtype=np.bool_)


def derived_names(
    labels: Sequence[RawLabels],
    *,
    found: Sequence[str],
    num_columns: int | None,
    from_arrays: bool,
    categories: Sequence[str] = (),
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return class names where nothing declares their order, and notes on what was decided.

    Whole numbers 0 .. K - 1 are indices. Everything else is a name, and names are sorted as text.
    `found` are classes that exist even if no label names them. `num_columns` is how many columns
    the probabilities have, where these have no names. `categories` are classes that a file lists
    without an order.

    Raises InputError where the order decides which column is which, and another is as likely.
    """
    whole = [raw for raw in labels if raw.dtype != object]
    if whole and len(whole) == len(labels) and not found:
        values = np.unique(np.concatenate(whole))
        K = num_columns if num_columns is not None else len(values)
        if K >= 2 and len(values) and values[-1] < K:
            return tuple(str(value) for value in range(K)), ()
    texts = set(found)
    for raw in labels:
        texts.update(str(value) for value in pd.unique(raw))
    if num_columns == len(categories) and texts <= set(categories):
        texts.update(categories)
    names = sorted(texts)
    notes = []
    are_numbers = all(value_of(name) is not None for name in names)
    if num_columns is not None or (from_arrays and are_numbers):
        refuse_two_orders(names)
    if num_columns is not None:
        listed = [name for name in categories if name in texts]
        if set(listed) == texts and listed != names:
            why = "the file lists the categories otherwise than text sorts, and in no order"
            raise unknown_order(names, listed, why=why)
    if are_numbers and sorts_two_ways(names):
        notes.append(
            f"class names are numbers; their order is that of text ({few(names)}): "
            "give another with --classes"
        )
    elif whole and len(whole) == len(labels):
        notes.append(f"labels are not 0 .. K - 1; kept as class names ({few(names)})")
    return tuple(names), tuple(notes)


def refuse_id_column(num_classes: int, count: int, *, where: str) -> None:
    """Raise InputError where there are so many classes that the column is likely an id."""
    if num_classes > TUNING.id_classes and num_classes > count / TUNING.id_repeats:
        raise InputError(
            f"{where} has {num_classes:,} different labels in {count:,} rows: is it an id?",
            help="--label-column names another column; --classes FILE says that these are classes",
        )
