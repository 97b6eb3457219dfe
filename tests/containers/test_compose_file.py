"""docker-compose.yml: valid, closed to the outside, and its parts wait for each other."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Services = dict[str, dict[str, Any]]
Tool = Callable[[str, str], str]

APT = "apt-get install docker-compose"


def check_config(compose: str, file: Path) -> subprocess.CompletedProcess[str]:
    command = [compose, "--file", str(file), "--profile", "tools", "config", "--quiet"]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_docker_compose_takes_the_file(tool: Tool, root: Path) -> None:
    done = check_config(tool("docker-compose", APT), root / "docker-compose.yml")
    assert done.returncode == 0, done.stderr


def test_docker_compose_finds_a_misspelt_key(tool: Tool, root: Path, tmp_path: Path) -> None:
    """The check above can fail."""
    text = (root / "docker-compose.yml").read_text(encoding="utf-8")
    broken = tmp_path / "docker-compose.yml"
    broken.write_text(text.replace("healthcheck:", "healthchek:", 1), encoding="utf-8")
    done = check_config(tool("docker-compose", APT), broken)
    assert done.returncode == 1
    assert "healthchek" in done.stderr


def test_the_file_is_of_the_compose_schema(tool: Tool, root: Path) -> None:
    command = [
        tool("check-jsonschema", "pip install check-jsonschema"),
        "--builtin-schema", "vendor.compose-spec", str(root / "docker-compose.yml"),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout


def test_only_this_machine_reaches_the_ports(services: Services) -> None:
    """A Dask scheduler runs whatever it is sent, by anybody who reaches it."""
    ports = [port for service in services.values() for port in service.get("ports", [])]
    assert ports
    for port in ports:
        assert re.fullmatch(r"127\.0\.0\.1:\$\{HALOCAST_\w+_PORT:-(\d+)\}:\1", port), port


# what sudo needs to start a server as its user and to make the users' accounts
OF_SUDO = {"AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "KILL", "SETGID", "SETUID"}


def test_no_service_may_more_than_it_needs(services: Services) -> None:
    for name, service in services.items():
        assert service["cap_drop"] == ["ALL"], name
        assert set(service.get("cap_add", [])) == (OF_SUDO if name == "hub" else set()), name
        gains = "no-new-privileges:true" not in service["security_opt"]
        assert gains == (name == "hub"), name
        assert "privileged" not in service, name
        assert "network_mode" not in service, name
        assert not any("docker.sock" in volume for volume in service.get("volumes", [])), name


def test_nobody_may_log_in_by_a_password_of_the_repository(root: Path) -> None:
    lines = (root / "deploy/docker/hub-accounts").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line.strip() and not line.startswith("#")] == []


def test_what_lives_is_watched(services: Services) -> None:
    """Checks are shell commands: some engines take a list of words apart at its spaces."""
    for name, service in services.items():
        if "profiles" in service:
            continue  # one command, not a service
        kind, command = service["healthcheck"]["test"]
        assert kind == "CMD-SHELL", name
        assert "timeout=" in command, name  # a check that hangs finds nothing


def test_each_waits_until_those_it_needs_are_well(services: Services) -> None:
    for name, service in services.items():
        for needed, how in service.get("depends_on", {}).items():
            assert how == {"condition": "service_healthy"}, name
            assert "healthcheck" in services[needed], name
    assert set(services["worker"]["depends_on"]) == {"scheduler", "s3"}


def test_workers_can_be_scaled(services: Services) -> None:
    """A second worker needs the first one's name and ports nowhere."""
    assert "ports" not in services["worker"]
    assert "container_name" not in services["worker"]


def test_a_worker_has_one_thread_and_the_memory_of_its_container(services: Services) -> None:
    command = services["worker"]["command"]
    assert "--nthreads 1" in command
    assert f"--memory-limit {services['worker']['mem_limit']}" in command


def test_credentials_come_from_outside(services: Services) -> None:
    for name, service in services.items():
        for key, value in service.get("environment", {}).items():
            if key.startswith("AWS_"):
                assert value.startswith("${HALOCAST_S3_"), f"{name}: {key}"


@pytest.mark.parametrize("who", ["worker", "client", "hub"])
def test_all_who_compute_reach_the_same_stores(services: Services, who: str) -> None:
    assert services["worker"]["environment"].items() <= services[who]["environment"].items()
    assert "runs:/runs" in services[who]["volumes"]
