"""Markov chains over the state and the ancestor, for what cannot be sampled exactly.

RWM, pCN, MALA, pCNL and HMC given the ancestor, with moves of the ancestor that are exact; several
chains, a step adapted in burn-in only, and a verdict on whether they mixed. Start at
`halocast.samplers.chains.run`.
"""

from halocast.samplers.chains.health import autocorrelation, mixed
from halocast.samplers.chains.run import run_chains
from halocast.samplers.chains.settings import ChainSettings
from halocast.samplers.chains.target import Chains, ChainTarget, ChainTrace, trace_of

__all__ = [
    "ChainSettings",
    "ChainTarget",
    "ChainTrace",
    "Chains",
    "autocorrelation",
    "mixed",
    "run_chains",
    "trace_of",
]
