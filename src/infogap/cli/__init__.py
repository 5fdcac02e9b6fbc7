"""The command line: one thin command per stage, and those to look at what a run holds."""

from importlib import import_module


def main() -> None:
    """The console script `infogap`."""
    from infogap.cli.app import app

    for commands in ("recipes", "stages", "show", "datasets"):  # each registers its own, in the order of --help
        import_module(f"infogap.cli.{commands}")
    app()
