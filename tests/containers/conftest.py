"""What the tests of the container set-up read: the compose file, the Dockerfile, the pins."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository's folder, which docker-compose.yml lies in."""
    return ROOT


@pytest.fixture(scope="session")
def services() -> dict[str, dict[str, Any]]:
    """The services of docker-compose.yml, with its anchors filled in."""
    tree = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    return tree["services"]


@pytest.fixture(scope="session")
def stages() -> dict[str, list[str]]:
    """The stages of the Dockerfile: the instructions of each, one a string."""
    text = (ROOT / "deploy/docker/Dockerfile").read_text(encoding="utf-8")
    text = re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ")
    found: dict[str, list[str]] = {}
    name = ""
    for line in filter(None, map(str.strip, text.splitlines())):
        if line.startswith("FROM "):
            name = line.split(" AS ")[1]
        if name:
            found.setdefault(name, []).append(line)
    return found


@pytest.fixture(scope="session")
def tool() -> Callable[[str, str], str]:
    """Find a program; skips the test where it is missing, and says how to get it."""

    def find(name: str, how: str) -> str:
        path = shutil.which(name)
        if path is None:
            pytest.skip(f"{name} is missing: {how}")
        return path

    return find
