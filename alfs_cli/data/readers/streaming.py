"""Probabilities that need not fit in memory: read in blocks of rows, in order, repeatedly."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from alfs_cli.arrays import IntArray, Probabilities
from alfs_cli.data.classes import checked_names, numbered, parse_classes
from alfs_cli.data.dataset import DataSpec
from alfs_cli.data.declared import declared_in
from alfs_cli.data.labels import (
    FILL_IN,
    RawLabels,
    raw_labels,
    refuse_missing,
    same_text,
    text_labels,
)
from alfs_cli.data.ordering import refuse_two_orders
from alfs_cli.data.readers.columns import (
    PREFIX,
    Order,
    files_of,
    label_order,
    load_npy,
    no_columns,
    read_labels,
    read_probabilities,
)
from alfs_cli.data.readers.folder import heads_of
from alfs_cli.data.readers.probabilities import NOTHING_MENDED, Rounding, normalised
from alfs_cli.errors import InputError, UsageError, brief

BLOCK_ROWS = 1 << 18  # rows read at a time
LABEL = "label"
LABEL_COLUMNS = ("labels", "label")
WHOLE = "is it whole? write or fetch it again"


@dataclass(frozen=True, eq=False)
class Block:
    """The n rows from `start` on: probabilities (n, K) and labels (n,).

    `rounding` says how many rows were divided by their sum.
    """

    start: int
    probs: Probabilities
    labels: IntArray
    rounding: Rounding = NOTHING_MENDED

    def checked(self) -> "Block":
        """Return the block with rows that sum to 1; raises InputError for one that is not close."""
        where = f"pred_probs from row {self.start} on"
        probs, rounding = normalised(self.probs, where=where, first_row=self.start)
        return Block(self.start, probs, self.labels, rounding)


@dataclass(frozen=True, eq=False)
class ProbabilityStream:
    """The N rows of one or more files of probabilities with their labels, read in blocks.

    Memory holds one block, one Parquet row group, and `given`: the labels (N,) from a file of their
    own, which are mapped from disk if that is .npy.
    """

    files: tuple[Path, ...]
    class_names: tuple[str, ...]
    count: int
    fingerprint: str
    label_column: str | None
    given: RawLabels | None
    sizes: tuple[int, ...]
    order: Order = None

    def blocks(
        self, rows: int = BLOCK_ROWS, *, first: int = 0, last: int | None = None, check: bool = True
    ) -> Iterator[Block]:
        """Yield blocks of at most `rows` rows, from row `first` up to `last`, None being the end.

        Raises InputError for a row that is no distribution, and for a label that is no class. With
        `check=False` rows are not checked, which saves time when they were read before.
        """
        last = self.count if last is None else last
        start = 0
        for path, size in zip(self.files, self.sizes, strict=True):
            begin, end = max(first - start, 0), min(last - start, size)
            if begin >= end:
                start += size
                continue
            start, after = start + begin, start + size
            for probs, own in self._parts(path, rows, begin, end):
                where, rounding = f"pred_probs of '{path}'", NOTHING_MENDED
                if check:
                    probs, rounding = normalised(probs, where=where, first_row=start)
                stop = start + len(probs)
                raw = own if self.given is None else self.given[start:stop]
                if raw is None:
                    raise InputError(f"'{path}' has no labels", help="--labels FILE supplies them")
                yield Block(start, probs, self._numbered(raw, start), rounding)
                start = stop
            start = after

    def _numbered(self, raw: RawLabels, start: int) -> IntArray:
        """Return labels (n,) as indices into the class names; `start` is for messages."""
        where = f"labels from row {start} on"
        if raw.dtype == object:
            refuse_missing(raw, where=where, declared=self.class_names)
        else:
            raw = raw_labels(raw, where=where, declared=self.class_names)
        return numbered(raw, self.class_names, where=where, by_name=True)

    def _parts(
        self, path: Path, rows: int, begin: int, end: int
    ) -> Iterator[tuple[Probabilities, RawLabels | None]]:
        match path.suffix.lower():
            case ".npy":
                whole, own = load_npy(path), None
            case ".parquet":
                yield from self._batches(path, rows, begin, end)
                return
            case _:
                file = read_probabilities(str(path), label_column=self.label_column)
                whole, own = file.probs, file.labels
                if file.class_names is not None and file.class_names != self.class_names:
                    whole = whole[:, [file.class_names.index(name) for name in self.class_names]]
        for start in range(begin, end, rows):
            part = slice(start, min(start + rows, end))
            yield whole[part], None if own is None else own[part]

    def _batches(
        self, path: Path, rows: int, begin: int, end: int
    ) -> Iterator[tuple[Probabilities, RawLabels | None]]:
        import pyarrow
        import pyarrow.parquet

        columns = [f"{PREFIX}{name}" for name in self.class_names]
        own = self.label_column or LABEL
        wanted = columns if self.given is not None else [*columns, own]
        file = pyarrow.parquet.ParquetFile(path)
        groups, skipped = _row_groups(file.metadata, begin, end)
        batches = chain.from_iterable(  # one group at a time: a reader keeps all it has read
            file.iter_batches(batch_size=rows, columns=wanted, row_groups=[group])
            for group in groups
        )
        at = skipped
        while True:
            try:
                batch = next(batches, None)
            except (OSError, pyarrow.ArrowException) as error:
                raise InputError(
                    f"cannot read '{path}' as Parquet: {brief(error)}", help=WHOLE
                ) from None
            if batch is None:
                return
            stop = at + batch.num_rows
            batch = batch.slice(max(begin - at, 0), min(end, stop) - max(begin, at))
            at = stop
            if not batch.num_rows:
                continue
            single = all(str(batch.schema.field(name).type) == "float" for name in columns)
            probs = np.empty((batch.num_rows, len(columns)), np.float32 if single else np.float64)
            for place, name in enumerate(columns):
                probs[:, place] = batch.column(name).to_numpy(zero_copy_only=False)
            labels = None
            if self.given is None:
                labels = _labels_of(batch, own)
                if self.order is not None and self.order.are_positions:
                    labels = self.order.named(text_labels(labels))
            yield probs, labels


def open_probabilities(spec: DataSpec) -> ProbabilityStream:
    """Open --pred-probs and --labels for reading in blocks.

    Class names are those of --classes, else those that the files declare, else 0 .. K - 1. Raises
    InputError where files, columns or lengths do not match.
    """
    if spec.pred_probs is None:
        raise UsageError("no probabilities to read", help="--pred-probs FILE")
    files = tuple(files_of(spec.pred_probs, option="--pred-probs"))
    heads = [_header(path, spec.label_column) for path in files]
    names, width = heads[0].names, heads[0].width
    for path, head in zip(files, heads, strict=True):
        if (head.names, head.width) != (names, width):
            raise InputError(
                f"'{path}' has other classes than '{files[0]}'",
                help="all shards need the same columns p_<class>, in the same order",
            )
    order = _order(spec, heads)
    class_names = _class_names(spec, names, order, width)
    checked_names(class_names, where=f"'{spec.pred_probs}'")
    if len(class_names) != width or (names is not None and set(names) != set(class_names)):
        raise InputError(
            f"pred_probs have {width} columns, the data {len(class_names)} classes",
            help="--classes names the class of every column",
        )
    count = sum(head.count for head in heads)
    given = _given(spec, count)
    if given is not None and given.dtype == object and names is None:
        _refuse_unknown_order(spec, order, class_names)
    if given is None and not all(head.labelled for head in heads):
        raise InputError(f"'{files[0]}' has no labels", help="--labels FILE supplies them")
    digest = hashlib.sha256("\0".join(class_names).encode("utf-8", "surrogateescape"))
    labels = [] if spec.labels is None else files_of(spec.labels, option="--labels")
    for start in heads_of([str(path) for path in (*files, *labels)]):
        digest.update(b"%d\0" % start.size + start.digest)
    sizes = tuple(head.count for head in heads)
    return ProbabilityStream(
        files, class_names, count, digest.hexdigest()[:16], spec.label_column, given, sizes, order
    )


def _order(spec: DataSpec, heads: Sequence["_Header"]) -> Order:
    """Return what the labels' files declare of their classes; raises InputError if they differ."""
    if spec.labels is not None:
        return label_order(
            spec.labels, option="--labels", column=spec.label_column, usual=LABEL_COLUMNS
        )
    if len({head.order for head in heads}) > 1:
        raise InputError(
            f"the shards of '{spec.pred_probs}' declare different classes",
            help="write all of them with the same categories, in the same order",
        )
    return heads[0].order


