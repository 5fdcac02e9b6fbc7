"""Check a recipe, and that the files, models, templates and lexicons that it names exist."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from infogap.errors import InputError
from infogap.recipe import (
    LoadedRecipe,
    Problem,
    RecipeError,
    RecipeText,
    load_recipe,
    recipe_from_dict,
    recipe_from_text,
    resolved,
)
from infogap.recipe.sources import GymTasks
from infogap.recipe.teacher_section import AnyTeacher


def checked(
    recipe: Path | RecipeText | Mapping[str, Any],
    overrides: list[str] | None = None,
    folder: Path | None = None,
    *,
    to_run: bool = False,
) -> LoadedRecipe:
    """Load a recipe, and check it and everything that it names. Raises RecipeError with all problems.

    Relative paths start from the recipe's folder; those of a mapping or a text start from the working
    directory. `folder` is the run's, by default `runs/NAME`: sources that it has read already need not be there any
    more. `to_run` says that the run follows, for which its sources' bytes are read in any case.
    """
    try:
        if isinstance(recipe, Path):
            loaded = load_recipe(recipe, overrides, os.environ)
        elif isinstance(recipe, RecipeText):
            loaded = recipe_from_text(recipe, overrides, os.environ)
        else:
            loaded = recipe_from_dict(recipe, Path(), overrides, os.environ)
    except RecipeError as error:
        if error.sound is None:
            raise
        raise RecipeError([*error.problems, *outside_problems(error.sound, folder)]) from None
    problems = outside_problems(loaded, folder, to_run=to_run)
    if problems:
        raise RecipeError(problems)
    return loaded


def outside_problems(loaded: LoadedRecipe, folder: Path | None = None, *, to_run: bool = False) -> list[Problem]:
    """Return the problems that the recipe's text does not show: missing files, unknown datasets, broken templates."""
    return [
        *_sources(loaded, folder, to_run=to_run),
        *_verifiers(loaded),
        *_templates(loaded),
        *_models(loaded),
        *_lexicons(loaded),
        *_measures(loaded),
        *_published_names(loaded),
    ]


def _sources(loaded: LoadedRecipe, folder: Path | None, *, to_run: bool) -> list[Problem]:
    """Return what is wrong with the sources; nothing if the run has read them as they are now."""
    if to_run:
        with suppress(InputError):  # which is no answer: they are looked at
            if _were_read(loaded, folder):
                return []
    from infogap.tasks.task_checks import check_sources

    problems = check_sources(loaded)
    return [] if problems and _were_read(loaded, folder) else problems


def _were_read(loaded: LoadedRecipe, folder: Path | None) -> bool:
    """Whether a run of the recipe has read all its sources, as they are described now."""
    from infogap.runs.pipeline import stages
    from infogap.runs.run_folder import Run
    from infogap.runs.staleness import Staleness

    run = Run.create(loaded, folder)
    reading = [stage for stage in stages(loaded.recipe) if stage.name in ("tasks", "import", "decontaminate")]
    if run.manifest(reading[0].folders[0]) is None:
        return False
    staleness = Staleness(run, stages(loaded.recipe))
    return all(staleness.has_read(stage) for stage in reading)


def _verifiers(loaded: LoadedRecipe) -> list[Problem]:
    """Return the verifiers that cannot grade on this machine, and the user's own that cannot be called, each once."""
    from infogap.user_objects import is_user_object
    from infogap.verify.custom_verifier import problem

    key = "import" if loaded.recipe.imports else "tasks"
    named: dict[str, tuple[str | int, ...]] = {}
    for index, source in enumerate(loaded.recipe.import_ or loaded.recipe.tasks or []):
        if not isinstance(source, GymTasks):
            named.setdefault(source.verifier, (key, index, "verifier"))
    messages = [
        (path, problem(name, loaded.base.resolve()) if is_user_object(name) else _unable(name))
        for name, path in named.items()
    ]
    return [loaded.problem(path, message) for path, message in messages if message]


