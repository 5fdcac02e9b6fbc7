"""`infogap view`: a run's traces in the browser, from a local server or as a folder of files."""

from __future__ import annotations

from typing import Annotated

import typer

from infogap.cli.app import RUNS, command
from infogap.cli.arguments import RunFolder
from infogap.console import output, print_json, print_line, say
from infogap.errors import InputError


@command(RUNS)
def view(
    folder: RunFolder,
    port: Annotated[int, typer.Option(min=0, max=65_535, help="The port on this machine; 0 takes a free one.")] = 7575,
) -> None:
    """Browse traces: list, filter, search, compare privileges side by side."""
    from infogap.runs.run_folder import Run

    try:
        from infogap.view.local_server import serve
    except ModuleNotFoundError as error:
        raise InputError(f"`infogap view` needs {error.name}: pip install 'infogap[view]'") from None
    serve(Run.open(folder), port, _print_link)


def _print_link(link: str) -> None:
    if output.json:
        print_json({"url": link}, indent=False)
    else:
        print_line(link)
    say("open this link; Ctrl-C stops the server")
