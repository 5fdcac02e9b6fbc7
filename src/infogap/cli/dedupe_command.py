"""The options and the file mode of `infogap dedupe`, which also runs the stage of a run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infogap.cli import completions
from infogap.cli.arguments import run_folder
from infogap.cli.recipe_argument import STANDARD_INPUT, standard_input
from infogap.console import output, print_json, say
from infogap.errors import InputError

if TYPE_CHECKING:
    from infogap.dedupe.dedupe_file import FileDuplicates
    from infogap.recipe.dedupe_section import Dedupe

Folder = Annotated[
    Path | None,
    typer.Argument(
        metavar="[RUN]",
        callback=run_folder,
        autocompletion=completions.runs,
        help="The run's folder; none with --input.",
    ),
]
Input = Annotated[
    Path | None,
    typer.Option("--input", metavar="FILE", help="A .parquet or .jsonl file, not a run; -: JSONL from standard input."),
]
Column = Annotated[str | None, typer.Option(help="With --input: the column of texts, or a path into a column.")]
Output = Annotated[
    Path | None,
    typer.Option("--output", metavar="FILE", help="With --input: write the kept rows here."),
]
Duplicates = Annotated[
    Path | None,
    typer.Option("--duplicates", metavar="FILE", help="With --input: write the table of removed rows here (.parquet)."),
]
Threshold = Annotated[float | None, typer.Option(help="With --input: the Jaccard similarity of duplicates (0.8).")]
Ngram = Annotated[int | None, typer.Option(help="With --input: words per n-gram (5).")]
NumPerm = Annotated[int | None, typer.Option(help="With --input: permutations per signature (128).")]
Keep = Annotated[str | None, typer.Option(help="With --input: first (the default) or longest.")]


def check_options(folder: Path | None, file: Path | None, of_file: dict[str, Any]) -> None:
    """Raise InputError unless the options name either a run or a file, and options for files come with a file."""
    if (folder is None) == (file is None):
        raise InputError("name a run's folder, or a file with --input and --column")
    given = [name for name, value in of_file.items() if value is not None]
    if folder is not None and given:
        raise InputError(f"--{given[0].replace('_', '-')} needs --input; for a run, set it in the recipe (`dedupe:`)")


def dedupe_file(
    file: Path,
    column: str | None,
    output_file: Path | None,
    duplicates: Path | None,
    settings: dict[str, Any],
    ray: str | None,
) -> None:
    """Find the duplicates in a file, write the files asked for, and print a summary."""
    from infogap.parallel.ray_cluster import on_ray

    if column is None:
        raise InputError("name the column that holds the texts: --column NAME")
    with on_ray(ray), _as_file(file) as named:
        _dedupe_file(named, column, output_file, duplicates, settings)


@contextmanager
def _as_file(file: Path) -> Iterator[Path]:
    """Yield the file, or a temporary one with the lines from standard input, as rows are read more than once."""
    if str(file) != STANDARD_INPUT:
        yield file
        return
    import shutil
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        lines = Path(folder) / "standard-input.jsonl"
        with lines.open("wb") as copy:
            shutil.copyfileobj(standard_input("rows"), copy)
        yield lines


def _dedupe_file(
    file: Path, column: str, output_file: Path | None, duplicates: Path | None, settings: dict[str, Any]
) -> None:
    from infogap.dedupe.dedupe_file import duplicates_in, write_kept
    from infogap.runs.run_folder import write_part

    result = duplicates_in(file, column, _settings(settings))
    table = result.table()
    if duplicates is not None:
        write_part(duplicates, table)
    if output_file is not None:
        write_kept(file, table["row"].to_numpy(), output_file)
    if output.json:
        print_json(_as_json(result))
    else:
        _print_counts(result, output_file, duplicates)


def _settings(given: dict[str, Any]) -> Dedupe:
    from pydantic import ValidationError

    from infogap.recipe.dedupe_section import Dedupe
    from infogap.recipe.recipe_errors import messages, spell_path

    named = {name: value for name, value in given.items() if value is not None} | {"scope": "all"}
    try:
        settings = Dedupe.model_validate(named)
    except ValidationError as error:
        problems = (f"--{spell_path(path).replace('_', '-')}: {text}" for path, text in messages(error, named))
        raise InputError("\n".join(problems)) from None
    if settings.keep not in ("first", "longest"):
        raise InputError(f"--keep {settings.keep} is for runs, whose traces are measured; write first or longest")
    return settings


def _as_json(result: FileDuplicates) -> dict[str, Any]:
    return {
        "rows": result.rows,
        "without_text": result.without_text,
        "removed": len(result.removed),
        "exact": sum(removal.how == "exact" for removal in result.removed),
        "searches_given_up": result.cut,
        "duplicates": result.table().to_dicts(),
    }


def _print_counts(result: FileDuplicates, output_file: Path | None, duplicates: Path | None) -> None:
    exact = sum(removal.how == "exact" for removal in result.removed)
    similar = len(result.removed) - exact
    kept = result.rows - len(result.removed)
    say(f"{result.rows:,} rows: {exact:,} copies and {similar:,} near-duplicates removed, {kept:,} kept", style="bold")
    if result.without_text:
        say(f"{result.without_text:,} rows have no text: they were kept without a comparison", style="yellow")
    if result.cut:
        abandoned = "searches among very many similar texts were abandoned: some duplicates may remain"
        say(f"{result.cut:,} {abandoned}", style="yellow")
    if output_file is not None:
        say(f"wrote {output_file}")
    if duplicates is not None:
        say(f"wrote {duplicates}")
    if output_file is None and duplicates is None:
        say("wrote nothing; --output FILE writes the kept rows, --duplicates FILE lists the removed ones")
