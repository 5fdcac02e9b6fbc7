"""Privileges of other packages and of modules beside the recipe: those of docs/extending.md, from tasks to leaks."""

import json
import re
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from infogap import plugins
from infogap.generate import STAGE
from infogap.privileges.ladder import Contrast, contrasts_among, ladder
from infogap.recipe import RecipeError, dump_recipe, load_recipe
from infogap.runs.pipeline import stages
from infogap.runs.run_folder import Run
from infogap.schema import CONTEXTS, MEASURES, TASKS, TRACES
from servers.scripted import ScriptedServer, completion, replying

Install = Callable[..., None]
Serving = Callable[[ScriptedServer], str]
PAGE = (Path(__file__).parents[2] / "docs" / "extending.md").read_text("utf-8")
SECTION = PAGE.partition("## A privilege\n")[2].partition("\n## ")[0]
CODE, REGISTRATION, RECIPE = (
    re.findall(rf"```{kind}\n(.*?)```", SECTION, re.DOTALL)[0] for kind in ("python", "toml", "yaml")
)


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Installs a package of one module; removed after the test."""
    folder = tmp_path / "site-packages"
    folder.mkdir()

    def installed(code: str = CODE, registration: str = REGISTRATION, version: str = "1.2") -> None:
        metadata = folder / "length-0.dist-info"
        metadata.mkdir(exist_ok=True)
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: length\nVersion: {version}\n")
        groups = tomllib.loads(registration)["project"]["entry-points"]
        lines = [f"[{group}]\n" + "".join(f"{k} = {v}\n" for k, v in each.items()) for group, each in groups.items()]
        (metadata / "entry_points.txt").write_text("".join(lines))
        (folder / "solution_length.py").write_text(code)
        plugins._registered.cache_clear()

    monkeypatch.syspath_prepend(str(folder))
    yield installed
    plugins._registered.cache_clear()
    sys.modules.pop("solution_length", None)


def make_run(folder: Path, url: str = "http://localhost:1/v1", generate: str = RECIPE) -> Run:
    file = folder / "recipe.yaml"
    file.write_text(
        "name: demo\ntasks: [{from: tasks.jsonl, columns: {solution: solution}}]\ndedupe: null\n"
        f"teacher: {{backend: openai, model: m, base_url: {url}, concurrency: 4, attempts: 1}}\n{generate}"
    )
    rows = [{"question": f"What is {n}?", "answer": str(n), "solution": "It is\nwhat it is."} for n in (2, 4, 5)]
    rows.append({"question": "What is 9?", "answer": "9"})
    (folder / "tasks.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return Run.create(load_recipe(file), folder / "run")


def stage(run: Run, name: str) -> Any:
    return next(stage for stage in stages(run.recipe) if stage.name == name)


def refused(folder: Path, privileges: str) -> str:
    with pytest.raises(RecipeError) as error:
        make_run(folder, generate=f"generate: {{privileges: {privileges}}}\n")
    return str(error.value)


def test_the_example_is_at_most_25_lines() -> None:
    assert len([line for line in CODE.splitlines() if line.strip()]) <= 25


def test_a_privilege_of_another_package_is_used_like_one_of_infogaps(
    tmp_path: Path, install: Install, serving: Serving
) -> None:
    install()
    says_number = r"The answer is 5. As the solution shows, it takes five words: 1, 2, 3, 4, 5. \boxed{5}"
    nudge = "    - nudge: {template: 'The solution has 5 words. Its answer is {{ answer }}.', needs: [answer]}\n"
    listed = "generate:\n  samples: 1\n  privileges:\n    - unguided\n    - solution_length\n" + nudge
    run = make_run(tmp_path, serving(ScriptedServer(lambda *_: replying(completion(says_number)))), listed)
    for name in ("tasks", "generate", "verify", "measure"):
        outcome = stage(run, name).make(run)
        if name == "generate":
            assert outcome.counts["skipped"] == {"solution_length: no solution": 1}
    contexts = run.scan(CONTEXTS).filter(privilege="solution_length").collect()
    assert contexts["text"].to_list() == ["The solution has 5 words."] * 3
    answers = run.scan(TRACES).join(run.scan(TASKS).select("task_id", "answer"), on="task_id")
    leaks = answers.join(run.scan(MEASURES).select("trace_id", "leaks"), on="trace_id").filter(answer="5").collect()
    kinds = {row["privilege"]: {leak["kind"] for leak in row["leaks"]} for row in leaks.iter_rows(named=True)}
    assert kinds["unguided"] == set()
    assert "reference" in kinds["solution_length"]
    assert "answer_first" not in kinds["solution_length"]  # its 5 is not the answer: it holds none
    assert "answer_first" in kinds["nudge"]


def test_the_version_of_its_package_is_part_of_the_fingerprint(tmp_path: Path, install: Install) -> None:
    install()
    run = make_run(tmp_path)
    assert STAGE.part(run)["privileges"] == {"solution_length": "length 1.2"}
    install(version="1.3")
    assert STAGE.part(make_run(tmp_path))["privileges"] == {"solution_length": "length 1.3"}
    assert "privileges" not in STAGE.part(make_run(tmp_path, generate="generate: {privileges: [unguided, hint]}\n"))


def test_its_options_are_checked_and_kept(tmp_path: Path, install: Install) -> None:
    install()
    run = make_run(tmp_path)
    assert [use.label for use in run.recipe.generate.uses] == ["unguided", "solution_length", "length_in_lines"]  # type: ignore[union-attr]
    assert "unit: lines" in dump_recipe(run.recipe)
    run.save_recipe()
    assert Run.open(run.path).recipe == run.recipe
    assert stage(run, "tasks").make(run).rows == 4
    with run.rewrite(CONTEXTS) as out:
        from infogap.generate.request_plan import Plan

        Plan(run).settle(out)
    texts = run.scan(CONTEXTS).select("privilege", "text").unique().collect()
    assert dict(texts.iter_rows()) == {
        "solution_length": "The solution has 5 words.",
        "length_in_lines": "The solution has 2 lines.",
    }
    assert "generate.privileges[0].solution_length.unit: " in refused(tmp_path, "[{solution_length: {unit: pages}}]")
    assert "unknown key" in refused(tmp_path, "[{solution_length: {units: lines}}]")
    assert "has no option fraction" in refused(tmp_path, "[{solution_length: {fraction: 0.5}}]")
    assert "two privileges are called solution_length" in refused(tmp_path, "[solution_length, solution_length]")
    assert "did you mean 'solution_length'" in refused(tmp_path, "[solution_lenght]")


def test_it_must_be_registered_under_its_own_name_and_be_a_privilege(tmp_path: Path, install: Install) -> None:
    install(registration=REGISTRATION.replace("solution_length =", "length ="))
    assert "'length' calls itself 'solution_length'" in refused(tmp_path, "[length]")
    install(registration=REGISTRATION.replace(":SOLUTION_LENGTH", ":SolutionLength"))
    plugins._registered.cache_clear()
    assert "'solution_length' is not a privilege" in refused(tmp_path, "[solution_length]")


def test_it_is_listed_and_may_be_a_context_to_score(tmp_path: Path, install: Install) -> None:
    install()
    assert "solution_length" in [each.name for each in ladder()]
    recipe = f"{RECIPE}measure: {{gap: {{contexts: [solution_length]}}}}\n"
    part = stage(make_run(tmp_path, generate=recipe), "gap").part
    assert part(make_run(tmp_path, generate=recipe))["privileges"] == {"solution_length": "length 1.2"}


def test_a_module_beside_the_recipe_will_do(tmp_path: Path, serving: Serving) -> None:
    (tmp_path / "solution_length.py").write_text(CODE)
    named = "generate:\n  samples: 1\n  privileges:\n    - solution_length:SOLUTION_LENGTH: {unit: lines}\n"
    run = make_run(tmp_path, serving(ScriptedServer(lambda *_: replying(completion("5")))), named)
    run.save_recipe()
    assert Run.open(run.path).recipe == run.recipe
    for name in ("tasks", "generate", "measure"):
        stage(run, name).make(run)
    contexts = run.scan(CONTEXTS).select("privilege", "text").unique().collect()
    assert contexts.rows() == [("solution_length", "The solution has 2 lines.")]
    ((name, source),) = STAGE.part(run)["privileges"].items()
    assert name == "solution_length:SOLUTION_LENGTH"
    (tmp_path / "solution_length.py").write_text(CODE.replace("The solution", "A solution"))
    changed = Run.open(run.path)
    assert STAGE.part(changed)["privileges"][name] != source
    assert changed.recipe.generate is not None
    assert changed.recipe.generate.uses[0].privilege.template.startswith("A solution")
    assert not list(tmp_path.glob("__pycache__"))


def test_modules_of_one_name_beside_two_recipes_are_two(tmp_path: Path) -> None:
    uses = []
    for unit in ("words", "lines"):
        folder = tmp_path / unit
        folder.mkdir()
        (folder / "mine.py").write_text(CODE.replace('= "words"', f'= "{unit}"'))
        generate = make_run(folder, generate="generate: {privileges: ['mine:SOLUTION_LENGTH']}\n").recipe.generate
        assert generate is not None
        uses += [use.privilege.unit for use in generate.uses]
    assert uses == ["words", "lines"]


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ("'absent:THING'", "no module 'absent', neither beside the recipe nor installed"),
        ("'mine:SOLUTION_LENGHT'", "module 'mine' has no 'SOLUTION_LENGHT' (did you mean 'SOLUTION_LENGTH'?)"),
        ("'mine:SolutionLength'", "is not a privilege"),
        ("'broken:THING'", "importing 'broken' fails: ZeroDivisionError"),
        ("'borrowed:SOLUTION_LENGTH'", "'answer', as borrowed:SOLUTION_LENGTH calls itself, is the name of another"),
        ("{'mine:SOLUTION_LENGTH': {as: hint}}", "`as: hint` is the name of another privilege"),
    ],
)
def test_what_is_wrong_with_a_module_is_said_at_its_line(tmp_path: Path, entry: str, why: str) -> None:
    (tmp_path / "mine.py").write_text(CODE)
    (tmp_path / "broken.py").write_text("1 / 0\n")
    (tmp_path / "borrowed.py").write_text(CODE.replace('name = "solution_length"', 'name = "answer"'))
    message = refused(tmp_path, f"[{entry}]")
    assert "recipe.yaml:5: generate.privileges[0]: " in message
    assert why in message


def test_a_template_may_have_a_name_with_a_colon(tmp_path: Path) -> None:
    run = make_run(tmp_path, generate="generate: {privileges: [{'a:b': {template: Think.}}]}\n")
    assert run.recipe.generate is not None
    assert [use.label for use in run.recipe.generate.uses] == ["a:b"]
    assert "privileges" not in STAGE.part(run)


def test_a_privilege_without_words_is_refused_before_anything_runs(tmp_path: Path) -> None:
    from infogap.api.check_recipe import checked

    (tmp_path / "mine.py").write_text(re.sub(r" *template = .*\n", "", CODE))
    make_run(tmp_path, generate="generate: {privileges: ['mine:SOLUTION_LENGTH']}\n")
    with pytest.raises(RecipeError, match=r"privileges\[0\]: privilege 'solution_length' has no `template`"):
        checked(tmp_path / "recipe.yaml")
    (tmp_path / "control.py").write_text(re.sub(r"template = .*\n", 'imitates = "answer"\n', CODE))
    make_run(tmp_path, generate="generate: {privileges: ['control:SOLUTION_LENGTH']}\n")
    checked(tmp_path / "recipe.yaml")


def test_a_control_is_set_against_what_it_names(tmp_path: Path) -> None:
    control = re.sub(r"template = .*\n", 'imitates = "answer"\n    contrasts = (("answer", "equally short"),)\n', CODE)
    (tmp_path / "control.py").write_text(control)
    run = make_run(tmp_path, generate="generate: {privileges: [unguided, answer, 'control:SOLUTION_LENGTH']}\n")
    labels = ["answer", "solution_length", "unguided"]
    assert contrasts_among(run.recipe, labels) == [
        ("answer", "solution_length", Contrast("answer", "solution_length", "knowledge", "equally short"))
    ]


def test_every_built_in_is_registered_under_its_name() -> None:
    assert all(plugins.load("privileges", each.name) == each for each in ladder())
    assert pl.Series([float(each.richness) for each in ladder()]).is_sorted()
