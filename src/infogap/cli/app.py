"""The Typer app, the options that every command has, and how errors end the process."""

from __future__ import annotations

import inspect
import os
import sys
import traceback
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any

import typer

from infogap import __version__
from infogap.console import output, stderr
from infogap.errors import InfogapError, StoppedError

EXIT_CODES = (
    "Exit codes: 0 done, or stopped early on purpose (one Ctrl-C while generating, a budget), 2 the input is wrong, "
    "3 an external service or the disk failed, 4 done but short of the recipe's target, 1 a bug in infogap "
    "(of diff: the two differ), "
    "130 stopped at once by a second Ctrl-C."
)
app = typer.Typer(
    name="infogap",
    help="Build reasoning-distillation datasets in which the information gap between teacher and student "
    "is controlled, measured and kept.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
RECIPES, RUNS, DATASETS, STAGES = "Recipes", "Runs", "Datasets", "One stage of a run"
_INTERRUPTED = 130

_COMMON = {
    "verbose": Annotated[bool, typer.Option("-v", "--verbose", help="Print details.", rich_help_panel="Output")],
    "quiet": Annotated[bool, typer.Option("-q", "--quiet", help="Print errors only.", rich_help_panel="Output")],
    "json_": Annotated[bool, typer.Option("--json", help="Print data as JSON on stdout.", rich_help_panel="Output")],
    "debug": Annotated[bool, typer.Option("--debug", help="Show tracebacks.", rich_help_panel="Output")],
}


def print_json(value: Any) -> None:
    """Print data as indented JSON on stdout."""
    import orjson

    typer.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())


def command(
    panel: str, name: str | None = None, to: typer.Typer = app, help_text: str | None = None
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a function as a command with the output options; its errors become one line and an exit code."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        register_with = to.command(name or function.__name__, rich_help_panel=panel, help=help_text)
        register_with(with_output_options(function))
        return function

    return register


def with_output_options(function: Callable[..., None]) -> Callable[..., None]:
    """Add -v, --quiet, --json and --debug to a function's own parameters."""

    @wraps(function)
    def run(*, verbose: bool, quiet: bool, json_: bool, debug: bool, **arguments: Any) -> None:
        output.verbose, output.quiet, output.json, output.debug = verbose, quiet, json_, debug
        _run(function, arguments)

    own = inspect.signature(function, eval_str=True)
    keyword = inspect.Parameter.KEYWORD_ONLY
    common = [inspect.Parameter(key, keyword, annotation=kind, default=False) for key, kind in _COMMON.items()]
    parameters = [parameter.replace(kind=keyword) for parameter in own.parameters.values()]
    run.__signature__ = own.replace(parameters=[*parameters, *common])  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in [*parameters, *common]}
    return run


def _run(function: Callable[..., None], arguments: dict[str, Any]) -> None:
    try:
        function(**arguments)
    except InfogapError as error:
        if output.debug:
            traceback.print_exc()
        _complain(str(error), style="yellow" if isinstance(error, StoppedError) else "red")
        raise typer.Exit(error.exit_code) from None
    except KeyboardInterrupt:
        _complain("stopped; finished work is on disk, and the same command continues from there")
        raise typer.Exit(_INTERRUPTED) from None
    except BrokenPipeError:  # `infogap show RUN | head` closed the pipe, so nothing may be flushed at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(0) from None
    except (typer.Exit, typer.Abort):
        raise
    except Exception as error:
        if output.debug:
            traceback.print_exc()
        _complain(f"a bug in infogap: {type(error).__name__}: {error}; --debug shows where")
        raise typer.Exit(1) from None


def _complain(message: str, style: str = "red") -> None:
    stderr().print(message, style=style, markup=False)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"infogap {__version__}")
        raise typer.Exit


@app.callback()
def _app(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Handle the options that come before the command."""
