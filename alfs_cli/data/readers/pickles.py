"""The pickles of CIFAR, read without running any code in them."""

import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np

from alfs_cli.arrays import ByteArray, IntArray
from alfs_cli.errors import InputError


class _Array:
    """Stands in for NumPy's array in a pickle, and keeps the state that the array was to have."""

    def __init__(self, *_: object) -> None:
        self.state: tuple[Any, ...] = ()

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.state = state

    def pixels(self) -> ByteArray:
        """Return the array; raises ValueError where it is not of uint8."""
        _, shape, dtype, fortran, raw = self.state
        content = raw.encode("latin1") if isinstance(raw, str) else raw
        if not isinstance(dtype, _Type) or dtype.name != "u1" or not isinstance(content, bytes):
            raise ValueError("an array is not uint8")
        flat = np.frombuffer(content, dtype=np.uint8)
        return flat.reshape(tuple(shape)[::-1]).T if fortran else flat.reshape(tuple(shape))


class _Type:
    """Stands in for NumPy's dtype in a pickle."""

    def __init__(self, name: object = "", *_: object) -> None:
        self.name = name.decode("latin1") if isinstance(name, bytes) else str(name)

    def __setstate__(self, state: object) -> None:
        pass


def _encode(text: str, _encoding: str = "latin1") -> bytes:
    """Stand in for `_codecs.encode`, which pickles of bytes call; they use latin1 alone."""
    return text.encode("latin1")


KNOWN: dict[tuple[str, str], Any] = {
    ("numpy.core.multiarray", "_reconstruct"): _Array,
    ("numpy._core.multiarray", "_reconstruct"): _Array,
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Type,
    ("_codecs", "encode"): _encode,
}


class _Unpickler(pickle.Unpickler):
    """Resolves the names in KNOWN alone, so that a pickle can call nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        try:
            return KNOWN[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"it names {module}.{name}") from None


def read_batch(path: Path, label_key: str) -> tuple[ByteArray, IntArray]:
    """Return pixels (N, 3072) and labels (N,) of a CIFAR batch.

    Raises InputError for a pickle with anything but uint8 arrays, texts, numbers, lists and dicts.
    """
    try:
        content = _Unpickler(io.BytesIO(path.read_bytes()), encoding="latin1").load()
        batch = {_text(key): value for key, value in content.items()}
        pixels = batch["data"].pixels()
        labels = np.asarray(batch[label_key], dtype=np.int64)
        if pixels.ndim != 2 or pixels.shape != (len(labels), 3072):
            raise ValueError(f"data of shape {pixels.shape}, {len(labels)} labels")
    except FileNotFoundError:
        raise
    except Exception as error:  # a damaged pickle raises anything
        reason = f"{error}" or type(error).__name__
        raise InputError(
            f"'{path}' is not a CIFAR batch: {reason}",
            help="nothing but uint8 arrays, texts and lists is read from it; get the file anew",
        ) from None
    return pixels, labels


def _text(key: object) -> str:
    return key.decode("latin1") if isinstance(key, bytes) else str(key)
