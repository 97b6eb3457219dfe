"""Particle filters: members that carry weights.

weights             normalised, with moments and effective number; what a filter refuses
resampling          multinomial, residual, systematic; survivors keep their slots
outcome             weights remembered, or members resampled and jittered
sir                 the bootstrap filter
proposal            members steered before they are weighted: weighted EnKF, optimal proposal
equivalent          particles moved to equal weights
nudged              the same, with particles nudged between observations
enkpf               between the ensemble Kalman filter and the particle filter
localized           one observation at a time, each with a reach
"""
