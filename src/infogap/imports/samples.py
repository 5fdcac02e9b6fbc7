"""The samples of a row: its one or several traces, as the file has them, read from the mapped columns."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import orjson

from infogap.recipe.source_columns import TraceColumns
from infogap.recipe.sources import TraceImport
from infogap.recipe.teacher_section import pair_of
from infogap.rows.agent_turns import ReadTurns, one_turn, read_conversation, tools_in
from infogap.rows.column_paths import EVERY, MISSING, as_text, read_json
from infogap.rows.message_turns import Answer, UnreadableTurnError, answers_in
from infogap.teachers.finish_reasons import meaning, word_of
from infogap.text.characters import utf8
from infogap.text.message_content import ContentError, read_content
from infogap.text.spoken_turns import Message
from infogap.text.thoughts import Parts, is_switch, joined, read_parts

NO_TRACE = "no trace"
NO_ANSWER = "a conversation without an answer"
NOT_TEXT = "the trace is not text"
LIKELIHOODS = "log-likelihoods of given continuations, and no text that a model wrote"
UNEVEN = "not as many thoughts as responses"
LISTED = "several samples, written as one text: write [*] after the column's name, as in `trace: generations[*]`"
APART = "a thought in a column of its own, beside turns that call tools"
SWITCH = "`reasoning` is mapped to a column that says whether the model thinks ('on', 'off'), and holds no thought"
_LONG = 400  # characters of a text in a list that is a response, and no item of an answer
_UNEVEN_COLUMN = "{name} is a list, and not of as many items as there are traces"
_BESIDE = ("finish_reason", "completion_tokens", "stated_verdict", "teacher", "privilege", "context")


@dataclass(frozen=True)
class Sample:
    """One text of a row, as the file has it: `whole`, with the thinking still in it, or in two parts."""

    whole: bool
    text: str
    reasoning: str  # in a column, a field or a part of the content of its own
    end: str | None  # the finish reason, in the file's word
    completion_tokens: int | None
    stated_verdict: str | None
    thought_in: str  # where `reasoning` stands in the file
    turns: ReadTurns | None = None  # of a trace that has tools or calls any; its `text` is then the JSON of its turns
    tools: str | None = None  # their definitions, as JSON

    @property
    def empty(self) -> bool:
        if self.turns is not None:
            return not self.turns.call_tools and not any(self.turns.spoken)
        return not self.text.strip() and not self.reasoning.strip()

    @property
    def finish_reason(self) -> str | None:
        """In the words of the traces table; the file's own where it is not known."""
        known = meaning(self.end or "")
        return "error" if known == "failed" else known or self.end

    @property
    def error(self) -> str | None:
        """Why the sample is incomplete, where something other than the model ended it."""
        failed = self.finish_reason in ("error", "filtered")
        return f"the source says that the answer ended by '{self.end}'" if failed else None

    @property
    def truncated(self) -> bool:
        return self.finish_reason == "length"

    def parts(self, source: TraceImport) -> Parts:
        """Split the sample into reasoning and response, by the tags that the source may have."""
        if self.turns is not None:
            return self.turns.joined_parts()
        pair, thought = pair_of(source.thinking), self.reasoning.strip()
        opened = source.thinking == "opened" and self.whole and not thought
        parts = read_parts(self.text, truncated=self.truncated, opened=opened, pair=pair, unwrap=True)
        return joined(thought, parts, pair, self.thought_in) if thought else parts


def samples_in(values: dict[str, Any], source: TraceImport) -> list[Sample] | str:
    """Read a row's samples from the values of its mapped columns; a reason where none can be imported."""
    try:
        return _samples_in(values, source)
    except (UnreadableTurnError, _LikelihoodsError) as error:
        return str(error)
    except ContentError:
        return NOT_TEXT


