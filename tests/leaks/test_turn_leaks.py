"""Leaks in traces of several turns: none spans two turns, and a tool's result is nothing that only the teacher saw."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from imports.agent_rows import call, said
from infogap.leaks.leak_scan import load_leaks
from infogap.leaks.scanned_trace import ContextKind, ScannedTrace, ScanResult
from infogap.leaks.turn_leaks import in_turns
from infogap.text.spoken_turns import read_turns, spoken_parts
from infogap.text.text_batch import measured_text

SECRET = "take the six long rows at the window first then count seven seats in each single one of them"
WORDS = SECRET.split()
QUESTION = "How many seats are there?"


def asks(text: str, thought: str = "") -> dict[str, Any]:
    more = {"reasoning_content": thought} if thought else {}
    return said("assistant", text, tool_calls=[call("look", {"note": SECRET})], **more)


def scanned(turns: list[dict[str, Any]], context: str = SECRET, gold: str = "42") -> tuple[str, ScanResult]:
    turns = read_turns(json.dumps(turns))
    text = measured_text(*spoken_parts(turns))
    trace = ScannedTrace.of(text, QUESTION, context, gold, ContextKind())
    return text, load_leaks().find(in_turns(trace, turns))


@given(st.integers(1, len(WORDS) - 1))
def test_a_copy_that_only_two_turns_together_hold_is_none(cut: int) -> None:
    parts = (" ".join(WORDS[:cut]), " ".join(WORDS[cut:]))
    text, result = scanned([asks(parts[0]), said("tool", "ok"), said("assistant", parts[1])])
    longest = max(cut, len(WORDS) - cut)
    assert result.longest_copy == longest
    assert [leak["evidence"] for leak in result.leaks] == [part for part in parts if len(part.split()) >= 12]
    assert all(text[leak["start"] : leak["end"]] == leak["evidence"] for leak in result.leaks)


def test_a_copy_within_a_later_turn_is_found_where_it_stands() -> None:
    text, result = scanned([asks("Hm."), said("tool", "ok"), asks("Now.", f"So {SECRET}."), said("assistant", "42")])
    assert [(leak["kind"], leak["evidence"]) for leak in result.leaks] == [("copying", SECRET)]
    assert text[result.leaks[0]["start"] : result.leaks[0]["end"]] == SECRET


def test_what_a_tool_returned_may_be_repeated_afterwards_and_not_before() -> None:
    result = said("tool", f"The page says: {SECRET}.")
    repeats = said("assistant", f"It says: {SECRET}.")
    assert scanned([asks("Let me look."), result, repeats])[1].leaks == []
    early = scanned([asks(f"I know: {SECRET}."), result, said("assistant", "42")])[1]
    assert [leak["kind"] for leak in early.leaks] == ["copying"]


def test_an_answer_that_a_tool_returned_is_not_told_by_the_context() -> None:
    held = "The final answer:\n8317"
    found = [asks("Let me compute it."), said("tool", "8317"), said("assistant", "The answer is 8317.")]
    assert scanned(found, held, "8317")[1].leaks == []
    at_once = [asks("The answer is 8317. Let me verify that."), said("tool", "8317"), said("assistant", "Yes.")]
    assert [leak["kind"] for leak in scanned(at_once, held, "8317")[1].leaks] == ["answer_first"]


def test_references_are_found_in_every_turn_and_in_no_result() -> None:
    refers = "As the provided solution says, we multiply."
    assert scanned([asks("Hm."), said("tool", refers), said("assistant", "It is 42.")])[1].leaks == []
    text, result = scanned([asks("Hm."), said("tool", "ok"), said("assistant", refers)])
    assert [leak["kind"] for leak in result.leaks] == ["reference"]
    assert result.leaks[0]["start"] >= text.index("As the")


def test_arguments_of_calls_are_not_scanned() -> None:
    assert scanned([asks("Hm."), said("tool", "ok"), said("assistant", "It is 42.")])[1].leaks == []
