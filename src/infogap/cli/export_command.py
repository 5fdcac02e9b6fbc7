"""The command that exports a mix to a trainer's file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, cast, get_args

import typer

from infogap.cli import completions
from infogap.cli.app import DATASETS, command
from infogap.cli.arguments import RunFolder
from infogap.console import output, print_json, say
from infogap.errors import InputError, nearest


@command(DATASETS)
def export(
    folder: RunFolder,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write: .jsonl or .parquet.")],
    form: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="FORMAT",
            autocompletion=completions.export_formats,
            help="messages, trl-dpo, verl ...; a wrong one lists them all.",
        ),
    ] = "messages",
    mix: Annotated[str | None, typer.Option(metavar="NAME", help="Of several mixes, which.")] = None,
    split: Annotated[
        str | None, typer.Option(metavar="NAME", help="Of the splits in publish.splits, which; by default train.")
    ] = None,
    thinking: Annotated[
        str | None,
        typer.Option(
            metavar="FORM",
            autocompletion=completions.thinking_forms,
            help="Thoughts: inline, field or drop; by default as the recipe publishes them.",
        ),
    ] = None,
    thinking_field: Annotated[
        str | None, typer.Option(metavar="NAME", help="That field: reasoning_content or thinking.")
    ] = None,
    tokenizer: Annotated[
        str | None, typer.Option(metavar="MODEL", help="A tokenizer whose chat template is tried on the thoughts.")
    ] = None,
) -> None:
    """Write the mix as a file for a trainer."""
    from infogap.publish.export import export as write
    from infogap.publish.export import split_named
    from infogap.recipe.publish_section import ThinkingField, ThinkingForm
    from infogap.runs.run_folder import Run

    run = Run.open(folder)
    rows = write(
        run,
        file,
        form,
        mix,
        split=split,
        thinking=cast(ThinkingForm | None, _one_of("--thinking", thinking, get_args(ThinkingForm))),
        thinking_field=cast(ThinkingField | None, _one_of("--thinking-field", thinking_field, get_args(ThinkingField))),
        tokenizer=tokenizer,
    )
    if output.json:
        named = split_named(run, split)
        print_json({"run": str(folder), "file": str(file), "format": form, "split": named, "rows": rows})
    say(f"wrote {rows:,} row{'' if rows == 1 else 's'} to {file}")


def _one_of(option: str, value: str | None, allowed: tuple[str, ...]) -> str | None:
    if value is not None and value not in allowed:
        raise InputError(f"{option}: unknown '{value}'{nearest(value, allowed)}; allowed: {', '.join(allowed)}")
    return value
