"""Split a thinking model's text into its thought (reasoning) and its answer (response)."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from infogap.text.thought_tags import FIRST_TOKENS, LAST_TOKEN, Mark, Pair, TagReader, is_tag, tag_reader

OPENING = "<think>"  # the tags in which thoughts are published and scored, whatever tags they were written in
CLOSING = "</think>"

_LONGEST_TOKEN = 60  # characters, with white space after it
ANSWER_TAGS = r"(?is)<answer>\s*(.*?)\s*</answer>"  # their content is the first group
_ANSWER = re.compile(ANSWER_TAGS)
_ANSWER_OPENS = re.compile(r"\A\s*<answer>", re.IGNORECASE)
_ANSWER_CLOSES = re.compile(r"</answer>\s*\Z", re.IGNORECASE)
_FRAMED = re.compile(r"<(response|output|solution|final|final_answer|final_response)>(.*?)(?:</\1>)?", re.I | re.S)
# Granite's thought and answer, and the words before Apriel's thought: sentences, which are tags only together
_SAID = re.compile(r"Here(?:'s| is) my thought process:(.*?)Here(?:'s| is) my response:(.*)", re.DOTALL)
_STEPS_SAID = re.compile(r"Here are my reasoning steps:(?=.*\[BEGIN FINAL RESPONSE\])", re.DOTALL)
_ANSWER_ENDS_IT = re.compile(r"<answer>(?:(?!</?answer>).)*</answer>\s*\Z", re.IGNORECASE | re.DOTALL)
# What columns called `reasoning` hold that say how a model was asked, such as those of Nemotron's post-training data.
_SWITCHES = frozenset(("on", "off", "true", "false", "enabled", "disabled", "low", "medium", "high"))


@dataclass(frozen=True)
class Parts:
    """A text in its two parts, and what separated them."""

    reasoning: str
    response: str
    tags: tuple[str, ...] = ()  # the names of the tags that were read
    end_tokens: tuple[str, ...] = ()  # that were removed
    ran_on: bool = False  # there was text after an end token, which is left out
    began_inside: bool = False  # a tag closes a thought that none opens


def split(text: str, *, truncated: bool = False, opened: bool = False, pair: Pair | None = None) -> tuple[str, str]:
    """Split a model's text into (reasoning, response); see `read_parts`."""
    parts = read_parts(text, truncated=truncated, opened=opened, pair=pair)
    return parts.reasoning, parts.response


def read_parts(
    text: str,
    *,
    truncated: bool = False,
    opened: bool = False,
    pair: Pair | None = None,
    unwrap: bool = False,
) -> Parts:
    """Split a model's text into reasoning and response, without tags, end tokens and surrounding white space.

    Everything up to the last closing tag is reasoning: nested and further thoughts, and text between them. A thought
    that is not closed is all reasoning with an empty response: it is truncated, and part of a thought is no answer. If
    nothing follows the last thought, the response is the text before it. Text without tags is all response. Tags in
    quotation marks or backticks are words of the text.

    `opened`: the prompt is known to end with the opening tag, so that text without tags is a thought.
    `truncated`: generation stopped at its token limit. `pair`: tags that the recipe names, besides the known ones.
    `unwrap`: also take the tags of R1-Zero-like templates from a one-line `<answer>...</answer>` that is the whole
    response; do so where the prompt does not ask for them.
    """
    reader = tag_reader(pair)
    text, last_tokens = _without_outer_tokens(text)
    marks = reader.marks(text)
    end, ran_on = _end_of_answer(text, marks, opened=opened)
    ended_by = dict.fromkeys(
        [*(mark.name for mark in marks if mark.kind == "ends" and mark.start <= end), *last_tokens]
    )
    text, marks = text[:end], [mark for mark in marks if mark.start < end]
    if not truncated:
        marks = _with_answer(text, marks, opened=opened)
    before, answer, after = _answer_between(text, marks, truncated=truncated, opened=opened)
    reasoning = reader.without("\n".join(part for part in (before.strip(), after.strip()) if part)).strip()
    turns = [mark for mark in marks if mark.kind in ("opens", "closes")]
    parts = Parts(
        reasoning,
        _unframed(_clean(answer, reader)) if turns or opened else _clean(answer, reader),
        tags=tuple(dict.fromkeys(mark.name for mark in turns)),
        end_tokens=tuple(dict.fromkeys(ended_by)),
        ran_on=ran_on,
        began_inside=bool(turns) and turns[0].kind == "closes",
    )
    return _unwrapped(parts) if unwrap else parts


def joined(thought: str, parts: Parts, pair: Pair | None = None, found_in: str = "a column of its own") -> Parts:
    """Merge a separate thought with the parts of a text that may repeat it.

    `found_in`: where it came from, as the notes on tags put it.
    """
    thought = tag_reader(pair).without(thought).strip()
    tags = (found_in, *parts.tags)
    one, other = _words(thought), _words(parts.reasoning)
    if other in one:
        return replace(parts, reasoning=thought, tags=tags)
    reasoning = parts.reasoning if one in other else f"{thought}\n\n{parts.reasoning}"
    return replace(parts, reasoning=reasoning, tags=tags)


