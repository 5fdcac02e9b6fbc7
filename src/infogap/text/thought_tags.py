"""The table of the tags around models' thoughts, and of the tokens that begin and end a text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

Kind = Literal["opens", "closes", "frames", "ends"]
Pair = tuple[str, str]  # the opening and the closing tag that a recipe names


@dataclass(frozen=True)
class Tags:
    """One way to mark a thought, as regular expressions that each begin with a literal character.

    `name`: its name in notes. A tag that begins the answer also closes the thought. `frames` belong to neither.
    """

    name: str
    opens: tuple[str, ...]
    closes: tuple[str, ...]
    frames: tuple[str, ...] = ()


def _element(name: str) -> Tags:
    return Tags(f"<{name}>", (rf"<\s*{name}\s*>",), (rf"<\s*/\s*{name}\s*>",))


# What may follow a channel's name: "to=functions.f", "<|constrain|>json"
_CHANNEL = r"[^<\n]{0,80}(?:<\|constrain\|>\w+\s*)?<\|message\|>"

THOUGHT_TAGS: tuple[Tags, ...] = (
    # DeepSeek-R1, Qwen3, GLM and most others; EXAONE; SciKnowEval and R1-Zero's kin; Seed-OSS
    *map(_element, ("think", "thinking", "thought", "thoughts", "reasoning", "scratchpad", "seed:think")),
    # MiniMax-M3; LongCat
    *map(_element, ("mm:think", "longcat_think")),
    # The first of them, as HTML escapes it
    Tags("&lt;think&gt;", (r"&lt;\s*think\s*&gt;",), (r"&lt;\s*/\s*think\s*&gt;",)),
    # Magistral
    Tags("[THINK]", (r"\[THINK\]",), (r"\[/THINK\]",)),
    # Kimi
    Tags("◁think▷", ("◁think▷",), ("◁/think▷",)),
    # Sky-T1, OpenThoughts
    Tags(
        "<|begin_of_thought|>",
        (r"<\|begin_of_thought\|>",),
        (r"<\|end_of_thought\|>", r"<\|begin_of_solution\|>"),
        (r"<\|end_of_solution\|>",),
    ),
    # gpt-oss (harmony): the channel `final` holds the answer, any other a thought
    Tags(
        "<|channel|>analysis",
        (rf"<\|channel\|>(?:analysis|commentary){_CHANNEL}",),
        (rf"<\|channel\|>final{_CHANNEL}",),
        (r"<\|start\|>assistant(?: to=[^\s<]+)?", r"<\|end\|>"),
    ),
    # Gemma 4; MedGemma
    Tags("<|channel>thought", (r"<\|channel>\s*thought\b",), (r"<channel\|>",)),
    Tags("<unused94>", (r"<unused94>\s*thought\b", r"<unused94>"), (r"<unused95>",)),
    # Apriel, whose prompt opens the thought
    Tags("[BEGIN FINAL RESPONSE]", (), (r"\[BEGIN FINAL RESPONSE\]",), (r"\[END FINAL RESPONSE\]",)),
    # s1
    Tags("<|im_start|>think", (r"<\|im_start\|>think\b",), (r"<\|im_start\|>answer\b",)),
    # Command A Reasoning
    Tags(
        "<|START_THINKING|>",
        (r"<\|START_THINKING\|>",),
        (r"<\|END_THINKING\|>", r"<\|START_RESPONSE\|>"),
        (r"<\|END_RESPONSE\|>",),
    ),
)

# Tokens after which no model continues by itself. Those that are HTML too count only at the end of a text.
_ENDS = (
    r"<\|(?:im_end|eot_id|eom_id|eot|eos|endoftext|end_of_text|end_of_turn|end_of_turn_token|endofassistant|return|call"
    r"|end[_▁]of[_▁]sentence)\|>",
    r"<｜end▁of▁sentence｜>",
    r"<end_of_turn>",
    r"<turn\|>",
)
# GLM's <|end_of_box|> closes an answer.
_SPECIAL = r"<\|(?!end_of_box)[^|<>\s]{1,40}\|>|<｜[^｜<>\n]{1,40}｜>"
LAST_TOKEN = re.compile(rf"({_SPECIAL}|</s>|<eos>|<pad>|<end_of_turn>|<turn\|>|\[EOS\])\s*\Z")
FIRST_TOKENS = re.compile(
    r"(?:\s*(?:\ufeff|<s>|<bos>|<\|begin_of_text\|>|<｜begin▁of▁sentence｜>|<｜Assistant｜>|<\|assistant\|>"
    r"|<\|im_start\|>assistant\b|<\|start_header_id\|>assistant<\|end_header_id\|>|<start_of_turn>model\b|<\|turn>model\b))+"
)
_QUOTES = {"`": "`", '"': '"', "'": "'", "“": "”", "‘": "’"}
# The tokens of which gpt-oss and Gemma compose their tags.
_PIECES = frozenset({"<|channel>", "<|channel|>", "<|message|>", "<|start|>", "<|end|>", "<|constrain|>"})


class Mark(NamedTuple):
    """A tag and its span in a text."""

    kind: Kind
    name: str
    start: int
    end: int


class TagReader:
    """Find the tags of the table, and the pair that a recipe names."""

    def __init__(self, pair: Pair | None = None) -> None:
        own = () if pair is None else (Tags(pair[0], (re.escape(pair[0]),), (re.escape(pair[1]),)),)
        self._pieces: list[tuple[re.Pattern[str], Kind, str]] = []
        every: list[str] = []
        for tags in (*own, *THOUGHT_TAGS):
            kinds: tuple[tuple[Kind, tuple[str, ...]], ...] = (
                ("opens", tags.opens),
                ("closes", tags.closes),
                ("frames", tags.frames),
            )
            for kind, patterns in kinds:
                self._pieces += [(re.compile(pattern, re.IGNORECASE), kind, tags.name) for pattern in patterns]
                every += patterns
        self._pieces += [(re.compile(pattern, re.IGNORECASE), "ends", "") for pattern in _ENDS]
        # Plain alternatives without groups: `re` then skips to the few characters with which a tag can begin.
        self._any = re.compile("|".join([*every, *_ENDS]), re.IGNORECASE)
        self._run = re.compile(f"(?:{self._any.pattern})+", re.IGNORECASE)

    def marks(self, text: str) -> list[Mark]:
        """Return the tags of a text in order, without those that it quotes: "`</think>` closes a thought"."""
        return [
            self._mark(match)
            for match in self._any.finditer(text)
            if not (match.start() and _QUOTES.get(text[match.start() - 1]) == text[match.end() : match.end() + 1])
        ]

    def without(self, text: str) -> str:
        """Remove every tag, quoted or not; words that a tag separated stay separate."""
        return self._run.sub(_apart, text)

    def _mark(self, match: re.Match[str]) -> Mark:
        written = match.group()
        for pattern, kind, name in self._pieces:
            if pattern.fullmatch(written):
                return Mark(kind, name or written, match.start(), match.end())
        raise AssertionError("one of the alternatives has matched")


def is_tag(token: str) -> bool:
    """Whether a single token is a tag of thoughts or a piece of one."""
    return token in _PIECES or any(mark.kind != "ends" for mark in tag_reader().marks(token))


@lru_cache(maxsize=8)
def tag_reader(pair: Pair | None = None) -> TagReader:
    """Return the reader for a recipe's pair, if it names one."""
    return TagReader(pair)


def _apart(match: re.Match[str]) -> str:
    text, start, end = match.string, match.start(), match.end()
    if not start or end == len(text) or text[start - 1].isspace() or text[end].isspace():
        return ""
    return "" if text[start - 1] in _QUOTES else "\n"
