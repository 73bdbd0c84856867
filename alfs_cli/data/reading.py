"""`load`: choose the reader for DATA, put other files in place of its parts, number its labels."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from alfs_cli.arrays import BoolArray, Features, FloatArray, IntArray, Probabilities
from alfs_cli.data.classes import (
    checked_names,
    derived_names,
    numbered,
    parse_classes,
    unknown_labels,
)
from alfs_cli.data.content import Content, array_digest, fingerprint_of
from alfs_cli.data.dataset import DataSpec, LabelledDataset, Problem
from alfs_cli.data.feature_columns import (
    Columns,
    as_they_are,
    in_words,
    numbers_alone,
    only,
    screened,
)
from alfs_cli.data.labels import RawLabels, as_written, missing_labels, odd_words, refuse_several
from alfs_cli.data.located import here
from alfs_cli.data.matching import in_class_order
from alfs_cli.data.overlaid import (
    GIVEN,
    Overlaid,
    declared_in,
    features_beside,
    name_of,
    overlaid,
    where_of,
)
from alfs_cli.data.placeholders import how_to_fetch, refuse_placeholder
from alfs_cli.data.readers import BUILTINS, READERS, forms, refuse_missing, refuse_results
from alfs_cli.data.readers.builtin import builtin_splits, read_builtin
from alfs_cli.data.readers.columns import (
    read_probabilities,
)
from alfs_cli.data.readers.features import KIND as FEATURES
from alfs_cli.data.readers.folders import reader_of
from alfs_cli.data.readers.in_memory import Given, content_of, laid_over
from alfs_cli.data.telling import notes_on, telling_words
from alfs_cli.data.texts import EMPTY
from alfs_cli.errors import InputError, UsageError, brief, did_you_mean
from alfs_cli.results.features import is_features_folder
from alfs_cli.storage.files import as_file
from alfs_cli.text.addresses import with_addresses

ARRAY_KINDS = ("npz", "arrays", "probabilities")
MAX_BAD = 0.01  # share of images that may be unreadable, as documented


def load(
    spec: DataSpec,
    *,
    class_names: tuple[str, ...] | None = None,
    columns: tuple[str, ...] | None = None,
    is_screened: bool = True,
    categories: bool = False,
    given: Given | None = None,
) -> LabelledDataset:
    """Read a data set as it was named on the command line, or by a program.

    Images are not decoded yet; files that do not begin like an image are left out, each with a
    Problem.

    Args:
        spec: what was named.
        class_names: the classes of the data that this set belongs to, such as those trained on;
            used where the set declares none itself.
        columns: the feature columns that a network was trained on, read whatever they contain.
        is_screened: leave out columns that leak the labels.
        categories: take columns of a few values too, one feature for each value. Networks take
            numbers alone, since other data have other values.
        given: arrays that a program passes, alone or in place of parts of DATA.

    Raises:
        InputError: the data are missing, or not what they should be.
        UsageError: the options contradict each other.
    """
    spec = here(spec)
    content = _content(spec, given)
    laid = overlaid(content, spec)
    if laid.features is not None and columns is not None:
        laid = replace(laid, features=only(laid.features, columns, where=where_of(spec)))
    elif laid.features is not None:
        found = laid.features if categories else numbers_alone(laid.features)
        laid = replace(laid, features=found if is_screened else as_they_are(found))
    return _numbered(laid, spec, class_names)


def splits_of(spec: DataSpec) -> tuple[str, ...]:
    """Return the names of the splits in DATA: train, val, test, or names of its own."""
    spec = here(spec)
    if spec.source is None:
        return ()
    if spec.source in BUILTINS:
        return builtin_splits(spec.source)
    path = Path(spec.source)
    if path.is_dir():
        return reader_of(path).splits_of(path)
    reader = READERS.get(path.suffix.lower())
    return () if reader is None else reader.splits_of(path)


def _content(spec: DataSpec, given: Given | None) -> Content:
    if given is not None and (spec.source, spec.pred_probs, spec.features) == (None,) * 3:
        return content_of(given, spec)
    if given is None:
        return _probabilities_alone(spec) if spec.source is None else _read(spec)
    if spec.source is None:
        return laid_over(_probabilities_alone(spec), given, spec)
    # A reader only asks whether these options are set: their values come from `given`.
    names = [name for name in given.names() if getattr(spec, name, "") is None]
    held: dict[str, Any] = dict.fromkeys(names, GIVEN)
    alone = spec.labels_alone or given.texts is not None
    return laid_over(_read(replace(spec, labels_alone=alone, **held)), given, spec)


def _read(spec: DataSpec) -> Content:
    source = str(spec.source)
    if source in BUILTINS:
        content = read_builtin(source, spec.split, spec.root)
        if not Path(source).exists():
            return content
        note = f"'{source}' is the built-in data set; './{source}' would be what lies here"
        return replace(content, notes=(*content.notes, note))
    path = Path(source)
    if path.is_dir():
        refuse_results(path)
        return reader_of(path).read(path, spec)
    refuse_placeholder(path)
    refuse_missing(source)
    suffix = as_file(path).suffix.lower()
    reader = READERS.get(suffix)
    if reader is None:
        raise InputError(
            f"'{path}' has the suffix '{suffix}'",
            help=f"DATA is {forms()}; .npy files go in by --features or --pred-probs, with "
            "--labels",
        )
    if reader.splits is None and spec.split is not None:
        raise InputError(
            f"no split '{spec.split}': '{path}' has no splits",
            help="leave --split out: the file is read whole",
        )
    return reader.read(path, spec)


def _probabilities_alone(spec: DataSpec) -> Content:
    if spec.pred_probs is None and spec.features is None:
        raise UsageError(
            "no DATA", help="name a folder, file or built-in data set, or --pred-probs and --labels"
        )
    if spec.split is not None:
        raise UsageError(
            f"no split '{spec.split}': files of arrays have no splits", help="leave --split out"
        )
    if spec.pred_probs is None and spec.labels is None and is_features_folder(spec.features):
        return _read(replace(spec, source=spec.features, features=None))
    if spec.pred_probs is None:
        beside = features_beside(spec, str(spec.features))
        return Content("npz", len(beside.values), array_digest(beside.values), features=beside)
    found = read_probabilities(spec.pred_probs, label_column=spec.label_column)
    return Content(
        kind="probabilities",
        count=len(found.probs),
        digest=array_digest(found.probs),
        labels=found.labels,
        true_labels=found.true_labels,
        class_names=found.class_names,
        order=found.order,
        pred_probs=found.probs,
        notes=found.rounding.notes(),
    )


def _numbered(laid: Overlaid, spec: DataSpec, belongs: tuple[str, ...] | None) -> LabelledDataset:
    """Return the data set with its classes in order and its labels as indices into them."""
    content, where = laid.content, where_of(spec)
    problems: list[Problem] = []
    usable = np.ones(content.count, dtype=np.bool_)
    if content.readable is not None:
        usable &= content.readable
    if spec.lenient:
        laid = _without_missing(laid, usable, problems, spec=spec)
    names, notes = _class_order(laid, spec, belongs)
    by_name = spec.classes is not None or content.class_names is None or laid.columns is not None
    if spec.lenient:
        laid = _without_unknown(laid, names, usable, problems, by_name=by_name)
    labels = numbered(laid.given, names, where=where, by_name=by_name)
    true = None
    if laid.true is not None:
        true = numbered(laid.true, names, where=f"true labels of {where}", by_name=by_name)
    marks = content.annotations
    features, columns = _feature_columns(laid, spec, labels, usable)
    _refuse_no_text(content, spec)
    texts = None if content.texts is None else content.texts.cells
    telling = () if texts is None else telling_words(texts, labels, usable)
    dataset = LabelledDataset(
        name=name_of(spec),
        kind=content.kind,
        spec=spec,
        labels=labels,
        class_names=names,
        fingerprint=_fingerprint(content, spec) or fingerprint_of(content.digest, labels, names),
        images=content.images,
        features=features,
        columns=columns,
        groups=_groups(content, spec),
        texts=texts,
        telling_words=telling,
        text_column=None if content.texts is None else content.texts.column,
        pred_probs=_columns_in_order(laid, names),
        true_labels=true,
        annotations=None if marks is None else marks.numbered(names, where=where),
        annotators=() if marks is None else marks.names,
        tasks=content.tasks,
        paths=content.paths,
        lines=content.lines,
        manifest=content.manifest,
        split=content.split,
        population=_population(content, names) if spec.labels is None else None,
        problems=tuple(
            replace(problem, message=with_addresses(problem.message))
            for problem in (*content.problems, *problems, *_classes(labels[usable], names))
        ),
        notes=tuple(
            with_addresses(note)
            for note in (
                *content.notes,
                *laid.notes,
                *notes,
                *_perhaps_missing(labels, names, declared=declared_in(content, spec)),
                *(() if columns is None else in_words(columns)),
                *notes_on(telling),
            )
        ),
        content_digest=content.digest,
    )
    if usable.all():
        return dataset
    if not spec.lenient and content.kind != FEATURES:  # there --max-bad has decided already
        refuse_unreadable(content.problems, content.count, where=where)
    if not usable.any():
        raise InputError(
            f"{where}: no example can be read and has a label",
            help=how_to_fetch(content.paths or ())
            or "are the images whole, and does every example have a label?",
        )
    return dataset.subset(np.flatnonzero(usable))


def _fingerprint(content: Content, spec: DataSpec) -> str | None:
    """Return the fingerprint that a reader knows, None where other labels are put in place."""
    return content.fingerprint if spec.labels is None and spec.classes is None else None


def _feature_columns(
    laid: Overlaid,
    spec: DataSpec,
    labels: IntArray,
    usable: BoolArray,
) -> tuple[Features | None, Columns | None]:
    """Return the features without the columns that leak the labels, and what was decided."""
    found = laid.features
    if found is None:
        if spec.feature_columns is not None or spec.exclude_columns is not None:
            option = "feature" if spec.feature_columns is not None else "exclude"
            raise UsageError(
                f"--{option}-columns: {where_of(spec)} has no columns of numbers",
                help=f"leave --{option}-columns out; it is for tables and arrays of features",
            )
        return None, None
    features, columns = screened(found, labels, usable)
    return (features if columns.used else None), columns


def _refuse_no_text(content: Content, spec: DataSpec) -> None:
    if spec.text_column is not None and content.texts is None:
        raise UsageError(
            f"--text-column: {where_of(spec)} has no columns of text",
            help="leave --text-column out; it is for tables (.csv .tsv .parquet .jsonl)",
        )


def _groups(content: Content, spec: DataSpec) -> IntArray | None:
    """Return the number of each example's group (N,), None without --group-column."""
    if spec.group_column is None:
        return None
    if content.groups is None:
        raise UsageError(
            f"--group-column: {where_of(spec)} has no columns", help="name one of a table or .npz"
        )
    return np.unique(content.groups.astype(str), return_inverse=True)[1].reshape(-1)


