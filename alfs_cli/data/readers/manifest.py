"""Manifests: tables with a row for each example, its label, and an image path or features."""

import hashlib
import os
import re
import unicodedata
from collections.abc import Collection, Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from alfs_cli.arrays import FloatArray, IntArray
from alfs_cli.data.annotations import CONSENSUS_COLUMNS, annotations_of, column_names
from alfs_cli.data.classes import declared_classes, refuse_id_column
from alfs_cli.data.content import Content, array_digest
from alfs_cli.data.dataset import CROWD, DataSpec, Problem
from alfs_cli.data.feature_columns import LISTED, Candidates
from alfs_cli.data.images.kinds import FileImages
from alfs_cli.data.labels import RawLabels, same_text
from alfs_cli.data.placeholders import how_to_fetch, what_lies_there
from alfs_cli.data.readers.arrays import checked_features, own_name
from alfs_cli.data.readers.crowd import TASK, read_crowd, worker_column
from alfs_cli.data.readers.folder import SPLIT_NAMES, chosen_split, heads_of, shown, unreadable
from alfs_cli.data.readers.listing import Listing
from alfs_cli.data.readers.tables import Table, read_table
from alfs_cli.data.readers.texts import SURE_NAMES, refuse_no_texts, text_column, without_empty
from alfs_cli.data.texts import Texts, digest_of_texts
from alfs_cli.errors import InputError, UsageError, brief, has
from alfs_cli.storage.remote import LOCAL, fetch_listed, kept_at
from alfs_cli.text import addresses
from alfs_cli.text.addresses import is_address, parsed
from alfs_cli.text.cells import unguarded

PATH_COLUMNS = ("path", "file_name", "image", "filename")
TEXT_COLUMNS = ("label", "true_label", "split", *PATH_COLUMNS)


def transition_beside(path: Path) -> Path:
    """Return the path at which `alfs inject` saves the T that a manifest's labels were drawn from.

    >>> transition_beside(Path("noisy.csv")).name
    'noisy.transition.csv'
    """
    return path.with_name(f"{path.stem}.transition.csv")


def read_manifest(
    path: Path, spec: DataSpec, *, root: Path | None = None, split: str | None = None
) -> Content:
    """Return the content of a manifest; `split` names the split that the file is, if it is one.

    Image paths are relative to --root, else to `root`, else to the manifest's folder. Raises
    InputError for missing columns and labels, and for paths that do not exist or leave that folder.
    """
    options = (spec.label_column, spec.true_label_column, spec.path_column, spec.text_column)
    several = () if spec.label_columns is None else column_names(spec.label_columns)
    named = (name for name in options if name is not None)
    table = read_table(path, text=[*TEXT_COLUMNS, *several, *named], pictures=True)
    worker = worker_column(table, spec)
    listing = Listing(table) if worker is None else read_crowd(table, spec, worker)
    return content_of(listing, spec, root, split=split)


def content_of(
    listing: Listing, spec: DataSpec, root: Path | None = None, *, split: str | None = None
) -> Content:
    """Return the content of a table of examples; `split` names the split that it is.

    Raises InputError as `read_manifest` does.
    """
    table = listing.table
    path, has = table.path, table.columns
    several = () if spec.label_columns is None else column_names(spec.label_columns)
    label_column = own_name(spec.label_column, "label", has, elsewhere=spec.labels)
    true_column = own_name(spec.true_label_column, "true_label", has, elsewhere=spec.true_labels)
    if split is None:
        split = chosen_split(spec.split, splits_in(table), where=f"'{path}'")
        listing = listing.take(numbers_of_split(table, split)) if split is not None else listing
    table, annotations = listing.table, listing.annotations
    labels = true_labels = None
    for name in several:
        table.require(name, option="--label-columns")
    if several:
        columns = [table.text(name) for name in several]
        declared = declared_classes(spec)
        annotations = annotations_of(several, columns, where=f"'{path}'", declared=declared)
    if label_column in table.columns or (spec.labels is None and annotations is None):
        table.require(label_column, option="--label-column")
        labels = table.text(label_column)
        if not spec.lenient:
            table.refuse_missing(labels, label_column, declared=declared_classes(spec))
        if spec.classes is None:
            refuse_id_column(len(set(labels)), len(labels), where=f"'{label_column}' of '{path}'")
    if spec.true_label_column == true_column:
        table.require(true_column, option="--true-label-column")
    if true_column in table.columns and true_column != label_column:
        true_labels = table.labels(true_column, declared=declared_classes(spec))
    population, names = _population(path)
    content = Content(
        kind=listing.kind,
        count=len(table.frame),
        digest="",
        labels=labels,
        true_labels=true_labels,
        annotations=annotations,
        pred_probs=listing.pred_probs,
        column_names=listing.column_names,
        order=next((table.orders[n] for n in (label_column, *several) if n in table.orders), None),
        groups=_groups(table, spec),
        tasks=table.text(TASK) if listing.kind == CROWD else None,
        lines=table.lines,
        manifest=str(path),
        split=split,
        population=population,
        population_names=names,
        notes=listing.notes,
    )
    return _with_examples(content, table, spec, root or table.folder)


