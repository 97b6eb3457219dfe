"""Models: the contract, and the models that come with halocast."""

from halocast.models.base import Model, build_model

__all__ = ["Model", "build_model"]
