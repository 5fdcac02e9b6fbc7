"""Commands that write and check recipes, and list file formats."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infogap.atomic_files import write_text
from infogap.cli.app import RECIPES, command
from infogap.cli.arguments import Overrides
from infogap.cli.recipe_argument import STANDARD_INPUT, OptionalRecipeName, Trust, recipe_named, show_recipe
from infogap.console import output, print_json, print_line, print_words, say
from infogap.errors import InputError

if TYPE_CHECKING:
    from infogap.recipe import LoadedRecipe
    from infogap.runs.run_folder import Run


@command(RECIPES)
def init(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write it.")] = Path("recipe.yaml"),
    from_: Annotated[
        str | None,
        typer.Option("--from", metavar="DATA", help="A file of tasks or traces for the recipe to read."),
    ] = None,
) -> None:
    """Write a commented recipe to start from, or one for a file of your own."""
    from importlib import resources

    if file.exists():
        raise InputError(f"{file} already exists; name another file")
    if from_ is None:
        write_text(file, (resources.files("infogap.recipe") / "starter.yaml").read_text(encoding="utf-8"))
    else:
        from infogap.rows.recipe_from_file import first_recipe

        write_text(file, first_recipe(from_, Path.cwd(), file.parent))
    if output.json:
        print_json({"recipe": str(file)})
    say(f"wrote {file}; next: infogap check {file} --plan, then infogap run {file}")


@command(RECIPES)
def formats(
    file: Annotated[str | None, typer.Argument(metavar="FILE", help="A file, pattern or dataset to recognise.")] = None,
) -> None:
    """List the well-known file formats that `format:` names, or those that match a file."""
    from infogap.recipe.named_formats import format_names, load_format

    if file is None:
        _print_formats([(name, load_format(name).about) for name in format_names()])
        return
    from infogap.rows.format_recognition import recognise

    fits = recognise(file, Path.cwd())
    _print_formats([(one.name, one.format.about) for one in fits])
    if fits:
        say(f"write `format: {fits[0].name}` beside `from: {file}`; or: infogap init --from {file}")
    else:
        say(
            f"{file} matches none of them; infogap init --from {file} guesses from the column names",
            style="yellow",
        )


def _print_formats(named: list[tuple[str, str]]) -> None:
    if output.json:
        print_json([{"format": name, "about": about} for name, about in named])
        return
    for name, about in named:
        print_words(f"{name:<23}{about}")


@command(RECIPES)
def check(
    recipe: OptionalRecipeName = None,
    set_: Overrides = None,
    plan: Annotated[
        bool, typer.Option("--plan", help="Show some tasks as read, and estimate what the run will cost.")
    ] = False,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON Schema of recipes, for editors.")] = False,
    trust: Trust = False,
) -> None:
    """Check a recipe, and report all errors at once, each with its line."""
    if schema:
        print_line(_schema())
        return
    if recipe is None:
        raise InputError("name a recipe: infogap check RECIPE")
    from infogap.api.check_recipe import checked
    from infogap.balance.top_up import nothing_to_fill
    from infogap.publish.source_credits import planned_conflicts
    from infogap.recipe import RecipeError

    named = recipe_named(recipe, trust=trust)
    show_recipe(named)
    try:
        loaded = checked(named, set_)
    except RecipeError as error:
        if output.json:
            print_json({"recipe": str(recipe), "valid": False, "problems": [asdict(each) for each in error.problems]})
        raise
    say(f"{loaded.file if recipe == STANDARD_INPUT else recipe}: valid", style="green")
    conflicts = planned_conflicts(loaded)
    for conflict in conflicts:
        say(f"licenses: {conflict}", style="yellow")
    if note := nothing_to_fill(loaded.recipe.balance):
        say(note, style="yellow")
    result = {"recipe": str(recipe), "valid": True, "problems": [], "licenses": conflicts}
    if plan:
        costs = _cost(loaded)
        if output.json:
            print_json(result | costs)
        else:
            _print_plan(costs)
        return
    sentences = _outlook(loaded)
    if output.json:
        print_json(result | {"outlook": sentences})
    for sentence in sentences:
        say(sentence.replace("`", ""), style="yellow")


def _outlook(loaded: LoadedRecipe) -> list[str]:
    """Return what to expect of mixes that are rich in context."""
    from infogap.effects.mix_outlook import outlook, planned_profiles

    profiles = planned_profiles(loaded.recipe)
    return outlook(profiles) if any(profile.kind != "not_rich" for profile in profiles.values()) else []


def _schema() -> str:
    import orjson

    from infogap.recipe import Recipe

    schema = Recipe.model_json_schema(by_alias=True)
    return orjson.dumps(schema, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode()


def _cost(loaded: LoadedRecipe) -> dict[str, Any]:
    """Estimate requests and tokens, and preview some tasks, in a temporary run."""
    from tempfile import TemporaryDirectory

    from infogap.cli.task_preview import preview
    from infogap.effects.mix_outlook import outlook, planned_profiles
    from infogap.generate.generation_cost import cost, top_up_cost, traces_at_most
    from infogap.runs.run_folder import Run
    from infogap.schema import TASKS
    from infogap.tasks import STAGE
    from infogap.verify.judging.judge_cost import judge_cost

    with TemporaryDirectory() as folder:
        run = Run.create(loaded, Path(folder))
        outcome = STAGE.make(run)
        for note in outcome.notes:
            say(note.replace(folder, "RUN"), style="yellow")
        costs = cost(run) if loaded.recipe.generate else _imported(run, folder)
        of_judge = judge_cost(run, traces_at_most(run, costs) if loaded.recipe.generate else None)
        previewed = preview(run)
        if not output.json:
            print_words("\n".join([*previewed.lines(), ""]))
        profiles = planned_profiles(loaded.recipe, run.scan(TASKS).collect())
        expected = {"says": outlook(profiles), "mixes": {name: each.as_json() for name, each in profiles.items()}}
        topped_up = top_up_cost(loaded.recipe)
        more: dict[str, Any] = {"judge": of_judge} if of_judge else {}
        more |= ({"top_up": topped_up} if topped_up else {}) | ({"outlook": expected} if profiles else {})
        return {"tasks": outcome.rows, **costs, **previewed.as_json(), **more}


def _imported(run: Run, folder: str) -> dict[str, Any]:
    """Count the traces of an import."""
    from infogap.imports.stage import STAGE

    outcome = STAGE.make(run)
    for note in outcome.notes:
        say(note.replace(folder, "RUN"), style="yellow")
    return {"traces": outcome.rows}


def _print_plan(costs: dict[str, Any]) -> None:
    print_words(f"tasks               {costs['tasks']:>14,}")
    if "requests" not in costs:
        print_words(f"traces              {costs['traces']:>14,}")
        _print_judge(costs)
        return
    for privilege, requests in costs["privileges"].items():
        print_words(f"  {privilege:<18}{requests:>{min(14, 32 - len(privilege))},} requests")
    in_rounds = costs["first_round"] != costs["requests"]
    at_most = f"  at most; {costs['first_round']:,} of them in the first round" if in_rounds else ""
    of_first_round = ", those of the first round" if in_rounds else ""
    print_words(f"requests            {costs['requests']:>14,}{at_most}")
    print_words(f"prompt tokens       {costs['prompt_tokens']:>14,}  estimated at 4 characters a token{of_first_round}")
    print_words(f"completion tokens   {costs['completion_tokens']:>14,}  at most (max_tokens of every request)")
    if "cost" in costs:
        print_words(
            f"cost                {costs['cost']:>14,.2f}  of these tokens, at the recipe's prices{_batch_price(costs)}"
            f"{_unpriced(costs)}"
        )
    for line in _of_teachers(costs):
        print_words(line)
    _print_judge(costs)
    if "top_up" in costs:
        print_words(_of_top_up(**costs["top_up"]))
    for reason, tasks in costs["skipped"].items():
        print_words(f"skipped             {tasks:>14,} tasks for {reason}")
    for sentence in costs.get("outlook", {}).get("says", []):
        print_words(sentence.replace("`", ""))


def _print_judge(costs: dict[str, Any]) -> None:
    """Print the votes of a judge, if the recipe has one, and what they cost."""
    if "judge" not in costs:
        return
    of_judge = costs["judge"]
    price = f", cost {of_judge['cost']:,.2f}" if "cost" in of_judge else ""
    tokens = f"{of_judge['prompt_tokens']:,} prompt tokens, {of_judge['completion_tokens']:,} completion tokens{price}"
    print_words(f"judge               {of_judge['votes']:>14,} votes at most: {tokens}")


def _of_top_up(rounds: int, requests: int | None) -> str:
    """Say how many requests a top-up may add."""
    from infogap.recipe.balance_section import MOST_PER_TRACE

    most = f"in up to {rounds} rounds, {MOST_PER_TRACE} for each missing trace"
    if requests is None:
        return f"top_up              more requests {most}; the number of missing traces is not known beforehand"
    return f"top_up              {requests:>14,} more requests at most, {most}"


def _batch_price(costs: dict[str, Any]) -> str:
    """Say at which share of the prices requests in batches are."""
    if "batch_price" not in costs:
        return ""
    return (
        f", in batches at {costs['batch_price']:g} of them"
        if costs["batch_price"] < 1
        else (", in batches, for which `price.batch` states no share")
    )


def _unpriced(costs: dict[str, Any]) -> str:
    """Name the teachers that a cost leaves out."""
    without = [name for name, each in costs.get("teachers", {}).items() if "cost" not in each]
    return f", without {', '.join(without)}, which {'has' if len(without) == 1 else 'have'} no price" if without else ""


def _of_teachers(costs: dict[str, Any]) -> Iterator[str]:
    """Yield a line for each of several teachers."""
    if costs.get("one_teacher_per_task"):
        yield "one teacher per task, drawn by the seed and the task's id:"
    for name, each in costs.get("teachers", {}).items():
        parts = [f"{each['tasks']:,} tasks"] if "tasks" in each else []
        parts += [f"{each['prompt_tokens']:,} prompt tokens", f"{each['completion_tokens']:,} completion tokens"]
        parts += [f"cost {each['cost']:,.2f}{_batch_price(each)}"] if "cost" in each else []
        yield f"  {name:<18}{each['requests']:>14,} requests: {', '.join(parts)}"
