"""Every recipe that ships is valid, and so are those of the documentation."""

import re
from pathlib import Path

import pytest

from cli.in_process import infogap
from infogap.api.check_recipe import outside_problems
from infogap.recipe import Recipe, load_recipe

ROOT = Path(__file__).parents[1]
_WITHOUT_GOLD = ("consensus", "a judge")
RECIPES = sorted((ROOT / "recipes").glob("*.yaml"))


def test_there_are_recipes_to_check() -> None:
    assert {path.stem for path in RECIPES} >= {"quickstart", "vllm-math", "import-traces"}


@pytest.mark.parametrize("file", RECIPES, ids=lambda path: path.stem)
def test_a_shipped_recipe_is_valid_and_named_like_its_file(file: Path, request: pytest.FixtureRequest) -> None:
    if file.stem == "code":
        request.getfixturevalue("sandbox")
    loaded = load_recipe(file)
    assert outside_problems(loaded) == []
    assert loaded.recipe.name == file.stem


@pytest.mark.parametrize("file", [path for path in RECIPES if "kim2026" in path.stem], ids=lambda path: path.stem)
def test_the_sections_for_the_papers_size_are_valid_in_place_of_the_small_ones(file: Path, tmp_path: Path) -> None:
    small, commented = file.read_text().split("# At the paper's size", 1)
    large = "\n".join(line.removeprefix("#").removeprefix(" ") for line in commented.splitlines()[1:])
    sections = re.split(r"\n(?=\w+:)", large)[1:]
    assert len(sections) >= 4
    whole = small
    for section in sections:
        name = section.split(":")[0]
        (small_one,) = re.findall(rf"^{name}:\n(?:[ #].*\n|\n)*", whole, re.MULTILINE)
        whole = whole.replace(small_one, f"{section}\n\n")
    (tmp_path / "recipe.yaml").write_text(whole)
    recipe = load_recipe(tmp_path / "recipe.yaml").recipe
    assert recipe.generate is not None
    assert recipe.generate.select is not None and recipe.generate.select.samples == 8
    assert len(dict(recipe.balance.named_mixes())) == {"3": 4, "4": 2, "6": 5}[file.stem[-1]]


