"""Twin experiments in memory: small models, every filter, thousands of cycles in seconds.

problem        a model, its observations, what is known at the start
problems/      those of the field's papers
methods        how a filter is cycled: an ensemble and its analysis, or a method's own cycle
local          an analysis of every scalar's surroundings; tapers of the whole state
block_filters  the big engines' filters on small problems
registry       every method by its name and settings
trial          truth, observations and a method, cycle after cycle; its scores
board/         the scoreboard: methods on problems, beside documented numbers
"""
