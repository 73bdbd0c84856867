"""A limit of one BLAS thread, for many small products on which more threads only wait."""

import sys
from contextlib import AbstractContextManager
from functools import lru_cache

from threadpoolctl import ThreadpoolController


def one_blas_thread() -> AbstractContextManager[object]:
    """Return a context in which BLAS computes on one thread."""
    limit: AbstractContextManager[object] = _loaded(len(sys.modules)).limit(
        limits=1, user_api="blas"
    )
    return limit


@lru_cache(maxsize=1)
def _loaded(_num_modules: int) -> ThreadpoolController:
    """Return a controller of the loaded libraries, searched again when modules were imported.

    The search takes milliseconds, longer than a small problem. A newly imported module may have
    loaded another library.
    """
    return ThreadpoolController()
