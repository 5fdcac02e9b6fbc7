"""Rows of the traces table: the place of a request in the plan, and the answer to it."""

from __future__ import annotations

from infogap.generate.request_plan import Planned
from infogap.generate.trace_files import Row
from infogap.teachers import Completion
from infogap.text.characters import utf8


def place_of(planned: Planned) -> Row:
    """Return the columns that are known before the answer, except the teacher."""
    return {
        "trace_id": planned.request.request_id,
        "task_id": planned.task_id,
        "privilege": planned.privilege,
        "context_id": planned.context_id,
        "sample": planned.sample,
        "seed": planned.request.seed,
        "round": planned.round,
    }


def answer_of(teacher: str, completion: Completion) -> Row:
    """Return the columns that the answer gives, with those of its tokens if they were recorded."""
    tokens = {}
    if completion.token_logprobs is not None:
        tokens = {"logprobs": completion.token_logprobs, "entropies": completion.token_entropies}
    return {
        "teacher": teacher,
        "reasoning": utf8(completion.reasoning),
        "response": utf8(completion.response),
        "finish_reason": completion.finish_reason,
        "prompt_tokens": completion.prompt_tokens,
        "completion_tokens": completion.completion_tokens,
        "error": completion.error,
        **tokens,
    }
