"""Types of numpy arrays, by the kind of number they hold; for annotations."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
ByteArray = NDArray[np.uint8]
Features = NDArray[np.float32]  # (N, d), one row per example
Probabilities = NDArray[
    np.floating[Any]
]  # (N, K), in the precision of the file they were read from
