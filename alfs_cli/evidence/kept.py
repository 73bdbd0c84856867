"""Computed evidence, kept in a folder by a digest of all that it depends on."""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from alfs_cli import __version__
from alfs_cli.arrays import IntArray
from alfs_cli.data.dataset import positions_of
from alfs_cli.data.readers.arrays import load_npz
from alfs_cli.errors import InputError
from alfs_cli.evidence.alike import Alike
from alfs_cli.evidence.encoders import has_encoder
from alfs_cli.evidence.interface import Evidence
from alfs_cli.results.evaluation import agreement, calibration_error
from alfs_cli.storage.writing import replacing

if TYPE_CHECKING:
    from alfs_cli.data import LabelledDataset

ALIKE = ("exact", "contents", "groups", "units")  # names of the arrays in a cache file


def cache_file(cache: Path, dataset: "LabelledDataset", options: str) -> Path:
    """Return the cache file of evidence, named by a digest of all that it depends on."""
    words = f"{__version__}-{dataset.fingerprint}-{options}-{has_encoder()}"
    digest = hashlib.sha256(words.encode())
    digest.update(np.ascontiguousarray(dataset.labels).data)
    digest.update(positions_of(dataset).tobytes())
    if dataset.features is not None:  # depends on the columns that are used
        digest.update(f"{dataset.features.shape}".encode())
        digest.update(np.ascontiguousarray(dataset.features).data)
    if dataset.groups is not None:
        digest.update(b"groups")
        digest.update(np.ascontiguousarray(dataset.groups).data)
    return cache / f"evidence-{digest.hexdigest()[:16]}.npz"


def load(path: Path, labels: IntArray) -> Evidence | None:
    """Return stored evidence, None where there is none or the file is broken."""
    try:
        stored = load_npz(path)
        probs, kept = stored["probs"], stored["kept"]
        labels = labels[kept]
        return Evidence(
            kind=stored["kind"].item(),
            name=stored["name"].item(),
            probs=probs,
            folds=int(stored["folds"]),
            fold_of=stored["fold_of"],
            agreement=agreement(probs, labels),
            calibration_error=calibration_error(probs, labels),
            kept=kept,
            alike=_stored_alike(stored),
            encoder=stored["encoder"].item() or None,
            map=stored["map"].item() or None,
            notes=(f"evidence taken from {path} (--no-cache makes it anew)",),
        )
    except (InputError, KeyError, ValueError, TypeError, IndexError):
        return None


def _stored_alike(stored: Any) -> Alike | None:
    if not all(name in stored for name in ALIKE):
        return None
    return Alike(*(stored[name] for name in ALIKE))


def store(path: Path, evidence: Evidence) -> None:
    """Keep evidence in a file; given probabilities are not kept."""
    if evidence.fold_of is None or evidence.folds is None:
        return
    same = evidence.alike
    with replacing(path) as temporary:
        np.savez(
            temporary,
            probs=evidence.probs,
            fold_of=evidence.fold_of,
            kept=evidence.kept,
            kind=evidence.kind,
            name=evidence.name,
            folds=evidence.folds,
            encoder=evidence.encoder or "",
            map=evidence.map or "",
            **({} if same is None else {name: getattr(same, name) for name in ALIKE}),
        )
