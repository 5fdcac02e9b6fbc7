"""Put a column of options into the question, in the form in which `option_parser` reads them again."""

from __future__ import annotations

import ast
import json
import re
import string
from dataclasses import dataclass, field
from typing import Any

from infogap.text.option_parser import named_option, options
from infogap.text.stated_answers import normalised

NOT_OPTIONS = "the options are neither a list of texts nor a mapping of letters to texts"
NOT_TOLD_APART = "the options cannot be told apart once they stand in the question"
_OWN_LETTER = re.compile(r"\(?([A-Za-z])\s*[).:、．]\s*(?=\S)")
_IN_A_LINE = re.compile(r"(?:^|,)\s*([a-z])\s*\)\s*(.*?)\s*(?=,\s*[a-z]\s*\)|$)")  # "a ) 38 , b ) 27.675 , c ) 30"
_TEXT_KEYS, _LABEL_KEYS = ("text", "texts", "value", "content", "option"), ("label", "labels", "key", "id", "letter")


@dataclass(frozen=True)
class Posed:
    """A question with its options, and the letter for each label that the column gives an option."""

    question: str
    fault: str | None = None
    letters: dict[str, str] = field(default_factory=dict)


def with_options(question: str, column: Any) -> Posed:
    """Append the options to the question, a line each: `A) 5 min`.

    `column` holds a list of texts (with letters of their own or without), of labels and texts, a mapping of letters to
    texts, or a text that is one of these. A question that contains the same options already stays as it is.
    """
    labelled = _labelled(_parsed(column))
    if labelled is None or not 2 <= len(labelled) <= len(string.ascii_uppercase):
        return Posed(question, NOT_OPTIONS)
    texts = [" ".join(text.split()) for _, text in labelled]
    if not all(texts):
        return Posed(question, NOT_OPTIONS)
    lettered = dict(zip(string.ascii_uppercase, texts, strict=False))
    letters = {label: letter for (label, _), letter in zip(labelled, lettered, strict=True) if label}
    wanted = {letter: normalised(text) for letter, text in lettered.items()}
    if _as_read(question) == wanted:
        return Posed(question, None, letters)
    posed = "\n".join([question, *(f"{letter}) {text}" for letter, text in lettered.items())])
    return Posed(posed, None if _as_read(posed) == wanted else NOT_TOLD_APART, letters)


@dataclass
class NumberedOptions:
    """Whether a source's gold answers are numbers that count the options, and not letters or texts of theirs."""

    numbers: list[int] = field(default_factory=list)
    others: int = 0  # answers that are not such numbers
    unnamed: int = 0  # numbers that are neither the label nor the text of an option
    most: int = 0  # options

    def look_at(self, column: Any, answer: str | None, posed: str | None) -> None:
        """Take into account a row's options, its answer, and its question with the options in it."""
        labelled = None if answer is None or column in (None, "") else _labelled(_parsed(column))
        if labelled is None or answer is None:
            return
        number = answer.strip().removesuffix(".0")
        if not number.isdecimal() or int(number) > len(labelled):
            self.others += 1
            return
        self.numbers.append(int(number))
        self.most = max(self.most, len(labelled))
        named = any(label == answer.strip() for label, _ in labelled) or named_option(answer, options(posed or ""))
        self.unnamed += not named

    @property
    def count_the_options(self) -> bool:
        """Whether the answers count the options: all are such numbers, and some neither label nor text."""
        return bool(self.unnamed) and not self.others

    def advice(self, column: str) -> str:
        """Return what to write into the recipe."""
        first = 0 if 0 in self.numbers else 1
        letter = f"'{{{{ \"ABCDEFGHIJ\"[{column} | int{' - 1' if first else ''}] }}}}'"
        return (
            f"the gold answers are numbers ({min(self.numbers)} to {max(self.numbers)}) and the options have letters; "
            f"if they count the options from {first}, write `columns: {{answer: {letter}}}`"
        )


def _as_read(question: str) -> dict[str, str]:
    return {letter: normalised(text) for letter, text in options(question).items()}


def _parsed(column: Any) -> Any:
    """Parse a text: JSON, a list as Python prints it, options in a line; other values as they are."""
    if not isinstance(column, str):
        return column
    text = column.strip()
    if text.startswith(("[", "{")):
        for parse in (json.loads, ast.literal_eval):
            try:
                return parse(text)
            except (ValueError, SyntaxError, RecursionError, MemoryError):
                continue
    if read := options(text):
        return read
    return dict(_IN_A_LINE.findall(text))


def _labelled(column: Any) -> list[tuple[str, str]] | None:
    """The options with their labels ('' for none), in their order; None where there are none."""
    if isinstance(column, dict):
        texts, labels = (_under(column, keys) for keys in (_TEXT_KEYS, _LABEL_KEYS))
        if isinstance(texts, list) and isinstance(labels, list) and len(texts) == len(labels):
            return [(str(label), str(text)) for label, text in zip(labels, texts, strict=True)]
        return [(str(label), str(text)) for label, text in column.items() if text is not None]
    if not isinstance(column, list) or not column:
        return None
    if all(isinstance(item, dict) for item in column):
        pairs = [(_under(item, _LABEL_KEYS), _under(item, _TEXT_KEYS)) for item in column]
        return (
            None if any(text is None for _, text in pairs) else [(str(label or ""), str(text)) for label, text in pairs]
        )
    if any(isinstance(item, list | dict) or item is None for item in column):
        return None
    return [("", text) for text in _without_own_letters([str(item) for item in column])]


def _under(row: dict[str, Any], keys: tuple[str, ...]) -> Any:
    return next((row[key] for key in keys if row.get(key) is not None), None)


def _without_own_letters(texts: list[str]) -> list[str]:
    """Drop the letters of `A)5 min`, `B)6 min`, if every option has its own, in order."""
    own = [_OWN_LETTER.match(text.strip()) for text in texts]
    in_order = all(
        match is not None and match[1].upper() == letter
        for match, letter in zip(own, string.ascii_uppercase, strict=False)
    )
    return [text.strip()[match.end() :] if in_order and match else text for text, match in zip(texts, own, strict=True)]
