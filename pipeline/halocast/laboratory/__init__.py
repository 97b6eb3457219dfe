"""Twin experiments in memory: small models, every filter, thousands of cycles in seconds.

problem      a model, its observations, what is known at the start
problems/    those of the field's papers
methods      how a filter is cycled: an ensemble and its analysis, or a method's own cycle
trial        truth, observations and a method, cycle after cycle; its scores
"""

# the registry of filters names methods that are cycled here: whoever comes first, it is read first
import halocast.filters  # noqa: F401
