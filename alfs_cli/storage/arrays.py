"""Writing arrays to an .npz atomically, and without pickled objects."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alfs_cli.storage.writing import replacing

if TYPE_CHECKING:
    from numpy.typing import NDArray


def save_npz(
    path: Path, arrays: "Mapping[str, NDArray[Any]]", *, is_compressed: bool = False
) -> None:
    """Write arrays to an .npz by name, replacing the file at `path` only when all is written.

    Raises ValueError for an array of Python objects, which would be pickled. That is checked here
    because NumPy 1 has no option against it: it takes `allow_pickle` for the name of an array.
    """
    import numpy as np

    objects = [name for name, array in arrays.items() if array.dtype.hasobject]
    if objects:
        raise ValueError(f"'{objects[0]}' holds Python objects")
    save: Any = np.savez_compressed if is_compressed else np.savez
    with replacing(path) as temporary, temporary.open("wb") as file:
        save(file, **arrays)
