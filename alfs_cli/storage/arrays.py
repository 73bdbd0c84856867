"""Arrays that are written to an .npz, whole or not at all, and without code in it."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alfs_cli.storage.writing import replacing

if TYPE_CHECKING:
    from numpy.typing import NDArray


def save_npz(
    path: Path, arrays: "Mapping[str, NDArray[Any]]", *, is_compressed: bool = False
) -> None:
    """Write arrays under their names.

    Raises ValueError for an array of Python objects, which only code could read back. NumPy's own
    `allow_pickle` is an array of that name to NumPy 1.
    """
    import numpy as np

    objects = [name for name, array in arrays.items() if array.dtype.hasobject]
    if objects:
        raise ValueError(f"'{objects[0]}' holds Python objects")
    save: Any = np.savez_compressed if is_compressed else np.savez
    with replacing(path) as temporary, temporary.open("wb") as file:
        save(file, **arrays)
