"""The command line: thin commands over the Python API. Open app.py first, then stages.py."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from infogap.start_up import starting

if TYPE_CHECKING:
    from typer import Typer

_COMMANDS = (
    "recipe_commands",
    "privileges_command",
    "run_commands",
    "sweep_command",
    "status",
    "show",
    "view_command",
    "stages",
    "export_command",
    "datasets",
)


def main() -> None:
    """Run the console script `infogap`."""
    with starting():
        command_line()(prog_name="infogap")  # as `python -m infogap` too


def command_line() -> Typer:
    """Return the app with all its commands."""
    from infogap.cli.app import app

    for commands in _COMMANDS:  # each registers its own, in the order of --help
        import_module(f"infogap.cli.{commands}")
    return app
