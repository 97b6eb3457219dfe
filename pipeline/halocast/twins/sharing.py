"""Twin data shared by runs that differ in nothing the data depend on."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

from halocast.config import RunSettings
from halocast.twins import make_twin

# what a twin's truth and observations do not depend on
_APART = ("name", "description", "seed", "filter", "free_run", "reference", "checkpoint", "engine")
_ENSEMBLE_APART = ("members", "centred_noise")


def twin_key(settings: RunSettings) -> str:
    """Name the twin data of a run: equal for runs that can share them."""
    tree: dict[str, Any] = settings.model_dump(mode="json", exclude=set(_APART))
    for key in _ENSEMBLE_APART:
        tree["ensemble"].pop(key)
    if tree["data"]["twin"]["kind"] == "north-atlantic":
        tree.pop("ensemble")  # its truth is a finer run without noise
    return hashlib.sha256(json.dumps(tree, sort_keys=True).encode()).hexdigest()[:12]


def shared_twin(settings: RunSettings, folder: Path) -> Path | None:
    """Return where the twin data of a run are below ``folder``, made if need be.

    None for a run without a twin. The data appear whole or not at all.
    """
    if settings.data.twin is None:
        return None
    home = folder / f"twin-{twin_key(settings)}"
    if not (home / "data.zarr").exists():
        workshop = folder / f".{home.name}.{os.getpid()}"
        folder.mkdir(parents=True, exist_ok=True)
        make_twin(settings, workshop)
        shutil.rmtree(home, ignore_errors=True)
        workshop.rename(home)
    return home
