"""CDSM: conditional denoising score matching, with Langevin sampling at the observation times.

Only an abstract of the original is public (Shen, EGU General Assembly 2026, EGU26-6704). From it:
error growth is seen as noise that is added and error reduction as denoising; a network learns the
conditional score by denoising score matching; the analysis is sampled by Langevin dynamics at the
observation times and integrated on; noise is added in training only. **All the rest is our
reconstruction**: the network, its preconditioning and training, the noise levels, the sampler, the
training states and backgrounds, and that the analysis is the mean of many chains. It is built on
Vincent (2011), Song & Ermon (2019), Song et al. (2021) and Karras et al. (2022). Its numbers say
nothing of the author's.

What the score is conditioned on decides what is sampled. On the observations alone it is the
*climate's* posterior, and the forecast is forgotten (the level of 3D-Var); on observations and
background it is a learned, state-dependent gain. At observation intervals of a few steps the
ensemble filters are better by far.

Trained for the whole network of observations, a score serves that only. With ``masked: true`` it
learns any part of it and errors of half to twice the size, so that observations may move or be
missing: one training, no other. That takes more weights for the same error. On Lorenz-63 (R = 2,
interval 0.25; rms error; closed form: of the same observations, with a kernel for the background)

    observed            one score each    masked, width 64    masked, width 128    closed form
    x, y, z             0.63              0.64                0.63                 0.71
    x, z                1.01              1.29                1.14                 1.02
    x                   2.14              2.50                2.10                 2.17
    x, y, z, R = 0.5    0.34              0.40                0.39                 0.43

``dagger: true`` lets it learn its own forecasts too: see `rerun` for what that gains.

network     layers, forward and back            denoiser        preconditioning; the score
observing   places for observations             conditions      what the network is told
pairs       free run, backgrounds               batches         masks, noise, errors
training    denoising score matching, Adam      torch_training  the same with torch
schedule    the rate of the steps               rerun           its own forecasts as backgrounds
sampling    annealed Langevin                   chains          of a learned score
kernel      the score in closed form            method          the cycle
settings    what can be chosen

Cost with 5000 weights: training 5 to 20 s once; a cycle 49 forward passes of all chains, 2 to 5 ms.
"""

from halocast.filters.score.chains import sample
from halocast.filters.score.method import Learned, ScoreFilter
from halocast.filters.score.settings import CdsmSettings

__all__ = ["CdsmSettings", "Learned", "ScoreFilter", "sample"]