def _without_missing(
    laid: Overlaid, usable: BoolArray, problems: list[Problem], *, spec: DataSpec
) -> Overlaid:
    """Note the examples without a label as ALFS406, and unset them in `usable` (N,), in place.

    In the result an arbitrary class stands in for the missing labels, so that all can be numbered.
    """
    folders = laid.content.found_classes if spec.labels is None else ()
    declared = (*declared_in(laid.content, spec), *folders)
    missing = missing_labels(laid.given, declared=declared)
    if not missing.any():
        return laid
    if missing.all():
        raise InputError(
            f"{where_of(spec)}: every label is missing{as_written(laid.given)} (ALFS406)",
            help="--labels FILE supplies them; --label-column names another column",
        )
    for row in np.flatnonzero(missing):
        word = str(laid.given[row]) if laid.given.dtype == object else ""
        text = "the label is missing" + (f" (written {brief(word)!r})" if word else "")
        problems.append(_row_problem(laid.content, int(row), "ALFS406", text))
    return _replaced(laid, missing, usable)


def _perhaps_missing(
    labels: IntArray, names: tuple[str, ...], *, declared: Sequence[str]
) -> list[str]:
    """Return a note on each class whose name may be a word for a missing label."""
    notes = []
    for word in odd_words(names, declared=declared):
        count = int((labels == names.index(word)).sum())
        notes.append(
            f"{count:,} labels {brief(word)!r} are taken for a class of that name: if they are "
            "missing, leave those examples out; if it is a class, --classes with all names says so"
        )
    return notes


