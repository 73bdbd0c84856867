"""Arrays of a data set in one .npz, and what all files of arrays have in common."""

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alfs_cli.arrays import Features, FloatArray
from alfs_cli.data.annotations import Annotations, annotations_of, column_names
from alfs_cli.data.classes import declared_classes
from alfs_cli.data.content import Content, array_digest
from alfs_cli.data.dataset import DataSpec
from alfs_cli.data.feature_columns import Candidates, orders_among, wanted
from alfs_cli.data.images.kinds import array_images
from alfs_cli.data.labels import raw_labels, text_labels
from alfs_cli.data.placeholders import refuse_placeholder
from alfs_cli.data.readers.probabilities import refuse_other_forms
from alfs_cli.data.readers.unpacking import refuse_unpacked
from alfs_cli.errors import InputError, brief, has
from alfs_cli.storage.documents import DAMAGED
from alfs_cli.storage.files import as_file

MAX_CODE = 0x10FFFF  # the largest code point of Unicode
Names = tuple[str, ...]
WHOLE = "is it whole? write it again with numpy.savez"
NPZ_KEYS = ("images", "features", "pred_probs")


def read_npz(path: Path, spec: DataSpec) -> Content:
    """Read a data set of `images` or `features` (or `pred_probs` alone) and `labels`.

    Optional arrays: `class_names` (K,), `true_labels` (N,), `pred_probs` (N, K), and `transition`
    (K, K), the T that `alfs inject` drew the labels from. Raises InputError where a needed array is
    missing, or one has another shape or type.
    """
    has = npz_keys(path)
    label_key = own_name(spec.label_column, "labels", has, elsewhere=spec.labels)
    true_key = own_name(spec.true_label_column, "true_labels", has, elsewhere=spec.true_labels)
    several = () if spec.label_columns is None else column_names(spec.label_columns)
    keys = (*NPZ_KEYS, *several, label_key, true_key, "class_names", "transition")
    if spec.group_column is not None:
        keys = (*keys, spec.group_column)
    arrays = load_npz(path, keys=keys)
    names = arrays.get("class_names")
    class_names = None if names is None else names_of(names, where=f"'{path}'")
    declared = declared_classes(spec) or class_names or ()
    annotations = _annotations(path, arrays, several, declared) if several else None
    if annotations is None and not any(key in arrays for key in NPZ_KEYS):
        raise missing_key(path, "images", "features")
    if label_key not in arrays and spec.labels is None and annotations is None:
        raise missing_key(path, label_key)
    if spec.true_label_column == true_key and true_key not in arrays:
        raise missing_key(path, true_key)
    images = features = pred_probs = None
    if "images" in arrays:
        images = array_images(arrays["images"], where=f"images of '{path}'")
    if "features" in arrays:
        features = array_candidates(
            arrays["features"],
            where=f"features of '{path}'",
            asked=spec.feature_columns,
            excluded=spec.exclude_columns,
        )
    if "pred_probs" in arrays:
        pred_probs = arrays["pred_probs"]
        refuse_other_forms(pred_probs, where=f"pred_probs of '{path}'")
    examples_key = next(key for key in (*NPZ_KEYS, *several) if key in arrays)
    examples = arrays[examples_key]
    if examples.ndim == 0:
        raise InputError(
            f"{examples_key} of '{path}' are a single value, not an array",
            help="one row for each example is needed",
        )
    labels = arrays.get(label_key)
    true_labels = arrays.get(true_key)
    return Content(
        kind="npz",
        count=len(examples),
        digest=array_digest(*(arrays.get(key) for key in ("images", "features")))
        if images is not None or features is not None
        else array_digest(examples),
        labels=None
        if labels is None
        else raw_labels(
            labels, where=f"labels of '{path}'", lenient=spec.lenient, declared=declared
        ),
        true_labels=None
        if true_labels is None
        else raw_labels(true_labels, where=f"true labels of '{path}'", declared=declared),
        annotations=annotations,
        groups=_groups(path, arrays, spec.group_column),
        class_names=class_names,
        images=images,
        features=features,
        pred_probs=pred_probs,
        population=_numbers(arrays.get("transition")),
    )


