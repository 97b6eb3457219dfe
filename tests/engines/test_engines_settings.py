"""What an engine leaves behind of Dask's settings: nothing."""

from __future__ import annotations

import dask
from halocast.engines.dask import DaskEngine


def test_engines_closed_in_any_order_leave_dask_as_it_was() -> None:
    before = dask.config.get("scheduler", None)
    first, second = DaskEngine(workers=1, dashboard=None), DaskEngine(workers=1, dashboard=None)
    assert dask.config.get("scheduler", None) == before
    first.close()
    assert list(second.each(abs, [(-2,), (3,)])) in ([2, 3], [3, 2])
    second.close()
    assert dask.config.get("scheduler", None) == before
