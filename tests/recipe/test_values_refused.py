"""Values that can only go wrong later are refused with their line, in words that say what to write instead."""

from pathlib import Path

import pytest

from infogap.recipe import RecipeError, load_recipe

RECIPE = """\
name: demo
tasks:
  - from: tasks.jsonl
    columns: {solution: s}
teacher:
  backend: openai
  model: m
  base_url: [http://a:8000/v1, http://b:8000/v1]
generate:
  samples: 2
  until: {correct: 1, max_attempts: 4}
  privileges: [unguided, solution]
"""


def problems_of(tmp_path: Path, text: str, *overrides: str) -> list[str]:
    file = tmp_path / "recipe.yaml"
    file.write_text(text)
    with pytest.raises(RecipeError) as caught:
        load_recipe(file, list(overrides))
    return str(caught.value).replace(f"{tmp_path}/", "").splitlines()


@pytest.mark.parametrize("value", [".inf", ".nan"])
@pytest.mark.parametrize("key", ["timeout", "sampling.temperature", "price.prompt"])
def test_numbers_are_finite(tmp_path: Path, key: str, value: str) -> None:
    price = RECIPE.replace("  model: m\n", "  model: m\n  price: {prompt: 1, completion: 2}\n")
    (line,) = problems_of(tmp_path, price, f"teacher.{key}={value}")
    assert line.endswith(f"teacher.{key}: should be a finite number, found {value[1:]} (a number)")


@pytest.mark.parametrize(
    "url",
    ["", "localhost:8000/v1", "http://", "ftp://a/v1", "http://a:99999/v1", "http://a:x/v1", "http://[::1/v1"],
)
def test_a_server_has_a_url(tmp_path: Path, url: str) -> None:
    (line,) = problems_of(tmp_path, RECIPE.replace("http://b:8000/v1", f'"{url}"'))
    assert line.startswith("recipe.yaml:8: teacher.base_url[1]: should be a URL such as http://localhost:8000/v1")
    (line,) = problems_of(tmp_path, RECIPE, f"teacher.base_url='{url}'")
    assert "teacher.base_url: should be a URL" in line


def test_a_url_ends_before_the_path_of_a_request(tmp_path: Path) -> None:
    (line,) = problems_of(tmp_path, RECIPE.replace("http://b:8000/v1", "http://b:8000/v1/chat/completions/"))
    assert line == "recipe.yaml:8: teacher.base_url[1]: leave out /chat/completions, which is added to it"


@pytest.mark.parametrize("teacher", ["openai, base_url: http://a/v1", "vllm", "ray", "embedded"])
def test_a_model_has_a_name(tmp_path: Path, teacher: str) -> None:
    (line,) = problems_of(tmp_path, RECIPE, f'teacher={{backend: {teacher}, model: ""}}')
    assert 'teacher.model: should have at least 1 character, found "" (text)' in line


@pytest.mark.parametrize("key", ["stream", "n", "messages"])
def test_extra_body_leaves_alone_what_the_protocol_is_spoken_with(tmp_path: Path, key: str) -> None:
    (line,) = problems_of(tmp_path, RECIPE, f"teacher.extra_body={{{key}: 4, best_of: 3}}")
    assert f"teacher.extra_body.{key}: " in line


def test_an_answer_fits_into_the_context(tmp_path: Path) -> None:
    (line,) = problems_of(tmp_path, RECIPE.replace("  model: m\n", "  model: m\n  context_length: 1024\n"))
    assert line.startswith("recipe.yaml:8: teacher.context_length: is 1024, and leaves no room for a prompt")


@pytest.mark.parametrize(
    ("select", "rates"),
    [
        ("{pass_rate: [0.3, 0.4], samples: 2}", "0, 0.5 and 1"),
        ("{samples: 1}", "0 and 1"),
        ("{pass_rate: [0.15, 0.2], samples: 8}", "multiples of 1/8"),
    ],
)
def test_some_rate_can_be_selected(tmp_path: Path, select: str, rates: str) -> None:
    (line,) = problems_of(tmp_path, RECIPE.replace("  until:", f"  select: {select}\n  until:"))
    assert line.startswith("recipe.yaml:11: generate.select.")
    assert rates in line


@pytest.mark.parametrize("select", ["{pass_rate: [0, 0], samples: 1}", "{pass_rate: [0.3, 0.34], samples: 3}"])
def test_a_rate_that_can_be_had_is_enough(tmp_path: Path, select: str) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text(RECIPE.replace("  until:", f"  select: {select}\n  until:"))
    assert load_recipe(file).recipe.generate is not None


