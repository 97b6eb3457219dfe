"""A model that is a program of its own: restart files in and out, one call a member and cycle."""

from halocast.models.external.model import ExternalModel
from halocast.models.external.settings import ExternalModelSettings

__all__ = ["ExternalModel", "ExternalModelSettings"]
