"""LETKF: the local ensemble transform Kalman filter."""

from halocast.filters.letkf.filter import LetkfSettings, sees, update

__all__ = ["LetkfSettings", "sees", "update"]
