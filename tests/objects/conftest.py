"""A server of S3's protocol, a wire to it that can be cut, and small runs to put there."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from halocast.stores import object_access, patience
from halocast.stores.places import locate
from object_cases import KEY, SECRET
from wire import Wire


@pytest.fixture(scope="session")
def server() -> Iterator[tuple[str, int]]:
    """Host and port of an S3 server with the buckets ``ocean`` and ``runs``."""
    moto = pytest.importorskip("moto.server", reason="needs the S3 server: moto[server]")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    running = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    for bucket in ("ocean", "runs"):
        urlopen(Request(f"http://{host}:{port}/{bucket}", method="PUT"), timeout=10).close()
    yield host, port
    running.stop()


@pytest.fixture
def wire(server: tuple[str, int]) -> Iterator[Wire]:
    """A wire to the server."""
    with Wire(server) as made:
        yield made


@pytest.fixture
def s3(wire: Wire, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    """URL of an empty folder in a bucket; the environment leads there, over the wire."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_ENDPOINT_URL", wire.url)
    object_access.connect.cache_clear()
    patience._silent.clear()
    folder = f"s3://runs/{tmp_path.name}"
    yield folder
    wire.mend()
    object_access.connect.cache_clear()
    locate(folder).remove_all()
    object_access.connect.cache_clear()
