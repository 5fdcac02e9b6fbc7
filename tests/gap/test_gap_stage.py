"""The gap stage on a model whose probabilities the tests work out themselves, and on the real small one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import polars as pl
import pytest

from cli import in_process
from gap.tiny_model import BEGIN, TinyModel, tokens_of
from imports.agent_rows import conversation
from infogap.errors import StoppedError
from infogap.gap.score_cache import FOLDER
from infogap.privileges.contexts import teacher_prompt
from infogap.recipe import load_recipe
from infogap.runs.pipeline import run_one, states
from infogap.runs.run_folder import Run
from infogap.schema import GAPS, TOKEN_GAPS, TRACES
from infogap.teachers.embedded.embedded_scoring import EmbeddedScorer
from infogap.teachers.scorer import Scored, TextToScore
from servers.scoring_server import ScoringServer
from servers.scripted import ScriptedServer
from servers.serve import serve

QUESTION, CONTEXT = "What is 2+3?", "The answer to this question: 5"
GUIDED = r"<think>Two and three. Perhaps 五?</think>It is \boxed{5}."
ROWS: list[dict[str, Any]] = [
    {"privilege": "unguided", "trace": r"Wait, 2+3. So \boxed{5}."},
    {"privilege": "answer", "context": CONTEXT, "trace": GUIDED},
    {"privilege": "answer", "trace": r"Five: \boxed{5}."},
    {"privilege": "unguided", "trace": r"So \boxed{6}."},
]
RECIPE = """\
name: demo
import:
  - from: traces.jsonl
    columns: {question: question, answer: answer, solution: solution, privilege: privilege, trace: trace,
              context: context, teacher: teacher}
measure:
  gap: {scorer: {backend: embedded, model: tiny.gguf, context_length: 512, threads: 1}}
dedupe: null
"""


@pytest.fixture(scope="module")
def model() -> TinyModel:
    return TinyModel(seed=1)


@pytest.fixture
def folder(tmp_path: Path, model: TinyModel) -> Path:
    model.write(tmp_path / "tiny.gguf")
    write_rows(tmp_path, ROWS)
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    return tmp_path


def write_rows(folder: Path, rows: list[dict[str, Any]]) -> None:
    common = {"question": QUESTION, "answer": "5", "solution": "2+3=5.", "context": None, "teacher": "m"}
    (folder / "traces.jsonl").write_text("".join(json.dumps(common | row) + "\n" for row in rows))


def scored(folder: Path, *overrides: str) -> Run:
    run = Run.create(load_recipe(folder / "recipe.yaml", list(overrides)), folder / "run")
    run.save_recipe()
    for stage in ("tasks", "import", "verify", "gap"):
        run_one(run, stage)
    return run


def rows_of(run: Run) -> list[dict[str, Any]]:
    return pl.concat(list(run.parts(GAPS))).to_dicts()


def bytes_of(run: Run) -> dict[str, bytes]:
    paths = [path for table in (GAPS, TOKEN_GAPS) for path in run.part_paths(table)]
    return {str(path.relative_to(run.path)): path.read_bytes() for path in paths}


@pytest.fixture
def texts_scored(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The keys of the texts that the model has scored."""
    keys: list[str] = []
    score = EmbeddedScorer._score

    def counting(self: EmbeddedScorer, context: Any, wanted: TextToScore, stop: Event) -> Scored:
        keys.append(wanted.key)
        return score(self, context, wanted, stop)

    monkeypatch.setattr(EmbeddedScorer, "_score", counting)
    yield keys


