"""The config `steps`: correct traces of the mix step by step, each step after those before it.

Supervised RL (arXiv 2510.25992) and step-wise fine-tuning read a demonstration as a series of actions: given the
question and the first steps, the student predicts the next one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from infogap.publish.configs.base import MESSAGES, PROMPT, Config, columns, joined, prompts
from infogap.publish.sorted_rows import SortedRows, in_order
from infogap.publish.turn_messages import refuse_turns
from infogap.recipe.balance_section import MixSettings
from infogap.runs.run_folder import Run
from infogap.schema import TASKS, TRACES, VERDICTS
from infogap.text.reasoning_steps import steps

NEXT = "Give the next step."
"""The last turn of a prompt with earlier steps, which are a turn of the assistant before it."""
_FEATURES = pl.Schema(
    {
        "prompt": MESSAGES,
        "completion": MESSAGES,
        "step": pl.Int64,
        "steps": pl.Int64,
        **columns(TRACES, "trace_id", "task_id"),
        **columns(TASKS, "family", "difficulty"),
        **columns(TRACES, "privilege", "teacher"),
    }
)


def _rows(run: Run, mix: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Yield a row per step of the mix's correct traces, by trace and then by step."""
    selected = mix.lazy().filter("selected").select("trace_id")
    correct = run.scan(VERDICTS).filter(verdict="correct").select("trace_id").join(selected, on="trace_id", how="semi")
    refuse_turns(run, selected.collect(), STEPS.name)
    yield from SortedRows(run, TRACES, in_order(correct.collect()), _step_by_step)


def _step_by_step(run: Run, traces: pl.DataFrame) -> pl.DataFrame:
    known = joined(run, traces, _FEATURES)
    rows: list[dict[str, Any]] = []
    for trace, prompt in zip(known.iter_rows(named=True), prompts(run, known), strict=True):
        asked = prompt.to_list()
        parts = trace_steps(trace["reasoning"] or "", trace["response"] or "")
        for number, part in enumerate(parts):
            before = [_said("assistant", "\n\n".join(parts[:number])), _said("user", NEXT)] if number else []
            rows.append(
                {
                    **{name: trace[name] for name in _FEATURES if name in trace},
                    "prompt": [*asked, *before],
                    "completion": [_said("assistant", part)],
                    "step": number,
                    "steps": len(parts),
                }
            )
    return pl.DataFrame(rows, schema=_FEATURES)


def _said(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


def trace_steps(reasoning: str, response: str) -> list[str]:
    """Return the steps of a thought and then the whole response; without a thought, the response's steps."""
    thought = [body.strip() for body in steps(reasoning).bodies]
    if not thought:
        return [body.strip() for body in steps(response).bodies]
    return [*thought, response.strip()] if response.strip() else thought


def _no_correct_ones(_run: Run, mix: MixSettings) -> str:
    shares = mix.axes.get("verdict")
    wanted = not isinstance(shares, dict) or shares.get("correct", 0)
    return "" if wanted else "the mix has no share of correct traces"


STEPS = Config(
    name="steps",
    shows="the mix's correct traces step by step: a prompt with the steps before, and the next step",
    features=_FEATURES,
    key=pl.concat_str("trace_id", pl.lit("/"), "step"),
    rows=_rows,
    of_mix=True,
    empty="the mix has no correct traces",
    empty_by_design=_no_correct_ones,
    meanings={
        "prompt": f"{PROMPT}; then the steps before this one as an answer, and `{NEXT}`",
        "completion": "the next step, as one message of the assistant",
        "step": "which step of the trace it is, from 0",
        "steps": "how many steps the trace has",
    },
    card="In `{{ name }}`, each row is a step of a correct trace: `prompt` holds the question and the steps before it, "
    "`completion` the step. Steps are paragraphs of the thought, or its sentences if it is one paragraph; the text "
    "after the thought is the last step (as in arXiv 2510.25992, where a model cuts the steps).",
)