def _samples_in(values: dict[str, Any], source: TraceImport) -> list[Sample] | str:
    whole = "trace" in values
    if source.columns.trace == source.columns.question and _is_one_text(values.get("trace")):
        return NO_ANSWER  # the question alone, which is no answer to itself
    answers = _answers(values, source.columns, "trace" if whole else "response")
    thoughts = _answers(values, source.columns, "reasoning")
    if misread := _misread(answers, thoughts):
        return misread
    if thoughts and not answers:  # what servers write for a thought that was cut off
        answers = [Answer(None, None)] * len(thoughts)
    if thoughts and len(thoughts) != len(answers):
        return UNEVEN
    pairs = list(zip(answers, thoughts or [Answer(None, None)] * len(answers), strict=True))
    if all(_is_blank(answer) and _is_blank(thought) for answer, thought in pairs):
        return NO_TRACE
    for column in _BESIDE:
        if isinstance(values.get(column), list) and len(values[column]) != len(answers):
            return _UNEVEN_COLUMN.format(name=column)
    samples = [
        Sample(
            whole,
            utf8(answer.text or ""),
            utf8(_lines(thought.thought, thought.text, answer.thought)),
            _end(of_sample(values.get("finish_reason"), index)),
            _tokens(of_sample(_own_count(values.get("completion_tokens"), len(answers)), index)),
            as_text(of_sample(values.get("stated_verdict"), index)),
            _thought_in(answer, thought),
        )
        for index, (answer, thought) in enumerate(pairs)
    ]
    tools = tools_in(values.get("tools"))
    return [
        sample if answer.messages is None and tools is None else _of_turns(sample, answer.messages, tools, source)
        for sample, answer in zip(samples, answers, strict=True)
    ]


def _of_turns(sample: Sample, messages: list[Message] | None, tools: str | None, source: TraceImport) -> Sample:
    """Complete the sample of a conversation that calls tools, or of an answer that could have called some.

    Raises UnreadableTurnError if it cannot be read.
    """
    if messages is None:
        read = one_turn(sample.parts(source))
    elif sample.reasoning:
        raise UnreadableTurnError(APART)
    else:
        read = read_conversation(messages, source, truncated=sample.truncated)
    return replace(sample, text=orjson.dumps(read.turns).decode(), reasoning="", turns=read, tools=tools)


def _misread(answers: list[Answer], thoughts: list[Answer]) -> str | None:
    """Say why texts are not what their columns are mapped to."""
    if any(_is_list_of_samples(answer.text or "") for answer in answers):
        return LISTED
    return SWITCH if any(is_switch(thought.text or "") for thought in thoughts) else None


def _is_list_of_samples(text: str) -> bool:
    """Whether a text is a JSON list of texts that are whole responses, as CSV files hold lists."""
    items = read_json(text) if text.lstrip().startswith('["') else None
    if not isinstance(items, list) or len(items) < 2:
        return False
    return all(
        isinstance(item, str) and (len(item) > _LONG or "\\boxed" in item or "</think>" in item) for item in items
    )


def _is_one_text(value: Any) -> bool:
    return isinstance(value, str) and isinstance(read_json(value), str)


def of_sample(value: Any, index: int) -> Any:
    """Return what a column holds for one sample: its item where the column is a list, else the value."""
    if isinstance(value, list):
        return value[index] if index < len(value) else None
    return value


def _answers(values: dict[str, Any], columns: TraceColumns, name: str) -> list[Answer]:
    """What a column holds of each sample. Raises UnreadableTurnError or ContentError for what is not text."""
    value = values.get(name, MISSING)
    if value is MISSING or value is None:
        return []
    items = answers_in(value, every=EVERY in (getattr(columns, name) or ""))
    return [item if isinstance(item, Answer) else _answer(item) for item in items]


class _LikelihoodsError(ContentError):
    """A pair such as `["-1.5", "False"]`: how likely a continuation is, and whether it is the likeliest."""


def _answer(item: Any) -> Answer:
    if isinstance(item, list) and len(item) == 2 and str(item[1]) in ("True", "False") and _is_number(item[0]):
        raise _LikelihoodsError(LIKELIHOODS)
    content = read_content(item)
    return Answer(content.text, content.thought or None)


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def _is_blank(answer: Answer) -> bool:
    return answer.messages is None and not _lines(answer.text, answer.thought).strip()


def _lines(*texts: str | None) -> str:
    return "\n".join(text for text in texts if text)


def _thought_in(answer: Answer, thought: Answer) -> str:
    """Where the file has a sample's thought, in the words of the notes on tags."""
    if not _is_blank(thought):
        return "a column of its own"
    return "a field of its own" if answer.in_field else "a part of the content"


def _own_count(tokens: Any, samples: int) -> Any:
    """Tokens as a column counts them; None where one number stands for several samples, as their sum."""
    return tokens if samples == 1 or isinstance(tokens, list) else None


def _end(value: Any) -> str | None:
    return word_of(value) if isinstance(value, dict) else as_text(value) and word_of(as_text(value))


def _tokens(value: Any) -> int | None:
    """A number of tokens, from 420, 420.0 or "420"; None from anything else."""
    text = (as_text(value) or "").removesuffix(".0")
    return int(text) if text.isdecimal() else None
