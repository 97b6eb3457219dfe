"""The ensemble Kalman family: methods of a window of the state (`halocast.filters.window`).

enkf            stochastic, with perturbed observations
serial          one observation after the other: EnSRF, Potter's, EAKF
etkf            the symmetric transform
denkf           the deterministic filter
hybrid          with static anomalies beside the members'
settings        what all of them can be told; after, rotation: what is done to the anomalies then
adaptive        inflation that follows the innovations
sampling_error  what small samples do to correlations, and its correction
tapers          Schur localization: distances on the grid, and factors
gain, dense, departures    the algebra they share
"""
