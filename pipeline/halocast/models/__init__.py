"""Models: the contract, and the models that come with halocast."""

from halocast.models.base import Model, build_model
from halocast.models.own import OwnModel

__all__ = ["Model", "OwnModel", "build_model"]