def _without_unknown(
    laid: Overlaid,
    names: tuple[str, ...],
    usable: BoolArray,
    problems: list[Problem],
    *,
    by_name: bool,
) -> Overlaid:
    """Note the examples whose label is no class as ALFS405, and unset them in `usable` (N,).

    As in `_without_missing`, an arbitrary class stands in for their labels.
    """
    unknown = unknown_labels(laid.given, names, by_name=by_name)
    if not unknown.any() or unknown.all():  # if no label is a class, `numbered` raises the error
        return laid
    for row in np.flatnonzero(unknown):
        label = str(laid.given[row])
        known = did_you_mean(label, names)
        text = f"label '{brief(label)}' is none of the {len(names)} classes{known}"
        problems.append(_row_problem(laid.content, int(row), "ALFS405", text, given=label))
    return _replaced(laid, unknown, usable)


def _replaced(laid: Overlaid, broken: BoolArray, usable: BoolArray) -> Overlaid:
    usable &= ~broken
    given = laid.given.copy()
    given[broken] = given[~broken][0]
    return replace(laid, given=given, own=given if laid.own is laid.given else laid.own)


def _row_problem(
    content: Content, row: int, rule: str, text: str, *, given: str | None = None
) -> Problem:
    line = None if content.lines is None else int(content.lines[row])
    where = f"row {row}: " if content.paths is None and line is None else ""
    path = None if content.paths is None else content.paths[row]
    return Problem(rule, where + text, path, line, given, row)