def _class_names(
    spec: DataSpec, names: tuple[str, ...] | None, order: Order, width: int
) -> tuple[str, ...]:
    """Return the names of --classes, else in declared order, else of columns, else 0 .. K - 1."""
    if spec.classes is not None:
        return parse_classes(spec.classes)
    if (
        order is not None
        and order.is_followed
        and (names is None or set(names) == set(order.names))
    ):
        return order.names
    return names or tuple(str(place) for place in range(width))


def _refuse_unknown_order(spec: DataSpec, order: Order, class_names: tuple[str, ...]) -> None:
    """Raise InputError for nameless columns where the labels' names sort in two ways."""
    if spec.classes is not None or (order is not None and order.is_followed):
        return
    refuse_two_orders(class_names)


@dataclass(frozen=True)
class _Header:
    names: tuple[str, ...] | None
    width: int
    count: int
    labelled: bool
    order: Order = None


def _header(path: Path, label_column: str | None) -> _Header:
    suffix = path.suffix.lower()
    if suffix == ".npy":
        array = load_npy(path)
        if array.ndim != 2:
            raise InputError(
                f"pred_probs of '{path}' have shape {array.shape}, not (N, K)",
                help="one row for each example, one column for each class",
            )
        return _Header(None, array.shape[1], len(array), labelled=False)
    if suffix == ".parquet":
        import pyarrow
        import pyarrow.parquet

        try:
            file = pyarrow.parquet.ParquetFile(path)
        except (OSError, pyarrow.ArrowException) as error:
            raise InputError(
                f"cannot read '{path}' as Parquet: {brief(error)}", help=WHOLE
            ) from None
        columns = list(file.schema_arrow.names)
        names = tuple(
            same_text(name.removeprefix(PREFIX)) for name in columns if name.startswith(PREFIX)
        )
        if not names:
            raise no_columns(path, columns)
        label = label_column or LABEL
        order = None if label not in columns else _declared(file, label)
        return _Header(names, len(names), file.metadata.num_rows, label in columns, order)
    whole = read_probabilities(str(path), label_column=label_column)
    return _Header(
        whole.class_names,
        whole.probs.shape[1],
        len(whole.probs),
        whole.labels is not None,
        whole.order,
    )


