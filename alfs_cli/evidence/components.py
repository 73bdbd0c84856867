"""Connected components of a graph that is given by its edges."""

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from alfs_cli.arrays import IntArray


def components(first: IntArray, second: IntArray, count: int) -> IntArray:
    """Return the number of the component of each of `count` nodes, (count,).

    Edge i joins the nodes first[i] and second[i], both (m,). Indices are converted to 32 bits,
    because older SciPy returns wrong components for wider ones.

    >>> components(np.array([0, 3]), np.array([1, 1]), 5).tolist()
    [0, 0, 1, 0, 2]
    """
    places = (first.astype(np.int32), second.astype(np.int32))
    links = csr_array((np.ones(len(first)), places), shape=(count, count))
    links.indices, links.indptr = links.indices.astype(np.int32), links.indptr.astype(np.int32)
    return np.asarray(connected_components(links, directed=False)[1], dtype=np.int64)