def _groups(table: Table, spec: DataSpec) -> RawLabels | None:
    if spec.group_column is None:
        return None
    table.require(spec.group_column, option="--group-column")
    cells = table.text(spec.group_column)
    table.refuse_missing(cells, spec.group_column)
    return cells


def manifest_splits(path: Path) -> tuple[str, ...]:
    """Return the names of the splits in a manifest's column `split`."""
    return splits_in(read_table(path, text=TEXT_COLUMNS, pictures=True))


def splits_in(table: Table) -> tuple[str, ...]:
    """Return the names of the splits in a table's column `split`."""
    return tuple(dict.fromkeys(_splits(table)))


def numbers_of_split(table: Table, split: str | None) -> IntArray:
    """Return the 0-based numbers of the rows of one split, or all where there are no splits."""
    if split is None or "split" not in table.columns:  # the file is one split
        return np.arange(len(table.frame))
    return np.flatnonzero(_splits(table) == split)


def path_column_of(columns: Collection[str], spec: DataSpec) -> str | None:
    """Return the column of image paths, None where rows are features."""
    return spec.path_column or next((c for c in PATH_COLUMNS if c in columns), None)


def base_of(relative: Iterable[str], beside: Path, root: str | None) -> tuple[Path, str]:
    """Return the folder that paths are relative to, and the folder that they may not leave.

    Both are `root`, or the manifest's folder `beside` without one. There is an exception for copies
    that `alfs fix` wrote into another folder: if no path exists under `root` and the first exists
    under `beside`, paths are relative to `beside`, and still may not leave `root`.
    """
    if root is None:
        return beside, os.path.abspath(beside)
    told = [path for path in relative if path and not os.path.isabs(path) and "\0" not in path]
    is_beside = bool(told) and os.path.exists(os.path.join(beside, told[0]))
    if is_beside and not any(os.path.exists(os.path.join(root, path)) for path in told):
        return beside, os.path.abspath(root)
    return Path(root), os.path.abspath(root)


def is_inside(path: str, folder: str) -> bool:
    """Say whether an absolute path is `folder` or lies below it."""
    return path == folder or path.startswith(os.path.join(folder, ""))


def _splits(table: Table) -> RawLabels:
    if "split" not in table.columns:
        return np.zeros(0, dtype=object)
    cells = table.labels("split")
    for index, cell in enumerate(cells):
        cells[index] = SPLIT_NAMES.get(cell.lower(), cell)
    return cells