def _unable(name: str) -> str | None:
    """Say why a registered verifier cannot grade on this machine; None if it can."""
    from infogap.verify.verifiers import verifier

    try:
        problem = verifier(name).problem()
    except InputError as error:
        return str(error)
    return None if problem is None else f"`verifier: {name}` cannot grade here: {problem}"


def _templates(loaded: LoadedRecipe) -> list[Problem]:
    generate = loaded.recipe.generate
    if generate is None:
        return []
    from infogap.privileges.contexts import OwnTemplate, note_prompt_problem, template_problem, words_problem

    problems = []
    for index, use in enumerate(generate.uses):
        path: tuple[str | int, ...] = ("generate", "privileges", index)
        problem = words_problem(use.privilege, generate.wording)
        if isinstance(use.privilege, OwnTemplate):
            path = (*path, use.name, "template")
            problem = template_problem(use.privilege.template, use.needs)
        if not problem and use.notes is not None:
            path, problem = (*path, use.name, "ask"), note_prompt_problem(use.privilege)
        if problem:
            problems.append(loaded.problem(path, problem))
    return problems


def _models(loaded: LoadedRecipe) -> list[Problem]:
    """Return the models, a teacher's, the scorer's or the judge's, whose path does not exist."""
    from infogap.recipe.measure_section import THE_TEACHER, scorer_settings
    from infogap.teachers.model_identity import name_of

    recipe = loaded.recipe
    models: dict[tuple[str | int, ...], AnyTeacher] = {
        (*(("teachers", name) if name else ("teacher",)), "model"): settings
        for name, settings in recipe.every_teacher.items()
    }
    if recipe.measure.gap is not None and recipe.measure.gap.scorer != THE_TEACHER:
        models["measure", "gap", "scorer", "model"] = scorer_settings(recipe.measure.gap.scorer, recipe.teacher)
    if recipe.verify is not None and recipe.verify.judge is not None:
        models["verify", "judge", "by", "model"] = recipe.verify.judge.by
    problems = []
    for path, settings in models.items():
        try:
            name_of(settings, lambda model: resolved(loaded.base, model))
        except InputError as error:
            problems.append(loaded.problem(path, str(error)))
    return problems


def _lexicons(loaded: LoadedRecipe) -> list[Problem]:
    from infogap.measure.lexicon_files import read_lexicon

    problems = []
    named: dict[str, str] = {}
    for index, name in enumerate(loaded.recipe.measure.lexicons):
        try:
            lexicon = read_lexicon(name, lambda path: resolved(loaded.base, path))
        except InputError as error:
            problems.append(loaded.problem(("measure", "lexicons", index), str(error)))
            continue
        if lexicon.name in named:
            message = f"its name '{lexicon.name}' is also that of {named[lexicon.name]}; give it another `name`"
            problems.append(loaded.problem(("measure", "lexicons", index), message))
        named[lexicon.name] = name
    return problems


def _measures(loaded: LoadedRecipe) -> list[Problem]:
    """Return the measures that cannot be loaded or, if all can, the columns of `balance` that do not exist."""
    from infogap.balance.mix_pool import column_problems
    from infogap.measure.load_measures import load_measure, named_measures
    from infogap.runs.run_folder import Run

    run = Run.create(loaded)
    problems = []
    for index, name in enumerate(loaded.recipe.measure.measures or []):
        try:
            load_measure(name, run.base)
        except InputError as error:
            problems.append(loaded.problem(("measure", "measures", index), str(error)))
    if problems:
        return problems
    try:
        named_measures(run)
    except InputError as error:
        return [loaded.problem(("measure", "measures"), str(error))]
    return [loaded.problem(path, message) for path, message in column_problems(run)]


def _published_names(loaded: LoadedRecipe) -> list[Problem]:
    """Return the mix whose published name is that of another config."""
    from infogap.publish.published_views import name_problem

    problem = name_problem(loaded.recipe)
    return [loaded.problem(*problem)] if problem else []
