"""The text of a trace that is measured, what of it is prose, and how many words it has."""

from __future__ import annotations

import re

_IDEOGRAPH = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"  # Chinese characters and kana
_HAS_IDEOGRAPH = re.compile(f"[{_IDEOGRAPH}]")
_WORD = re.compile(rf"[{_IDEOGRAPH}]|[^\s{_IDEOGRAPH}\u3000-\u303f\uff00-\uffef]+")

_OPENING = re.compile(r"```|`|\$\$|\$(?!\s)|\\\[|\\\(")
_CLOSING = {"```": "```", "`": "`", "$$": "$$", "$": "$", "\\[": "\\]", "\\(": "\\)"}
_IN_ONE_LINE = ("`", "$")


def measured_text(reasoning: str | None, response: str | None) -> str:
    r"""What is measured of a trace: its reasoning and its response with a line break between; spans count in this."""
    return f"{reasoning}\n{response or ''}" if reasoning else response or ""


def lower_in_place(text: str) -> str:
    """Lower case without moving any place: the one letter whose lower case is two characters stays as it is."""
    lowered = text.lower()
    if len(lowered) == len(text):
        return lowered
    return "".join(lower if len(lower := character.lower()) == 1 else character for character in text)


def has_ideograph(text: str) -> bool:
    """Whether a text holds Chinese characters or kana, which stand without spaces between words."""
    return _HAS_IDEOGRAPH.search(text) is not None


def word_count(text: str) -> int:
    """Words between white space; of Chinese and Japanese, which have none, every character counts as a word."""
    return len(_WORD.findall(text)) if has_ideograph(text) else len(text.split())


def prose(text: str) -> str:
    r"""The text with code and formulas blanked out (places stay the same): a `might` in code is no doubt.

    Blanked are ```fenced``` and `inline` code, and `$...$`, `$$...$$`, `\(...\)`, `\[...\]`. A dollar before a space,
    or one closed before a digit, is money.
    """
    pieces: list[str] = []
    unclosed: set[str] = set()  # closings of which there are no more: not to be looked for again
    done = position = 0
    while opening := _OPENING.search(text, position):
        closing = _CLOSING[opening.group()]
        end = -1 if closing in unclosed else text.find(closing, opening.end())
        if end < 0:
            unclosed.add(closing)
        if end < 0 or (opening.group() in _IN_ONE_LINE and not _closes(text, opening, end)):
            position = opening.end()
            continue
        position = end + len(closing)
        pieces += (text[done : opening.start()], " " * (position - opening.start()))
        done = position
    return "".join([*pieces, text[done:]]) if pieces else text


def _closes(text: str, opening: re.Match[str], end: int) -> bool:
    if "\n" in text[opening.end() : end]:
        return False
    return opening.group() == "`" or not (text[end - 1].isspace() or text[end + 1 : end + 2].isdigit())
