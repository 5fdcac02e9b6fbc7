"""What the assistant says in a trace of several turns, as one text, and where in it each turn stands.

A turn is a chat message. Of a trace that calls tools, only the assistant's thoughts and texts are the teacher's words:
results of tools, turns of the user and the arguments of calls are none of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

Message = dict[str, Any]
THOUGHT = "reasoning_content"
_BETWEEN = "\n\n"  # two turns


@dataclass(frozen=True, slots=True)
class SpokenTurn:
    """Where a turn of the assistant stands in the measured text: `thought_end` is `start` if it has no thought."""

    turn: int  # its index among the turns
    start: int
    thought_end: int
    text_start: int
    end: int


def read_turns(written: str) -> list[Message]:
    """Read the turns of a row of the table `turns`."""
    turns: list[Message] = orjson.loads(written)
    return turns


def spoken_parts(turns: Sequence[Message]) -> tuple[str, str]:
    """Return what a trace says in two parts: everything before the text of the assistant's last turn, and that text."""
    said = [(turn.get(THOUGHT) or "", turn["content"]) for turn in turns if turn["role"] == "assistant"]
    *before, (thought, response) = said
    pieces = ["\n".join(part for part in parts if part) for parts in before] + [thought]
    return _BETWEEN.join(piece for piece in pieces if piece), response


def spoken_turns(turns: Sequence[Message]) -> list[SpokenTurn]:
    """Return where each turn of the assistant that says anything stands in the text of `spoken_parts`.

    That text is measured as that of any other trace: the two parts joined by a line break.
    """
    said = [
        (number, turn.get(THOUGHT) or "", turn["content"])
        for number, turn in enumerate(turns)
        if turn["role"] == "assistant"
    ]
    places, end = list[SpokenTurn](), 0
    for number, thought, text in said:
        if not thought and not text:
            continue
        last = number == said[-1][0]
        start = end + (0 if not places else 1 if last and not thought else len(_BETWEEN))
        thought_end = start + len(thought)
        text_start = thought_end + 1 if thought and text else thought_end
        end = text_start + len(text)
        places.append(SpokenTurn(number, start, thought_end, text_start, end))
    return places


def tool_results(turns: Sequence[Message]) -> str:
    """Return what is in a trace and not the assistant's: results of tools and turns of the user, one after another."""
    return _BETWEEN.join(turn["content"] for turn in turns if turn["role"] != "assistant")


def tool_calls(turns: Sequence[Message]) -> str:
    """Return the calls of a trace as text, a line each: the name and the arguments."""
    return "\n".join(
        f"{call['function']['name']} {call['function']['arguments']}"
        for turn in turns
        for call in turn.get("tool_calls") or ()
    )
