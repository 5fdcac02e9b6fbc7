"""The Typer app, the options that every command has, and how errors end the process."""

from __future__ import annotations

import errno
import inspect
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import infogap
from infogap import __version__
from infogap.console import complain, output, print_line, printable, separate_output, stderr
from infogap.errors import ExternalError, InfogapError, InputError, StoppedError

EXIT_CODES = (
    "Exit codes: 0 done, or stopped early on purpose (one Ctrl-C while generating, a budget, --no-wait), "
    "2 the input is wrong, 3 an external service or the disk failed, 4 done but short of the recipe's target, "
    "1 a bug in infogap (of diff: the two differ), "
    "130 stopped at once by a second Ctrl-C."
)


class _Commands(TyperGroup):
    """The commands; a complaint about an argument shows its control characters, as every other message does."""

    def make_context(self, *args: Any, **options: Any) -> Any:
        with _printable_complaints():
            return super().make_context(*args, **options)

    def invoke(self, ctx: Any) -> Any:
        with _printable_complaints():
            return super().invoke(ctx)


@contextmanager
def _printable_complaints() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if isinstance(message := getattr(error, "message", None), str):
            error.message = printable(message)  # type: ignore[attr-defined]
        raise


app = typer.Typer(
    name="infogap",
    cls=_Commands,
    help="Build reasoning-distillation datasets in which the information gap between teacher and student "
    "is controlled, measured and kept.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
_WRONG_PATH = (errno.ENAMETOOLONG, errno.ELOOP, errno.ENOTDIR, errno.EISDIR)
RECIPES, RUNS, DATASETS, STAGES = "Recipes", "Runs", "Datasets", "One stage of a run"
_INTERRUPTED = 130

_COMMON = {
    "verbose": Annotated[bool, typer.Option("-v", "--verbose", help="Print details.", rich_help_panel="Output")],
    "quiet": Annotated[bool, typer.Option("-q", "--quiet", help="Print errors only.", rich_help_panel="Output")],
    "json_": Annotated[bool, typer.Option("--json", help="Print data as JSON on stdout.", rich_help_panel="Output")],
    "debug": Annotated[bool, typer.Option("--debug", help="Show tracebacks.", rich_help_panel="Output")],
}


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
    with separate_output():
        _run_to_its_end(function, arguments)


def _run_to_its_end(function: Callable[..., None], arguments: dict[str, Any]) -> None:
    try:
        function(**arguments)
    except InfogapError as error:
        _print_traceback()
        complain(str(error), "yellow" if isinstance(error, StoppedError) else "red")
        raise typer.Exit(error.exit_code) from None
    except KeyboardInterrupt:
        complain("stopped; finished work is on disk, and the same command continues from there", "red")
        raise typer.Exit(_INTERRUPTED) from None
    except BrokenPipeError:  # `infogap show RUN | head` closed the pipe
        raise typer.Exit(0) from None
    except (typer.Exit, typer.Abort):
        raise
    except (OSError, MemoryError) as error:  # where no code knows better: the disk, or a path that it does not take
        _print_traceback()
        wrong = isinstance(error, OSError) and error.errno in _WRONG_PATH
        complain(f"{type(error).__name__}: {error}", "red")
        raise typer.Exit(InputError.exit_code if wrong else ExternalError.exit_code) from None
    except Exception as error:
        _print_traceback()
        if library := _unimportable(error):
            complain(
                f"{library} cannot be imported: {type(error).__name__}: {error}; is memory short, or an environment "
                "variable wrong?",
                "red",
            )
            raise typer.Exit(InputError.exit_code) from None
        complain(f"a bug in infogap: {type(error).__name__}: {error}; --debug shows where", "red")
        raise typer.Exit(1) from None


def _unimportable(error: Exception) -> str | None:
    """Return the library whose import raised the error: it reads environment variables that infogap does not.

    Python removes its own frames from the traceback of an ImportError; then every frame after infogap's is a module's.
    """
    frames = traceback.extract_tb(error.__traceback__)
    own = [index for index, frame in enumerate(frames) if _is_ours(frame.filename)]
    imports = [index for index, frame in enumerate(frames) if frame.filename.startswith("<frozen importlib")]
    begin = imports[0] if imports else own[-1] + 1 if own and isinstance(error, ImportError) else len(frames)
    modules = [Path(frame.filename) for frame in frames[begin:]]
    inside = [path for path in modules if "site-packages" in path.parts]
    if not inside or _is_ours(frames[-1].filename):
        return None
    return inside[0].parts[inside[0].parts.index("site-packages") + 1]


def _is_ours(file: str) -> bool:
    return Path(file).is_relative_to(Path(infogap.__file__).parent)


def _print_traceback() -> None:
    if output.debug:
        stderr().print(traceback.format_exc(), markup=False, end="")


def _version(wanted: bool) -> None:
    if wanted:
        print_line(f"infogap {__version__}")
        raise typer.Exit


@app.callback()
def _app(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Handle the options that come before the command."""
