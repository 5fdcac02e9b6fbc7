"""What only teachers saw is in `privileged` alone, or the publication stops and says where it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pytest

from infogap.console import speaking
from infogap.errors import InputError
from infogap.publish import STAGE
from infogap.publish.configs.base import MESSAGES, Config
from infogap.publish.export import export
from infogap.publish.privileged_text import PrivilegedText
from infogap.runs.run_folder import Run
from infogap.schema import CONTEXTS, MEASURES, MIX, TASKS, TRACES, VERDICTS, Table
from publish.small_run import IMPORT_RECIPE, RECIPE, Build

SHOWN = (
    "First observe that the pile contains eleven copper pieces, afterwards twenty silver pieces are carefully added "
    "onto that same pile, therefore the grand total becomes thirty one pieces and nothing else remains to be counted."
)
PASSAGE = " ".join(SHOWN.split()[3:26])
FORMULA = " ".join(f"$x_{{{n}}} = \\frac{{{n}}}{{{n + 1}}}$," for n in range(40))
Change = Callable[[pl.DataFrame], pl.DataFrame]


def change(run: Run, table: Table, changed: Change) -> None:
    rows = changed(run.scan(table).collect().sort(table.key))
    with run.rewrite(table) as out:
        out.write(rows)


def with_configs(configs: str, more: str = "", balance: str = "") -> str:
    recipe = RECIPE.replace("version: 0.1.0}", f"version: 0.1.0, configs: [{configs}]{more}}}")
    return recipe.replace("{size: 10, ", f"{{{balance}size: 10, ")


def shown(run: Run, text: str = SHOWN) -> Run:
    """The run, in which all teachers but unguided ones were shown this text."""
    change(run, CONTEXTS, lambda rows: rows.with_columns(text=pl.lit(text)))
    return run


def selected_traces(run: Run, privilege: str) -> list[str]:
    traces = run.scan(TRACES).join(run.scan(MIX).filter("selected"), on="trace_id", how="semi")
    answered = traces.filter(pl.col("privilege") == privilege, pl.col("error").is_null())
    leaks = run.scan(MEASURES).filter("leak")
    return answered.join(leaks, on="trace_id", how="anti").collect()["trace_id"].sort().to_list()


def respond(run: Run, trace_ids: list[str], response: str) -> None:
    response_of = pl.when(pl.col("trace_id").is_in(trace_ids)).then(pl.lit(response)).otherwise("response")
    change(run, TRACES, lambda rows: rows.with_columns(response=response_of))


def leak(run: Run, trace_ids: list[str]) -> None:
    change(run, MEASURES, lambda rows: rows.with_columns(leak=pl.col("trace_id").is_in(trace_ids)))


def published(run: Run, config: str) -> pl.DataFrame:
    return pl.read_parquet(run.path / "dataset" / "data" / config / "*.parquet")


@pytest.mark.parametrize("changed", ["{}", "**{}**", "Well: {}!", "{} So it is."])
def test_a_copy_that_no_rule_has_flagged_stops_the_publication(build: Build, changed: str) -> None:
    run = shown(build(recipe=with_configs("sft, traces, privileged")))
    STAGE.make(run)
    before = (run.path / "dataset" / "infogap.json").read_bytes()
    copied = selected_traces(run, "solution")[:4]
    respond(run, copied, changed.format(PASSAGE.replace(", ", " ; ").upper()))
    with pytest.raises(InputError) as refused:
        STAGE.make(run)
    message = str(refused.value)
    assert f"4 rows of `sft` (messages.content: {', '.join(copied[:3])} and 1 more) with 20 words or more" in message
    assert "4 rows of `traces` (response: " in message and "under `answer`, `solution`" not in message
    assert "publish.shared_run" in message and "\n" not in message
    assert (run.path / "dataset" / "infogap.json").read_bytes() == before


def test_the_bound_is_the_recipes(build: Build) -> None:
    for setting, refuses in ((", shared_run: 23", True), (", shared_run: 24", False), (", shared_run: null", False)):
        run = shown(build(setting, recipe=with_configs("sft", setting)))
        respond(run, selected_traces(run, "solution")[:1], f"Well. {PASSAGE}. Done.")
        if refuses:
            with pytest.raises(InputError, match="23 words or more"):
                STAGE.make(run)
            continue
        outcome = STAGE.make(run)
        unchecked = "no text was compared with the contexts, because `publish.shared_run` is null" in outcome.notes
        card = (run.path / "dataset" / "README.md").read_text()
        assert unchecked == ("null" in setting) == ("not compared with what teachers were shown" in card)


def test_an_unguided_trace_counts_too(build: Build) -> None:
    run = shown(build(recipe=with_configs("sft")))
    respond(run, selected_traces(run, "unguided")[:1], PASSAGE)
    with pytest.raises(InputError, match="1 row"):
        STAGE.make(run)


def test_what_the_question_says_may_be_repeated(build: Build) -> None:
    run = shown(build(recipe=with_configs("sft, traces, rl, preference")))
    change(run, TASKS, lambda rows: rows.with_columns(question=pl.format("{} How many? {}", pl.lit(SHOWN), "task_id")))
    respond(run, selected_traces(run, "solution"), PASSAGE)
    STAGE.make(run)


def test_formulas_that_a_solution_has_too_are_no_copy(build: Build) -> None:
    run = shown(build(recipe=with_configs("sft, traces")), f"{FORMULA} and so on")
    respond(run, selected_traces(run, "solution"), f"{FORMULA} is what I find")
    STAGE.make(run)


def test_an_attempt_is_published_as_a_trace_though_others_were_shown_it(build: Build) -> None:
    recipe = with_configs("sft, traces").replace("[unguided, answer, solution]", "[unguided, peers, solution]")
    run = build(recipe=recipe.replace("privileges: [unguided, answer", "privileges: [unguided, peers"))
    attempt = selected_traces(run, "unguided")[0]
    respond(run, [attempt], SHOWN)
    change(run, TRACES, lambda rows: rows.with_columns(pl.col("privilege").replace("answer", "peers")))
    frame = pl.lit("An attempt (verdict: right):\n" + SHOWN)
    task_id = run.scan(TRACES).filter(trace_id=attempt).collect()["task_id"].item()
    of_peers = (pl.col("privilege") == "answer") & (pl.col("task_id") == task_id)
    change(
        run,
        CONTEXTS,
        lambda rows: rows.with_columns(
            privilege=pl.when(of_peers).then(pl.lit("peers")).otherwise("privilege"),
            text=pl.when(of_peers).then(frame).otherwise("text"),
        ),
    )
    STAGE.make(run)
    assert published(run, "traces").filter(trace_id=attempt)["response"].item() == SHOWN
    leak(run, [attempt])  # now its own text is not published, nor may it be elsewhere
    respond(run, selected_traces(run, "unguided")[1:2], SHOWN)
    with pytest.raises(InputError, match="shown under `peers`"):
        STAGE.make(run)


def test_an_attempt_is_published_though_a_later_attempt_beside_it_has_copied_it(build: Build) -> None:
    run = build(
        recipe=with_configs("sft, traces").replace("unguided, answer, solution", "unguided, verifier, solution")
    )
    change(run, TRACES, lambda rows: rows.with_columns(pl.col("privilege").replace("answer", "verifier")))
    first, *others = selected_traces(run, "unguided")
    task_id = run.scan(TRACES).filter(trace_id=first).collect()["task_id"].item()
    second = run.scan(TRACES).filter(task_id=task_id, privilege="verifier").collect()["trace_id"].sort()[0]
    own = " ".join(f"{each} more words that are nobody's but its own" for each in ("Four", "Five", "Six", "Seven"))
    copy = f"AS I SAID: {SHOWN.upper()} {own}"
    respond(run, [first], SHOWN)
    respond(run, [second], copy)
    leak(run, [second])
    of_verifier = (pl.col("privilege") == "answer") & (pl.col("task_id") == task_id)
    both = pl.lit(f"An attempt:\n{SHOWN}\n\nAn attempt:\n{copy}")
    change(
        run,
        CONTEXTS,
        lambda rows: rows.with_columns(
            privilege=pl.when(of_verifier).then(pl.lit("verifier")).otherwise("privilege"),
            text=pl.when(of_verifier).then(both).otherwise("text"),
        ),
    )
    STAGE.make(run)
    assert published(run, "traces").filter(trace_id=first)["response"].item() == SHOWN
    respond(run, others[:1], own)  # what else the copy says nobody may repeat
    with pytest.raises(InputError, match="shown under `verifier`"):
        STAGE.make(run)


@pytest.mark.parametrize(
    ("config", "column"), [("sft", "messages.content"), ("preference", "(chosen|rejected).content")]
)
def test_what_a_flagged_leak_says_is_in_no_default_config(build: Build, config: str, column: str) -> None:
    run = shown(build(recipe=with_configs(f"traces, {config}")))
    answered = run.scan(TRACES).filter(pl.col("error").is_null(), pl.col("privilege") == "solution")
    respond(run, answered.collect()["trace_id"].to_list(), SHOWN)
    change(run, TRACES, lambda rows: rows.with_columns(response=pl.format("{} {}", "response", "trace_id")))
    with pytest.raises(InputError, match=rf"of `{config}` \({column}: "):
        STAGE.make(run)  # no scan has flagged it


def test_a_leaking_trace_is_a_row_without_its_text(build: Build) -> None:
    run = shown(build(recipe=with_configs("traces")))
    copied = selected_traces(run, "solution")[0]
    respond(run, [copied], SHOWN)
    evidence = [{"kind": "copying", "rule": "run", "start": 0, "end": len(SHOWN), "evidence": SHOWN}]
    leaks = pl.Series("leaks", [evidence], dtype=MEASURES.schema["leaks"])
    leak(run, [copied])
    is_copy = pl.col("trace_id") == copied
    change(run, MEASURES, lambda rows: rows.with_columns(leaks=pl.when(is_copy).then(leaks.first()).otherwise("leaks")))
    outcome = STAGE.make(run)
    row = published(run, "traces").filter(trace_id=copied).row(0, named=True)
    assert (row["reasoning"], row["response"], row["extracted_answer"]) == (None, "", None)
    assert row["leaks"] == [{"kind": "copying", "rule": "run", "start": 0, "end": len(SHOWN)}]
    assert row["verdict"] in ("correct", "wrong") and row["words"] == 12
    assert "1 of 36 traces leak; the config `traces` omits their text" in str(outcome.notes)
    assert "applies to 1 of 36 traces" in (run.path / "dataset" / "README.md").read_text()
    for path in (run.path / "dataset").rglob("*"):
        assert not path.is_file() or b"carefully added" not in path.read_bytes(), path
    made = orjson.loads((run.path / "dataset" / "infogap.json").read_bytes())
    assert made["leaks"] == {"traces": 0, "configs": {}, "kept": False, "shared_run": 20}


@pytest.mark.parametrize(
    ("recipe", "configs", "asked"),
    [
        (with_configs("traces, sft", balance="leak: keep, "), {"traces": 1, "sft": 1}, "balance.leak: keep"),
        (
            with_configs("traces, sft", ", thinking: field", balance="leak: keep, "),
            {"traces": 1, "sft": 1},
            "balance.leak: keep",
        ),
        (with_configs("traces", ", leaking_text: true"), {"traces": 1}, "publish.leaking_text: true"),
    ],
)
def test_leaking_text_that_is_asked_for_is_counted_wherever_the_dataset_goes(
    build: Build, recipe: str, configs: dict[str, int], asked: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = shown(build(recipe=recipe))
    copied = selected_traces(run, "solution")[0]
    respond(run, [copied], SHOWN)
    leak(run, [copied])
    said = f"1 leaking trace ({', '.join(f'`{name}` 1' for name in configs)})"
    outcome = STAGE.make(run)
    assert f"published with their text, as requested by `{asked}`: {said}" in outcome.notes
    assert published(run, "traces").filter(trace_id=copied)["response"].item() == SHOWN
    head = (run.path / "dataset" / "README.md").read_text().split("## Loading")[0]
    assert f"**{said} reveals" in head and f"`{asked}`" in head
    made = orjson.loads((run.path / "dataset" / "infogap.json").read_bytes())
    assert made["leaks"]["configs"] == configs
    if "sft" in configs:
        with speaking(quiet=False):
            assert export(run, tmp_path / "mix.jsonl", "messages") == 18
        assert "1 leaking trace" in " ".join(capsys.readouterr().err.split())


def test_a_mix_is_exported_only_where_it_could_be_published(build: Build, tmp_path: Path) -> None:
    run = shown(build(recipe=with_configs("sft")))
    respond(run, selected_traces(run, "solution")[:1], PASSAGE)
    with pytest.raises(InputError, match="of `sft`"):
        export(run, tmp_path / "mix.jsonl", "sharegpt")
    assert not (tmp_path / "mix.jsonl").exists()


def test_imported_solutions_count_where_no_context_is_given(build: Build) -> None:
    recipe = IMPORT_RECIPE.replace("{trace: text}", "{trace: text, solution: solution}")
    run = build(recipe=recipe)
    change(run, TASKS, lambda rows: rows.with_columns(solution=pl.lit(SHOWN)))
    change(run, CONTEXTS, lambda rows: rows.clear())
    change(run, TRACES, lambda rows: rows.with_columns(context_id=pl.lit(None, pl.String)))
    STAGE.make(run)
    respond(run, selected_traces(run, "solution")[:1], PASSAGE)
    with pytest.raises(InputError, match="shown under `solution`"):
        STAGE.make(run)


def look(run: Run, rows: pl.DataFrame, privileged: str = "") -> None:
    """Look through the rows of somebody's own config."""
    text = PrivilegedText(run)
    own = Config(
        name="own",
        shows="",
        features=rows.schema,
        key=pl.col("task_id"),
        rows=lambda _run, _mix: [],
        privileged=privileged,
    )
    assert pl.concat(text.watch(own, [rows.head(1), rows.tail(-1)])).equals(rows)
    text.refuse()


