"""Both Lorenz models: the problems that most papers score."""

from halocast.laboratory.problems.lorenz63 import sakov2012
from halocast.laboratory.problems.lorenz96 import sakov2008

__all__ = ["sakov2008", "sakov2012"]