def _declared(file: Any, column: str) -> Order:
    """Return what a pyarrow ParquetFile declares of a column, reading its first row at most."""
    import pyarrow

    chunks = []
    if pyarrow.types.is_dictionary(file.schema_arrow.field(column).type):
        first = next(file.iter_batches(batch_size=1, columns=[column]), None)
        chunks = [] if first is None else [first.column(0).dictionary]
    return declared_in(file.schema_arrow, {column: chunks} if chunks else {}).get(column)


def _row_groups(metadata: Any, begin: int, end: int) -> tuple[list[int], int]:
    """Return the row groups of a Parquet file with rows begin .. end - 1, and their first row."""
    chosen: list[int] = []
    first = at = 0
    for group in range(metadata.num_row_groups):
        stop = at + metadata.row_group(group).num_rows
        if at < end and stop > begin:
            first = first if chosen else at
            chosen.append(group)
        at = stop
    return chosen, first


def _given(spec: DataSpec, count: int) -> RawLabels | None:
    if spec.labels is None:
        return None
    files = files_of(spec.labels, option="--labels")
    if len(files) == 1 and files[0].suffix.lower() == ".npy":
        labels: RawLabels = load_npy(files[0])
    else:
        labels = read_labels(
            spec.labels,
            option="--labels",
            column=spec.label_column,
            usual=LABEL_COLUMNS,
            lenient=True,  # `_numbered` refuses missing labels, knowing the classes
        )
    if labels.ndim != 1:
        raise InputError(
            f"'{spec.labels}' has shape {labels.shape}, not (N,)", help="one label for each example"
        )
    if len(labels) != count:
        raise InputError(
            f"labels have {len(labels):,} rows, pred_probs has {count:,}",
            help="same order and length are needed",
        )
    return labels


def _labels_of(batch: Any, column: str) -> RawLabels:
    """Return a batch's labels (n,): whole numbers unchanged, text in composed form."""
    import pyarrow

    values = batch.column(column)
    if values.null_count:
        raise InputError(f"{values.null_count:,} rows have no {column} (ALFS406)", help=FILL_IN)
    if pyarrow.types.is_integer(values.type):
        return np.asarray(values.to_numpy(zero_copy_only=False))
    if pyarrow.types.is_dictionary(values.type):
        names = text_labels(values.dictionary.to_pylist())
        return np.asarray(names[values.indices.to_numpy(zero_copy_only=False)])
    coded = values.dictionary_encode()
    names = text_labels(coded.dictionary.to_pylist())
    return np.asarray(names[coded.indices.to_numpy(zero_copy_only=False)])