def _with_examples(content: Content, table: Table, spec: DataSpec, root: Path) -> Content:
    if not content.count:
        raise InputError(f"'{table.path}' holds no examples", help="it has a header and no rows")
    if spec.text_column is not None:
        return _with_cells(content, table, spec)
    stored = _picture_column(table, spec)
    column = path_column_of(table.columns, spec)
    if stored is None and column is None:
        return _with_cells(content, table, spec)
    text = next((name for name in table.columns if name.casefold() in SURE_NAMES), None)
    if text is not None and table.holds_text(text):
        note = f"judged by the pictures; --text-column {brief(text)} takes the text beside them"
        content = replace(content, notes=(*content.notes, note))
    if stored is not None:
        return _with_stored(content, table, stored)
    column = str(column)
    table.require(column, option="--path-column")
    relative = table.exact(column)
    table.refuse_missing(relative, column)
    relative = slashes_turned(relative, root if spec.root is None else Path(spec.root))
    base, top = base_of(relative, root, spec.root)
    paths = _checked_paths(table, relative, base, top)
    fetch_listed(paths)
    paths = [_on_disk(path) for path in paths]
    heads = heads_of(paths)
    missing = np.flatnonzero([head.size < 0 for head in heads])
    if len(missing):
        raise _no_such_paths(table, relative, paths, missing, base)
    names = tuple(shown(path) for path in paths)
    digest = hashlib.sha256()
    for name, head in zip(relative, heads, strict=True):
        known = same_text(os.path.normpath(addresses.shown(name)))
        digest.update(known.encode("utf-8", "surrogateescape"))
        digest.update(b"\0%d\0" % head.size + head.digest)
    readable = np.asarray([head.readable for head in heads], dtype=np.bool_)
    lines = table.lines
    problems: list[Problem] = [
        unreadable(
            names[i],
            file=paths[i],
            line=None if lines is None else int(lines[i]),
            given=None if content.labels is None else str(content.labels[i]),
            row=int(i),
        )
        for i in np.flatnonzero(~readable)
    ]
    return replace(
        content,
        digest=digest.hexdigest(),
        images=FileImages(tuple(paths), names, tuple(head.digest for head in heads)),
        paths=names,
        readable=None if readable.all() else readable,
        problems=tuple(problems),
    )


def _no_features(content: Content, spec: DataSpec, columns: Collection[str]) -> set[str]:
    """Return the names of columns that are no features: labels, paths, groups, a crowd's tasks."""
    several = () if spec.label_columns is None else column_names(spec.label_columns)
    named = (spec.label_column, spec.true_label_column, spec.group_column)
    is_consensus = set(CONSENSUS_COLUMNS) <= set(columns)
    tasks = (TASK,) if content.kind == CROWD or is_consensus else ()
    judged = (*CONSENSUS_COLUMNS, "index") if is_consensus else ()
    return {*TEXT_COLUMNS, *several, *tasks, *judged, *(name for name in named if name is not None)}


def _with_cells(content: Content, table: Table, spec: DataSpec) -> Content:
    """Return the content of a table whose rows are the examples: their text, and their features."""
    own = _no_features(content, spec, table.columns)
    texts = _texts(table, own, spec)
    if texts is not None and texts.is_asked:
        rest = [name for name in table.columns if name not in own and name != texts.column]
        aside = tuple((name, "is not the text that is judged") for name in rest)
        found = Candidates((), np.empty((content.count, 0), dtype=np.float32), aside=aside)
    else:
        but = own if texts is None else {*own, str(texts.column)}
        found = table.numbers(but, asked=spec.feature_columns, excluded=spec.exclude_columns)
    beside = (spec.features, spec.pred_probs, content.annotations, content.pred_probs)
    if found.is_empty and texts is None and all(evidence is None for evidence in beside):
        if not spec.labels_alone:
            raise _nothing_to_judge_by(table, found)
        return replace(content, digest=_digest_of_cells(table, own))
    if found.names:
        checked_features(found.values, where=f"features of '{table.path}'")
    elif found.is_empty and texts is None:
        return replace(content, digest=array_digest(np.arange(content.count)))
    digest = array_digest(found.values, *(each.codes for each in found.categories))
    if texts is None:
        return replace(content, features=found, digest=digest)
    digest = hashlib.sha256(digest.encode() + digest_of_texts(texts.cells)).hexdigest()
    notes = (*content.notes, *_cells_of_no_text(table, str(texts.column)))
    content = replace(content, features=found, texts=texts, digest=digest, notes=notes)
    return without_empty(content, texts, where=str(table.path))


def _cells_of_no_text(table: Table, column: str) -> tuple[str, ...]:
    """Return a note on the cells of a column of text that hold something else, empty without."""
    cells = table.frame[column]
    cells = cells[cells.notna()]
    odd = sum(not isinstance(cell, str) for cell in cells)
    if not odd:
        return ()
    return (
        f"{odd:,} of {len(table.frame):,} cells of '{column}' are no text: they are read as they "
        "are written",
    )