def fenced(page: str, language: str) -> str:
    """The one block of a language in a page."""
    (text,) = re.findall(rf"```{language}\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)
    return str(text)


def recipe_with(fragment: str, section: str, folder: Path) -> Recipe:
    """The recipe of docs/recipe.md with one section replaced."""
    whole = re.sub(rf"{section}:.*?\n\n", lambda _: fragment + "\n", fenced("docs/recipe.md", "yaml"), flags=re.DOTALL)
    (folder / "recipe.yaml").write_text(whole)
    return load_recipe(folder / "recipe.yaml").recipe


@pytest.mark.parametrize("page", ["README.md", "docs/recipe.md"])
def test_the_recipes_in_the_documentation_are_valid(page: str, tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text(fenced(page, "yaml"))
    assert load_recipe(tmp_path / "recipe.yaml").recipe.name == "math-uncertain"


def test_the_keys_of_rounds_are_valid(tmp_path: Path) -> None:
    generate = recipe_with(fenced("docs/recipe.md", 'yaml title="part of a recipe"'), "generate", tmp_path).generate
    assert generate is not None and generate.until is not None and generate.select is not None


def test_the_keys_of_several_teachers_are_valid(tmp_path: Path) -> None:
    whole = re.sub(r"^(generate|measure):.*?\n\n", "", fenced("docs/recipe.md", "yaml"), flags=re.DOTALL | re.MULTILINE)
    teachers = fenced("docs/backends.md", 'yaml title="part of a recipe"')
    (tmp_path / "recipe.yaml").write_text(re.sub(r"teacher:.*?\n\n", teachers + "\n", whole, flags=re.DOTALL))
    generate = load_recipe(tmp_path / "recipe.yaml").recipe.generate
    assert generate is not None
    assert [use.label for use in generate.uses_of("small")] == ["unguided", "peers"]


def test_the_keys_of_critics_and_lessons_are_valid(tmp_path: Path) -> None:
    whole = re.sub(r"^(generate|measure):.*?\n\n", "", fenced("docs/recipe.md", "yaml"), flags=re.DOTALL | re.MULTILINE)
    part = fenced("docs/recipe.md", 'yaml title="critics and lessons"')
    (tmp_path / "recipe.yaml").write_text(re.sub(r"teacher:.*?\n\n", part + "\n", whole, flags=re.DOTALL))
    loaded = load_recipe(tmp_path / "recipe.yaml")
    assert not [each for each in outside_problems(loaded) if each.path.startswith("generate")]
    assert loaded.recipe.tracing_teachers == ["solver"]
    generate = loaded.recipe.generate
    assert generate is not None
    assert [(use.label, use.note_writer) for use in generate.uses if use.notes] == [
        ("critique", "critic"),
        ("informed_critique", "critic"),
        ("lessons", "critic"),
    ]


def test_the_keys_in_the_page_on_the_gap_are_valid(tmp_path: Path) -> None:
    gap = recipe_with(fenced("docs/gap.md", 'yaml title="part of a recipe"'), "measure", tmp_path).measure.gap
    assert gap is not None and gap.per_token and gap.contexts == ["decoy_solution", "reference_only"]


def test_the_keys_in_the_page_on_decontamination_are_valid(tmp_path: Path) -> None:
    settings = recipe_with(
        fenced("docs/decontamination.md", 'yaml title="part of a recipe"'), "decontaminate", tmp_path
    ).decontaminate
    assert settings is not None and [one.label for one in settings.against] == ["aime24", "MATH-500"]


def test_the_keys_in_the_page_on_verifiers_are_valid(tmp_path: Path) -> None:
    part = fenced("docs/verifiers.md", 'yaml title="part of a recipe"')
    (tmp_path / "recipe.yaml").write_text(f"name: humaneval\nteacher: {{backend: embedded}}\n{part}")
    (source,) = load_recipe(tmp_path / "recipe.yaml").recipe.tasks or []
    assert source.model_dump()["columns"]["entry_point"] == "entry_point"


def test_the_recipes_without_gold_answers_on_the_page_on_verifiers_are_valid(tmp_path: Path) -> None:
    consensus, judge = (fenced("docs/verifiers.md", f'yaml title="a recipe with {name}"') for name in _WITHOUT_GOLD)
    common = "name: trial\nteacher: {backend: embedded}\n"
    consensus = consensus.replace("answer: null", "answer: null, solution: solution")  # for `hint`
    (tmp_path / "recipe.yaml").write_text(common + consensus)
    (source,) = load_recipe(tmp_path / "recipe.yaml").recipe.tasks or []
    assert (source.model_dump()["verifier"], source.model_dump()["equality"]) == ("consensus", "math")
    (tmp_path / "recipe.yaml").write_text(f"{common}{judge}generate: {{privileges: [unguided]}}\n")
    verify = load_recipe(tmp_path / "recipe.yaml").recipe.verify
    assert verify is not None and verify.judge is not None and verify.judge.shows == ["gold"]


def test_the_readme_is_short_and_its_output_is_what_the_run_prints(tmp_path: Path) -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 170
    ran = infogap("run", ROOT / "recipes" / "import-traces.yaml", cwd=tmp_path, columns=100)
    assert ran.returncode == 0, ran.stderr
    printed = "\n".join(line.rstrip() for line in ran.stdout.splitlines())
    assert fenced("README.md", "text") in f"{printed}\n"


def test_the_recipe_that_extends_another_in_the_documentation_is_valid(tmp_path: Path) -> None:
    (tmp_path / "math-uncertain.yaml").write_text(fenced("docs/recipe.md", "yaml"))
    (tmp_path / "recipe.yaml").write_text(fenced("docs/recipe.md", 'yaml title="math-uncertain-14b.yaml"'))
    whole = load_recipe(tmp_path / "math-uncertain.yaml").recipe
    for environment, server in (({}, "http://localhost:8000/v1"), ({"SERVER": "http://node:1/v1"}, "http://node:1/v1")):
        recipe = load_recipe(tmp_path / "recipe.yaml", None, environment).recipe
        assert recipe.teacher is not None and recipe.generate is not None and whole.teacher is not None
        assert recipe.name == "math-uncertain-14b"
        assert recipe.teacher.model_dump()["base_url"] == [server]
        assert recipe.teacher.sampling == whole.teacher.sampling
        assert [use.label for use in recipe.generate.uses] == ["unguided", "solution"]
        assert (whole.balance.family, recipe.balance.family) == ("uniform", None)
        assert recipe.publish == whole.publish
