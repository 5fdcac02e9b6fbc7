"""A run to look at: imported traces with contexts, leaks, duplicates, matches, two mixes and hostile texts.

All stages are the real ones; the gaps of tokens alone are written by hand, as scoring needs a model.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl

from infogap.api.run import Run as RunWithRecipe
from infogap.gap.scored_texts import written
from infogap.runs.run_folder import Run
from infogap.schema import TOKEN_GAPS, TRACES

SECRET = "First double the apples of Ada, then add the pears of Ben, and at last take away the three plums"
EVALUATION = "How many marbles does Zoe have left after she gives five of them to her brother Karl on Sunday morning?"
RECIPE = """
name: viewed
seed: 3
import:
  - from: rows.jsonl
    columns:
      question: question
      answer: answer
      family: family
      trace: trace
      privilege: privilege
      context: context
      teacher: teacher
      finish_reason: finish_reason
      completion_tokens: tokens
    verifier: math
measure: {lexicons: [infogap, kim2026], bands: {mixed: 10, uncertain: 60}}
dedupe: {scope: task, threshold: 0.7}
decontaminate: {against: [{from: evaluation.jsonl, column: question}], policy: report}
balance:
  when_short: shrink
  leak: drop
  allow_mixed_teachers: true
  mixes:
    right: {size: 6}
    both: {size: 4, verdict: {correct: 0.5, wrong: 0.5}}
publish: {version: 0.1.0, license: apache-2.0, configs: [sft]}
"""
HOSTILE = [
    "<script>document.title = 'taken'</script><img src=x onerror=\"document.title = 'taken'\">",
    "\x1b]0;taken\x07\x1b[31mred\x1b[0m \u202eesrever\u202c \u2066isolated\u2069 zero\u200bwidth \x00null \x9bcsi",
    "</textarea></title><style>*{display:none}</style><svg onload=alert(1)><a href='javascript:alert(1)'>x</a>",
    "__proto__ constructor {{7*7}} ${7*7} \u2028 \u2029 ]]> --> \U000e0041\U000e0042 \U0001f469\u200d\U0001f52c",
    "A" * 1_000_000,
]
_CONTEXTS = {
    "unguided": None,
    "answer": "The final answer:\n{answer}",
    "solution": "A solution:\n" + SECRET + ". {answer}",
}
_COUNTING = "Add {a} to {b} one by one until all of them are counted and nothing is left over: \\boxed{{{answer}}}."
_TRACES = {
    "unguided": [
        "<think>\nHmm, wait. Perhaps I should check: {a} and {b} make {answer}. Maybe not? Let me verify it again.\n"
        "</think>\n\nSo I think that it is \\boxed{{{answer}}}.",
        "<think>\nLet me see. {a} plus {b}, that might be {wrong}. I am not sure.\n</think>\n\n"
        "It is \\boxed{{{wrong}}}.",
    ],
    "answer": ["The sum of {a} and {b} is \\boxed{{{answer}}}, as the answer above says."],
    "solution": [
        SECRET + ", which gives \\boxed{{{answer}}} for {a} and {b}.",
        _COUNTING + " Done now.",
        _COUNTING + " Done then.",
    ],
}


def write_rows(folder: Path, tasks: int = 4, hostile: bool = True) -> Path:
    """Write the recipe and its files, and return the recipe's path."""
    rows = [row for number in range(tasks) for row in _rows_of_task(number)]
    rows += [_hostile_row(number, text) for number, text in enumerate(HOSTILE)] if hostile else []
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    (folder / "evaluation.jsonl").write_text(json.dumps({"question": EVALUATION}) + "\n")
    (folder / "recipe.yaml").write_text(RECIPE)
    return folder / "recipe.yaml"


def _rows_of_task(number: int) -> list[dict[str, Any]]:
    a, b = number + 2, 2 * number + 3
    question = (
        EVALUATION if number == 0 else f"Ada has {a} apples and Ben has {b} pears. How many fruits are there in all?"
    )
    values = {"a": a, "b": b, "answer": a + b, "wrong": a + b + 1}
    return [
        {
            "question": question,
            "answer": str(a + b),
            "family": "marbles" if number == 0 else "fruits",
            "trace": text.format(**values),
            "privilege": privilege,
            "context": context and context.format(**values),
            "teacher": "Small-1B" if number % 2 else "Large-9B",
            "finish_reason": "length" if number == 3 and privilege == "answer" else "stop",
            "tokens": 40 + 10 * number + len(text) // 10,
        }
        for privilege, texts in _TRACES.items()
        for context in [_CONTEXTS[privilege]]
        for text in texts
    ]


def _hostile_row(number: int, text: str) -> dict[str, Any]:
    short = text[:200]
    return {
        "question": f"Hostile {number}: {short}",
        "answer": "1",
        "family": f"<b>hostile</b> & \u202e{number}",
        "trace": f"<think>\n{text}\n</think>\n\nWait, {text} \\boxed{{1}}",
        "privilege": "answer",
        "context": f"The final answer:\n1 {text}",
        "teacher": "<i>Teacher</i>",
        "finish_reason": "stop",
        "tokens": 5,
    }


def make_run(folder: Path, **options: Any) -> Run:
    """Make the run in `folder/run`, all stages up to `balance`."""
    run = RunWithRecipe.create(write_rows(folder, **options), folder / "run")
    make_stages(run)
    write_token_gaps(run.folder)
    return run.folder


def make_stages(run: RunWithRecipe) -> None:
    """Make all stages up to `balance`: the pages show nothing of the later ones."""
    for state in run.status():
        if state.stage not in ("publish", "report"):
            run.update(state.stage, quiet=True)


def write_token_gaps(run: Run) -> None:
    """Score every trace of a thought by hand: its words as tokens, with gaps that go up and down."""
    thoughts = run.scan(TRACES).filter(pl.col("reasoning") != "").sort("trace_id").collect()
    rows = []
    for trace in thoughts.iter_rows(named=True):
        words = [word + " " for word in written(trace).split(" ")]
        words[-1] = words[-1][:-1]
        gaps = [(place % 9 - 4) * 1.0 for place in range(len(words))]
        rows.append({"trace_id": trace["trace_id"], "tokens": words, "gaps": gaps, "surprisals": [1.0] * len(words)})
    with run.rewrite(TOKEN_GAPS) as out:
        out.write(TOKEN_GAPS.frame(rows))