def _texts(table: Table, own: Collection[str], spec: DataSpec) -> Texts | None:
    """Return the column of texts, None where there is none or other columns are asked for.

    Raises InputError where its cells are all empty, all the same, or something other than text.
    """
    where = f"'{table.path}'"
    if spec.text_column is not None:
        if spec.feature_columns is not None:
            raise UsageError(
                "--text-column and --feature-columns: examples are judged by one of the two",
                help="leave one out",
            )
        table.require(spec.text_column, option="--text-column")
        cells = table.text(spec.text_column)
        refuse_no_texts(cells, where=f"column '{brief(spec.text_column)}' of {where}")
        return Texts(cells, spec.text_column, is_asked=True)
    if spec.feature_columns is not None or spec.features is not None:
        return None
    columns = {
        name: table.text(name)
        for name in table.columns
        if name not in own and table.holds_text(name)
    }
    rest = set(table.columns) - {*own, *columns}
    chosen, others = text_column(columns, is_alone=not rest)
    if chosen is None:
        return None
    refuse_no_texts(columns[chosen], where=f"column '{brief(chosen)}' of {where}")
    return Texts(columns[chosen], chosen, others)


def _digest_of_cells(table: Table, left_out: Collection[str]) -> str:
    """Return a digest of the rows as text, without the columns in `left_out`."""
    digest = hashlib.sha256(str(len(table.frame)).encode())
    for name in table.columns:
        if name not in left_out:
            cells = "\x1f".join(map(str, table.frame[name]))
            digest.update(f"|{name}|{cells}".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _nothing_to_judge_by(table: Table, found: Candidates) -> InputError:
    """Return the error for a manifest that has neither image paths nor numeric columns."""
    for name in table.columns:
        if name.casefold() in SURE_NAMES and not any(cell.strip() for cell in table.text(name)):
            return InputError(
                f"column '{brief(name)}' of '{table.path}' holds no text: every cell is empty",
                help="--text-column names another column, --feature-columns those of numbers",
            )
    aside = [f"'{name}' {reason}" for name, reason in found.aside if reason != "holds no numbers"]
    said = f"; {'; '.join(aside[:LISTED])}" if aside else ""
    return InputError(
        f"'{table.path}' has neither a column of image paths ({', '.join(PATH_COLUMNS)}) "
        f"nor of text, nor numeric ones ({has(table.columns, PATH_COLUMNS)}){said}",
        help="--path-column names the column of image paths, --text-column that of texts, "
        "--feature-columns those of numbers",
    )


def _picture_column(table: Table, spec: DataSpec) -> str | None:
    """Return the column that holds pictures themselves, not their paths; None without one.

    Raises InputError where there are several and no option chooses one.
    """
    if spec.path_column is not None:
        return spec.path_column if spec.path_column in table.pictures else None
    usual = [name for name in PATH_COLUMNS if name in table.pictures]
    if not usual and len(table.pictures) > 1:
        raise InputError(
            f"'{table.path}' has several columns of pictures: "
            f"{', '.join(map(brief, table.pictures[:5]))}",
            help=f"--path-column {brief(table.pictures[0])} takes that one",
        )
    return next(iter(usual or table.pictures), None)


def _with_stored(content: Content, table: Table, column: str) -> Content:
    """Return the content with the pictures in a column of the manifest itself."""
    from alfs_cli.data.images.stored import stored_pictures  # which imports pyarrow

    rows = table.frame.index.to_numpy(dtype=np.int64)
    found = stored_pictures(table.path, column, rows)
    names = tuple(f"{shown(str(table.path))}, row {row}" for row in rows)
    problems = tuple(
        Problem(
            "ALFS401",
            f"the picture of row {rows[i]} cannot be read as an image",
            given=None if content.labels is None else str(content.labels[i]),
            row=int(i),
        )
        for i in np.flatnonzero(~found.readable)
    )
    digest = hashlib.sha256(b"".join(found.digests))
    return replace(
        content,
        digest=digest.hexdigest(),
        images=FileImages(found.pictures, names, found.digests),
        readable=None if found.readable.all() else found.readable,
        problems=problems,
    )


def slashes_turned(written: RawLabels, root: Path) -> RawLabels:
    """Return paths (N,) with backslashes turned into slashes, unless a file has that very name.

    It is not checked whether the new path exists or lies inside the root.
    """
    turned = written.copy()
    for row, text in enumerate(written):
        if "\\" in text and "\0" not in text and not os.path.lexists(os.path.join(root, text)):
            turned[row] = text.replace("\\", "/")
    return turned


def _no_such_paths(
    table: Table, relative: RawLabels, paths: list[str], missing: IntArray, root: Path
) -> InputError:
    """Return the error for paths that do not exist; `missing` are their rows."""
    first = int(missing[0])
    help = f"paths are taken relative to '{root}'; --root names another folder"
    why = what_lies_there(paths[first])
    if why is not None:
        help = how_to_fetch(paths[row] for row in missing) or help
    elif windows := _of_windows(relative[first]):
        help = f"{windows}; {help}"
    elif text := next((name for name in table.columns if name.casefold() in SURE_NAMES), None):
        help = f"{help}; --text-column {brief(text)} judges by the text instead"
    return InputError(
        f"{len(missing):,} of {len(paths):,} paths of '{table.path}' do not exist "
        f"({table.places(missing)}: '{brief(relative[first])}'{f' {why}' if why else ''})",
        help=help,
    )


def _of_windows(path: str) -> str | None:
    """Return the help for a path with a drive or a network share, None for any other path."""
    if re.match(r"[A-Za-z]:", path) is None and not path.startswith("//"):
        return None
    return (
        "these paths were written on Windows (a drive or a share, backslashes): make them relative "
        "to the manifest, without the drive"
    )


def _checked_paths(table: Table, relative: RawLabels, base: Path, top: str) -> list[str]:
    """Return the paths joined to `base`, for an address the path of its copy.

    Raises InputError for a way out of `top`: nothing is fetched for a table's word alone.
    """
    start, whole = os.path.abspath(base), addresses.shown(top)  # a row may have its own signature
    paths = []
    for row, text in enumerate(relative):
        copy = _copy_of(table, text, row) if is_address(text) else None
        path = os.path.join(start, text) if copy is None else copy
        full = os.path.abspath(path)
        inside = is_inside(full, top)
        if copy is not None:  # the folder of copies may itself lie inside of a root here
            is_there = addresses.address_of(top) is not None
            inside = is_there and (inside or is_inside(addresses.shown(full), whole))
        if "\0" in text or not inside:
            place = table.places(np.asarray([row]))
            if copy is not None:
                raise InputError(
                    f"'{table.path}' names a URL outside the root ({place}: "
                    f"'{brief(parsed(text).shown)}')",
                    help="nothing is fetched for a table's word alone; --root "
                    f"{addresses.store_of(text)} lets alfs fetch what lies there",
                )
            raise InputError(
                f"{place} of '{table.path}' points outside the root: '{brief(text)}'",
                help=_of_windows(text) or f"the root is '{top}'; --root names another folder",
            )
        paths.append(copy or os.path.normpath(os.path.join(base, text)))
    return paths


def _copy_of(table: Table, text: str, row: int) -> str:
    """Return the path of the copy of what lies at an address in a table.

    Raises InputError where it lies on this machine, whose files an address may not reach, or in an
    archive.
    """
    address = parsed(text)
    if address.scheme in LOCAL or address.rest:
        raise InputError(
            f"'{table.path}' names '{brief(shown(text))}' ({table.places(np.asarray([row]))})",
            help="name files on this machine by their paths, pictures in an archive by the archive",
        )
    place = addresses.place_of(address)
    return kept_at(text) if place is None else str(place)


def _on_disk(path: str) -> str:
    """Return the path in the Unicode form, composed or decomposed, in which it exists."""
    if path.isascii() or os.path.exists(path):
        return path
    forms = (unicodedata.normalize("NFC", path), unicodedata.normalize("NFD", path))
    return next((form for form in forms if os.path.exists(form)), path)


def _population(path: Path) -> tuple[FloatArray | None, tuple[str, ...] | None]:
    beside = transition_beside(path)
    if not beside.is_file():
        return None, None
    rows = read_table(beside, text=[]).frame
    names = tuple(unguarded(str(name)) for name in rows.columns[1:])
    try:
        T = rows.iloc[:, 1:].to_numpy(dtype=np.float64)
    except (TypeError, ValueError):
        return None, None
    return (T, names) if T.shape == (len(names), len(names)) else (None, None)
