"""A multilayer shallow-water ocean: Arakawa C grid, energy-conserving, with land and open edges."""

from halocast.models.shallow_water.model import ShallowWater
from halocast.models.shallow_water.settings import ShallowWaterSettings

__all__ = ["ShallowWater", "ShallowWaterSettings"]
