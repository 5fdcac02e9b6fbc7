"""A pulled version is a run: balanced again and published as the next version, from what was published alone."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import stamina

from balance.mix_runs import make_mix, make_run, trace
from hub.server import Hub
from infogap.api.run import Run
from infogap.errors import InputError
from infogap.publish import STAGE, push
from infogap.publish.export import export
from infogap.publish.published_dataset import PublishedDataset
from infogap.publish.pull import pull, split_version
from infogap.runs import manifest
from infogap.runs.run_folder import Run as RunFolder
from infogap.schema import TASKS
from publish.small_run import RECIPE as SMALL
from publish.small_run import Build

# huggingface_hub itself calls its HTTP client in a deprecated way.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")

ROWS = [
    {"q": f"What is {n} + {n}?", "a": str(2 * n), "t": f"{'Wait, ' * (n % 3)}it is \\boxed{{{2 * n + (n % 4 == 0)}}}."}
    for n in range(1, 13)
    for _ in range(2)
]
RECIPE = """\
name: sums
import:
  - from: rows.jsonl
    columns: {question: q, answer: a, trace: t}
    license: mit
balance: {size: 6, max_per_task: 1}
publish: {repo: org/sums, version: 1.2.0, configs: [sft, traces, rl]}
"""


@pytest.fixture(autouse=True)
def _no_waiting() -> Iterator[None]:
    with stamina.set_testing(True, attempts=6, cap=True):
        yield


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run from imported rows, whose source is then gone; no test changes it."""
    folder = tmp_path_factory.mktemp("original")
    (folder / "rows.jsonl").write_text("\n".join(json.dumps(row) for row in ROWS))
    (folder / "recipe.yaml").write_text(RECIPE)
    Run.create(folder / "recipe.yaml", folder / "run").update()
    (folder / "rows.jsonl").unlink()
    return folder / "run"


@pytest.fixture
def pulled(original: Path, hub: Hub, tmp_path: Path) -> Path:
    push(RunFolder.open(original))
    pull("org/sums", "1.2.0", tmp_path / "pulled")
    return tmp_path / "pulled"


def change(folder: Path, before: str, after: str) -> Run:
    recipe = folder / "recipe.yaml"
    text = recipe.read_text()
    assert text.count(before) == 1
    recipe.write_text(text.replace(before, after))
    return Run.open(folder)


def rows(folder: Path, config: str) -> pl.DataFrame:
    return pl.read_parquet(folder / "dataset" / "data" / config / "*.parquet")


@pytest.mark.usefixtures("charts")
def test_made_again_unchanged_it_is_the_same_version(pulled: Path, original: Path, hub: Hub) -> None:
    run = Run.open(pulled)
    states = {state.stage: state.state for state in run.status()}
    assert states.pop("balance") == states.pop("publish") == states.pop("report") == "missing"
    assert set(states.values()) == {"done"}
    run.update("balance")
    published = run.publish(push=True, version="auto")
    assert published.pushed is not None and not published.pushed.created
    assert published.version == "1.2.0"
    for path in (original / "dataset").rglob("*.*"):
        if path.is_file():
            assert (pulled / "dataset" / path.relative_to(original / "dataset")).read_bytes() == path.read_bytes(), path


def test_counts_of_several_sources_come_back_in_the_same_order(hub: Hub, tmp_path: Path) -> None:
    for number, name in enumerate(("z", "a")):
        (tmp_path / f"{name}.jsonl").write_text("\n".join(json.dumps(row) for row in ROWS[number::2]))
    columns = "columns: {question: q, answer: a, trace: t}"
    sources = f"  - {{from: z.jsonl, {columns}}}\n  - {{from: a.jsonl, {columns}}}\n"
    (tmp_path / "recipe.yaml").write_text(
        f"name: sums\nimport:\n{sources}publish: {{repo: org/sums, version: 1.2.0}}\n"
    )
    first = Run.create(tmp_path / "recipe.yaml", tmp_path / "run")
    first.update()
    first.publish(push=True)
    pull("org/sums", None, tmp_path / "pulled")
    again = Run.open(tmp_path / "pulled")
    again.update("balance")
    published = again.publish(push=True)
    assert published.pushed is not None and not published.pushed.created


