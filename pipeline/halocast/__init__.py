"""halocast: ensemble data assimilation for the ocean, the same answer on any cluster."""

__version__ = "0.1.0"
