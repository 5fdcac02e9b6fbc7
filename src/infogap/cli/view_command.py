"""`infogap view`: a run's traces in the browser, from a local server or as a folder of files."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infogap.cli.app import RUNS, command
from infogap.cli.arguments import RunFolder
from infogap.console import output, print_json, print_line, say
from infogap.errors import InputError
from infogap.view.links import DEFAULT_PORT

if TYPE_CHECKING:
    from infogap.runs.run_folder import Run


@command(RUNS)
def view(
    folder: RunFolder,
    port: Annotated[
        int, typer.Option(min=0, max=65_535, help="The port on this machine; 0 takes a free one.")
    ] = DEFAULT_PORT,
    static: Annotated[
        Path | None,
        typer.Option("--static", metavar="DIR", help="Write the pages to a folder instead."),
    ] = None,
    with_contexts: Annotated[
        bool,
        typer.Option("--with-contexts", help="With --static: include what only the teachers saw, and leaking texts."),
    ] = False,
) -> None:
    """Browse traces: list, filter, search, compare privileges side by side."""
    from infogap.runs.run_folder import Run

    if static is not None:
        _export(Run.open(folder), static, with_contexts=with_contexts)
        return
    if with_contexts:
        raise InputError("--with-contexts is for --static DIR; the local pages show contexts always")
    try:
        from infogap.view.local_server import serve
    except ModuleNotFoundError as error:
        library = (error.name or "").partition(".")[0]
        raise InputError(f"`infogap view` needs {library}: pip install 'infogap[view]'") from None
    serve(Run.open(folder), port, _print_link)


def _export(run: Run, target: Path, *, with_contexts: bool) -> None:
    from infogap.view.exported_pages import export_pages, said_in_words

    exported = export_pages(run, target, with_contexts=with_contexts)
    if output.json:
        print_json({"folder": str(target), **asdict(exported)})
    else:
        for line in said_in_words(exported, target):
            say(line)


def _print_link(link: str) -> None:
    if output.json:
        print_json({"url": link}, indent=False)
    else:
        print_line(link)
    say("open this link; Ctrl-C stops the server")
