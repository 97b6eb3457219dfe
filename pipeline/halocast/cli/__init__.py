"""The commands. ``halocast COMMAND --help`` shows what each takes, with an example."""

from halocast.cli.app import main

__all__ = ["main"]