@pytest.mark.parametrize("entry", ['{"": {template: x}}', "{unguided: {as: ' '}}", '{answer: {as: "a\\tb"}}'])
def test_a_privileges_name_can_be_read(tmp_path: Path, entry: str) -> None:
    (line,) = problems_of(tmp_path, RECIPE.replace(", solution]", f", {entry}]"))
    assert line.startswith("recipe.yaml:12: generate.privileges[1]: ")
    assert "is unreadable in tables" in line


def test_what_is_for_scoring_is_not_offered(tmp_path: Path) -> None:
    (line,) = problems_of(tmp_path, RECIPE.replace(", solution]", ", solutoin]"))
    assert "uncertain_rewrite, or one of your own" in line


def test_lists_say_how_long_they_are(tmp_path: Path) -> None:
    (line,) = problems_of(tmp_path, RECIPE.replace("  until:", "  select: {pass_rate: [0.5]}\n  until:"))
    assert line.endswith("pass_rate: should have at least 2 items, found [0.5] (a list)")


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("generate.until={correct: 0, max_attempts: 4}", "generate.until.correct: should be greater"),
        ("generate.until={correct: 1}", "generate.until.max_attempts: missing key"),
        ("teacher.nope.deep=3", "teacher.nope: unknown key"),
        ("generate.privileges=[unguided, nope]", "generate.privileges[1]: unknown privilege"),
    ],
)
def test_an_override_of_a_whole_mapping_is_blamed_for_all_in_it(tmp_path: Path, override: str, expected: str) -> None:
    (line,) = problems_of(tmp_path, RECIPE, override)
    assert line.startswith(f"--set {override}: {expected}")


def test_a_config_is_published_once(tmp_path: Path) -> None:
    (line,) = problems_of(tmp_path, f"{RECIPE}publish:\n  configs: [sft, rl, sft]\n")
    assert line == "recipe.yaml:14: publish.configs: 'sft' is named twice"


@pytest.mark.parametrize(
    ("shares", "said"),
    [
        ("verdict: {correct: 90, wrong: 10}", "shares are parts of 1: write {correct: 0.9, wrong: 0.1}"),
        ("verdict: {correct: 9, wrong: 1.0}", "shares are parts of 1: write {correct: 0.9, wrong: 0.1}"),
        ("verdict: 90/10", "as parts of 1: {correct: 0.9, wrong: 0.1}; found '90/10'"),
        ("band: 50/30/20", "as parts of 1: {uncertain: 0.5, mixed: 0.3, confident: 0.2}; found '50/30/20'"),
        ("family: 50:50", "as parts of 1: {VALUE: 0.9, OTHER: 0.1}; found '50:50'"),
        ("verdict: {correct: 90%, wrong: 10%}", "the share of correct should be a number, a part of 1 such as 0.9"),
        ("verdict: {correct: 2, wrong: -1}", "should be less than or equal to 1"),
        ("family: unifrom", "allowed: uniform, natural (did you mean 'uniform'?)"),
    ],
)
def test_shares_are_parts_of_one(tmp_path: Path, shares: str, said: str) -> None:
    lines = problems_of(tmp_path, RECIPE + f"balance:\n  {shares}\n")
    assert lines[0].startswith("recipe.yaml:14: balance.")
    assert said in lines[0]


def test_pairs_need_a_second_trace(tmp_path: Path) -> None:
    one = RECIPE.replace("samples: 2", "samples: 1").replace("  until: {correct: 1, max_attempts: 4}\n", "")
    pairs = "publish:\n  configs: [sft, preference]\n"
    (line,) = problems_of(tmp_path, one + pairs)
    assert line.startswith("recipe.yaml:13: publish.configs: `preference` pairs a correct with a wrong trace")
    for several in (
        one.replace("samples: 1", "samples: 2"),
        one.replace("samples: 1", "samples: 1\n  until: {correct: 1, max_attempts: 4}"),
        one.replace("samples: 1", "samples: 1\n  select: {samples: 8}"),
        one.replace("[unguided,", "[unguided, {verifier: {turns: 2}},"),
    ):
        (tmp_path / "recipe.yaml").write_text(several + pairs)
        load_recipe(tmp_path / "recipe.yaml")


@pytest.mark.parametrize(
    ("thinking", "said"),
    [
        ("closed", "allowed: opened"),
        ("{open: <a>}", "missing key 'close'"),
        ("{open: <a>, close: <a>}", "must differ"),
        ('{open: " ", close: "</a>"}', "more than white space"),
        ("{open: <a>, close: </a>, begin: x}", "unknown key; allowed: open, close"),
    ],
)
def test_thinking_is_opened_or_a_pair_of_tags(tmp_path: Path, thinking: str, said: str) -> None:
    (line,) = problems_of(tmp_path, RECIPE.replace("  model: m\n", f"  model: m\n  thinking: {thinking}\n"))
    assert line.startswith("recipe.yaml:8: teacher.thinking")
    assert said in line