def test_every_number_is_what_the_weights_give(folder: Path, model: TinyModel) -> None:
    unguided, guided, unknown, _ = rows_of(scored(folder, "measure.gap.per_token=true"))
    prompt = f"[{QUESTION}]"
    text = "<think>\nTwo and three. Perhaps 五?\n</think>\n\nIt is \\boxed{5}."
    plain = model.logprobs(tokens_of(prompt), tokens_of(text))
    told = model.logprobs(tokens_of(f"[{teacher_prompt(QUESTION, CONTEXT, '', 'infogap').rstrip()}]"), tokens_of(text))
    alone = model.logprobs([BEGIN], tokens_of(text))
    assert guided["tokens"] == len(tokens_of(text))
    assert guided["gap"] == pytest.approx((told - plain).sum(), abs=1e-3)
    assert guided["gap_per_token"] == pytest.approx((told - plain).mean(), abs=1e-5)
    assert guided["gap_share"] == pytest.approx(np.mean(told - plain > 1))
    assert 0 < guided["gap_share"] < 1
    assert guided["surprisal"] == pytest.approx(-plain.mean(), abs=1e-5)
    assert guided["ifd"] == pytest.approx(np.exp(-plain.mean()) / np.exp(-alone.mean()), rel=1e-4)
    ranks = np.minimum(model.ranks(tokens_of(prompt), tokens_of(text)), 100)
    assert ranks.max() == 100
    assert guided["rsr"] == pytest.approx(ranks.sum() / -plain.sum(), rel=1e-3)
    assert guided["answer_confidence"] == pytest.approx(np.exp(plain[text.encode().index(b"5")]), rel=1e-3)
    assert guided["detail"] is None

    assert (unguided["gap"], unguided["gap_per_token"], unguided["gap_share"]) == (0, 0, 0)
    assert unguided["surprisal"] > 0
    assert unknown["gap"] is None
    assert unknown["surprisal"] > 0
    assert unknown["detail"] == "the context that its teacher saw is not known"


def test_every_token_of_the_gap_is_kept_when_asked(folder: Path, model: TinyModel) -> None:
    run = scored(folder, "measure.gap.per_token=true")
    kept = {row["trace_id"]: row for row in pl.concat(list(run.parts(TOKEN_GAPS))).to_dicts()}
    for trace, gap in zip(pl.concat(list(run.parts(TRACES))).to_dicts(), rows_of(run), strict=True):
        row = kept[trace["trace_id"]]
        assert len(row["tokens"]) == len(row["surprisals"]) == gap["tokens"]
        assert "".join(row["tokens"]).endswith(trace["response"])
        assert -np.mean(row["surprisals"]) == pytest.approx(-gap["surprisal"])
        if gap["gap"] is None:
            assert row["gaps"] is None
        else:
            assert sum(row["gaps"]) == pytest.approx(gap["gap"], abs=1e-4)
    text = "<think>\nTwo and three. Perhaps 五?\n</think>\n\nIt is \\boxed{5}."
    guided = list(kept.values())[1]
    assert "".join(guided["tokens"]) == text
    prompts = (teacher_prompt(QUESTION, CONTEXT, "", "infogap").rstrip(), QUESTION)
    told, plain = (model.logprobs(tokens_of(f"[{prompt}]"), tokens_of(text)) for prompt in prompts)
    assert guided["gaps"] == pytest.approx(told - plain, abs=1e-3)
    assert pl.concat(list(scored(folder).parts(TOKEN_GAPS))).is_empty()


def test_other_contexts(folder: Path, model: TinyModel) -> None:
    contexts = "measure.gap.contexts=[solution, reference_only, decoy_answer, decoy_solution]"
    unguided, guided, *_ = rows_of(scored(folder, contexts))
    other = {each["context"]: each for each in guided["other_contexts"]}
    assert list(other) == ["solution", "reference_only", "decoy_answer", "decoy_solution"]
    text = tokens_of("<think>\nTwo and three. Perhaps 五?\n</think>\n\nIt is \\boxed{5}.")
    plain, reference = (model.logprobs(tokens_of(f"[{prompt}]"), text) for prompt in (QUESTION, CONTEXT))
    assert other["reference_only"]["gap"] == pytest.approx((reference - plain).sum(), abs=1e-3)
    assert other["solution"]["gap_per_token"] == pytest.approx(other["solution"]["gap"] / len(text))
    assert other["decoy_answer"]["gap"] not in (None, guided["gap"])
    assert other["decoy_solution"]["gap"] is None  # there is no other task
    of_unguided = {each["context"]: each["gap"] for each in unguided["other_contexts"]}
    assert of_unguided["reference_only"] is None  # it was shown nothing
    assert of_unguided["solution"] is not None


