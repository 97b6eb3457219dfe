"""Dask workers as SLURM jobs of their own, started and ended by the process that drives a run.

For a session on a login node or in JupyterHub. Each job waits in the queue for itself, and the run
begins when all have come: a cycle waits for its slowest member anyway. Where the queue is long,
one allocation for everything (``halocast submit``) is the better way.
"""

from __future__ import annotations

import math
import sys
import tempfile
from typing import Any

from dask.utils import format_bytes, parse_bytes
from pydantic import Field, PositiveInt, field_validator

from halocast.errors import RunError
from halocast.settings import Settings
from halocast.slurm.request import is_time_limit
from halocast.slurm.sbatch import try_out


class SlurmPool(Settings):
    """What to ask SLURM for; ``engine.workers`` says how many workers there are."""

    partition: str | None = Field(None, description="Partition; SLURM's default when null")
    account: str | None = Field(None, description="Account that pays")
    time: str = Field("01:00:00", description="Wall time of a job, as sbatch takes it")
    memory: str = Field("4GB", description="Memory of a worker")
    workers_per_job: PositiveInt = Field(1, description="Workers that share a job")
    interface: str | None = Field(None, description="Network interface, e.g. ib0")

    @field_validator("time", mode="before")
    @classmethod
    def _is_time_limit(cls, value: object) -> object:
        if not isinstance(value, str):  # YAML takes 01:00:00 for a number of base 60
            raise ValueError("put it in quotes, as in '01:00:00'")
        if not is_time_limit(value):
            raise ValueError("write minutes, HH:MM:SS or D-HH:MM:SS")
        return value

    @field_validator("memory")
    @classmethod
    def _is_bytes(cls, value: str) -> str:
        parse_bytes(value)
        return value


def slurm_cluster(pool: SlurmPool, workers: int) -> Any:
    """Start a scheduler here, and jobs with workers; returns a ``dask_jobqueue.SLURMCluster``.

    The jobs' logs are in a folder of the system's temporary one, which is named when they fail.

    Raises
    ------
    RunError
        dask-jobqueue is not here, or SLURM does not take the jobs.
    """
    try:
        from dask_jobqueue import SLURMCluster
    except ImportError as error:
        raise RunError(
            "a pool of SLURM jobs needs dask-jobqueue", remedy="pip install 'halocast[slurm]'"
        ) from error
    count = pool.workers_per_job
    cluster = SLURMCluster(
        cores=count,  # one thread a worker
        processes=count,
        memory=format_bytes(count * parse_bytes(pool.memory)),
        queue=pool.partition,
        account=pool.account,
        walltime=pool.time,
        interface=pool.interface,
        python=sys.executable,
        job_name="halocast-worker",
        death_timeout=60,
        local_directory=tempfile.gettempdir(),
        scheduler_options={"dashboard_address": ":0"},
    )
    try:
        try_out(cluster.job_script())
    except RunError:
        cluster.close()
        raise
    cluster.scale(jobs=math.ceil(workers / count))
    return cluster
