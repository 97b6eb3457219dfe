"""Kalman filters that look at the model through a few well-placed points.

ukf             unscented: scaled weights, additive or augmented noise
cdkf            central differences
svd             truncated: points of the leading modes only, for states too large for the others

points, square_root, gaussian are what they share.
"""
