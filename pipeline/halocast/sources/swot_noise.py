"""The random height noise of KaRIn against distance from nadir."""

from __future__ import annotations

import numpy as np

# Standard deviation (m) of one 2 km pixel at 2 m significant wave height, as measured column by
# column in passes of the CNES/JPL science simulator; white along and across the track.
_DISTANCE = 1e3 * np.array([10.0, 14.0, 20.0, 24.0, 30.0, 36.0, 40.0, 44.0, 50.0, 54.0, 57.0, 60.0])
_NOISE = 1e-3 * np.array([13.9, 11.6, 9.5, 8.9, 8.4, 8.6, 8.9, 9.75, 11.9, 14.2, 18.1, 22.8])

# The uncertainty released with 250 m pixels (cycle 11 pass 59) is 18.3 mm at 35 km from nadir.
_UNSMOOTHED_FACTOR = 2.0


def karin_noise(cross_track: np.ndarray, *, unsmoothed: bool = False) -> np.ndarray:
    """Return the standard deviation of the height noise (m) at distances from nadir (m).

    Parameters
    ----------
    cross_track
        Signed or unsigned distance, any shape; beyond 10–60 km the nearest figure holds.
    unsmoothed
        For 250 m pixels instead of 2 km ones.
    """
    sd = np.interp(np.abs(cross_track), _DISTANCE, _NOISE)
    return _UNSMOOTHED_FACTOR * sd if unsmoothed else sd
