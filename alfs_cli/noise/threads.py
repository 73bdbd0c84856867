"""One BLAS thread for many small products: more of them only wait for one another."""

import sys
from contextlib import AbstractContextManager
from functools import lru_cache

from threadpoolctl import ThreadpoolController


def one_blas_thread() -> AbstractContextManager[object]:
    """Return a context in which a product of matrices takes one thread."""
    limit: AbstractContextManager[object] = _loaded(len(sys.modules)).limit(
        limits=1, user_api="blas"
    )
    return limit


@lru_cache(maxsize=1)
def _loaded(_num_modules: int) -> ThreadpoolController:
    """Return the libraries at hand, looked for anew only where a module was imported since.

    To look takes milliseconds, longer than a small problem does, and a module may bring one.
    """
    return ThreadpoolController()
