"""The stage `derive` in a run of imported traces: parents, verdicts, measures, mixes, the dataset, and back."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from imports import agent_rows
from infogap.api.run import Run
from infogap.effects.derived_effects import derived_effects
from infogap.errors import InputError
from infogap.publish.published_dataset import PublishedDataset
from infogap.publish.restore_run import restore
from infogap.schema import DERIVATIONS, DERIVED, MEASURES, MIX, TRACES, VERDICTS
from tasks.small_recipes import write_jsonl

pytestmark = pytest.mark.usefixtures("without_charts")

TASKS = 8
DERIVE: list[dict[str, Any]] = [
    {"strip_markers": {"share": 0.5, "as": "half_doubt"}},
    {"strip_markers": {"as": "no_doubt"}},
    {"shuffle_steps": {"privileges": ["unguided"]}},
    {"insert_steps": {}},
    {"wrong_answer": {}},
    {"cut_after_answer": {"verdicts": ["correct", "wrong"]}},
]


def write(folder: Path, derive: list[dict[str, Any]] | None = None, **sections: Any) -> Path:
    """Write a recipe that imports right and wrong traces of each task under two privileges."""
    rows = []
    for number in range(TASKS):
        for privilege, said in (("unguided", number + 3), ("solution", number + 3), ("unguided", number)):
            thought = (
                f"Maybe we add {number} and 3.\n\nWait, let me think. That is {said}, I think.\n\n"
                f"So the answer is {said}.\n\nHmm, let me double-check: {number} + 3 = {said}. Yes."
            )
            rows.append(
                {
                    "question": f"What is {number} + 3?",
                    "answer": str(number + 3),
                    "privilege": privilege,
                    "solution": f"Add: {number} + 3 = {number + 3}.",
                    "trace": f"<think>\n{thought}\n</think>\n\nIt is \\boxed{{{said}}}.",
                }
            )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    columns = {name: name for name in ("question", "answer", "privilege", "solution", "trace")}
    recipe = {
        "name": "derived",
        "import": [{"from": "rows.jsonl", "columns": columns}],
        "derive": DERIVE if derive is None else derive,
        "dedupe": None,
        **sections,
    }
    (folder / "recipe.yaml").write_text(json.dumps(recipe))
    return folder / "recipe.yaml"


def made(folder: Path, derive: list[dict[str, Any]] | None = None, **sections: Any) -> Run:
    run = Run.create(write(folder, derive, **sections), folder / "run")
    run.update(quiet=True)
    return run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return made(tmp_path_factory.mktemp("derived"))


def joined(run: Run) -> pl.DataFrame:
    folder = run.folder
    return (
        folder.scan(TRACES)
        .join(folder.scan(VERDICTS), on="trace_id", how="left")
        .join(folder.scan(MEASURES), on="trace_id", how="left")
        .join(folder.scan(DERIVATIONS), on="trace_id", how="left")
        .collect()
    )


def test_each_change_makes_a_trace_of_each_of_its_parents(run: Run) -> None:
    counts = dict(joined(run)["derived"].drop_nulls().value_counts().iter_rows())
    right = 2 * TASKS
    assert counts == {
        "half_doubt": right,
        "no_doubt": right,
        "shuffle_steps": TASKS,
        "insert_steps": right,
        "wrong_answer": right,
        "cut_after_answer": 3 * TASKS,
    }


def test_derived_traces_are_verified_and_measured_like_any_other(run: Run) -> None:
    rows = joined(run)
    derived = rows.filter(pl.col("derived").is_not_null())
    assert derived["words"].null_count() == derived["leak"].null_count() == derived["verdict"].null_count() == 0
    assert set(derived.filter(derived="wrong_answer")["verdict"]) == {"wrong"}
    assert set(derived.filter(pl.col("derived").is_in(["no_doubt", "shuffle_steps"]))["verdict"]) == {"correct"}
    assert derived.filter(derived="no_doubt")["epistemic_count"].sum() == 0
    half, before = (
        rows.filter(pl.col("derived").eq_missing(pl.lit(name, pl.String)))["epistemic_count"].sum() / count
        for name, count in (("half_doubt", 2 * TASKS), (None, 3 * TASKS))
    )
    assert 0 < half < before


def test_a_derived_trace_says_what_it_was_made_from(run: Run) -> None:
    rows = joined(run)
    parents = rows.select(parent_id="trace_id", task="task_id", saw="privilege", context="context_id", of="verdict")
    both = rows.filter(pl.col("derived").is_not_null()).join(parents, on="parent_id")
    assert both.height == rows["derived"].count()
    assert (both["task_id"] == both["task"]).all()
    assert (both["privilege"] == both["saw"] + "/" + both["derived"]).all()
    assert both["completion_tokens"].null_count() == both.height
    assert set(both.filter(pl.col("derived") != "cut_after_answer")["of"]) == {"correct"}


def test_a_copy_of_the_solution_is_found_in_a_derived_trace_too(tmp_path: Path) -> None:
    run = made(tmp_path, [{"shuffle_steps": {}}])
    rows = joined(run)
    shares = rows.group_by(shown=pl.col("privilege").str.starts_with("solution"), derived="derived").agg(
        pl.col("longest_copy").count()
    )
    assert shares.filter("shown", derived="shuffle_steps")["longest_copy"][0] == TASKS


def test_derived_traces_are_in_no_mix_unless_it_asks(run: Run, tmp_path: Path) -> None:
    left_out = run.folder.scan(MIX).collect().join(run.folder.scan(DERIVATIONS).collect(), on="trace_id")
    assert not left_out["selected"].any() and set(left_out["reason"]) == {"derived"}
    mixes = {"asked": {"derived": ["no_doubt"]}, "all": {"derived": "keep", "verdict": {"correct": 1}}}
    asked = made(tmp_path, balance={"mixes": mixes})
    chosen = asked.folder.scan(MIX).filter("selected").join(asked.folder.scan(DERIVATIONS), on="trace_id").collect()
    counts = dict(chosen.group_by("mix", "derived").len().select("mix", "len").group_by("mix").sum().iter_rows())
    assert counts["asked"] == 2 * TASKS and counts["all"] > 2 * TASKS
    mix = asked.folder.scan(MIX).collect()
    assert mix.filter("selected", mix="asked").height == 2 * TASKS
    assert mix.filter("selected", mix="all").height == counts["all"] + 2 * TASKS
    assert mix.filter(mix="asked", reason="not_derived").height == 3 * TASKS
    assert set(chosen.filter(mix="asked")["derived"]) == {"no_doubt"}
    assert "wrong_answer" not in chosen["derived"].to_list()


@pytest.mark.usefixtures("up_to_the_mix")
def test_privileges_are_compared_without_derived_traces(run: Run, tmp_path: Path) -> None:
    without = Run.create(write(tmp_path, [{"shuffle_steps": {}}]), tmp_path / "run")
    without.update(quiet=True)
    assert run.effects().equals(without.effects())
    assert not run.effects()["privilege"].str.contains("/").any()


def test_what_each_change_did_is_paired_to_the_parents(run: Run) -> None:
    effects = {effect.name: effect for effect in derived_effects(run.folder)}
    assert list(effects) == [entry.name for entry in run.recipe.derive or []]
    by_quantity = {row.quantity.column: row for row in effects["wrong_answer"].differences}
    assert (by_quantity["score"].mean, by_quantity["length"].mean) == (-1, 0)
    stripped = {row.quantity.column: row for row in effects["no_doubt"].differences}
    density = stripped["epistemic_density infogap"]
    assert density.excludes_zero and density.mean < 0 and stripped["score"].mean == 0
    assert density.mean == pytest.approx(-effects["no_doubt"].before[density.quantity])  # type: ignore[operator]


def test_equal_runs_have_equal_bytes(run: Run, tmp_path: Path) -> None:
    again = made(tmp_path)
    for table in (DERIVED, DERIVATIONS):
        for one, other in zip(run.folder.part_paths(table), again.folder.part_paths(table), strict=True):
            assert one.read_bytes() == other.read_bytes()


@pytest.mark.usefixtures("up_to_the_mix")
def test_other_changes_make_it_stale_and_nothing_before_it(tmp_path: Path) -> None:
    made(tmp_path)
    run = Run.create(write(tmp_path, [{"delete_steps": {}}]), tmp_path / "run")
    states = {state.stage: state.state for state in run.status()}
    assert states["verify"] == "done" and states["derive"] == states["measure"] == "stale"
    run.update(quiet=True)
    assert set(joined(run)["derived"].drop_nulls()) == {"delete_steps"}


def test_the_dataset_says_the_parent_and_a_pulled_run_knows_it(run: Run, tmp_path: Path) -> None:
    dataset = PublishedDataset(run.folder.path / "dataset")
    rows = pl.read_parquet([dataset.folder / path for path in dataset.files("traces")])
    assert rows["derived"].count() == rows["parent_id"].count() == joined(run)["derived"].count()
    assert "derived" not in dataset.columns("sft")
    assert "the trace that it was made from" in (dataset.folder / "README.md").read_text()
    shutil.copytree(dataset.folder, tmp_path / "pulled" / "dataset")
    restore(tmp_path / "pulled", "org/derived", "0.1.0")
    recipe = tmp_path / "pulled" / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace("balance:\n", "balance:\n  derived: [no_doubt]\n"))
    pulled = Run.open(tmp_path / "pulled")
    pulled.update("balance", quiet=True)
    of_both = [
        joined(each).sort("trace_id").select("trace_id", "parent_id", "derived", "verdict") for each in (run, pulled)
    ]
    assert of_both[0].equals(of_both[1])
    chosen = pulled.folder.scan(MIX).filter("selected").join(pulled.folder.scan(DERIVATIONS), on="trace_id").collect()
    assert set(chosen["derived"]) == {"no_doubt"}


@pytest.mark.parametrize(
    ("derive", "balance", "message"),
    [
        ([{}], {}, "name one change"),
        ([{"shuffle_steps": {}, "delete_steps": {}}], {}, "name one change"),
        ([{"shuffle_steps": {}}, {"shuffle_steps": {"share": 0.5}}], {}, "two entries are called shuffle_steps"),
        ([{"shuffle_steps": {"share": 0}}], {}, "share"),
        ([{"strip_markers": {"categories": ["doubts"]}}], {}, "categories"),
        ([{"shuffle_steps": {}}], {"derived": ["suffle_steps"]}, "derives nothing called 'suffle_steps'"),
        ([{"shuffle_steps": {"as": "a/b"}}], {}, "as"),
    ],
)
def test_wrong_entries_are_refused(
    derive: list[dict[str, Any]], balance: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=message):
        Run.create(write(tmp_path, derive, balance=balance), tmp_path / "run")


@pytest.mark.usefixtures("up_to_the_mix")
def test_where_no_trace_fits_it_is_said(tmp_path: Path) -> None:
    run = Run.create(write(tmp_path, [{"delete_steps": {"verdicts": ["truncated"]}}]), tmp_path / "run")
    notes = [note for update in run.update(quiet=True) for note in update.notes if update.stage == "derive"]
    assert notes == ["delete_steps: no trace has the verdicts and privileges that it is made from"]


def test_an_entry_with_an_error_is_not_said_to_be_missing_too(tmp_path: Path) -> None:
    with pytest.raises(InputError) as refused:
        Run.create(write(tmp_path, [{"shuffle_steps": {"share": 2}}], balance={"derived": ["shuffle_steps"]}))
    assert "share" in str(refused.value) and "derives nothing" not in str(refused.value)


@pytest.mark.usefixtures("up_to_the_dataset")
def test_steps_of_other_tasks_are_mentioned_where_tasks_are_divided_into_splits(tmp_path: Path) -> None:
    run = Run.create(
        write(
            tmp_path,
            [{"insert_steps": {"as": "foreign"}}],
            balance={"derived": ["foreign"]},
            publish={"version": "0.1.0", "configs": ["sft"], "splits": {"train": 0.5, "test": 0.5}},
        ),
        tmp_path / "run",
    )
    notes = [note for update in run.update(quiet=True) for note in update.notes if update.stage == "publish"]
    assert any(f"{2 * TASKS} traces of the mix, of foreign, hold steps of other tasks" in note for note in notes)


@pytest.mark.usefixtures("up_to_the_mix")
def test_no_step_of_a_held_out_family_is_inserted(tmp_path: Path) -> None:
    rows = [
        {
            "q": f"What is {n} + 1 in {family}?",
            "a": str(n + 1),
            "t": f"Step {n} of {family}.\n\nIt is \\boxed{{{n + 1}}}.",
        }
        | {"f": family}
        for family in ("sums", "apart")
        for n in range(4)
    ]
    write_jsonl(tmp_path / "rows.jsonl", rows)
    recipe = {
        "name": "apart",
        "import": [{"from": "rows.jsonl", "columns": {"question": "q", "answer": "a", "trace": "t", "family": "f"}}],
        "derive": [{"insert_steps": {"share": 1}}],
        "dedupe": None,
    }

    def states(**balance: Any) -> dict[str, str]:
        (tmp_path / "recipe.yaml").write_text(json.dumps(recipe | {"balance": balance}))
        run = Run.create(tmp_path / "recipe.yaml", tmp_path / "run")
        before: dict[str, str] = {state.stage: state.state for state in run.status()}
        run.update(quiet=True)
        return before

    def inserted() -> list[str]:
        derived = pl.read_parquet(tmp_path / "run" / "derived" / "part-*.parquet")
        asked = pl.read_parquet(tmp_path / "run" / "tasks" / "part-*.parquet").filter(family="sums")
        return derived.join(asked, on="task_id", how="semi")["response"].to_list()

    states()
    assert any("of apart" in text for text in inserted())
    assert states(hold_out={"families": ["apart"]})["derive"] == "stale"
    assert inserted() and not any("of apart" in text for text in inserted())


@pytest.mark.usefixtures("up_to_the_mix")
def test_traces_that_call_tools_are_no_parents_and_counted(tmp_path: Path) -> None:
    answer = agent_rows.said("assistant", "Hmm, maybe. Let me check. So \\boxed{42}.")
    chats = ([*agent_rows.conversation()[:7], answer], [agent_rows.said("user", "6 * 7?"), answer])
    rows = [agent_rows.row(chat, tools=agent_rows.TOOLS if len(chat) > 2 else None) for chat in chats]
    write_jsonl(tmp_path / "a.jsonl", rows)
    (tmp_path / "recipe.yaml").write_text(
        "name: a\nseed: 1\nimport:\n  - from: a.jsonl\n    columns: {question: messages, trace: messages, "
        "tools: tools}\n    verifier: numeric\nderive: [{strip_markers: {}}, {insert_steps: {}}]\n"
    )
    run = Run.create(tmp_path / "recipe.yaml", tmp_path / "run")
    notes = [note for result in run.update(quiet=True) for note in result.notes]
    parents = run.table("derivations").collect()["parent_id"].unique()
    turns = run.table("turns").collect()["trace_id"]
    assert len(parents) == 1 and parents[0] not in turns
    assert any("1 it has tools, or several turns" in note for note in notes)
