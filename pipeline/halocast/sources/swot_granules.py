"""Names of SWOT granules: what they say, and which of several versions of one pass to keep.

    SWOT_L2_LR_SSH_<product>_<cycle>_<pass>_<start>_<stop>_<CRID>_<counter>.nc

The composite release identifier (CRID) is P (released), I (forward) or G (reprocessed), the
letter of the version and a digit: PIC0, PGC0, PGD0. Simulated products carry DG10.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from halocast.errors import InputError

SIMULATED_CRID = "DG10"

_NAME = re.compile(
    r"SWOT_L2_LR_SSH_(?P<product>Basic|Expert|WindWave|Unsmoothed)_(?P<cycle>\d{3})_(?P<number>\d{3})"
    r"_(?P<start>\d{8}T\d{6})_(?P<stop>\d{8}T\d{6})_(?P<crid>[A-Z0-9]{4})_(?P<counter>\d{2})\.nc"
)


class Granule(NamedTuple):
    """What a granule's name says. ``start`` and ``stop`` are datetime64[s], UTC."""

    product: str
    cycle: int
    number: int
    start: np.datetime64
    stop: np.datetime64
    crid: str
    counter: int

    @property
    def name(self) -> str:
        """The file name."""
        first, last = (
            str(t.astype("M8[s]")).replace("-", "").replace(":", "")
            for t in (self.start, self.stop)
        )
        return (
            f"SWOT_L2_LR_SSH_{self.product}_{self.cycle:03d}_{self.number:03d}_{first}_{last}"
            f"_{self.crid}_{self.counter:02d}.nc"
        )

    @property
    def version(self) -> str:
        """``"C"``, ``"D"``, … or ``"simulated"``."""
        return crid_version(self.crid)


def crid_version(crid: str) -> str:
    """Return the product version a CRID stands for: a letter, or ``"simulated"``."""
    return crid[2] if re.fullmatch(r"P[IG][A-Z]\d", crid) else "simulated"


def parse_granule(path: str | Path) -> Granule | None:
    """Read the name of a granule; None where it is not a SWOT L2 LR SSH name."""
    found = _NAME.fullmatch(Path(path).name)
    if found is None:
        return None
    start, stop = (_stamp(found[key]) for key in ("start", "stop"))
    return Granule(
        found["product"], int(found["cycle"]), int(found["number"]), start, stop,
        found["crid"], int(found["counter"]),
    )  # fmt: skip


def drop_duplicate_granules(
    paths: Iterable[str | Path],
) -> tuple[list[Path], dict[Path, Path]]:
    """Keep one granule for each product, cycle and pass.

    The later version is kept (D over C), then reprocessed over forward (PG over PI), then the
    higher release digit, then the higher counter; anything released over anything simulated.

    Returns
    -------
    The granules to read, in order of start time and product, and the superseded ones with the one
    that takes the place of each.

    Raises
    ------
    InputError
        A name is not one of a SWOT L2 LR SSH granule.
    """
    best: dict[tuple[str, int, int], tuple[Granule, Path]] = {}
    seen: list[tuple[tuple[str, int, int], Path]] = []
    for path in map(Path, paths):
        granule = parse_granule(path)
        if granule is None:
            raise InputError(
                f"'{path.name}' is not the name of a SWOT L2 LR SSH granule",
                where=str(path),
                remedy="expected SWOT_L2_LR_SSH_Basic_CCC_PPP_start_stop_CRID_NN.nc; give a "
                "renamed file alone to read_swot",
            )
        key = granule.product, granule.cycle, granule.number
        seen.append((key, path))
        if key not in best or _rank(granule) > _rank(best[key][0]):
            best[key] = granule, path
    chosen = sorted(best.values(), key=lambda pair: (pair[0].start, pair[0].product))
    kept = [path for _, path in chosen]
    superseded = {path: best[key][1] for key, path in seen if path != best[key][1]}
    return kept, superseded


def _rank(granule: Granule) -> tuple[bool, str, bool, str, int]:
    released = granule.version != "simulated"
    crid = granule.crid
    return released, granule.version, crid[1] == "G", crid[3], granule.counter


def _stamp(text: str) -> np.datetime64:
    date, clock = text.split("T")
    return np.datetime64(
        f"{date[:4]}-{date[4:6]}-{date[6:]}T{clock[:2]}:{clock[2:4]}:{clock[4:]}", "s"
    )