def test_another_mix_is_the_next_version_under_the_same_ids(pulled: Path, original: Path, hub: Hub) -> None:
    run = change(pulled, "size: 6", "size: 8")
    run.update("balance")
    plan = run.plan_publish(version="auto")
    assert (plan.last, plan.version, plan.changes.level) == ("1.2.0", "1.3.0", "minor")
    assert plan.changes.rows["sft"].added == 2
    assert run.publish(push=True, version="auto").version == "1.3.0"
    assert list(hub.repos["org/sums"].tags) == ["v1.2.0", "v1.3.0"]
    assert set(rows(original, "sft")["trace_id"]) <= set(rows(pulled, "traces")["trace_id"])
    assert rows(pulled, "sft").height == 8
    texts = rows(original, "traces").select("trace_id", "question", "reasoning", "response", "band", "words", "verdict")
    assert rows(pulled, "traces").select(texts.columns).equals(texts)
    run.update("report")
    assert (pulled / "report" / "index.html").is_file()


def test_what_was_published_cannot_be_made_anew(pulled: Path) -> None:
    changed = change(pulled, "ngram: 5", "ngram: 6")
    with pytest.raises(InputError, match=r"pulled from org/sums at v1\.2\.0: only .* \(dedupe\.ngram: 5 -> 6\)"):
        changed.update("dedupe")
    with pytest.raises(InputError, match="pulled from org/sums"):
        changed.update("balance")
    again = change(pulled, "ngram: 6", "ngram: 5")
    again.update("balance")
    (pulled / "verdicts" / "part-00000.parquet").unlink()
    with pytest.raises(InputError, match="is missing"):
        Run.open(pulled).update("verify")


def test_a_license_and_the_seed_can_change(pulled: Path) -> None:
    change(pulled, "license: mit", "license: cc-by-4.0")
    run = change(pulled, "seed: 0", "seed: 1")
    run.update("balance")
    run.update("publish")
    assert "cc-by-4.0" in (pulled / "dataset" / "README.md").read_text()


def test_a_changed_run_is_not_replaced_by_another_version(pulled: Path, original: Path, hub: Hub) -> None:
    pull("org/sums", None, pulled)
    change(pulled, "size: 6", "size: 8")
    with pytest.raises(InputError, match="recipe that was changed after it was pulled: name another folder with --to"):
        pull("org/sums", None, pulled)
    copy = pulled.parent / "copy"
    shutil.copytree(original, copy)
    with pytest.raises(InputError, match="copy holds a run that was not pulled"):
        pull("org/sums", None, copy)


