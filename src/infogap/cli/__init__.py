"""The command line: thin commands over the Python API. Open app.py first, then stages.py."""

from importlib import import_module

_COMMANDS = (
    "recipe_commands",
    "privileges_command",
    "run_commands",
    "sweep_command",
    "status",
    "show",
    "stages",
    "export_command",
    "datasets",
)


def main() -> None:
    """Run the console script `infogap`."""
    from infogap.cli.app import app

    for commands in _COMMANDS:  # each registers its own, in the order of --help
        import_module(f"infogap.cli.{commands}")
    app()
