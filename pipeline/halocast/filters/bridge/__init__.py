"""The bridge: LSMCMC with a kernel between the paper's and the ensemble Kalman filter's.

The paper's target in a block is sum_j N(z; mu_j, Q) g(y | z) over noise-free forecasts mu_j, Q
the covariance of *one step's* model noise. Where errors live longer than a step Q is a small part
of the forecast error: the kernel underuses observations, and 25 ancestors' weights cannot make up
for it. The bridge splits the likelihood (two-stage tempering: Frei & Kuensch 2013, Biometrika 100,
781-800; in blocks, Robert & Kuensch 2017, Tellus A 69). With P the forecasts' sample covariance
(m - 1), rho Gaspari and Cohn's localization, B = Q + rho o P, g in [0, 1], C picking the observed
scalars and R their errors (notation of that literature from here on):

    stage 1, likelihood^g, the ensemble's gain     K1 = B C' (C B C' + R/g)^-1
        N(mu_j, Q) -> N(nu_j, Q1),   nu_j = mu_j + K1 (y - C mu_j),
        Q1 = (I - K1 C) Q (I - K1 C)' + K1 (R/g) K1'
    stage 2, likelihood^(1-g), exact for the mixture of the N(nu_j, Q1)
        w_j ~ N(y; C nu_j, S2),   S2 = C Q1 C' + R/(1-g),   K2 = Q1 C' S2^-1,
        N(nu_j, Q1) -> N(nu_j + K2 (y - C nu_j), (I - K2 C) Q1)

g = 0 has no first stage: the paper's mixture, exactly, for any Q. g = 1 has no second: no weights,
no resampling, one kernel and the exact density of the observations, whatever they are.

Members. With ancestor a(i), own noise w_i ~ N(0, Q) and own errors e_i, e'_i ~ N(0, R),

    x_i = mu_a(i) + w_i,   x_i <- x_i + K1 (y + e_i / sqrt(g) - C x_i),
                           x_i <- x_i + K2 (y + e'_i / sqrt(1-g) - C x_i).

Given its ancestor the first line's noise (I - K1 C) w_i + K1 e_i / sqrt(g) has covariance Q1, the
second's (I - K2 C) Q1 (I - K2 C)' + K2 R K2' / (1-g) = (I - K2 C) Q1: a draw of the component.
The anomaly of the ancestor enters once, as its mean; nothing is counted twice. For g = 1 and a(i) =
i the anomalies A_i = mu_i - mean carry P: the members scatter by (I - K1 C)(P + Q)(I - K1 C)' +
K1 R K1', which is (I - K1 C)(P + Q), the Kalman filter's, if rho = 1, and for a Gaussian ensemble
any g has that limit. (A kernel that adds own anomaly to a mean that holds it already would count P
twice.) Errors w_i and e_i have mean zero, so the mean is that of the algebra without them
(Rao-Blackwell), and members are shifted to it. The spread is the mixture's own where it is
Gaussian, else the members'.

Coherence. Nothing random is drawn block by block: w_i is the member's global field, e_i is
addressed by (member, observation), survivors of systematic resampling keep their slots. Blocks of
any shape that see the same have the same members; drawn block by block they fall apart at the
blocks' edges, and skill with them.

Observations that are not Gaussian: Student-t and Laplace errors by sweeps over precision factors
(`heavy`), any other pointwise operator or density by chains in the observed scalars (`chains`; g =
0 or 1).

Figures: errors to the truth over the full Kalman filter's in persistent advection (30 x 30 cells,
25 members, tests/filters/test_persistent_advection.py; LETKF 1.07):

    g               0      0.25   0.5    0.75   0.9    1        adaptive (0.25, 0.5, 0.8 of m)
    error           1.66   1.45   1.22   1.12   1.08   1.043    1.48, 1.32, 1.17

    g = 1           radius 4       5       6       7       10      14 cells
    halo 6          1.056   1.045   1.044   1.050   1.079
    halo 8                  1.044   1.043
    halo 10                 1.045           1.046   1.070
    halo 10, taper          1.054           1.052   1.060   1.070
    halo 6, taper           1.092           1.093   1.101   1.107

so the defaults are g = 1 and no taper of R: localizing P is enough, tapering R as well localizes
twice. Blocks of 1, 3 and 5 cells give one number (1.043); inflation of 2 % costs 1 %. With
Student-t errors (1.5 degrees of freedom) the bridge has 1.26 (4, 8, 14 sweeps: 1 % between them),
the LETKF with a check of 3 deviations 1.37. `adaptive` keeps the ancestors that a forecast far
from Gaussian may need.

Cost of a cycle of 350 blocks of 4 x 4 cells and 12 fields, 13 observations seen by each, 25
members: 0.1 s Gaussian, 0.4 s Student-t, 1.1 s arctan with Student-t errors; per block p^3 / 3 +
p^2 m + p (3 m + p) a scalar of state if Gaussian, and p^3 / 3 per member and sweep if Student-t.
With 42 observations a block (162 at most) 0.3, 3.7 and 3.0 s.
"""

from halocast.filters.bridge.filter import BridgeSettings, bridge_kernels, sees, update

__all__ = ["BridgeSettings", "bridge_kernels", "sees", "update"]