def names_of(values: NDArray[Any], *, where: str) -> tuple[str, ...]:
    """Return class names as text; raises InputError unless they are text or whole numbers."""
    if values.dtype.kind == "S":
        values = np.char.decode(values, "utf-8", "backslashreplace")
    if values.dtype.kind not in "Uiu":
        raise InputError(
            f"class_names of {where} are of type {values.dtype}, not text",
            help="class_names=np.array(names, dtype=str)",
        )
    return tuple(text_labels(values.ravel()))


def _numbers(values: NDArray[Any] | None) -> FloatArray | None:
    """Return an array as floats, None where it holds something else."""
    if values is None or values.dtype.kind not in "fiub":
        return None
    return values.astype(np.float64)


def _groups(
    path: Path, arrays: Mapping[str, NDArray[Any]], name: str | None
) -> NDArray[Any] | None:
    if name is None:
        return None
    if name not in arrays:
        raise missing_key(path, name)
    if arrays[name].ndim != 1 or arrays[name].dtype.kind not in "iuUS":
        raise InputError(
            f"{name} of '{path}' is not one name or number for each example (--group-column)",
            help=f"it has shape {arrays[name].shape} and type {arrays[name].dtype}",
        )
    return arrays[name]


def _annotations(
    path: Path, arrays: Mapping[str, NDArray[Any]], names: Names, declared: Names
) -> Annotations:
    """Return the labels of M annotators, from an array (N,) for each or one (N, M) for all."""
    for name in names:
        if name not in arrays:
            raise missing_key(path, name)
    columns = [arrays[name] for name in names]
    if len(columns) == 1 and columns[0].ndim == 2:
        names = tuple(f"{names[0]}[{m}]" for m in range(columns[0].shape[1]))
        columns = list(columns[0].T)
    for name, column in zip(names, columns, strict=True):
        if column.ndim != 1 or len(column) != len(columns[0]):
            raise InputError(
                f"{name} of '{path}' has shape {column.shape}, not ({len(columns[0])},)",
                help="an array (N,) for each annotator, or one array (N, M)",
            )
    return annotations_of(names, columns, where=f"'{path}'", declared=declared)


def own_name(asked: str | None, usual: str, has: list[str], *, elsewhere: str | None) -> str:
    """Return the name of an array or column in DATA: the one asked for, else the usual one.

    Where another file supplies the values (`elsewhere`), the name asked for may be a name in that
    file, so that it counts only if DATA has it too.
    """
    return usual if asked is None or (elsewhere is not None and asked not in has) else asked


def load_npz(path: Path, *, keys: tuple[str, ...] | None = None) -> dict[str, NDArray[Any]]:
    """Return the arrays of an .npz by name, only those in `keys` if given; nothing is unpickled.

    Raises InputError where the file is no .npz, holds Python objects, or unpacks to more than
    memory holds or than its size allows for.
    """
    try:
        with zipfile.ZipFile(as_file(path)) as archive:
            members = {
                member.filename.removesuffix(".npy"): member
                for member in archive.infolist()
                if keys is None or member.filename.removesuffix(".npy") in keys
            }
            refuse_unpacked(archive, list(members.values()), path)
        arrays: dict[str, NDArray[Any]] = {}
        with np.load(path, allow_pickle=False) as file:
            for key in members:
                arrays[key] = file[key]
                if not isinstance(arrays[key], np.ndarray):
                    raise InputError(f"'{brief(key)}' of '{path}' is not an array", help=WHOLE)
                refuse_no_text(arrays[key], where=f"{key} of '{path}'")
    except ValueError as error:
        raise unreadable_array(path, error) from None
    except MemoryError:
        raise InputError(f"'{path}' claims more than memory holds", help="is it damaged?") from None
    except DAMAGED as error:
        raise InputError(f"cannot read '{path}' as .npz: {brief(error)}", help=WHOLE) from None
    return arrays


