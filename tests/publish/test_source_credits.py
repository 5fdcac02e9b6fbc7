"""Licenses and links of sources: carried to the card and its head, and conflicts named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from infogap.errors import InputError
from infogap.imports.stage import part as import_part
from infogap.publish import STAGE
from infogap.publish.card_merge import merge_cards, parse_card
from infogap.publish.source_credits import Credit, conflicts_between, license_conflicts
from infogap.recipe import load_recipe
from infogap.runs.pipeline import run_all
from infogap.runs.run_folder import Run
from infogap.tasks.stage import part as tasks_part
from publish.small_run import IMPORT_RECIPE, RECIPE, Build

CREDITED = RECIPE.replace(
    "columns: {solution: solution}",
    "columns: {solution: solution}\n        license: cc-by-nc-sa-4.0\n        url: https://example.org/sums",
)


def card_of(run: Run) -> tuple[str, dict[str, Any]]:
    """The card's text, and its YAML head."""
    card = (run.path / "dataset" / "README.md").read_text()
    return card, parse_card(card)[0]


def test_they_are_in_the_card_and_its_head(build: Build) -> None:
    run = build(recipe=CREDITED)
    outcome = STAGE.make(run)
    card, data = card_of(run)
    assert data["sources"] == [{"name": "sums.jsonl", "license": "cc-by-nc-sa-4.0", "url": "https://example.org/sums"}]
    assert "| [`sums.jsonl`](https://example.org/sums) | cc-by-nc-sa-4.0 | 6 | 18 |" in card
    conflicts = [note for note in outcome.notes if note.startswith("licenses: `sums.jsonl` is cc-by-nc-sa-4.0: ")]
    assert len(conflicts) == 2
    assert "it forbids commercial use, which the dataset's license, apache-2.0, does not rule out" in conflicts[0]
    assert "requires adapted material to be under the same license" in conflicts[1]
    for note in conflicts:
        assert f"- {note.removeprefix('licenses: ')}." in card


def test_a_source_without_a_license_is_said(build: Build) -> None:
    run = build()
    outcome = STAGE.make(run)
    assert "licenses: not stated for `sums.jsonl`; set `license:` and `url:` in the source's entry" in outcome.notes
    card, data = card_of(run)
    assert data["sources"] == [{"name": "sums.jsonl", "license": "not stated"}]
    assert "| `sums.jsonl` | not stated | 6 | 18 |" in card and "secret-folder" not in card


def recipe_of(folder: Path, text: str) -> Run:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "traces.jsonl").write_text('{"question": "q", "answer": "1", "text": "1"}')
    (folder / "recipe.yaml").write_text(text)
    return Run.create(load_recipe(folder / "recipe.yaml"), folder / "run")


def test_stating_them_makes_nothing_stale_but_the_dataset(tmp_path: Path) -> None:
    plain = "name: x\nimport: [{from: traces.jsonl, columns: {trace: text}}]\n"
    credited = plain.replace("columns:", "license: mit, url: 'https://example.org', columns:")
    one, other = recipe_of(tmp_path, plain), recipe_of(tmp_path, credited)
    assert tasks_part(one) == tasks_part(other)
    assert import_part(one) == import_part(other)
    assert STAGE.part(one) != STAGE.part(other)


def test_datasets_of_the_hub_are_linked_and_named_in_the_head(build: Build, tmp_path: Path) -> None:
    run = build(recipe=RECIPE.replace("/home/somebody/secret-folder/sums.jsonl", "org/questions"))
    STAGE.make(run)
    _, data = card_of(run)
    assert data["source_datasets"] == ["org/questions"]
    assert data["sources"][0]["url"] == "https://huggingface.co/datasets/org/questions"
    (tmp_path / "local" / "org" / "questions").mkdir(parents=True)
    local = build("local", recipe=RECIPE.replace("/home/somebody/secret-folder/sums.jsonl", "org/questions"))
    STAGE.make(local)
    assert "url" not in card_of(local)[1]["sources"][0]


def test_what_the_recipe_no_longer_names_leaves_the_card_on_the_hub() -> None:
    old = "---\nlicense: mit\nsource_datasets:\n- org/old\nannotations_creators: mine\n---\nText"
    merged = parse_card(merge_cards("---\nlicense: mit\n---\nNew", old))[0]
    assert "source_datasets" not in merged
    assert merged["annotations_creators"] == "mine"


