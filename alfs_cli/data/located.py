"""DATA at addresses: a DataSpec whose addresses are paths of copies on this machine."""

import os
from dataclasses import replace

from alfs_cli.data.dataset import DataSpec
from alfs_cli.data.readers import READERS
from alfs_cli.data.readers.columns import SUFFIXES
from alfs_cli.data.readers.folder import IMAGE_SUFFIXES
from alfs_cli.storage.remote import copied, kept_at

WANTED = (*IMAGE_SUFFIXES, *READERS, *SUFFIXES, ".arrow")  # what readers open of a folder


def here(spec: DataSpec) -> DataSpec:
    """Return a data set's specification with paths for addresses; what changed there is fetched.

    Of --root, where a manifest's pictures lie, nothing is fetched yet: the manifest says which.
    Raises UsageError and InputError as `remote.copied` does.
    """
    named = (spec.source, spec.labels, spec.true_labels, spec.pred_probs, spec.features)
    source, labels, true, probs, features = map(_here, named)
    return replace(
        spec,
        source=source,
        labels=labels,
        true_labels=true,
        pred_probs=probs,
        features=features,
        classes=_here(spec.classes),
        root=None if spec.root is None else kept_at(spec.root),
    )


def _here(text: str | None) -> str | None:
    return None if text is None else copied(text, wanted=is_wanted)


def is_wanted(name: str) -> bool:
    """Say whether a file's name has a suffix that a reader of folders opens."""
    return os.path.splitext(name)[1].lower() in WANTED
