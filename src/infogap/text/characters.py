"""Characters: those of Chinese and Japanese, invisible ones, full-width ones, and those that no file can store."""

from __future__ import annotations

import re
import unicodedata

IDEOGRAPH = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"  # Chinese characters and kana, inside [...]
_ONE = re.compile(f"[{IDEOGRAPH}]")

_FULL_WIDTH = {0x3000: " "} | {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}  # Ａ is A, but ⁵ is not 5
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\ufe00-\ufe0f\ufeff]"
)
_SPACES = re.compile("[\u00a0\u1680\u2000-\u200a\u202f\u205f]")
# Tokens by which models end a turn or a text: <|im_end|>, <|eot_id|>, </s>, <end_of_turn>, <｜end▁of▁sentence｜>.
_END_TOKEN = (
    r"(?:<[|｜](?:im_end|eot_id|end_of_text|endoftext|end|eom_id|eos|return|im_sep|end_of_solution|user|assistant"
    r"|END_OF_TURN_TOKEN|end▁of▁sentence|end_of_sentence)[|｜]>"
    r"|</s>|<eos>|<end_of_turn>|<end_of_utterance>|<EOS>|\[EOS\]|<pad>|\[PAD\])"
)
_END_TOKENS = re.compile(_END_TOKEN)
# What follows one of these is the beginning of another text.
_LAST_TOKEN = re.compile(
    r"<[|｜](?:im_end|eot_id|end_of_text|endoftext|eom_id|eos|end▁of▁sentence|end_of_sentence)[|｜]>|</s>|<eos>|<end_of_turn>"
)
_ENDING_TOKEN = re.compile(rf"{_END_TOKEN}\Z")
_LONGEST_TOKEN, _MOST_TOKENS = 40, 100


def has_ideograph(text: str) -> bool:
    """Whether a text holds Chinese characters or kana."""
    return _ONE.search(text) is not None


def without_ideographs(text: str) -> str:
    """Replace each such character by a full stop."""
    return _ONE.sub(".", text)


def half_width(text: str) -> str:
    """Replace full-width characters by ordinary ones; superscripts and fractions stay as they are."""
    return text if text.isascii() else unicodedata.normalize("NFC", text).translate(_FULL_WIDTH)


def visible(text: str) -> str:
    """Remove invisible characters (zero-width spaces, direction marks), and make all spaces ordinary ones.

    Tokens that end a turn are removed, too.
    """
    if not text.isascii():
        text = _SPACES.sub(" ", _INVISIBLE.sub("", text))
    return _END_TOKENS.sub("", text) if "<" in text or "[" in text else text


def without_end_tokens(text: str) -> str:
    """Remove the tokens that end a response, and what follows them."""
    done = 0
    for last in _LAST_TOKEN.finditer(text) if "<" in text else ():
        if text[done : last.start()].strip() and not (last[0] == "</s>" and "<s>" in text):
            return text[: last.start()]
        done = last.end()
    for _ in range(_MOST_TOKENS):
        end = text.rstrip()
        token = _ENDING_TOKEN.search(end[-_LONGEST_TOKEN:]) if end.endswith((">", "]")) else None
        if token is None:
            return text
        text = end[: -len(token[0])]
    return text


def utf8(text: str) -> str:
    """Replace every lone surrogate by a question mark: JSON may hold half a pair, no UTF-8 file can."""
    return text.encode("utf-8", "replace").decode("utf-8")