def of_tasks(run: Run, **columns: Any) -> pl.DataFrame:
    return run.scan(TASKS).sort("task_id").select("task_id", **columns).collect()


@pytest.mark.parametrize(
    ("value", "column"),
    [
        (pl.lit(PASSAGE), "text"),
        (pl.concat_list(pl.lit("a"), pl.lit(PASSAGE)), "text"),
        (pl.struct(inner=pl.concat_list(pl.struct(deep=pl.lit(PASSAGE)))), "text.inner.deep"),
        (pl.lit(orjson.dumps({"entry": {"cot": f"So.\n{PASSAGE}\nThat is all."}}).decode()), "text"),
    ],
)
def test_a_text_is_found_wherever_somebodys_config_has_it(build: Build, value: pl.Expr, column: str) -> None:
    run = shown(build())
    rows = of_tasks(run, text=value)
    with pytest.raises(InputError, match=rf"6 rows of `own` \({column}: task0, task1, task2 and 3 more\)"):
        look(run, rows)
    look(run, rows, privileged="every passage")
    look(run, rows.with_columns(text=None).cast(rows.schema))


def test_a_long_gold_answer_is_published_as_one(build: Build) -> None:
    run = shown(build(recipe=with_configs("traces, rl")))
    change(run, TASKS, lambda rows: rows.with_columns(answer=pl.lit(SHOWN)))
    STAGE.make(run)
    look(run, of_tasks(run, gold=pl.lit(SHOWN)))
    with pytest.raises(InputError, match="of `own`"):
        look(run, of_tasks(run, gold=pl.lit(f"It is: {SHOWN}")))


