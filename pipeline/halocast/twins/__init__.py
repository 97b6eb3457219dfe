"""Twins: synthetic truths, and the data a run sees of them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from halocast.twins.settings import LinearTwin, NatureTwin

if TYPE_CHECKING:
    from halocast.config import RunSettings


def make_twin(settings: RunSettings, folder: Path) -> None:
    """Make the twin a run file asks for; ``folder/data.zarr`` then holds its data and truth.

    What is left of an earlier, unfinished attempt is removed.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if isinstance(settings.data.twin, LinearTwin):
        from halocast.twins.linear import make_linear_twin

        make_linear_twin(settings, folder)
    elif isinstance(settings.data.twin, NatureTwin):
        from halocast.twins.nature import make_nature

        make_nature(settings, folder)
    else:
        from halocast.twins.north_atlantic import make_north_atlantic

        make_north_atlantic(settings, folder)