def refuse_unreadable(problems: Sequence[Problem], count: int, *, where: str) -> None:
    """Raise InputError, which names five, where more than 1 % of `count` images are unreadable."""
    problems = [problem for problem in problems if problem.rule != EMPTY]
    if len(problems) > MAX_BAD * count:
        paths = [problem.path for problem in problems if problem.path is not None]
        first = ", ".join(
            f"row {problem.row}" if problem.path is None else f"'{problem.path}'"
            for problem in problems[:5]
        )
        raise InputError(
            f"{len(problems):,} of {count:,} images of {where} ({len(problems) / count:.1%}) "
            f"cannot be read, over 1 %: {first}{', ...' if len(problems) > 5 else ''}",
            help=how_to_fetch(paths) or "mend, convert or delete them",
        )


def _named_order(
    laid: Overlaid, spec: DataSpec, belongs: tuple[str, ...] | None
) -> tuple[str, ...] | None:
    """Return the classes in a declared order, None where nothing declares one."""
    order = laid.order
    if spec.classes is not None:
        return parse_classes(spec.classes)
    names = laid.content.class_names
    if names is not None:
        if order is not None and order.is_followed and laid.columns == names:
            return order.names if set(order.names) == set(names) else names
        return names
    if order is not None and order.is_followed and not _all_in(laid.own, belongs):
        return order.names
    return belongs


