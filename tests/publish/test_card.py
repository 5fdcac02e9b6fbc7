"""The card's text says what the tables say."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl
import pytest

import infogap
from infogap.effects.trace_summary import by_privilege, traces_in_short
from infogap.errors import InputError
from infogap.publish import STAGE
from infogap.publish.card import size_category
from infogap.publish.card_template import template_path
from infogap.schema import MEASURES, MIX, TRACES
from publish.small_run import RECIPE, Build, build_run


def test_figures_leave_failed_requests_out_of_means(build: Build) -> None:
    run = build()
    rows = by_privilege(traces_in_short(run), run.recipe)
    assert [row.privilege for row in rows] == ["unguided", "answer", "solution"]
    assert [(row.traces, row.failed) for row in rows] == [(12, 0), (12, 0), (11, 1)]
    assert sum(row.correct for row in rows) == 26
    assert rows[0].tokens == pytest.approx(10.5)
    assert rows[2].tokens == pytest.approx((5 * 10 + 6 * 11) / 11)
    assert rows[0].accuracy == rows[0].correct / 12


def test_text(build: Build) -> None:
    run = build()
    STAGE.make(run)
    text = (run.path / "dataset" / "README.md").read_text()
    solution = next(row for row in by_privilege(traces_in_short(run), run.recipe) if row.privilege == "solution")
    assert (
        f"| `solution` | 6 | 11 | {solution.selected} | {solution.accuracy:.1%} | 11 | {solution.density:.2f} |" in text
    )
    assert "| correct | 75.0% | 8 | 50.0% | 9 |" in text
    assert "| tables \\| of sums | not set | – |" in text
    assert 'sft = load_dataset("path/to/this/folder", "sft", split="train")\n' in text
    tokens = run.scan(TRACES).join(run.scan(MIX).filter("selected"), on="trace_id").collect()["completion_tokens"].sum()
    assert f"| `sft` (default) | 18 | {tokens} | the traces of the mix as conversations" in text
    assert "18 traces (target: 10)" in text
    assert "| rows that gave no task | answer: no answer | 2 |" in text
    assert "| requests | failed, without text | 1 |" in text
    assert "1 of 35 traces leak, 0 of them in the mix" in text
    assert "| `epistemic_density` | `float64` | markers per 1,000 of `density_per`, by the first lexicon |" in text
    assert "### Effect of the privilege\n" in text
    assert "End with the answer in \\boxed{}." in text
    assert "arXiv:2603.24472" in text
    assert "### Was the privilege worth it?\n" in text
    assert "Teachers on the tasks" not in text
    assert "backend: openai" in text and "base_url" not in text


def test_several_teachers_are_named_with_their_models(build: Build) -> None:
    start, end = RECIPE.index("    teacher:"), RECIPE.index("    generate:")
    teachers = (
        "    teachers:\n"
        "      big: {backend: openai, model: /models/Teacher-8B, base_url: http://gpu-node-17.internal/v1}\n"
        "      small: {backend: embedded, sampling: {max_tokens: 64}}\n"
    )
    run = build(
        recipe=RECIPE[:start]
        + teachers
        + RECIPE[end:].replace("samples: 2", "samples: 2\n      one_teacher_per_task: true")
    )
    STAGE.make(run)
    text = (run.path / "dataset" / "README.md").read_text()
    listed = text[text.index("- Teachers, by") : text.index("- Verifiers")]
    assert listed.splitlines() == [
        "- Teachers, by their names in the traces; each task is answered by one of them, drawn by the seed:",
        "  - `big`: `Teacher-8B`, backend `openai`, sampling `temperature` 0.7, `top_p` 1.0, `max_tokens` 1024.",
        "  - `small`: `SmolLM2-135M-Instruct`, backend `embedded`, "
        "sampling `temperature` 0.7, `top_p` 1.0, `max_tokens` 64.",
        "- 2 traces per task, privilege and teacher; seeds derived from 7.",
    ]
    assert "gpu-node" not in text


@pytest.mark.parametrize(
    ("rows", "category"), [(1, "n<1K"), (999, "n<1K"), (1000, "1K<n<10K"), (10**6, "1M<n<10M"), (10**8, "100M<n<1B")]
)
def test_size_categories(rows: int, category: str) -> None:
    assert size_category(rows) == category


def test_a_wheel_without_its_template_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "src" / "infogap"
    (package / "cards").mkdir(parents=True)
    monkeypatch.setattr(infogap, "__file__", str(package / "__init__.py"))
    with pytest.raises(InputError, match=r"dataset\.md\.jinja is missing"):
        template_path()
    installed = package / "cards" / "dataset.md.jinja"
    installed.write_text("")
    assert template_path() == installed


def test_the_card_says_how_traces_were_chosen(tmp_path: Path) -> None:
    rounds = (
        "samples: 2\n      until: {correct: 1, max_attempts: 6}\n      select: {pass_rate: [0.125, 0.5], samples: 8}\n"
        "      privileges: [unguided, answer, solution, {verifier: {turns: 3}}, {peers: {from: solution}}]"
    )
    recipe = RECIPE.replace("samples: 2\n      privileges: [unguided, answer, solution]", rounds)
    runs = [build_run(tmp_path / name, recipe=each) for name, each in (("plain", RECIPE), ("rounds", recipe))]
    for run in runs:
        STAGE.make(run)
    plain, text = ((run.path / "dataset" / "README.md").read_text() for run in runs)
    for sentence in (
        "2 traces per task and privilege, at a time",
        "at a rate of 0.125 to 0.5 in 8 tries",
        "until it had 1 correct trace, at most 6 times",
        "with a right attempt to show: `peers` (of `solution`)",
        "with a wrong attempt to show: `verifier` (of `unguided`)",
        "`verifier` 3",
    ):
        assert sentence in text
        assert sentence not in plain


def test_the_length_of_a_config_is_that_of_the_text_it_publishes(build: Build) -> None:
    run = build()
    STAGE.make(run)
    text = (run.path / "dataset" / "README.md").read_text()
    tokens = run.scan(TRACES).filter(pl.col("error").is_null()).select("trace_id", "completion_tokens").collect()
    leaking = run.scan(MEASURES).filter("leak").select("trace_id").collect()
    assert leaking.height == 1
    shown = tokens.join(leaking, on="trace_id", how="anti")["completion_tokens"].sum()
    assert shown < tokens["completion_tokens"].sum()
    stated = re.search(r"^\| `traces` \| [\d,]+ \| ([\d,]+) \|", text, re.MULTILINE)
    assert stated is not None and stated[1] == f"{shown:,}"
