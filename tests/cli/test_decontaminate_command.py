"""`infogap decontaminate RUN --table`: matches side by side."""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from cli.in_process import infogap
from decontaminate.definition import grams, without
from decontaminate.test_decontaminate_stage import OTHER, PROBLEM, make_run, trace
from dedupe.plain_search import words
from infogap.decontaminate.matches_terminal import shared_words
from infogap.ids import digest
from infogap.recipe import ORIGIN, dump_recipe
from infogap.runs import manifest
from infogap.runs.manifest import Manifest
from infogap.runs.pipeline import stages

LONG = " ".join(f"step {n}" for n in range(100))
TEXT = st.text(alphabet="ab 解\n", max_size=30)


def test_matches_are_printed_side_by_side(tmp_path: Path) -> None:
    questions = {"same": PROBLEM, "other": OTHER, "sum": "What is 3 + 4?"}
    traces = [trace("a", "other", f"{LONG} {PROBLEM} {LONG}")]
    run = make_run(tmp_path, ", on: [question, trace]", questions, traces)
    (run.path / "recipe.yaml").write_text(dump_recipe(run.recipe))
    (run.path / ORIGIN).write_text(json.dumps({"base": str(tmp_path)}))
    made = {stage.name: stage for stage in stages(run.recipe)}
    for stage in (made["tasks"], made["import"]):  # as if they had made what is there
        inputs = {"tasks": digest({})} if stage.name == "import" else {}
        found = Manifest(stage.name, stage.version, "", stage.part(run), inputs, 0, {})
        manifest.write(run.manifest_path(stage.folders[0]), found)
    ended = infogap("decontaminate", run.path, "--table", "--limit", "2")
    assert ended.returncode == 0, ended.stderr
    assert max(map(len, ended.stdout.splitlines())) <= 80
    assert "2 of 3 matches" in ended.stdout
    for expected in ("question same", "exam, row 1", "100% of the question: 7 8-grams", "trace a", "words ...]"):
        assert expected in ended.stdout
    assert "exam: 2 of 3 questions match 2 tasks' questions, 1 traces" in ended.stderr
    rows = json.loads(infogap("decontaminate", run.path, "--table", "--json").stdout)
    assert [(row["where"], row["id"], row["question"]) for row in rows] == [
        ("question", "same", PROBLEM),
        ("trace", "a", PROBLEM),
        ("question", "sum", "What is 3 + 4?"),
    ]
    assert rows[1]["text"].endswith("step 99")


@given(text=TEXT, question=TEXT, n=st.integers(1, 3), ignored=st.lists(st.text("ab ", max_size=4), max_size=1))
def test_the_words_that_are_marked_are_those_of_shared_n_grams(
    text: str, question: str, n: int, ignored: list[str]
) -> None:
    both = set(grams(without(words(text), ignored), n)) & set(grams(without(words(question), ignored), n))
    for side, marked in zip((text, question), shared_words(text, question, n, ignored), strict=True):
        expected = sum(
            any(
                gram in both
                for start, gram in enumerate(grams(without(words(side), ignored), n))
                if start <= place < start + len(gram)
            )
            for place in range(len(without(words(side), ignored)))
        )
        assert (len(marked), sum(marked)) == (len(words(side)), expected)
