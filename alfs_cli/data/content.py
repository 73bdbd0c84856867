"""What a reader returns: examples in the order of DATA, with labels as they were written."""

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alfs_cli.arrays import BoolArray, FloatArray, IntArray, Probabilities
from alfs_cli.data.annotations import Annotations
from alfs_cli.data.dataset import Images, Problem
from alfs_cli.data.declared import Declared
from alfs_cli.data.feature_columns import Candidates
from alfs_cli.data.labels import RawLabels
from alfs_cli.data.texts import Texts
from alfs_cli.storage.memory import threads

WHOLE_BYTES = 1 << 28  # 256 MiB: larger arrays are digested in parts, by several threads
PART_BYTES = 1 << 25  # 32 MiB


@dataclass(frozen=True, eq=False)
class Content:
    """N examples as a reader found them, before classes are ordered and labels numbered.

    `digest` covers the examples without their labels; `fingerprint` covers the labels too, where it
    is known already. `class_names` are names that the data declare, and whole-number labels are
    indices into them. `order` is what the data declare of the classes of a column of names.
    `found_classes` are classes that exist even without an example, as empty folders do.
    `column_names` name the columns of `pred_probs`. `readable` (N,) is False for examples that will
    be left out.
    """

    kind: str
    count: int
    digest: str
    fingerprint: str | None = None
    labels: RawLabels | None = None
    class_names: tuple[str, ...] | None = None
    order: Declared | None = None
    found_classes: tuple[str, ...] = ()
    true_labels: RawLabels | None = None
    annotations: Annotations | None = None
    groups: RawLabels | None = None
    images: Images | None = None
    features: Candidates | None = None
    texts: Texts | None = None
    pred_probs: Probabilities | None = None
    column_names: tuple[str, ...] | None = None
    population: FloatArray | None = None
    population_names: tuple[str, ...] | None = None
    readable: BoolArray | None = None
    paths: tuple[str, ...] | None = None
    tasks: RawLabels | None = None
    lines: IntArray | None = None
    manifest: str | None = None
    split: str | None = None
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()


def array_digest(*arrays: NDArray[Any] | None) -> str:
    """Return a hexadecimal SHA-256 of the types, shapes and bytes of arrays.

    Of an array above 256 MiB the digests of its parts are digested, so that all cores can work.
    """
    total = hashlib.sha256()
    for array in arrays:
        if array is None:
            total.update(b"none;")
            continue
        little = array.dtype.newbyteorder("<")
        total.update(f"{little.str}{array.shape};".encode())
        if array.nbytes <= WHOLE_BYTES:
            total.update(np.ascontiguousarray(array, dtype=little).data)
            continue
        rows = max(1, PART_BYTES * len(array) // array.nbytes)
        parts = [array[start : start + rows] for start in range(0, len(array), rows)]
        with ThreadPoolExecutor(threads()) as pool:
            for digest in pool.map(lambda part, kind=little: _digest_of(part, kind), parts):
                total.update(digest)
    return total.hexdigest()


def _digest_of(part: NDArray[Any], kind: np.dtype[Any]) -> bytes:
    return hashlib.sha256(np.ascontiguousarray(part, dtype=kind).data).digest()


def fingerprint_of(digest: str, labels: IntArray, class_names: Sequence[str]) -> str:
    """Return 16 hexadecimal digits that identify examples, given labels and class names."""
    total = hashlib.sha256(digest.encode())
    total.update(np.ascontiguousarray(labels, dtype="<i8").data)
    for name in class_names:
        total.update(name.encode("utf-8", "surrogateescape") + b"\0")
    return total.hexdigest()[:16]
