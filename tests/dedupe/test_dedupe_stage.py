"""The stage on tables in a run folder: scopes, what is left out, and the order that decides."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from infogap.dedupe.corpus import Corpus
from infogap.dedupe.stage import STAGE
from infogap.recipe import load_recipe
from infogap.runs import manifest
from infogap.runs.manifest import Manifest
from infogap.runs.pipeline import stages
from infogap.runs.run_folder import Run
from infogap.schema import DUPLICATES, MEASURES, TASKS, TRACES, VERDICTS

TEXT = " ".join(f"step {n} gives {n * n} and so on;" for n in range(40))
NEAR = TEXT.replace("step 7 gives 49", "step 7 is 49")


def make_run(folder: Path, dedupe: str, traces: list[dict[str, Any]], families: dict[str, str] | None = None) -> Run:
    folder.mkdir(parents=True, exist_ok=True)
    recipe = folder / "recipe.yaml"
    recipe.write_text(f"name: demo\nimport: [{{from: x.jsonl, columns: {{trace: text}}}}]\ndedupe: {dedupe}\n")
    run = Run(folder / "run", load_recipe(recipe).recipe, folder)
    blank = dict.fromkeys(TRACES.schema.names())
    usual = {"task_id": "t", "privilege": "unguided", "sample": 0, "reasoning": "", "response": TEXT}
    with run.rewrite(TRACES) as out:
        for trace in traces:
            out.write(TRACES.frame([{**blank, **usual, **trace}]))
    blank = dict.fromkeys(TASKS.schema.names())
    with run.rewrite(TASKS) as out:
        for task, family in (families or {"t": "gcd"}).items():
            out.write(TASKS.frame([{**blank, "task_id": task, "family": family}]))
    return run


def removed(run: Run) -> dict[str, str]:
    return dict(run.scan(DUPLICATES).select("trace_id", "duplicate_of").collect().iter_rows())


def test_copies_and_near_copies_go_and_the_first_sample_stays(tmp_path: Path) -> None:
    traces = [
        {"trace_id": "near", "sample": 2, "response": NEAR},
        {"trace_id": "copy", "sample": 1, "response": TEXT.upper() + "\n"},
        {"trace_id": "first", "sample": 0},
        {"trace_id": "other", "sample": 3, "response": "Something else entirely."},
    ]
    run = make_run(tmp_path, "{}", traces)
    outcome = STAGE.make(run)
    table = run.scan(DUPLICATES).collect()
    assert table.select("trace_id", "duplicate_of", "how").rows() == [
        ("copy", "first", "exact"),
        ("near", "first", "minhash"),
    ]
    assert table["jaccard"][0] == 1
    assert 0.8 <= table["jaccard"][1] < 1
    assert outcome.rows == 2
    assert {key: outcome.counts[key] for key in ("exact", "minhash", "kept")} == {"exact": 1, "minhash": 1, "kept": 2}
    assert outcome.counts["signature"] == {"scheme": "affine32", "seed": 1, "bands": 21, "rows": 6}


def test_the_thinking_is_part_of_what_is_compared(tmp_path: Path) -> None:
    traces: list[dict[str, Any]] = [
        {"trace_id": "a", "reasoning": TEXT, "response": "12"},
        {"trace_id": "b", "reasoning": "I know it.", "response": "12"},
        {"trace_id": "c", "reasoning": None, "response": "I know it. 12"},
    ]
    run = make_run(tmp_path, "{}", traces)
    STAGE.make(run)
    assert removed(run) == {"c": "b"}


def test_scopes(tmp_path: Path) -> None:
    traces = [
        {"trace_id": "t", "task_id": "t"},
        {"trace_id": "t-answer", "task_id": "t", "privilege": "answer", "response": NEAR},
        {"trace_id": "u", "task_id": "u"},
        {"trace_id": "v", "task_id": "v"},
    ]
    families = {"t": "gcd", "u": "gcd", "v": "sums"}
    found = {}
    for scope in ("task", "family", "all"):
        run = make_run(tmp_path / scope, f"{{scope: {scope}}}", traces, families)
        STAGE.make(run)
        found[scope] = removed(run)
    # One task's traces under two privileges are never duplicates of each other, whatever the scope.
    assert found == {"task": {}, "family": {"u": "t"}, "all": {"u": "t", "v": "t"}}


def test_a_copy_of_a_removed_trace_goes_for_the_trace_that_stays(tmp_path: Path) -> None:
    traces = [
        {"trace_id": "a"},
        {"trace_id": "b", "response": NEAR},
        {"trace_id": "c", "response": NEAR},
    ]
    run = make_run(tmp_path, "{}", traces)
    STAGE.make(run)
    assert removed(run) == {"b": "a", "c": "a"}


def test_errors_and_empty_texts_are_left_out_and_counted(tmp_path: Path) -> None:
    traces: list[dict[str, Any]] = [
        {"trace_id": "a", "response": "", "reasoning": " \n"},
        {"trace_id": "b", "response": "", "reasoning": None},
        {"trace_id": "c", "error": "timed out", "response": ""},
        {"trace_id": "d"},
    ]
    run = make_run(tmp_path, "{}", traces)
    outcome = STAGE.make(run)
    assert removed(run) == {}
    assert (outcome.counts["error"], outcome.counts["empty"], outcome.counts["kept"]) == (1, 2, 1)
    assert any("1 traces have an error" in note for note in outcome.notes)


def test_short_texts_count_as_duplicates_only_if_their_words_are_the_same(tmp_path: Path) -> None:
    traces = [
        {"trace_id": "a", "response": "It is 12."},
        {"trace_id": "b", "response": "It is 13."},
        {"trace_id": "c", "response": "it  IS 12."},
    ]
    run = make_run(tmp_path, "{}", traces)
    STAGE.make(run)
    assert removed(run) == {"c": "a"}


@pytest.mark.parametrize("dedupe", ["null", "{}"])
def test_a_run_without_traces_or_without_the_stage_has_an_empty_table(tmp_path: Path, dedupe: str) -> None:
    run = make_run(tmp_path, dedupe, [])
    outcome = STAGE.make(run)
    assert outcome.rows == 0
    assert run.part_paths(DUPLICATES)
    assert STAGE.part(run)["dedupe"] is None or dedupe == "{}"


def test_no_stage_keeps_copies(tmp_path: Path) -> None:
    run = make_run(tmp_path, "null", [{"trace_id": "a"}, {"trace_id": "b"}])
    assert STAGE.make(run).counts == {"kept": 2}
    assert removed(run) == {}


def test_the_order_on_disk_makes_no_difference(tmp_path: Path) -> None:
    texts = [TEXT, NEAR, TEXT, "something else", TEXT + " and one more thing", NEAR]
    traces = [{"trace_id": f"r{n}", "sample": n % 4, "response": text} for n, text in enumerate(texts)]
    tables: list[pl.DataFrame] = []
    for name, ordered in (("a", traces), ("b", traces[::-1])):
        run = make_run(tmp_path / name, "{}", ordered)
        STAGE.make(run)
        tables.append(run.scan(DUPLICATES).collect())
    assert tables[0].equals(tables[1])


def test_a_few_permutations_are_said_to_miss_some(tmp_path: Path) -> None:
    run = make_run(tmp_path, "{num_perm: 16, threshold: 0.2}", [{"trace_id": "a"}])
    assert any("increase dedupe.num_perm" in note for note in STAGE.make(run).notes)


def test_thousands_of_copies_are_no_more_work_than_reading_them(tmp_path: Path) -> None:
    """Copies of a text that is itself a near-duplicate are compared once, not each with each."""
    run = make_run(tmp_path, "{scope: all}", [{"trace_id": "a"}])
    blank = dict.fromkeys(TRACES.schema.names())
    copies = [
        {**blank, "trace_id": f"b{n}", "task_id": f"t{n}", "privilege": "unguided", "sample": 0, "response": NEAR}
        for n in range(5000)
    ]
    with run.rewrite(TRACES) as out:
        out.write(TRACES.frame([{**copies[0], "trace_id": "a", "task_id": "a", "response": TEXT}]))
        out.write(TRACES.frame(copies))
    outcome = STAGE.make(run)
    assert outcome.counts["kept"] == 1
    assert set(removed(run).values()) == {"a"}


@pytest.mark.parametrize(
    ("keep", "stays"), [("first", "a"), ("longest", "c"), ("most_uncertain", "b"), ("correct_first", "d")]
)
def test_which_of_duplicates_stays_is_a_rule(tmp_path: Path, keep: str, stays: str) -> None:
    traces = [
        {"trace_id": name, "sample": number, "response": TEXT + more}
        for number, (name, more) in enumerate({"a": "", "b": " x", "c": " two more", "d": " y"}.items())
    ]
    run = make_run(tmp_path, f"{{keep: {keep}}}", traces)
    with run.rewrite(VERDICTS) as out:
        verdicts = [("a", "wrong"), ("b", "no_answer"), ("c", "wrong"), ("d", "correct")]
        blank = dict.fromkeys(VERDICTS.schema.names())
        out.write(VERDICTS.frame([blank | {"trace_id": name, "verdict": verdict} for name, verdict in verdicts]))
    with run.rewrite(MEASURES) as out:
        blank = dict.fromkeys(MEASURES.schema.names())
        densities = [("a", 1.0), ("b", 2.0), ("c", 2.0), ("d", None)]
        out.write(MEASURES.frame([blank | {"trace_id": name, "epistemic_density": value} for name, value in densities]))
    STAGE.make(run)
    assert removed(run) == {name: stays for name in "abcd" if name != stays}


def test_what_is_compared_is_a_choice(tmp_path: Path) -> None:
    traces = [
        {"trace_id": "a", "sample": 0, "reasoning": "Wait, I think so.", "response": "It is 5."},
        {"trace_id": "b", "sample": 1, "reasoning": "Wait, I think so.", "response": "It is 6."},
        {"trace_id": "c", "sample": 2, "reasoning": "Perhaps not so.", "response": "It is 5."},
        {"trace_id": "d", "sample": 3, "reasoning": "", "response": "It is 6."},
    ]
    found = {}
    for compare in ("both", "reasoning", "response"):
        run = make_run(tmp_path / compare, f"{{compare: {compare}}}", traces)
        found[compare] = (STAGE.make(run).counts["empty"], removed(run))
    assert found == {"both": (0, {}), "reasoning": (1, {"b": "a"}), "response": (0, {"c": "a", "d": "b"})}


def test_a_task_whose_question_is_a_duplicate_goes_with_all_its_traces(tmp_path: Path) -> None:
    traces = [
        {"trace_id": f"{task}{privilege[0]}{sample}", "task_id": task, "privilege": privilege, "sample": sample}
        for task in "tuv"
        for privilege in ("answer", "unguided")
        for sample in range(2)
        if (task, privilege) != ("t", "answer")
    ]
    run = make_run(tmp_path, "{compare: question, scope: family}", traces, {"t": "gcd", "u": "gcd", "v": "lcm"})
    questions = {"t": TEXT, "u": NEAR, "v": TEXT}
    tasks = run.scan(TASKS).collect()
    with run.rewrite(TASKS) as out:
        out.write(tasks.with_columns(question=pl.col("task_id").replace_strict(questions)))
    outcome = STAGE.make(run)
    assert removed(run) == {"uu0": "tu0", "uu1": "tu0", "ua0": "tu0", "ua1": "tu0"}
    assert outcome.counts["kept"] == len(traces) - 4


def test_a_higher_threshold_takes_what_was_found_at_a_lower_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    traces = [
        {"trace_id": f"r{number}", "sample": number, "response": " ".join(words)}
        for number in range(12)
        for words in [[f"w{place if place % 12 != number else -number}" for place in range(80)]]
    ]
    run = make_run(tmp_path, "{threshold: 0.3}", traces)
    for folder in ("tasks", "traces"):
        files = {"x": {"sha256": "x", "bytes": 1}}
        manifest.write(run.manifest_path(folder), Manifest(folder, 1, "", {}, {}, 0, {}, files))
    STAGE.make(run)
    low = run.scan(DUPLICATES).collect()
    assert low.height
    reads: list[int] = []
    read = Corpus.read

    def counted(*given: Any) -> Corpus:
        reads.append(1)
        return read(*given)

    monkeypatch.setattr(Corpus, "read", counted)
    for threshold, keep in ((0.5, "first"), (0.7, "longest"), (0.3, "first")):
        again = make_run_with(run, tmp_path, f"{{threshold: {threshold}, keep: {keep}}}")
        STAGE.make(again)
        taken = again.scan(DUPLICATES).collect()
        assert reads == []
        fresh = make_run(tmp_path / f"fresh-{threshold}", f"{{threshold: {threshold}, keep: {keep}}}", traces)
        STAGE.make(fresh)
        reads.clear()
        assert taken.equals(fresh.scan(DUPLICATES).collect())
    STAGE.make(make_run_with(run, tmp_path, "{threshold: 0.2}"))
    assert len(reads) == 1


def make_run_with(run: Run, folder: Path, dedupe: str) -> Run:
    """The same tables under another recipe."""
    recipe = folder / "recipe.yaml"
    recipe.write_text(f"name: demo\nimport: [{{from: x.jsonl, columns: {{trace: text}}}}]\ndedupe: {dedupe}\n")
    return Run(run.path, load_recipe(recipe).recipe, folder)


@pytest.mark.parametrize(
    ("dedupe", "read"), [("{}", []), ("{keep: most_uncertain}", ["measures"]), ("{keep: correct_first}", ["verdicts"])]
)
def test_only_what_decides_who_stays_makes_it_stale(tmp_path: Path, dedupe: str, read: list[str]) -> None:
    recipe = make_run(tmp_path, dedupe, []).recipe
    (stage,) = (stage for stage in stages(recipe) if stage.name == "dedupe")
    assert list(stage.inputs) == ["tasks", "traces", *read]
