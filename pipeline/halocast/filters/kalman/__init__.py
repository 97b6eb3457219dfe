"""Kalman's filter, and the methods that take his gain from somewhere cheaper.

kf, ekf         the filter itself; its linearisation for models that are not linear
oi, oi_field    optimal interpolation: of a climate, of a window, of fields on a sphere
enoi            optimal interpolation whose covariances are those of a store of states
var3d           the same analysis as a minimum; for operators that are not linear
var4d, envar4d  a window of time, by Gauss and Newton: static modes, or an ensemble

update, gauss_newton, jacobians, climate, correlations, checks are what they share.
"""
