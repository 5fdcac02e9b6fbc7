"""What is asked: the same for the same recipe, nothing twice, and what cannot be asked is counted."""

from pathlib import Path
from typing import Any

import pytest

from infogap.errors import InputError
from infogap.generate.generation_cost import cost
from infogap.generate.request_plan import Plan
from infogap.generate.show_prompt import prompt_of
from infogap.recipe import load_recipe
from infogap.runs.run_folder import Run
from infogap.schema import CONTEXTS, TASKS

RECIPE = """\
name: demo
seed: 5
tasks: [{from: tasks.jsonl, columns: {solution: solution}}]
teacher: {backend: openai, model: m, base_url: http://localhost:1/v1, sampling: {max_tokens: 100}}
generate:
  samples: 3
  privileges: [unguided, hint, answer, decoy_answer]
"""


def task(number: int, **changes: Any) -> dict[str, Any]:
    return dict.fromkeys(TASKS.schema.names()) | {
        "task_id": f"t{number}",
        "family": "sums",
        "question": f"What is {number} + {number}?",
        "answer": str(2 * number),
        "solution": f"We add {number} to itself. That makes {2 * number}.",
        "verifier": "math",
        **changes,
    }


@pytest.fixture
def run(tmp_path: Path) -> Run:
    file = tmp_path / "recipe.yaml"
    file.write_text(RECIPE)
    made = Run.create(load_recipe(file), tmp_path / "run")
    with made.rewrite(TASKS) as out:
        out.write(TASKS.frame([task(1), task(2), task(3, solution=None), task(4, solution="It is 8.")]))
    return made


def settled(run: Run) -> Plan:
    plan = Plan(run)
    with run.rewrite(CONTEXTS) as out:
        plan.settle(out)
    return plan


def test_every_request_is_asked_once_with_its_own_seed(run: Run) -> None:
    plan = settled(run)
    planned = list(plan)
    assert [each.index for each in planned] == list(range(plan.total))
    assert len({each.request.request_id for each in planned}) == plan.total
    assert len({each.request.seed for each in planned}) == plan.total
    assert plan.total == 3 * (4 * 4 - 2)


def test_what_cannot_be_asked_is_counted_with_its_reason(run: Run) -> None:
    plan = settled(run)
    assert plan.skipped == {"hint: no solution": 1, "hint: no step of the solution comes before its result": 1}


def test_a_second_plan_asks_exactly_the_same(run: Run) -> None:
    one, other = settled(run), settled(run)
    assert one.key == other.key
    assert list(one) == list(other)


def test_another_teacher_or_sampling_asks_something_else(run: Run, tmp_path: Path) -> None:
    keys = {settled(run).key}
    for change in ("teacher.model=another", "teacher.sampling.temperature=1.0"):
        changed = load_recipe(tmp_path / "recipe.yaml", [change])
        keys.add(settled(Run(run.path, changed.recipe, run.base)).key)
    assert len(keys) == 3


def test_more_samples_keep_the_ids_of_the_first_ones(run: Run, tmp_path: Path) -> None:
    more = Run(run.path, load_recipe(tmp_path / "recipe.yaml", ["generate.samples=5"]).recipe, run.base)
    first = {each.request.request_id for each in Plan(run)}
    assert first < {each.request.request_id for each in Plan(more)}


def test_contexts_are_stored_apart_and_joined_by_id(run: Run) -> None:
    plan = settled(run)
    contexts = {row["context_id"]: row for row in run.scan(CONTEXTS).collect().iter_rows(named=True)}
    for each in plan:
        if each.privilege == "unguided":
            assert each.context_id is None
        else:
            assert each.context_id is not None
            assert contexts[each.context_id]["text"] in each.request.messages[0]["content"]
    assert {row["privilege"] for row in contexts.values()} == {"hint", "answer", "decoy_answer"}


def test_the_cost_is_known_before_anything_is_asked(run: Run) -> None:
    costs = cost(run)
    assert costs["requests"] == 42
    assert costs["privileges"] == {"unguided": 12, "hint": 6, "answer": 12, "decoy_answer": 12}
    assert costs["completion_tokens"] == 4200
    assert costs["prompt_tokens"] == sum(len(each.request.messages[0]["content"]) for each in Plan(run)) // 4


def test_a_prompt_can_be_looked_at(run: Run) -> None:
    assert "The final answer:\n4\n" in prompt_of(run, "answer", "t2")
    with pytest.raises(InputError, match="did you mean 'answer'"):
        prompt_of(run, "anwser", "t2")
    with pytest.raises(InputError, match="no solution"):
        prompt_of(run, "hint", "t3")
    with pytest.raises(InputError, match="no task t9"):
        prompt_of(run, "answer", "t9")