def refuse_no_text(array: NDArray[Any], *, where: str) -> None:
    """Raise InputError where an array of text holds codes beyond Unicode."""
    if array.dtype.kind == "U" and array.size and array.itemsize:
        codes = np.frombuffer(array.tobytes(), np.dtype("u4").newbyteorder(array.dtype.byteorder))
        if codes.max() > MAX_CODE:
            raise InputError(f"{where} hold something that is no text", help="is it damaged?")


def npz_keys(path: Path) -> list[str]:
    """Return the names of the arrays in an .npz; raises InputError where it cannot be read."""
    refuse_placeholder(path)
    try:
        with zipfile.ZipFile(as_file(path)) as archive:
            return [name.removesuffix(".npy") for name in archive.namelist()]
    except DAMAGED as error:
        raise InputError(f"cannot read '{path}' as .npz: {brief(error)}", help=WHOLE) from None


def missing_key(path: Path, *keys: str) -> InputError:
    """Return the error for an .npz that has none of the arrays `keys`."""
    there = npz_keys(path)
    return InputError(
        f"'{path}' has no array '{brief(keys[0])}'"
        + "".join(f" or '{key}'" for key in keys[1:])
        + f" ({has(there, keys)})",
        help=f"save it under that name: np.savez('{path}', {brief(keys[0])}=...)",
    )


def unreadable_array(path: Path, error: Exception) -> InputError:
    """Return the error for an array that NumPy refused to read."""
    if any(word in str(error) for word in ("allow_pickle", "Object arrays", "Python objects")):
        return InputError(
            f"'{path}' holds Python objects; alfs never unpickles data",
            help="save names as text: np.savez(..., labels=labels.astype(str))",
        )
    return InputError(
        f"cannot read '{path}': {brief(error)}", help="is it whole? write or fetch it again"
    )


def checked_features(values: NDArray[Any], *, where: str) -> Features:
    """Return features (N, D) as float32; raises InputError for another shape, type, NaN or inf."""
    if values.ndim != 2 or values.shape[1] == 0:
        raise InputError(
            f"{where} have shape {values.shape}, not (N, D)",
            help="features.reshape(len(features), -1)" if values.ndim > 2 else None,
        )
    if values.dtype.kind not in "fiub":
        raise InputError(
            f"{where} are of type {values.dtype}, not numbers",
            help="features.astype('float32'), where they are numbers",
        )
    with np.errstate(over="ignore"):
        features = np.asarray(values, dtype=np.float32)
    broken = np.flatnonzero(~np.isfinite(features).all(axis=1))
    if len(broken):
        raise InputError(
            f"{where}: {len(broken):,} rows hold NaN or infinite values (first {broken[0]})",
            help="fill them in, or leave those rows or columns out",
        )
    return features


def array_candidates(
    values: NDArray[Any], *, where: str, asked: str | None = None, excluded: str | None = None
) -> Candidates:
    """Return the columns of an array (N, D) as candidates for features, named by their numbers.

    `asked` and `excluded` are the values of --feature-columns and --exclude-columns. Raises
    InputError for another shape or type, NaN or infinite values, or a column that is not there.
    """
    features = checked_features(values, where=where)
    numbers = [str(place) for place in range(features.shape[1])]
    names, aside = wanted(numbers, asked=asked, excluded=excluded, where=where, are_names=False)
    if len(names) < len(numbers) or names != tuple(numbers):
        features = features[:, [int(name) for name in names]]
    orders = orders_among(names, (values[:, int(name)] for name in names))
    return Candidates(names, features, orders, aside, asked is not None, is_table=False)


def one_row_each(counts: Mapping[str, int]) -> None:
    """Raise InputError unless all `counts`, the numbers of rows by name, are equal."""
    (first, count), *rest = counts.items()
    for name, other in rest:
        if other != count:
            raise InputError(
                f"{name} has {other:,} rows, {first} has {count:,}",
                help="same order and length are needed",
            )
