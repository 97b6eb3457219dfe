"""Model noise: its settings, its fields, its exact covariance."""

from halocast.noise.centring import centre
from halocast.noise.correlation import Correlation, correlation_at
from halocast.noise.covariance import covariance_between, covariance_matrix, fill_covariance
from halocast.noise.model_noise import ModelNoise
from halocast.noise.response import SurfaceResponse
from halocast.noise.settings import FieldNoise, FieldNoiseEntry, as_field_noise
from halocast.noise.terms import Terms

__all__ = [
    "Correlation",
    "FieldNoise",
    "FieldNoiseEntry",
    "ModelNoise",
    "SurfaceResponse",
    "Terms",
    "as_field_noise",
    "centre",
    "correlation_at",
    "covariance_between",
    "covariance_matrix",
    "fill_covariance",
]
