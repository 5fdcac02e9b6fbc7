"""The argument RECIPE: a file, `-` for standard input, or an address whose recipe is shown before anything is run."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from infogap.cli import completions
from infogap.console import output, say, stderr
from infogap.errors import InputError

if TYPE_CHECKING:
    from infogap.recipe import Origin, RecipeText

STANDARD_INPUT = "-"
_ARGUMENT = typer.Argument(
    metavar="RECIPE",
    autocompletion=completions.recipes,
    help="A YAML file, - for standard input, or hf://..., https://...",
)
RecipeName = Annotated[str, _ARGUMENT]
OptionalRecipeName = Annotated[str | None, _ARGUMENT]
Yes = Annotated[bool, typer.Option("--yes", help="Run a recipe from the Hub or the web without asking.")]
Trust = Annotated[
    bool,
    typer.Option("--trust", help="Let a recipe from elsewhere run code, read other files and variables, send keys."),
]


def recipe_named(name: str, *, trust: bool = False) -> Path | RecipeText:
    """Return the recipe that an argument names: a file's path, or the text from standard input or an address.

    Raises InputError if standard input is no text, or there is no recipe at the address; ExternalError if that fails.
    """
    from infogap.api.fetch_recipe import fetch_recipe, is_address

    if name == STANDARD_INPUT:
        return _from_standard_input()
    return fetch_recipe(name, trusted=trust) if is_address(name) else Path(name)


def standard_input(what: str) -> BinaryIO:
    """Return standard input as bytes. Raises InputError if it is closed."""
    if sys.stdin is None or sys.stdin.closed:
        raise InputError(f"there is no standard input to read {what} from")
    if sys.stdin.isatty():
        say(f"reading {what} from the keyboard; Ctrl-D ends it", style="dim")
    return sys.stdin.buffer


def _from_standard_input() -> RecipeText:
    from infogap.recipe import RecipeText
    from infogap.recipe.yaml_reading import MOST_CHARACTERS

    content = standard_input("the recipe").read(4 * MOST_CHARACTERS + 1)
    try:
        return RecipeText(content.decode("utf-8"), "<stdin>")
    except UnicodeDecodeError as error:
        raise InputError(f"cannot read the recipe from standard input: {error}") from error


def agree_to_run(recipe: Path | RecipeText, overrides: list[str] | None, folder: Path | None, *, yes: bool) -> None:
    """Show a recipe from elsewhere, and ask whether to run it, unless its run was made from the same text.

    Nothing of the recipe is loaded before. The command ends if the answer is no.

    Raises InputError where nobody can be asked and `yes` is not set, and if runs/NAME holds a run of another recipe,
    which this one would replace.
    """
    if isinstance(recipe, Path) or recipe.origin is None:
        return
    before = _origin_of_run(recipe, overrides, folder)
    if before is not None and before.sha256 == recipe.origin.sha256:
        return
    show_recipe(recipe)
    if before is not None:
        say("the run was made from an earlier text of this recipe", style="yellow")
    if yes:
        return
    if output.quiet or sys.stdin is None or not sys.stdin.isatty():
        raise InputError(f"{recipe.origin.address} is from elsewhere; read it, then run it with --yes")
    if not typer.confirm("Run this recipe?", err=True):
        say("nothing was run")
        raise typer.Exit


def show_recipe(recipe: Path | RecipeText) -> None:
    """Print a recipe from elsewhere to stderr, with its address and digest; nothing under --quiet."""
    if isinstance(recipe, Path) or recipe.origin is None or output.quiet:
        return
    say(f"{recipe.origin.address} (sha256 {recipe.origin.sha256})", style="bold")
    for number, line in enumerate(recipe.text.split("\n"), 1):
        stderr().print(f"{number:>4}  {line}".rstrip(), markup=False)


def _origin_of_run(recipe: RecipeText, overrides: list[str] | None, folder: Path | None) -> Origin | None:
    """Return the origin of the run that a recipe from elsewhere continues; None if there is no such run yet."""
    from infogap.recipe.recipe_files import parse_recipe
    from infogap.runs.run_folder import origin_of

    assert recipe.origin is not None
    named = [text.partition("=")[2].strip() for text in overrides or [] if text.partition("=")[0].strip() == "name"]
    name = named[-1] if named else parse_recipe(recipe.text, Path(recipe.name)).data.get("name")
    path = folder or Path("runs") / str(name)
    before = origin_of(path)
    if before is not None and _without_revision(before.address) == _without_revision(recipe.origin.address):
        return before
    if folder is None and (path / "recipe.yaml").is_file():
        raise InputError(f"{path} is the run of another recipe with this name; name another folder with --run")
    return None


def _without_revision(address: str) -> str:
    return re.sub(r"@[^/]*", "", address, count=1) if address.startswith("hf://") else address
