"""The stack, for real: brought up, a worker killed, both runs the same; and its S3 server."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

TOOLS = (
    "podman",
    "buildah",
    "runc",
    "catatonit",
    "iptables",
    "debootstrap",
    "docker-compose",
    "openssl",
)


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def test_the_s3_server_serves_its_bucket_until_it_is_told_to_end(root: Path) -> None:
    obstore = pytest.importorskip("obstore")
    pytest.importorskip("moto.server", reason="moto is not installed (extra 'test')")
    from obstore.store import S3Store

    port = free_port()
    command = [sys.executable, str(root / "deploy/docker/s3_server.py"), "halocast", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            assert server.stdout.readline() == f"s3://halocast is served on port {port}\n"
            store = S3Store(
                "halocast", endpoint=f"http://127.0.0.1:{port}", region="us-east-1",
                access_key_id="any", secret_access_key="will-do",
                client_options={"allow_http": True},
            )  # fmt: skip
            obstore.put(store, "a/commit", b"first", mode="create")
            with pytest.raises(obstore.exceptions.AlreadyExistsError):
                obstore.put(store, "a/commit", b"second", mode="create")
            assert bytes(obstore.get(store, "a/commit").bytes()) == b"first"
            server.terminate()
            assert server.wait(timeout=30) == 0
        finally:
            server.kill()


def test_the_demo_script_names_a_missing_tool(root: Path, tmp_path: Path) -> None:
    """Nothing is made, and nothing is left, where the demo cannot run."""
    for tool in ("bash", "mktemp", "basename", "dirname", "tr", "id", "date", "rm"):
        found = shutil.which(tool)
        assert found is not None
        (tmp_path / tool).symlink_to(found)
    (tmp_path / "tmp").mkdir()
    done = subprocess.run(
        ["bash", str(root / "deploy/podman-demo.sh")], capture_output=True, text=True, timeout=60,
        env={"PATH": str(tmp_path), "TMPDIR": str(tmp_path / "tmp")}, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "is missing" in done.stderr or "run as root" in done.stderr
    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.full
@pytest.mark.timeout(3600)
def test_the_demo_survives_a_killed_worker_on_podman(root: Path, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("podman is run as root here")
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"missing: {', '.join(missing)} (Debian's packages; deploy/podman-demo.sh)")
    began = time.monotonic()
    done = subprocess.run(
        [str(root / "deploy/podman-demo.sh"), "4"], capture_output=True, text=True, check=False,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )  # fmt: skip
    print(done.stdout, f"{time.monotonic() - began:.0f} s")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "killed the worker in container" in done.stdout
    assert "the scheduler sees 1 workers" in done.stdout
    assert "bitwise identical" in done.stdout
    assert "a wrong password is refused" in done.stdout
    assert list(tmp_path.iterdir()) == []
    left = subprocess.run(
        ["podman", "ps", "--all", "--quiet", "--filter", "label=com.docker.compose.project"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert left.stdout == ""
