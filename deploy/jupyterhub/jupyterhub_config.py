"""JupyterHub for halocast: in the compose stack's container, or on one machine.

Who may log in: members of the Unix group ``halocast``, by the passwords the system knows (PAM,
JupyterHub's own authenticator). Who runs what: every server runs as the Unix account of its user,
so files and processes of users are kept apart by the kernel. The hub itself runs as the account
``jupyterhub`` and starts servers through sudo, which lets it run one program, as members of the
group, and nothing as root. ``set-up.sh`` makes all of this.

Environment, all of it optional:

HALOCAST_HUB_STATE
    Folder of the database and the cookie secret, default /srv/jupyterhub/state.
HALOCAST_HUB_GROUP, HALOCAST_HUB_PAM
    The group and the PAM service, default ``halocast`` and ``halocast-hub``.
HALOCAST_HUB_BIND
    Address people come to, default http://127.0.0.1:8000.
HALOCAST_NOTEBOOKS
    Folder of the notebooks that every user gets, default the ``notebooks`` of this repository.
DASK_SCHEDULER_ADDRESS, AWS_…
    Go on to the users' servers as they are.
"""

import os
import sys
from pathlib import Path

from traitlets.config import get_config

HERE = Path(__file__).resolve().parent
BIN = Path(sys.executable).parent
STATE = Path(os.environ.get("HALOCAST_HUB_STATE", "/srv/jupyterhub/state"))
GIVEN_ON = (
    "PATH", "LANG", "LC_ALL", "TZ", "DASK_SCHEDULER_ADDRESS",
    "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION",
    "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_ALLOW_HTTP", "AWS_PROFILE",
)  # fmt: skip

c = get_config()

c.JupyterHub.bind_url = os.environ.get("HALOCAST_HUB_BIND", "http://127.0.0.1:8000")
c.JupyterHub.db_url = f"sqlite:///{STATE / 'jupyterhub.sqlite'}"
c.JupyterHub.cookie_secret_file = str(STATE / "cookie_secret")
c.ConfigurableHTTPProxy.pid_file = str(STATE / "proxy.pid")

c.JupyterHub.authenticator_class = "pam"
c.PAMAuthenticator.service = os.environ.get("HALOCAST_HUB_PAM", "halocast-hub")
c.PAMAuthenticator.allowed_groups = {os.environ.get("HALOCAST_HUB_GROUP", "halocast")}
c.Authenticator.allow_all = False
c.JupyterHub.concurrent_spawn_limit = 10

c.JupyterHub.spawner_class = "sudospawner.SudoSpawner"
c.SudoSpawner.sudospawner_path = str(BIN / "sudospawner")
c.Spawner.default_url = "/lab"
c.Spawner.http_timeout = 60
c.Spawner.env_keep = list(GIVEN_ON)
c.Spawner.environment = {
    # settings of the users' servers, and what these deliver
    "JUPYTER_CONFIG_PATH": str(HERE / "server"),
    "HALOCAST_NOTEBOOKS": os.environ.get(
        "HALOCAST_NOTEBOOKS", str(HERE.parent.parent / "notebooks")
    ),
    # a browser reaches dashboards through the user's own server
    "DASK_DISTRIBUTED__DASHBOARD__LINK": "{JUPYTERHUB_SERVICE_PREFIX}proxy/{host}:{port}/status",
    # kernels of people share the machine: one thread each
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
}
