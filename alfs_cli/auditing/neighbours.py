"""The examples most like a given one, in the features that the scores were made from.

Kept in a file beside the audit's own while there is one to show them to: nothing hangs on it, and
without it none are shown.
"""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from alfs_cli.arrays import Features
from alfs_cli.evidence.out_of_fold import principal_components
from alfs_cli.storage.writing import replacing

FOLDER = "cache"
COMPONENTS = 64  # of the features: the nearest few are the same, and a million fit into memory
SHOWN = 5
ROWS = 1 << 16  # at once


def file_of(folder: Path, examples: str) -> Path:
    """Return where the features of an audit's examples are kept, by the digest of these."""
    return folder / FOLDER / f"audit-near-{examples[:16]}.npy"


def keep(folder: Path, examples: str, X: Features) -> None:
    """Keep the features (N, D) of all examples; a row of NaN is of one that could not be read."""
    kept = np.isfinite(X).all(axis=1)
    rows = X[kept]
    if rows.shape[1] > COMPONENTS:
        rows = principal_components(rows, COMPONENTS)
    scale = float(np.abs(rows).max(initial=0.0)) or 1.0
    found = np.full((len(X), rows.shape[1]), np.nan, dtype=np.float16)
    found[kept] = rows / scale
    path = file_of(folder, examples)
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.save(file, found)


@dataclass(frozen=True, eq=False)
class Near:
    """The features (N, d) as they lie in the file, read where they are asked for."""

    rows: NDArray[np.float16]

    def of(self, index: int, hidden: Collection[int] = ()) -> list[int]:
        """Return the examples nearest to one, nearest first, none of those that stay hidden."""
        asked = self.rows[index].astype(np.float32)
        if not np.isfinite(asked).all():
            return []
        distances = np.empty(len(self.rows), dtype=np.float32)
        for start in range(0, len(self.rows), ROWS):
            apart = self.rows[start : start + ROWS].astype(np.float32) - asked
            distances[start : start + ROWS] = np.einsum("nd,nd->n", apart, apart)
        distances[~np.isfinite(distances)] = np.inf
        distances[[index, *hidden]] = np.inf
        first = np.argsort(distances, kind="stable")[:SHOWN]
        return [int(place) for place in first if np.isfinite(distances[place])]


def near_of(folder: Path, examples: str, count: int) -> Near | None:
    """Return the features kept of `count` examples, None where there are none that can be read."""
    try:
        rows = np.load(file_of(folder, examples), mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return Near(rows) if rows.ndim == 2 and len(rows) == count else None
