"""The measure `language`: in which language a question is asked, and a trace is written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import polars as pl

from infogap.errors import InputError
from infogap.text.characters import IDEOGRAPH
from infogap.text.markup import masked

LETTERS = 20
"""Fewer letters of prose do not tell languages apart; a Chinese character or kana counts as three."""

_COMMAND = re.compile(r"\\[a-zA-Z]+")  # of LaTeX, outside of formulas
_IDEOGRAPH = re.compile(f"[{IDEOGRAPH}]")
_PACKAGE = "py3langid"


class Languages:
    """`language` of a trace's thought and response, and `question_language`, as ISO 639-1 codes such as `en` and `zh`.

    Both are null for texts with too little prose: code, formulas and LaTeX commands are not read. The languages are
    told apart by byte n-grams, with naive Bayes (Lui and Baldwin 2012, langid.py, in the package py3langid).
    """

    columns: Mapping[str, Any] = {"language": pl.String, "question_language": pl.String}

    @property
    def version(self) -> str:
        """The version, and the package's, whose model decides. Raises InputError without the package."""
        try:
            return f"1, {_PACKAGE} {version(_PACKAGE)}"
        except PackageNotFoundError:
            raise InputError("it needs the package py3langid; pip install 'infogap[language]'") from None

    def measure(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return both columns, a row per trace."""
        questions = {question: language_of(question or "") for question in frame["question"].unique()}
        return pl.DataFrame(
            {
                "language": [language_of(text) for text in frame["text"]],
                "question_language": [questions[question] for question in frame["question"]],
            },
            schema=dict(self.columns),
        )


def language_of(text: str) -> str | None:
    """Return the language of a text's prose as an ISO 639-1 code; None where there is too little of it."""
    prose = _prose(text)
    letters = sum(map(str.isalpha, prose)) + 2 * len(_IDEOGRAPH.findall(prose))
    if letters < LETTERS:
        return None
    return str(_identifier().classify(prose)[0])


def _prose(text: str) -> str:
    parts, done = [], 0
    for start, end in masked(text):
        parts.append(text[done:start])
        done = end
    return _COMMAND.sub(" ", " ".join([*parts, text[done:]]))


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE)
    # Not Wu or Yue beside Chinese, nor dialects of Italian: a short text would fall to one of them by chance.
    identifier.set_languages(sorted({code for code in identifier.nb_classes if len(code) == 2}))
    return identifier


LANGUAGE = Languages()
