"""Moves of the state given its ancestor, one a module, all in whitened coordinates.

Every kernel leaves N(u; 0, I) g(mu_j + L u) invariant, u in R^p, and has one signature:

    step(problem, walk, j, log_like, step, normal, uniform) -> Move

with p standard normals and a row of uniforms, of which the first decides on the proposal
(hmc takes the number of leapfrog steps besides).
"""