@pytest.mark.parametrize(
    ("source", "dataset", "said"),
    [
        ("mit", "apache-2.0", []),
        ("CC-BY-4.0", "mit", []),
        ("cc0-1.0", "cc-by-nc-4.0", []),
        ("cc-by-sa-4.0", "cc-by-sa-4.0", []),
        ("cc-by-sa-3.0", "cc-by-sa-4.0", []),
        ("cc-by-sa-4.0", "cc-by-sa-3.0", ["under the same license"]),
        ("cc-by-sa-4.0", "mit", ["under the same license"]),
        ("odbl", "cc-by-sa-4.0", ["under the same license"]),
        ("gpl-3.0", "apache-2.0", ["under the same license"]),
        ("cc-by-nc-4.0", "apache-2.0", ["forbids commercial use"]),
        ("cc-by-nc-4.0", "cc-by-nc-4.0", []),
        ("cc-by-nc-sa-4.0", "cc-by-nc-4.0", ["under the same license"]),
        ("cc-by-nd-4.0", "cc-by-nd-4.0", ["forbids sharing adapted material"]),
        ("cc-by-nc-nd-4.0", "mit", ["forbids commercial use", "forbids sharing adapted material"]),
        ("other", "mit", ["unknown to infogap"]),
        ("llama3.1", "mit", ["unknown to infogap"]),
    ],
)
def test_conflicts_are_named(source: str, dataset: str, said: list[str]) -> None:
    found = license_conflicts(dataset, [Credit("x", 1, 1, source, None)])
    assert len(found) == len(said)
    for message, part in zip(found, said, strict=True):
        assert message.startswith(f"`x` is {source}: ") and part in message


@pytest.mark.parametrize(
    ("one", "other", "said"),
    [
        ("cc-by-sa-4.0", "gpl-3.0", "each requires adapted material to be under its own license"),
        ("cc-by-nc-4.0", "CC-BY-SA-4.0", "which the other's terms are stricter than"),
        ("cc-by-sa-3.0", "cc-by-sa-4.0", None),
        ("cc-by-sa-4.0", "mit", None),
        ("cc-by-nc-sa-4.0", "cc-by-nc-4.0", None),
        (None, "gpl-3.0", None),
    ],
)
def test_conflicts_between_sources_are_named(one: str | None, other: str, said: str | None) -> None:
    credits = [Credit("b", 0, 0, one, None), Credit("a", 0, 0, other, None), Credit("b", 0, 0, one, "https://e.org")]
    found = conflicts_between(credits)
    assert len(found) == (said is not None)
    if said is not None and one is not None:
        assert (
            found[0] == f"`a` is {other.casefold()} and `b` is {one}: {found[0].partition(': ')[2]}"
            and said in found[0]
        )


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("url: example.org", "should be an address that starts with https://"),
        ("url: 'https://e.org/a b'", "should be an address"),
        ("url: 'javascript:alert(1)'", "should be an address"),
        ('license: "mit\\n# heading"', "on one line"),
        ("license: ''", "on one line"),
        ("license: [mit]", "should be"),
    ],
)
def test_what_cannot_stand_in_a_card_is_refused(said: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text(IMPORT_RECIPE.replace("columns:", f"{said}\n        columns:"))
    with pytest.raises(InputError) as raised:
        load_recipe(tmp_path / "recipe.yaml")
    assert message in str(raised.value)


def test_sources_with_questions_in_common_have_the_traces_that_were_read_from_each(tmp_path: Path) -> None:
    for name, questions in (("one", range(3)), ("two", range(1, 5))):
        rows = [
            {"question": f"What is {n} + 1?", "answer": str(n + 1), "text": f"By {name}: \\boxed{{{n + 1}}}"}
            for n in questions
        ]
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    columns = "columns: {question: question, answer: answer, trace: text}"
    (tmp_path / "recipe.yaml").write_text(
        "name: shared\nimport:\n"
        f"  - {{from: one.jsonl, teacher: a, license: mit, {columns}}}\n"
        f"  - {{from: two.jsonl, teacher: b, license: cc-by-sa-4.0, {columns}}}\n"
        "balance: {allow_mixed_teachers: true}\n"
    )
    run = Run.create(load_recipe(tmp_path / "recipe.yaml"), tmp_path / "run")
    run.save_recipe()
    run_all(run)
    card, _ = card_of(run)
    assert "| source | license | tasks | traces |" in card
    assert "| `one.jsonl` | mit | 3 | 3 |" in card and "| `two.jsonl` | cc-by-sa-4.0 | 4 | 4 |" in card
    assert "Questions that several of these sources have, counted for each of them: 2." in card