def test_without_all_traces_it_can_be_read_and_compared_alone(
    build: Build, hub: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infogap.console.output.quiet", False)
    run = build(recipe=SMALL.replace("version: 0.1.0", "version: 0.1.0, configs: [sft]"))
    STAGE.make(run)
    push(run)
    pull("org/sums", None, tmp_path / "pulled")
    assert "do not include `traces`: it can be read and compared, but not rebalanced" in capsys.readouterr().err
    assert PublishedDataset(tmp_path / "pulled").configs == ["sft"]


def test_the_turns_of_conversations_come_back_and_what_is_not_known_is_refused(hub: Hub, tmp_path: Path) -> None:
    run = make_run(
        tmp_path,
        "{size: 1}\npublish: {repo: org/talk, configs: [sft, traces]}",
        [trace("a"), trace("b")],
        {"a": "One? Two?", "b": "One? Two?"},
    )
    turns = [{"role": "user", "content": "One?"}, {"role": "assistant", "content": "1"}]
    turns.append({"role": "user", "content": "Two?"})
    tasks = run.scan(TASKS).collect().with_columns(metadata=pl.lit(json.dumps({"turns": turns})))
    with run.rewrite(TASKS) as out:
        out.write(tasks)
    make_mix(run)
    STAGE.make(run)
    push(run)
    in_mix = rows(run.path, "sft")["task_id"].to_list()
    pull("org/talk", None, tmp_path / "pulled")
    again = Run.open(tmp_path / "pulled")
    again.update("balance")
    again.update("publish")
    assert rows(again.path, "sft").equals(rows(run.path, "sft"))
    (other,) = {"a", "b"} - set(in_mix)
    more = change(tmp_path / "pulled", "size: 1", "size: 2")
    more.update("balance")
    with pytest.raises(InputError, match=rf"`sft` needs the turns of 1 task of the mix \(the first is {other}\)"):
        more.update("publish")
    with pytest.raises(InputError, match="needs the turns of 1 task"):
        export(more.folder, tmp_path / "mix.jsonl", "messages")


def test_a_version_can_be_named_with_the_dataset() -> None:
    assert split_version("org/name@1.2.0") == ("org/name", "1.2.0")
    assert split_version("org/name") == ("org/name", None)


def counts_of(run: RunFolder) -> dict[str, Any]:
    made = manifest.read(run.manifest_path("tasks"))
    assert made is not None
    return made.counts


def test_counts_of_the_steps_before_come_along(pulled: Path) -> None:
    made = PublishedDataset(pulled).made
    assert made["counts"]["tasks"]
    assert counts_of(RunFolder.open(pulled)) == made["counts"]["tasks"]


def test_a_generated_run_comes_back_without_its_servers(build: Build, hub: Hub, tmp_path: Path) -> None:
    configs = "configs: [sft, traces, privileged], version: 0.1.0"
    run = build(recipe=SMALL.replace("version: 0.1.0", configs).replace("size: 10", "size: 8, when_short: best_effort"))
    STAGE.make(run)
    push(run)
    pull("org/sums", None, tmp_path / "pulled")
    again = Run.open(tmp_path / "pulled")
    assert again.recipe.teacher is not None
    assert "not-published.invalid" in (tmp_path / "pulled" / "recipe.yaml").read_text()
    assert "gpu-node" not in (tmp_path / "pulled" / "recipe.yaml").read_text()
    traces = again.table("traces").collect()
    assert traces["error"].drop_nulls().to_list() == ["not published"]
    assert again.table("contexts").collect().height > 0
    again.update("balance")
    with pytest.raises(InputError, match="only `balance`, `publish` and `seed` can change"):
        change(tmp_path / "pulled", "samples: 2", "samples: 3").update("generate")
    change(tmp_path / "pulled", "samples: 3", "samples: 2")
    more = change(tmp_path / "pulled", "  size: 8", "  size: 8\n  top_up: {rounds: 1}")
    with pytest.raises(InputError, match=r"`balance\.top_up` generates traces"):
        more.update()


def test_several_mixes_come_back(hub: Hub, tmp_path: Path) -> None:
    traces = [trace(f"t{n}", privilege=("unguided", "solution")[n % 2]) for n in range(8)]
    balance = "{mixes: {b: {privilege: {unguided: 1}}, a: {privilege: {solution: 1}}}}"
    publish = "{repo: org/two, splits: {train: 0.5, dev: 0.5}}"
    run = make_run(tmp_path, f"{balance}\npublish: {publish}", traces, {f"t{n}": f"Q{n}?" for n in range(8)})
    make_mix(run)
    STAGE.make(run)
    push(run)
    pull("org/two", None, tmp_path / "pulled")
    again = Run.open(tmp_path / "pulled")
    again.update("balance")
    again.update("publish")
    for config in ("a", "b", "traces"):
        assert rows(again.path, config).equals(rows(run.path, config))
    again_card, card = ((each.path / "dataset" / "README.md").read_text() for each in (again, run))
    assert again_card.split("## The mix")[0] == card.split("## The mix")[0]
    assert again_card.split("~~~~yaml")[1] == card.split("~~~~yaml")[1]
    assert card.index("config_name: b") < card.index("config_name: a")


def test_leaking_traces_without_their_text_stay_out_of_the_mix(build: Build, hub: Hub, tmp_path: Path) -> None:
    run = build(recipe=SMALL.replace("size: 10", "size: max"))
    STAGE.make(run)
    path = run.path / "dataset/data/traces/train-00000-of-00001.parquet"
    traces = pl.read_parquet(path)
    push(run)
    pull("org/sums", None, tmp_path / "pulled")
    again = Run.open(tmp_path / "pulled")
    leaking = traces.filter("leak")["trace_id"].to_list()
    kinds = again.table("measures").filter("leak").collect()["leaks"].to_list()
    assert kinds == [[{"kind": "mention", "rule": "mention", "start": 0, "end": 4, "evidence": None}]]
    again.update("balance")
    mix = again.table("mix").collect()
    assert mix.filter(pl.col("trace_id").is_in(leaking))["reason"].to_list() == ["leak"]
    kept = change(tmp_path / "pulled", "leak: drop", "leak: keep")
    kept.update("balance")
    selected = kept.table("mix").filter(pl.col("trace_id").is_in(leaking)).collect()["selected"].to_list()
    assert selected == [True]
    with pytest.raises(InputError, match="the text of 1 leaking trace was not published by org/sums"):
        kept.update("publish")


def test_settings_of_verifiers_come_back_from_the_tasks_that_show_them(hub: Hub, tmp_path: Path) -> None:
    run = make_run(
        tmp_path,
        "{size: 1}\npublish: {repo: org/near, configs: [sft, traces, rl]}",
        [trace("a"), trace("b")],
        {"a": "Pi?", "b": "E?"},
    )
    about = {"verifier": pl.lit("numeric"), "metadata": pl.lit(json.dumps({"tolerance": 0.01, "file": "x.jsonl"}))}
    tasks = run.scan(TASKS).collect().with_columns(**about)
    with run.rewrite(TASKS) as out:
        out.write(tasks)
    make_mix(run)
    STAGE.make(run)
    push(run)
    pull("org/near", None, tmp_path / "pulled")
    again = Run.open(tmp_path / "pulled")
    again.update("balance")
    again.update("publish")
    assert rows(again.path, "rl").equals(rows(run.path, "rl"))
    more = change(tmp_path / "pulled", "size: 1", "size: 2")
    more.update("balance")
    with pytest.raises(InputError, match="`rl` needs the verifier's settings of 1 task of the mix"):
        more.update("publish")
    change(tmp_path / "pulled", "  - rl\n", "").update("publish")
    assert rows(more.path, "sft").height == 2


def test_which_attempt_was_corrected_is_known_from_contexts_alone(hub: Hub, tmp_path: Path) -> None:
    wrong = "I take it to be \\boxed{5}."
    attempts: list[dict[str, Any]] = [
        {"q": "What is 1 + 1?", "a": "2", "t": wrong, "p": "unguided", "c": None},
        {"q": "What is 1 + 1?", "a": "2", "t": "No, it is \\boxed{2}.", "p": "verifier", "c": f"An attempt:\n{wrong}"},
    ]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, attempts)))
    columns = "{question: q, answer: a, trace: t, privilege: p, context: c}"
    (tmp_path / "recipe.yaml").write_text(
        f"name: sums\nimport: [{{from: rows.jsonl, columns: {columns}}}]\n"
        "publish: {repo: org/sums, version: 1.2.0, configs: [traces, recovery]}\n"
    )
    first = Run.create(tmp_path / "recipe.yaml", tmp_path / "run")
    first.update()
    assert rows(tmp_path / "run", "recovery")["pairing"].to_list() == ["shown"]
    first.publish(push=True)
    pull("org/sums", None, tmp_path / "pulled")
    again = Run.open(tmp_path / "pulled")
    again.update("balance")
    with pytest.raises(InputError, match="`recovery` needs the contexts of 1 task"):
        again.publish()
    change(tmp_path / "pulled", "  - recovery\n", "").publish()