def prompt(content: pl.Expr) -> pl.Expr:
    return pl.concat_list(pl.struct(role=pl.lit("user"), content=content)).cast(MESSAGES)


def with_field(content: pl.Expr) -> pl.Expr:
    thought = pl.lit(None, pl.String)
    return pl.concat_list(pl.struct(role=pl.lit("user"), content=content, reasoning_content=thought))


@pytest.mark.parametrize("shape", [prompt, with_field, lambda content: content])
def test_the_gold_answer_in_a_prompt_stops_the_publication(build: Build, shape: Callable[[pl.Expr], pl.Expr]) -> None:
    run = build()
    question, answer = pl.col("question"), pl.col("answer")
    for words in ("{}\n\nThe answer is {}.", "{}\n\nHint: ${}$", "{} ({})"):
        with pytest.raises(InputError, match=r"6 rows of `own` \(prompt.*\) with the gold answer in the prompt"):
            look(run, of_tasks(run, prompt=shape(pl.format(words, question, answer))))
    for words in ("{}\n\nTake 30 seconds.", "{} Is it 3, 4, 5 or 6? One of these is the answer."):
        look(run, of_tasks(run, prompt=shape(pl.format(words, question))))
    # The letters of choices stand in every prompt: one has to be called the answer.
    change(run, TASKS, lambda rows: rows.with_columns(answer=pl.lit("B")))
    look(run, of_tasks(run, prompt=shape(pl.format("{} A) {} B) {}", question, question, "task_id"))))
    with pytest.raises(InputError, match="gold answer in the prompt"):
        look(run, of_tasks(run, prompt=shape(pl.format("{} The answer is B.", question))))


def test_the_question_may_hold_its_answer_and_the_verdicts_their_words(build: Build) -> None:
    run = shown(build(recipe=with_configs("sft, traces, rl, preference")))
    change(run, TASKS, lambda rows: rows.with_columns(question=pl.format("Is {} the sum?", "answer")))
    STAGE.make(run)
    long = pl.when(pl.col("trace_id") == selected_traces(run, "solution")[0]).then(pl.lit(PASSAGE))
    change(run, VERDICTS, lambda rows: rows.with_columns(extracted_answer=long.otherwise("extracted_answer")))
    with pytest.raises(InputError, match=r"1 row of `traces` \(extracted_answer: "):
        STAGE.make(run)
