"""SLURM: runs sent to its queue as batch jobs, and Dask workers that are jobs of their own.

    request   what a job asks for
    script    the batch script, from the templates in ``deploy/slurm``
    submit    a run file to a run's folder with its script, and into the queue
    ledger    the jobs of a run, in its folder
    sbatch    talking to SLURM
    pool      Dask workers as jobs

A run in one allocation (``halocast submit``) is the form for long runs: everything starts together,
nothing has to stay logged in, and the script chains jobs until the run is done. The pool is for a
session that drives a run itself.
"""
