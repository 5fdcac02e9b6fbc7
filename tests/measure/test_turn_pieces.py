"""Markers and lengths of traces that call tools: those of the assistant's turns, each turn by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from imports.agent_rows import Message, call, conversation, conversations, row, said
from infogap.measure.lexicon import load
from infogap.measure.marker_search import MarkerSearch
from infogap.measure.turn_pieces import TurnPieces
from infogap.runs.pipeline import run_all
from infogap.schema import DUPLICATES, MEASURES, VERDICTS
from infogap.text.spoken_turns import spoken_parts
from infogap.text.text_batch import measured_text
from publish.test_turn_messages import published
from tasks.small_recipes import import_run, write_jsonl

LEXICON = load("infogap", Path)
_SEARCH = MarkerSearch([LEXICON, load("kim2026", Path)])


def measured(folder: Path, messages: list[Message]) -> dict[str, Any]:
    folder.mkdir(exist_ok=True)
    run = published(folder, [row(messages)], "publish: {configs: [sft]}")
    (measures,) = run.scan(MEASURES).collect().to_dicts()
    return measures


def count(text: str) -> int:
    return sum(map(len, _SEARCH.spans([text])[0][:1]))


def test_only_the_assistants_words_are_counted(tmp_path: Path) -> None:
    quiet = conversation()
    quiet[2] = said("assistant", "Let me compute it.", tool_calls=quiet[2]["tool_calls"])
    loud = [dict(message) for message in quiet]
    loud[4] = said("tool", "Wait, maybe not. Perhaps. Hmm, let me double-check.", tool_call_id="c2")
    loud[2] = loud[2] | {
        "tool_calls": [call("look_up", {"words": ["wait", "hmm, perhaps"]}, "c2"), loud[2]["tool_calls"][0]]
    }
    one, other = (measured(tmp_path / name, each) for name, each in (("a", quiet), ("b", loud)))
    assert {name: one[name] for name in one if name != "trace_id"} == {
        name: other[name] for name in other if name != "trace_id"
    }
    assert one["words"] == len(["Let", "me", "compute", "it.", "So", "\\boxed{42}."])
    assert other["epistemic_count"] == count("Let me compute it.")


@given(st.sampled_from(["let me double-check", "on second thought", "i am not sure"]), st.data())
def test_no_marker_spans_two_turns(marker: str, data: st.DataObject) -> None:
    words = marker.split()
    cut = data.draw(st.integers(1, len(words) - 1))
    first, second = " ".join(words[:cut]), " ".join(words[cut:])
    turns = [said("assistant", first, tool_calls=[]), said("tool", "ok"), said("assistant", second)]
    pieces = pieces_of(turns)
    assert pieces.texts == [first, second]
    assert len(_SEARCH.matches([f"{first}\n{second}"])[0].start) >= 1
    alone = sum(len(_SEARCH.matches([each])[0].start) for each in (first, second))
    assert len(_SEARCH.matches(pieces.texts, pieces.seen)[0].start) == alone


def pieces_of(turns: list[Message]) -> TurnPieces:
    text = measured_text(*spoken_parts(turns))
    return TurnPieces.of(pl.DataFrame({"text": [text], "question": ["?"], "turns": [orjson.dumps(turns).decode()]}))


@given(conversations())
def test_matches_stand_in_the_trace_where_they_stand_in_the_turn(messages: list[Message]) -> None:
    turns = [
        message | {"content": f"maybe {message['content']}"} if message["role"] == "assistant" else message
        for message in messages
    ]
    pieces = pieces_of(turns)
    text = measured_text(*spoken_parts(turns))
    matches = pieces.in_traces(_SEARCH.matches(pieces.texts, pieces.seen)[0])
    found = [text[start:end] for start, end in zip(matches.start, matches.end, strict=True)]
    assert found.count("maybe") == sum(turn["role"] == "assistant" for turn in turns)


def test_a_marker_in_a_quotation_of_a_result_is_not_the_assistants() -> None:
    result = said("tool", "Error: maybe the file is not there at all")
    turns = [said("assistant", "Look.", tool_calls=[]), result, said("assistant", f'It says "{result["content"]}".')]
    pieces = pieces_of(turns)
    assert len(_SEARCH.matches(pieces.texts, pieces.seen)[0].start) == 0
    assert len(_SEARCH.matches(pieces.texts)[0].start) == 1


def test_the_last_turn_is_graded(tmp_path: Path) -> None:
    early = [*conversation()[:7], said("assistant", "It is \\boxed{41}.")]
    early[2] = early[2] | {"content": "I guess \\boxed{42}."}
    run = published(tmp_path, [row(early)], "balance: {verdict: {wrong: 1.0}}")
    assert run.scan(VERDICTS).select("verdict", "extracted_answer").collect().rows() == [("wrong", "41")]


def test_traces_that_say_the_same_and_call_other_tools_are_no_duplicates(tmp_path: Path) -> None:
    other = conversation()
    other[2] = other[2] | {
        "tool_calls": [call("look_up", {"words": ["wholly", "other", "words"]}, "c1"), call("x", {}, "c2")]
    }
    write_jsonl(tmp_path / "a.jsonl", [row(conversation()), row(other), row(conversation())])
    columns = "{question: messages, trace: messages, tools: tools}"
    run = import_run(tmp_path, f"  - {{from: a.jsonl, columns: {columns}, verifier: numeric}}")
    run_all(run)
    assert run.scan(DUPLICATES).collect()["how"].to_list() == ["exact"]
