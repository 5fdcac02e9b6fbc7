"""Rows of any kind: whatever a file holds, it is read, counted as unusable, or refused with a promised exit code.

More examples on demand: INFOGAP_FUZZ=20000 pytest tests/test_fuzz_rows.py
"""

from __future__ import annotations

import io
import json
import os
import re
import time
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from infogap.cli import command_line

EXAMPLES = int(os.environ.get("INFOGAP_FUZZ", "1000")) // 5
MOST_SECONDS = 20.0  # of the processor, for one command
PROMISED = (0, 2, 3, 4)
IMPORT = """
name: fuzz
import:
  - from: {file}
    columns: {{question: q, answer: a, family: f, trace: t, teacher: m, privilege: p, context: c}}
balance: {{size: 10, when_short: best_effort, leak: keep, allow_mixed_teachers: true}}
publish: {{configs: [sft, traces, preference, rl, privileged]}}
"""
TASKS = """
name: fuzz
tasks:
  - from: {file}
    columns: {{question: q, answer: a, solution: s, family: f, difficulty: d}}
  - from: {file}
    columns: {{question: "{{{{ q }}}} {{% if c %}}{{{{ c }}}}{{% endif %}}", answer: "x.y[0]"}}
teacher: {{backend: embedded, model: none.gguf}}
generate:
  privileges: [unguided, answer, solution, hint, masked_solution, decoy_answer, decoy_solution, irrelevant,
    {{own: {{template: "{{{{ question|upper }}}} {{{{ family }}}}", richness: 1}}}}]
"""
SIGNS = ("", " ", "\n", "\x00", "\x1b[2J", "\x9b", "\u202e", "\ud800", "é", "$x$", "{{ q }}", "[bold]", "|", "---")
ANSWERS = ("\\boxed{4}", "\\boxed{", "####", "A", "(B) 4", "4", "007", "1e999", "None", "[1]", '{"y": [4]}')
THOUGHTS = ("<think>", "</think>", "<think>x</think>y", "What is 2 + 2?", "<!-- infogap: end -->", "../x")
LONG = ("a" * 5_000, "[" * 2_000, "9" * 5_000)
WORDS = st.sampled_from((*SIGNS, *ANSWERS, *THOUGHTS, *LONG))
TEXTS = st.one_of(WORDS, st.text(max_size=20), st.lists(WORDS, max_size=4).map("".join))
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-(10**40), 10**40), st.floats(), TEXTS)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=5,
)
USUAL = {"q": "What is 2 + 2?", "a": "4", "s": "Two and two.", "t": "<think>Perhaps.</think>It is 4."}
USUAL |= {"f": "sums", "m": "a model", "p": "unguided", "c": ""}
ROW = st.dictionaries(st.sampled_from("qastfmpcdx"), VALUES, max_size=8).map(lambda row: USUAL | row)
ROWS = st.lists(ROW, min_size=1, max_size=8)
HUGE = b'{"q": ' + b"9" * 5_000 + b"}"
BROKEN = st.one_of(
    st.text(max_size=80).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.binary(max_size=80),
    st.sampled_from([HUGE, b'{"q": "\\ud800"}', b"[" * 5_000, b'{"q":1,"q":2}', b"\xef\xbb\xbf{}", b"{}"]),
)


def invoke(*arguments: str, cwd: Path) -> None:
    """Run a command: a promised exit code, in time, and nothing that a terminal would obey."""
    began = time.process_time()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(cwd)
        done = CliRunner().invoke(command_line(), list(arguments))
    took = time.process_time() - began
    assert done.exit_code in PROMISED, done.output[-3_000:]
    assert took < MOST_SECONDS
    assert re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\ud800-\udfff]", done.output) is None


def write(rows: list[dict[str, Any]], suffix: str) -> bytes:
    """Rows as a file of a kind; CSV and Parquet hold texts alone."""
    if suffix in (".jsonl", ".json"):
        lines = [json.dumps(row) for row in rows]
        return ("\n".join(lines) if suffix == ".jsonl" else f"[{','.join(lines)}]").encode()
    texts = [{key: str(value).encode("utf-8", "replace").decode() for key, value in row.items()} for row in rows]
    out = io.BytesIO()
    table = pl.DataFrame(texts, infer_schema_length=None)
    table.write_csv(out) if suffix == ".csv" else table.write_parquet(out)
    return out.getvalue()


FUZZ = settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck), derandomize=True, database=None)
SUFFIXES = st.sampled_from([".jsonl", ".json", ".csv", ".parquet"])


@settings(FUZZ, max_examples=EXAMPLES // 2)
@given(rows=ROWS, suffix=SUFFIXES, recipe=st.sampled_from([IMPORT, TASKS]))
def test_any_rows_are_read_or_refused(rows: list[dict[str, Any]], suffix: str, recipe: str, tmp_path: Path) -> None:
    (tmp_path / f"rows{suffix}").write_bytes(write(rows, suffix))
    (tmp_path / "none.gguf").touch()
    (tmp_path / "recipe.yaml").write_text(recipe.format(file=f"rows{suffix}"))
    invoke("check", "recipe.yaml", "--plan", cwd=tmp_path)


@settings(FUZZ, max_examples=EXAMPLES // 4)
@given(content=BROKEN, suffix=SUFFIXES, recipe=st.sampled_from([IMPORT, TASKS]))
def test_any_bytes_are_read_or_refused(content: bytes, suffix: str, recipe: str, tmp_path: Path) -> None:
    (tmp_path / f"rows{suffix}").write_bytes(content)
    (tmp_path / "recipe.yaml").write_text(recipe.format(file=f"rows{suffix}"))
    invoke("check", "recipe.yaml", cwd=tmp_path)


TEXT_ROW = st.dictionaries(st.sampled_from("qafmpct"), TEXTS, max_size=7).map(lambda row: USUAL | row)


@settings(FUZZ, max_examples=max(EXAMPLES // 100, 1), phases=[Phase.generate])  # too slow to shrink
@given(rows=st.lists(TEXT_ROW, min_size=30, max_size=40))
def test_any_texts_go_through_every_stage(rows: list[dict[str, str]], tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("run")
    (folder / "rows.jsonl").write_bytes(write(rows, ".jsonl"))
    (folder / "recipe.yaml").write_text(IMPORT.format(file="rows.jsonl"))
    invoke("run", "recipe.yaml", "--run", "run", cwd=folder)
    assert (folder / "run" / "report" / "index.html").is_file()
    for command in (("show", "run"), ("status", "run"), ("measure", "run", "--table", "--json")):
        invoke(*command, cwd=folder)
