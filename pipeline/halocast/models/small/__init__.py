"""Small models that every data assimilator knows; all members of an ensemble advance at once.

lorenz63            chaos in three numbers
lorenz96            chaos on a ring
linear_advection    a ring that turns
quasi_geostrophic   a wind-driven ocean of one layer
runge_kutta         the derivative of the Lorenz models' steps
"""
