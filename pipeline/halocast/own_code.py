"""Code of the user's, named in a run file as ``module:name``: found, kept with the run, imported.

A module is either installed where the tasks run, or one file beside the run file. Such a file is
read when the run file is, and its text becomes part of the run's settings: workers need not see the
folder, a resumed run is carried out by the code it began with, and other code is another setting.

The text is imported from a file in the user's cache folder, named by its digest, so that compiled
functions are cached too and runs with different versions of a module can share a process.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
import tempfile
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field

from halocast.errors import ConfigError
from halocast.settings import Settings

Reference = Annotated[str, Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")]
"""``module:name``, as in ``my_model:MyModel``."""


class OwnClassSettings(Settings):
    """A class of the user's, named in a section of the run file."""

    model_config = ConfigDict(serialize_by_alias=True)

    class_: Reference = Field(
        alias="class",
        description="module:name of the class; the module is installed, or a file beside the run "
        "file",
    )
    options: dict[str, Any] = Field(
        default_factory=dict, description="Keyword arguments of the class"
    )
    source: str | None = Field(
        None, description="Text of the module's file; filled in when the run file is read"
    )

    def located(self, folder: Path) -> Self:
        """Return the settings with the text of the module, where its file lies in ``folder``."""
        if self.source is not None:
            return self
        return self.model_copy(update={"source": source_beside(self.class_, folder)})


def source_beside(reference: str, folder: Path) -> str | None:
    """Return the text of the module's file in a folder; None where there is no such file."""
    module, _, _ = reference.partition(":")
    path = folder / f"{module}.py"
    return path.read_text(encoding="utf-8") if path.is_file() else None


def load_object(reference: str, source: str | None, where: str) -> Any:
    """Import what a run file names.

    Parameters
    ----------
    reference
        ``module:name``.
    source
        Text of the module, or None where it is installed.
    where
        Key of the run file, for errors.

    Raises
    ------
    ConfigError
        The module cannot be imported, or has no such name.
    """
    module_name, _, name = reference.partition(":")
    try:
        module = import_module(module_name) if source is None else _module(module_name, source)
    except Exception as error:  # the user's code runs here, and may raise anything
        raise ConfigError(
            f"{module_name} cannot be imported: {type(error).__name__}: {error}",
            where=where,
            remedy=_remedy(module_name, source),
        ) from error
    if not hasattr(module, name):
        raise ConfigError(
            f"{module_name} has no {name}",
            where=where,
            remedy=f"it has {', '.join(n for n in vars(module) if not n.startswith('_'))}",
        )
    return getattr(module, name)


def _remedy(module: str, source: str | None) -> str:
    if source is None:
        return f"put {module}.py beside the run file, or install it where the tasks run"
    return "only this one file goes with the run; what it imports must be installed"


def code_digest(reference: str, source: str | None) -> str:
    """Name a piece of code by its text, or by its reference where it is installed."""
    return hashlib.sha256(f"{reference}\n{source or ''}".encode()).hexdigest()


@lru_cache(maxsize=64)
def _module(name: str, source: str) -> ModuleType:
    digest = hashlib.sha256(source.encode()).hexdigest()[:24]
    path = _kept_file(digest, name, source)
    unique = f"halocast_own_{digest}_{name.replace('.', '_')}"
    spec = importlib.util.spec_from_file_location(unique, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[unique] = module  # dataclasses look their module up
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[unique]
        raise
    return module


def _kept_file(digest: str, name: str, source: str) -> Path:
    """Return a file with this text: in the user's cache, or of this process where there is none."""
    home = os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
    path = Path(home) / "halocast" / "code" / digest / f"{name}.py"
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not path.is_file() or path.read_text(encoding="utf-8") != source:
            partial = path.with_name(f".{name}.{os.getpid()}")
            partial.write_text(source, encoding="utf-8")
            partial.replace(path)
    except OSError:
        path = Path(_process_folder().name) / digest / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, encoding="utf-8")
    return path


@lru_cache(maxsize=1)
def _process_folder() -> tempfile.TemporaryDirectory:
    return tempfile.TemporaryDirectory(prefix="halocast-code-")
