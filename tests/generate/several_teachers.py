"""A run of several teachers, each a server of its own that solves some tasks."""

from pathlib import Path

from generate.solving import TASK_COUNT, task
from infogap.recipe import load_recipe
from infogap.runs.run_folder import Run
from infogap.schema import TASKS


def make_run(folder: Path, urls: dict[str, str], generate: str, *overrides: str, more: str = "") -> Run:
    """A run whose teachers, of one model, are the servers at `urls`; `more` adds keys to each of them."""
    folder.mkdir(exist_ok=True)
    teachers = "".join(
        f"  {name}: {{backend: openai, model: m, base_url: {url}, concurrency: 4, attempts: 1{more}}}\n"
        for name, url in urls.items()
    )
    file = folder / "recipe.yaml"
    file.write_text(
        "name: demo\nseed: 3\n"
        "tasks: [{from: tasks.jsonl, columns: {solution: solution}}]\n"
        f"teachers:\n{teachers}"
        f"generate: {generate}\n"
    )
    run = Run.create(load_recipe(file, list(overrides)), folder / "run")
    if not run.part_paths(TASKS):
        with run.rewrite(TASKS) as out:
            out.write(TASKS.frame([task(number) for number in range(1, TASK_COUNT + 1)]))
    return run
