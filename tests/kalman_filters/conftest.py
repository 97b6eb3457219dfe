"""Small matrices are multiplied by one thread: on shared cores more take far longer."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from halocast.blas import one_thread


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    with one_thread():
        yield
