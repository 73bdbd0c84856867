"""`load`: find the reader for DATA, lay the other files over it, number its labels."""

import os
from pathlib import Path

from alfs_cli.data.arrays import one_row_each, read_npz
from alfs_cli.data.builtin import BUILTINS, read_builtin
from alfs_cli.data.classes import checked_names, derived_names, numbered, parse_classes
from alfs_cli.data.content import Content, fingerprint_of
from alfs_cli.data.dataset import DataSpec, LabelledDataset
from alfs_cli.errors import InputError, UsageError, did_you_mean

ARRAY_KINDS = ("npz", "probabilities")


def load(spec: DataSpec) -> LabelledDataset:
    """Read a data set as it was named on the command line.

    Raises InputError where it is not there or not what it should be, UsageError where the options
    contradict each other.
    """
    content = read_content(spec)
    return number_labels(content, spec)


def read_content(spec: DataSpec) -> Content:
    """Return what the reader of DATA finds, before other files are laid over it."""
    if spec.source is None:
        raise UsageError("no DATA", help="name a folder, file or built-in data set")
    if spec.source in BUILTINS:
        return read_builtin(spec.source, spec.split, spec.root)
    path = Path(spec.source)
    if not path.exists():
        raise no_such_data(spec.source)
    if path.suffix.lower() == ".npz":
        return read_npz(path, spec)
    raise InputError(f"'{path}' is no form of DATA")


def no_such_data(source: str) -> InputError:
    """Return the error for a DATA that is neither a path nor a built-in name."""
    parent = Path(source).parent
    try:
        siblings = [str(parent / name) for name in os.listdir(parent)]
    except OSError:
        siblings = []
    return InputError(
        f"no such file or directory: '{source}'{did_you_mean(source, [*siblings, *BUILTINS])}",
        help=f"a folder of images, a manifest, an .npz, or one of {', '.join(BUILTINS)}",
    )


def number_labels(content: Content, spec: DataSpec) -> LabelledDataset:
    """Return the data set with its classes in order and its labels as positions in them."""
    where = f"'{spec.source}'" if spec.source is not None else "the labels"
    raw = content.labels
    if raw is None:
        raise InputError(f"{where} has no labels", help="--labels FILE supplies them")
    counts = {"the data": content.count, "labels": len(raw)}
    if content.true_labels is not None:
        counts["true labels"] = len(content.true_labels)
    one_row_each(counts)
    if not len(raw):
        raise InputError(f"{where} holds no examples")
    notes = list(content.notes)
    if spec.classes is not None:
        names = parse_classes(spec.classes)
    elif content.class_names is not None:
        names = content.class_names
    else:
        known = [raw] if content.true_labels is None else [raw, content.true_labels]
        names, more = derived_names(
            known,
            found=content.found_classes,
            num_columns=None,
            from_arrays=content.kind in ARRAY_KINDS,
        )
        notes.extend(more)
    names = checked_names(names, where=where)
    by_name = spec.classes is not None
    labels = numbered(raw, names, where=where, by_name=by_name)
    true = None
    if content.true_labels is not None:
        true = numbered(content.true_labels, names, where=f"{where} (truth)", by_name=by_name)
    return LabelledDataset(
        name=spec.source or "",
        kind=content.kind,
        spec=spec,
        labels=labels,
        class_names=names,
        fingerprint=fingerprint_of(content.digest, labels, names),
        images=content.images,
        features=content.features,
        pred_probs=content.pred_probs,
        true_labels=true,
        positions=content.positions,
        paths=content.paths,
        lines=content.lines,
        split=content.split,
        population=content.population,
        problems=content.problems,
        notes=tuple(notes),
    )
