"""Read a judge's vote: strictly as the JSON that it was asked for, or else from a reply that holds such an object."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal

from infogap.console import printable
from infogap.verify.judging.judge_prompt import VERDICTS

How = Literal["strict", "loose", "unread"]
_LONGEST_REASON = 200  # characters
_MOST_OBJECTS = 100  # looked at in a reply


@dataclass(frozen=True)
class Vote:
    """A vote, `right`, `wrong` or `unsure`, or None if it cannot be read; and how it was read."""

    verdict: str | None
    reason: str
    how: How


def read_vote(reply: str, response: str, *, cut: bool) -> Vote:
    """Read a judge's reply on a response; `cut`: it stopped at its token limit.

    A reply that is the object asked for, and nothing else, is read strictly. Of any other reply, objects with a verdict
    count if all of them say the same and none is a passage of the response; a reply that was cut off has none.
    """
    text = reply.strip()
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError):
        whole = None
    if isinstance(whole, dict) and whole.keys() == {"reason", "verdict"} and isinstance(whole["reason"], str):
        verdict = whole["verdict"]
        if isinstance(verdict, str) and verdict in VERDICTS:
            return Vote(verdict, _short(whole["reason"]), "strict")
    if cut:
        return Vote(None, "", "unread")
    objects = _objects(text, response)
    said = {verdict for each in objects if (verdict := str(each["verdict"]).strip().lower()) in VERDICTS}
    if len(said) != 1:
        return Vote(None, "", "unread")
    reason = objects[-1].get("reason")
    return Vote(said.pop(), _short(reason) if isinstance(reason, str) else "", "loose")


def _objects(text: str, response: str) -> list[dict[str, Any]]:
    """Return the JSON objects in a text that have a verdict, without those that quote the response."""
    decoder, found, at = json.JSONDecoder(), list[dict[str, Any]](), text.find("{")
    for _ in range(_MOST_OBJECTS):
        if at < 0:
            break
        try:
            each, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            end = at + 1
        else:
            if isinstance(each, dict) and "verdict" in each and text[at:end] not in response:
                found.append(each)
        at = text.find("{", end)
    return found


def _short(reason: str) -> str:
    line = " ".join(printable(reason).split())
    return line if len(line) <= _LONGEST_REASON else f"{line[: _LONGEST_REASON - 3]}..."
