"""Filters that conserve quantiles: observed scalars by their distributions, the rest by regression.

tails               normal distributions cut at both ends
histogram           the bounded-normal rank histogram and its posterior
kernel              the kernel estimate and its posterior
families            one scalar's ensemble: to probits and back, prior to posterior
filter              one observation after the other, regression of increments
"""