def test_a_recovery_prompt_is_not_taken_for_the_question(hub: Hub, tmp_path: Path) -> None:
    texts = [f"I take it, {n}, to be \\boxed{{{n}}}." for n in (5, 2)]
    (tmp_path / "rows.jsonl").write_text("\n".join(json.dumps({"q": "1 + 1?", "a": "2", "t": text}) for text in texts))
    (tmp_path / "recipe.yaml").write_text(
        "name: sums\nimport: [{from: rows.jsonl, columns: {question: q, answer: a, trace: t}}]\n"
        "derive: [{wrong_answer: {}}]\n"
        "publish: {repo: org/sums, version: 1.2.0, configs: [sft, traces, recovery]}\n"
    )
    first = Run.create(tmp_path / "recipe.yaml", tmp_path / "run")
    first.update()
    first.publish(push=True)
    pull("org/sums", None, tmp_path / "pulled")
    again = Run.open(tmp_path / "pulled")
    assert again.table("tasks").collect()["metadata"].to_list() == ["{}"]
    assert "parent_id" not in again.table("measures").collect_schema()
    again.update("balance")
    again.publish()
    for config in ("sft", "recovery"):
        assert rows(again.path, config).equals(rows(tmp_path / "run", config))


def test_a_judge_and_a_scorer_behind_servers_come_back_without_them(build: Build, hub: Hub, tmp_path: Path) -> None:
    server = "backend: openai, model: m, base_url: http://gpu-node-3:8000/v1"
    recipe = SMALL.replace("columns: {solution: solution}", "columns: {solution: solution}\n        verifier: judge")
    recipe = recipe.replace("balance: {size: 10", f"verify: {{judge: {{by: {{{server}}}}}}}\n    balance: {{size: 8")
    recipe = recipe.replace("version: 0.1.0", "configs: [sft, traces], version: 0.1.0")
    recipe += f"    measure: {{gap: {{scorer: {{{server}}}}}}}\n"
    run = build(recipe=recipe)
    STAGE.make(run)
    push(run)
    pull("org/sums", None, tmp_path / "pulled")
    again = Run.open(tmp_path / "pulled")
    assert "gpu-node" not in (tmp_path / "pulled" / "recipe.yaml").read_text()
    assert again.table("traces").collect().height > 0