def test_nothing_is_scored_twice(folder: Path, texts_scored: list[str]) -> None:
    run = scored(folder)
    first = len(texts_scored)
    assert first == len(set(texts_scored))
    before = bytes_of(run)
    scored(folder, "measure.gap.threshold=0.5", "measure.gap.per_token=true")
    assert len(texts_scored) == first
    scored(folder, "measure.gap.contexts=[solution]")
    assert len(texts_scored) == first + len(ROWS)
    write_rows(folder, [*ROWS, {"privilege": "unguided", "trace": "Six."}])
    assert len(rows_of(scored(folder))) == len(ROWS) + 1
    assert len(texts_scored) == first + len(ROWS) + 2
    write_rows(folder, ROWS)
    assert bytes_of(scored(folder)) == before
    assert len(texts_scored) == len(set(texts_scored)) == first + len(ROWS) + 2


def test_ctrl_c_stops_after_the_texts_at_hand(
    folder: Path, texts_scored: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = bytes_of(scored(folder, "name=other"))
    wanted = list(texts_scored)
    texts_scored.clear()
    for path in (folder / "run").rglob("*"):
        if FOLDER in path.parts and path.is_file():
            path.unlink()
    (folder / "run" / "gaps" / "manifest.json").unlink()
    score = EmbeddedScorer._score

    interrupted_at: list[int] = []

    def interrupted(self: EmbeddedScorer, context: Any, text: TextToScore, stop: Event) -> Scored:
        if len(texts_scored) == 3 and not interrupted_at:
            interrupted_at.append(len(texts_scored))
            os.kill(os.getpid(), signal.SIGINT)
        return score(self, context, text, stop)

    monkeypatch.setattr(EmbeddedScorer, "_score", interrupted)
    with pytest.raises(StoppedError, match="the scores so far are on disk"):
        scored(folder, "name=other")
    assert 4 <= len(texts_scored) <= 6  # what was under way, and what was read ahead
    assert len(texts_scored) < len(wanted)
    assert bytes_of(scored(folder, "name=other")) == whole
    assert sorted(texts_scored) == sorted(wanted)


def test_a_killed_run_goes_on_with_what_it_had(folder: Path, texts_scored: list[str]) -> None:
    """Killed by itself, for good, at its fifth text."""
    program = (
        "import os, signal, sys\n"
        "from infogap.cli import main\n"
        "from infogap.teachers.embedded.embedded_scoring import EmbeddedScorer\n"
        "score, seen = EmbeddedScorer._score, []\n"
        "def killing(self, context, text, stop):\n"
        "    seen.append(text)\n"
        "    if len(seen) == 5:\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return score(self, context, text, stop)\n"
        "EmbeddedScorer._score = killing\n"
        "main()\n"
    )
    command = [sys.executable, "-c", program, "run", "recipe.yaml", "--run", "run"]
    killed = subprocess.run(command, cwd=folder, capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL
    state = next(state for state in states(Run.open(folder / "run")) if state.stage == "gap")
    assert (state.state, state.why[0].split(" of ")[1]) == ("partial", f"{len(ROWS)} traces are scored")
    run = scored(folder)
    wanted = 2 * len(ROWS) + 1  # after the question and after nothing, and one after a context
    assert wanted - 4 <= len(texts_scored) <= wanted - 3  # the fourth may not have been on disk yet
    (folder / "elsewhere").mkdir()
    fresh = Run.create(load_recipe(folder / "recipe.yaml"), folder / "elsewhere" / "run")
    fresh.save_recipe()
    for stage in ("tasks", "import", "verify", "gap"):
        run_one(fresh, stage)
    assert bytes_of(run) == bytes_of(fresh)


def test_what_cannot_be_scored_says_why(folder: Path) -> None:
    write_rows(folder, [*ROWS, {"privilege": "unguided", "trace": "long " * 200}])
    run = scored(folder)
    last = rows_of(run)[-1]
    assert "do not fit in the context of 512" in last["detail"]
    assert last["gap"] is None
    manifest = run.manifest("gaps")
    assert manifest is not None
    assert manifest.counts == {"scored": 3, "not_scored": 2}


@pytest.mark.model
def test_traces_that_call_tools_are_not_scored_and_counted(folder: Path, texts_scored: list[str]) -> None:
    write_rows(folder, [ROWS[0], {"privilege": "unguided", "trace": conversation()[2:]}])
    run = scored(folder)
    details = dict(run.scan(GAPS).select("surprisal", "detail").collect().iter_rows())
    assert details[None] == "it has tools, and its turns are no single answer to the prompt"
    assert len(details) == 2
    assert all("multiply" not in text for text in texts_scored)
    manifest = run.manifest("gaps")
    assert manifest is not None and manifest.counts["not_scored"] == 1


def test_a_teacher_that_wrote_under_the_answer_finds_its_traces_likelier_with_it(tmp_path: Path) -> None:
    """Every request of a run: the prompts are those that its traces were written after, and unguided gaps exactly 0."""
    (tmp_path / "recipe.yaml").write_text(
        "name: demo\n"
        "tasks: [{from: reasoning_gym, names: [chain_sum], count: 3}]\n"
        "teacher: {backend: embedded, logprobs: 1, sampling: {max_tokens: 24}}\n"
        "generate: {samples: 2, privileges: [unguided, answer]}\n"
        "measure: {gap: {per_token: true}}\n"
        "dedupe: null\n"
    )
    run = Run.create(load_recipe(tmp_path / "recipe.yaml"), tmp_path / "run")
    run.save_recipe()
    for stage in ("tasks", "generate", "verify", "gap"):
        run_one(run, stage)
    traces = pl.concat(list(run.parts(TRACES))).select("trace_id", "privilege")
    gaps = traces.join(pl.concat(list(run.parts(GAPS))), on="trace_id", maintain_order="left")
    unguided, told = gaps.filter(privilege="unguided"), gaps.filter(privilege="answer")
    assert unguided["gap"].to_list() == [0.0] * unguided.height
    assert told["gap"].mean() > 0  # type: ignore[operator]
    # An unguided trace's surprisal is what its teacher recorded while it wrote, up to llama.cpp's rounding.
    recorded = pl.read_parquet(run.path / "tokens" / "*.parquet").with_columns(
        written=-pl.col("logprobs").list.mean(), count=pl.col("logprobs").list.len()
    )
    compared = unguided.join(recorded, on="trace_id").filter(pl.col("count") == pl.col("tokens"))
    assert compared.height >= 3
    assert compared["surprisal"].to_list() == pytest.approx(compared["written"].to_list(), abs=0.1)


def test_the_tables_of_scores(folder: Path) -> None:
    scored(folder, "measure.gap.contexts=[solution, reference_only]")
    shown = infogap("gap", str(folder / "run"), "--table")
    assert max(map(len, shown.splitlines())) <= 80
    for expected in ("by tiny: means", "reference only", "expected calibration error", "is not measured yet"):
        assert expected in shown
    infogap("measure", str(folder / "run"))
    found = json.loads(infogap("gap", str(folder / "run"), "--table", "--json"))
    assert [(row["privilege"], row["traces"], row["with_gap"]) for row in found["privileges"]] == [
        ("unguided", 2, 2),
        ("answer", 2, 1),
    ]
    assert found["privileges"][0]["means"]["gap"] == 0
    assert found["privileges"][0]["others"]["reference_only"] is None
    assert found["calibration"]["traces"] == 4
    assert sum(group["accuracy"] * group["traces"] for group in found["calibration"]["bins"]) == pytest.approx(3)
    assert found["calibration"]["bands"]


def infogap(*arguments: str) -> str:
    """What a command prints, in a terminal of 80 columns."""
    shown = in_process.infogap(*arguments)
    assert shown.returncode == 0, shown.stderr
    return shown.stdout


def test_servers_score_like_the_model_itself(folder: Path, model: TinyModel) -> None:
    by_file = rows_of(scored(folder))
    with serve(ScoringServer(model.logprobs, model.ranks).app) as url:
        scorer = f"measure.gap.scorer={{backend: openai, model: tiny, base_url: '{url}/v1'}}"
        by_server = rows_of(scored(folder, scorer))
    for ours, theirs in zip(by_file, by_server, strict=True):
        for name in ("tokens", "gap", "gap_per_token", "gap_share", "surprisal", "answer_confidence"):
            assert theirs[name] == pytest.approx(ours[name], abs=1e-3)
        assert theirs["rsr"] == pytest.approx(ours["rsr"], rel=1e-2)
        assert theirs["detail"] == ours["detail"]


def test_a_server_without_ranks_leaves_the_ratio_out_and_says_of_how_many(folder: Path, model: TinyModel) -> None:
    with serve(ScoringServer(model.logprobs).app) as url:
        scorer = f"measure.gap.scorer={{backend: openai, model: tiny, base_url: '{url}/v1'}}"
        run = scored(folder, scorer)
        rows = rows_of(run)
        (run.path / "gaps" / "manifest.json").unlink()
        notes = run_one(run, "gap").notes
    assert [row["rsr"] for row in rows] == [None] * 4
    assert all(row["surprisal"] > 0 for row in rows)
    manifest = run.manifest("gaps")
    assert manifest is not None
    assert manifest.counts == {"scored": 3, "not_scored": 1, "without_ranks": 4}
    assert any("4 of the traces have no Rank-Surprisal Ratio" in note for note in notes)


def test_scores_kept_before_there_were_ranks_are_made_anew_under_the_students_prompt_alone(
    folder: Path, texts_scored: list[str]
) -> None:
    run = scored(folder)
    before = bytes_of(run)
    journal = run.path / "gaps" / FOLDER / "journal.jsonl"
    lines = [json.loads(line) for line in journal.read_text().splitlines()]
    journal.write_text("".join(json.dumps({k: v for k, v in line.items() if k != "ranks"}) + "\n" for line in lines))
    (run.path / "gaps" / "manifest.json").unlink()
    texts_scored.clear()
    assert bytes_of(scored(folder)) == before
    assert len(texts_scored) == len(ROWS)


def test_nothing_is_generated_where_the_server_cannot_score(tmp_path: Path, model: TinyModel) -> None:
    """The teacher's own server, which answers chats: it would have been asked for every trace."""
    unable = ScoringServer(model.logprobs, able=False)
    chats = ScriptedServer()
    chats.app.routes.extend(unable.app.routes)
    with serve(chats.app) as url:
        (tmp_path / "recipe.yaml").write_text(
            "name: demo\n"
            "tasks: [{from: reasoning_gym, names: [chain_sum], count: 3}]\n"
            f"teacher: {{backend: openai, model: m, base_url: '{url}/v1'}}\n"
            "generate: {samples: 1, privileges: [unguided]}\n"
            "measure: {gap: {}}\n"
        )
        refused = in_process.infogap("run", "recipe.yaml", cwd=tmp_path)
    assert refused.returncode == 2
    assert "gives no log-probabilities of prompts" in refused.stderr
    assert chats.bodies == []


def test_tasks_that_are_left_out_cost_nothing(
    folder: Path, texts_scored: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `select` leaves out those that are solved never or always."""
    monkeypatch.setattr(
        "infogap.gap.score_traces.not_selected", lambda run: run.scan(TRACES).select("task_id", "teacher")
    )
    rows = rows_of(scored(folder))
    assert texts_scored == []
    assert {row["detail"] for row in rows} == {"the trace's task is left out by `select`, or not in the tasks table"}


def test_derived_traces_are_scored_with_the_contexts_of_their_parents(folder: Path) -> None:
    (folder / "recipe.yaml").write_text(RECIPE + "derive: [{strip_markers: {verdicts: [correct, wrong]}}]\n")
    run = Run.create(load_recipe(folder / "recipe.yaml"), folder / "run")
    run.save_recipe()
    for stage in ("tasks", "import", "verify", "derive", "gap"):
        run_one(run, stage)
    rows = run.scan(GAPS).join(run.scan(TRACES), on="trace_id").filter(pl.col("privilege").str.contains("/")).collect()
    gaps = {row["privilege"]: row for row in rows.iter_rows(named=True)}
    assert set(gaps) == {"unguided/strip_markers", "answer/strip_markers"}
    assert gaps["unguided/strip_markers"]["gap"] == 0
    assert gaps["answer/strip_markers"]["gap"] not in (None, 0)
    assert rows["surprisal"].null_count() == 0
