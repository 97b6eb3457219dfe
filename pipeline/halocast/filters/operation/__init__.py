"""What operational systems do round an ensemble filter, as in MIKE FM.

covariances       error covariances at stations: smoothed in time, averaged, stored
smoothed_esrf     the serial square-root filter with smoothed covariances
tail_smoothing    the same for the ensemble transform filter, without covariances (our reading)
steady            a single run with the gain of stored covariances
incremental       increments that enter bit by bit
"""

from halocast.filters.operation.covariances import (
    Covariances,
    load,
    save,
    smoothed,
    smoothing_factor,
)
from halocast.filters.operation.incremental import IncrementalUpdate, run_with_increment, shares
from halocast.filters.operation.smoothed_esrf import SmoothedEsrfSettings, SmoothingMemory
from halocast.filters.operation.steady import SteadyGain, SteadySettings, steady_gain
from halocast.filters.operation.tail_smoothing import TailEtkfSettings

__all__ = [
    "Covariances",
    "IncrementalUpdate",
    "SmoothedEsrfSettings",
    "SmoothingMemory",
    "SteadyGain",
    "SteadySettings",
    "TailEtkfSettings",
    "load",
    "run_with_increment",
    "save",
    "shares",
    "smoothed",
    "smoothing_factor",
    "steady_gain",
]
