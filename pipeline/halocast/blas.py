"""One thread for numpy's and scipy's linear algebra, while the blocks of a group are updated.

OpenBLAS gives other bits on two threads than on one (an eigen-decomposition of 100 x 100 does), and
for matrices of this size more threads are slower, up to 20 times where cores are shared. Workers
start with one thread anyway (`halocast.engines.dask_cluster`); this is for everybody else.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, NamedTuple

# of the wheels of numpy and scipy, of a system's OpenBLAS, and of MKL
_NAMES = (
    ("scipy_openblas_get_num_threads64_", "scipy_openblas_set_num_threads64_"),
    ("scipy_openblas_get_num_threads", "scipy_openblas_set_num_threads"),
    ("openblas_get_num_threads64_", "openblas_set_num_threads64_"),
    ("openblas_get_num_threads", "openblas_set_num_threads"),
    ("MKL_Get_Max_Threads", "MKL_Set_Num_Threads"),
)


class _Library(NamedTuple):
    get: Any
    set: Any


@lru_cache(maxsize=1)
def _libraries() -> tuple[_Library, ...]:
    """Find the libraries that numpy and scipy are linked to, through their extension modules."""
    import numpy.linalg._umath_linalg as of_numpy
    import scipy.linalg._fblas as of_scipy

    found = []
    for module in (of_numpy, of_scipy):
        handle = ctypes.CDLL(module.__file__)
        for get, put in _NAMES:
            if hasattr(handle, get) and hasattr(handle, put):
                found.append(_Library(getattr(handle, get), getattr(handle, put)))
    return tuple(found)


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute with one thread in this block of code; nothing is done where no library is known."""
    libraries = _libraries()
    before = [library.get() for library in libraries]
    for library in libraries:
        library.set(1)
    try:
        yield
    finally:
        for library, threads in zip(libraries, before):
            library.set(threads)