def _derived_order(laid: Overlaid, spec: DataSpec) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the classes that occur among the labels, in a derived order, and notes on them."""
    content, order, where = laid.content, laid.order, where_of(spec)
    nameless = laid.pred_probs is not None and laid.columns is None
    if order is not None and order.is_lost and nameless:
        raise InputError(
            f"{where}: the labels are categories in an order that the file does not keep, and "
            "nothing names the columns of the probabilities",
            help="--classes names the classes in the order of the columns",
        )
    known = [laid.own, *(content.annotations.seen if content.annotations else ())]
    if laid.true is not None and spec.true_labels is None:
        known.append(laid.true)
    if not content.found_classes:
        refuse_several({str(name) for raw in known for name in pd.unique(raw)}, where=where)
    return derived_names(
        known,
        found=content.found_classes,
        num_columns=laid.pred_probs.shape[1] if laid.pred_probs is not None and nameless else None,
        from_arrays=content.kind in ARRAY_KINDS and laid.columns is None,
        categories=() if order is None else order.names,
    )


def _class_order(
    laid: Overlaid, spec: DataSpec, belongs: tuple[str, ...] | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the K class names in order, and notes on how the order was decided."""
    content, where = laid.content, where_of(spec)
    named = _named_order(laid, spec, belongs)
    names, notes = _derived_order(laid, spec) if named is None else (named, ())
    names = checked_names(names, where=where)
    K = None if laid.pred_probs is None else laid.pred_probs.shape[1]
    if content.found_classes and (spec.classes or content.class_names or belongs) is None:
        empty = set(names) - set(laid.own)
        if empty and not spec.lenient:
            raise InputError(
                f"class '{min(empty)}' has no image",
                help="delete the folder, or keep it by naming all classes with --classes",
            )
    if K is not None and len(names) != K:
        raise InputError(
            f"pred_probs have {K} columns, the data {len(names)} classes",
            help="one column for each class is needed, in class order; --classes names all classes",
        )
    return names, notes


def _all_in(labels: RawLabels, names: tuple[str, ...] | None) -> bool:
    return names is not None and {str(label) for label in pd.unique(labels)} <= set(names)


def _columns_in_order(laid: Overlaid, names: tuple[str, ...]) -> Probabilities | None:
    """Return the probabilities (N, K) with columns in class order, copied only where they move."""
    if laid.pred_probs is None or laid.columns is None or laid.columns == names:
        return laid.pred_probs
    return in_class_order(laid.pred_probs, laid.columns, names, what="pred_probs")


def _population(content: Content, names: tuple[str, ...]) -> FloatArray | None:
    """Return the T (K, K) that the labels were drawn from, in class order.

    None where its classes are others. A matrix that is no T is ignored as well, since it only adds
    a line to reports.
    """
    T = content.population
    if T is None or T.shape != (len(names), len(names)) or not np.isfinite(T).all():
        return None
    if (T < 0).any() or np.abs(T.sum(axis=1) - 1).max() > 1e-6:
        return None
    if content.population_names is None or content.population_names == names:
        return T
    if set(content.population_names) != set(names):
        return None
    order = [content.population_names.index(name) for name in names]
    return T[np.ix_(order, order)]


def _classes(labels: IntArray, names: tuple[str, ...]) -> list[Problem]:
    """Return what is wrong with the classes: too few examples, names that look alike."""
    return [*_too_few(labels, names), *_look_alikes(names)]


def _too_few(labels: IntArray, names: tuple[str, ...]) -> list[Problem]:
    counts = np.bincount(labels, minlength=len(names))
    return [
        Problem(
            "ALFS403",
            f"class '{names[place]}' has {counts[place] or 'no'} example",
            given=names[place],
        )
        for place in np.flatnonzero(counts < 2)
    ]


def _look_alikes(names: tuple[str, ...]) -> list[Problem]:
    """Return a problem for each class name that differs from another only in spaces or case."""
    seen: dict[str, str] = {}
    found = []
    for name in names:
        plain = " ".join(name.casefold().split())
        if plain in seen:
            text = f"classes '{seen[plain]}' and '{name}' differ only in spaces or case"
            found.append(Problem("ALFS409", text, given=name))
        seen.setdefault(plain, name)
    return found


def without_files(spec: DataSpec, *, split: str) -> DataSpec:
    """Return the spec of another split of DATA, without the files that belong to the first one."""
    return replace(spec, split=split, labels=None, true_labels=None, pred_probs=None, features=None)
