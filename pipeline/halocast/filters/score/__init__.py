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

network     layers, forward and back            denoiser    preconditioning; the score
pairs       free run, backgrounds               training    denoising score matching, Adam
sampling    annealed Langevin                   kernel      the score in closed form
settings    what can be chosen                  method      the cycle

Cost with 5000 weights: training 10 to 20 s once; a cycle 49 forward passes of all chains, 5 ms.
"""

from halocast.filters.score.chains import sample
from halocast.filters.score.method import Learned, ScoreFilter
from halocast.filters.score.settings import CdsmSettings

__all__ = ["CdsmSettings", "Learned", "ScoreFilter", "sample"]