def is_switch(text: str) -> bool:
    """Whether a text turns thinking on or off, or says how much there is of it, and is no thought."""
    return text.strip().casefold() in _SWITCHES


def opens_thought(prompt: str) -> bool:
    """Whether a prompt ends with an opening tag, so that the model's text begins inside a thought."""
    marks = tag_reader().marks(prompt := prompt.rstrip())
    return bool(marks) and marks[-1].kind == "opens" and marks[-1].end == len(prompt)


def _without_outer_tokens(text: str) -> tuple[str, tuple[str, ...]]:
    """Remove the tokens that begin and end every text of a chat template; return also those that ended it."""
    first = FIRST_TOKENS.match(text)
    text = text[first.end() if first else 0 :]
    text = text.strip()
    if text.startswith(("analysis<|message|>", "final<|message|>")):  # the prompt's template opened the channel
        text = f"<|channel|>{text}"
    elif text.startswith("analysis") and "assistantfinal" in text:  # gpt-oss without its special tokens
        thought, _, answer = text.removeprefix("analysis").rpartition("assistantfinal")
        text = f"<|channel|>analysis<|message|>{thought}<|channel|>final<|message|>{answer}"
    elif said := _SAID.fullmatch(text):
        text = f"{OPENING}{said[1]}{CLOSING}{said[2]}"
    elif steps := _STEPS_SAID.match(text):
        text = text[steps.end() :]
    end, tokens = len(text), list[str]()
    while last := LAST_TOKEN.search(text, max(0, end - _LONGEST_TOKEN), end):
        if is_tag(last[1]):  # a thought may end the text
            break
        end = last.start()
        tokens.append(last[1])
    return text[:end].rstrip(), tuple(dict.fromkeys(tokens))


def _end_of_answer(text: str, marks: list[Mark], *, opened: bool) -> tuple[int, bool]:
    """Return where an end token ends the answer, and whether text follows; tokens inside a thought end nothing."""
    turns = [mark.kind for mark in marks if mark.kind in ("opens", "closes")]
    inside, begins = opened or turns[:1] == ["closes"], 0
    for mark in marks:
        if mark.kind == "opens":
            inside = True
        elif mark.kind == "closes":
            inside, begins = False, mark.end
        elif mark.kind == "ends" and not inside and text[begins : mark.start].strip():
            return mark.start, bool(text[mark.end :].strip())
    return len(text), False


def _with_answer(text: str, marks: list[Mark], *, opened: bool) -> list[Mark]:
    """Let a final `<answer>` close a thought that nothing else closes: return the marks with it."""
    thinks = opened or any(mark.kind == "opens" for mark in marks)
    if not thinks or any(mark.kind == "closes" for mark in marks):
        return marks
    answer = _ANSWER_ENDS_IT.search(text)
    return [*marks, Mark("closes", "<answer>", answer.start(), answer.start())] if answer else marks


def _answer_between(text: str, marks: list[Mark], *, truncated: bool, opened: bool) -> tuple[str, str, str]:
    """Return the parts of the thought before and after the answer, with the answer between them."""
    turns = [mark for mark in marks if mark.kind in ("opens", "closes")]
    if (turns[-1].kind == "opens") if turns else opened:
        return text, "", ""
    end = len(text)
    while turns:
        close = turns.pop()
        answer = text[close.end : end]
        if answer.strip() or truncated:
            return text[: close.start], answer, text[end:]
        # Nothing follows this thought: the answer may stand before it, or before a closing tag that is one too many.
        end, opens = close.start, False
        while turns and turns[-1].kind == "opens":
            end, opens = turns.pop().start, True
        if not turns:
            before = text[:end] if opens and not opened else ""
            return ("", before, text[end:]) if before.strip() else (text, "", "")
    return "", text, ""


def _clean(answer: str, reader: TagReader) -> str:
    """Remove the tags that frame an answer; those that it quotes are kept."""
    for mark in reversed(reader.marks(answer)):
        answer = answer[: mark.start] + answer[mark.end :]
    answer = answer.strip()
    if _ANSWER.search(answer) is None:  # one tag of a pair: the other was truncated, or is in the prompt
        answer = _ANSWER_CLOSES.sub("", _ANSWER_OPENS.sub("", answer))
    return answer.strip()


def _unframed(response: str) -> str:
    """Remove the pair of tags, or the opening one, that sets the whole response apart from the thought before."""
    framed = _FRAMED.fullmatch(response)
    return framed[2].strip() if framed else response


def _unwrapped(parts: Parts) -> Parts:
    whole = _ANSWER.fullmatch(parts.response)
    if whole is None or not whole[1] or "\n" in whole[1] or not parts.tags:
        return parts
    return replace(parts, response=whole[1])


def _words(text: str) -> str:
    return " ".join(text.split())
