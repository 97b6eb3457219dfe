"""The bridge: LSMCMC with a kernel between the paper's and the ensemble's."""

from halocast.filters.bridge.filter import BridgeSettings, bridge_kernels, sees, update

__all__ = ["BridgeSettings", "bridge_kernels", "sees", "update"]
