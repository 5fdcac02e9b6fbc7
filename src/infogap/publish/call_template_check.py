"""Check whether a tokenizer's chat template keeps calls of tools and their results, by rendering some traces with it.

Templates differ: Qwen3's prints arguments that are text as they are, Llama 3.1's encodes them once more, older ones
skip calls or turns of the tool. A trainer never sees what the template drops.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from infogap.text.spoken_turns import Message

if TYPE_CHECKING:
    from infogap.text.chat_template import Messages

_ADVICE = {
    "encodes the arguments of calls once more, as text within text": "read them as objects (docs/training.md says how)",
    "drops calls of tools": "train with another chat template",
    "drops results of tools": "train with another chat template",
}


def call_notes(
    traces: list[tuple[str, list[Message]]], tokenizer: str, render: Callable[[Messages], str] | None
) -> list[str]:
    """Return notes for the user on what a chat template does to calls, given the messages of traces that have some.

    Null fields of messages stand for what Parquet holds. `render` is None if the template was not found, which the
    notes on thoughts say.
    """
    if render is None:
        return []
    problems: dict[str, list[str]] = {}
    for trace_id, messages in traces:
        plain = [{name: value for name, value in each.items() if value is not None} for each in messages]
        try:
            found = list(_problems(plain, _letters(render(plain))))
        except Exception as error:  # a template may raise anything
            return [f"the chat template of {tokenizer} fails on trace {trace_id}: {str(error) or type(error).__name__}"]
        for problem in found:
            problems.setdefault(problem, []).append(trace_id)
    notes = [
        f"the chat template of {tokenizer} {problem} in {len(ids)} of {len(traces)} traces tried, {ids[0]} among them; "
        f"{_ADVICE[problem]}"
        for problem, ids in problems.items()
    ]
    return [*notes, *_on_nulls(traces[:1], tokenizer, render)]


def _problems(messages: list[Message], rendered: str) -> Iterator[str]:
    calls = [call["function"] for message in messages for call in message.get("tool_calls", ())]
    if any(_letters(call["name"]) not in rendered for call in calls):
        yield "drops calls of tools"
    elif not all(any(_letters(text) in rendered for text in _spellings(call["arguments"])) for call in calls):
        encoded = all(_letters(json.dumps(call["arguments"], ensure_ascii=False)) in rendered for call in calls)
        yield next(iter(_ADVICE)) if encoded else "drops calls of tools"
    results = [message["content"] for message in messages if message["role"] == "tool"]
    quoted = [(_letters(text), _letters(json.dumps(text, ensure_ascii=False))) for text in results]
    if any(text not in rendered and encoded not in rendered for text, encoded in quoted):
        yield "drops results of tools"


def _spellings(arguments: str) -> tuple[str, str]:
    """Return arguments as they are written, and as a template writes them that reads them."""
    return arguments, json.dumps(json.loads(arguments), ensure_ascii=False)


def _on_nulls(
    traces: list[tuple[str, list[Message]]], tokenizer: str, render: Callable[[Messages], str]
) -> Iterator[str]:
    for trace_id, messages in traces:
        try:
            rendered = render(messages)
        except Exception as error:  # a template may raise anything
            problem = f"fails on it ({str(error) or type(error).__name__})"
        else:
            plain = [{name: value for name, value in each.items() if value is not None} for each in messages]
            problem = "prints it as None" if "None" in rendered and "None" not in render(plain) else ""
        if problem:
            yield (
                f"in Parquet the field `tool_calls` of a message without calls is null, and the chat template of "
                f"{tokenizer} {problem}, as in trace {trace_id}: export .jsonl and remove null fields when you load it"
            )


def _letters(text: str) -> str:
    return "".join(text.split())
