"""The cycle: forecast, observe, analyse, commit, written once for all engines.

context.py      what every task of a run needs: settings, grid, model, stores
parts.py        what travels between tasks
tasks.py        the tasks: plain functions, the same for every engine
scoring.py      the scores of a cycle
driver.py       the loop that submits the tasks of a cycle and commits it
"""
