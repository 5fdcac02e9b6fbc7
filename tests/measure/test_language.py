"""The language of questions and traces, by the real model."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

import infogap
from infogap.errors import InputError
from infogap.measure import language
from infogap.measure.language import LANGUAGE, language_of
from infogap.measure.load_measures import load_measure

ENGLISH = "Let us first add the two numbers, and then see what is left of the sum."
CHINESE = "我们先把这两个数加起来，然后再看结果是多少。"
GERMAN = "Zuerst addieren wir die beiden Zahlen, und dann sehen wir, was übrig bleibt."


def test_without_the_package_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(language, "_PACKAGE", "no-such-package")
    with pytest.raises(InputError, match=r"pip install 'infogap\[language\]'"):
        load_measure("language", Path())


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (ENGLISH, "en"),
        (CHINESE, "zh"),
        (GERMAN, "de"),
        ("题目几何0：请问71加18加1等于多少？请给出一个数字。", "zh"),
        ("题目Algèbre0：请问9加42加0等于多少？请给出一个数字。", "zh"),
    ],
)
def test_prose_has_a_language_whatever_formulas_stand_in_it(text: str, code: str) -> None:
    pytest.importorskip("py3langid")
    assert language_of(text) == code
    assert (
        language_of(f"$$\\text{{if and only if}}$$ {text} ```python\nprint('hello world, this is code')\n```") == code
    )


@pytest.mark.parametrize(
    "text", ["", "Yes.", "$x + y = z$", r"\boxed{\frac{3}{4}}", "```\nfor i in range(10): pass\n```"]
)
def test_a_text_without_prose_has_none(text: str) -> None:
    pytest.importorskip("py3langid")
    assert language_of(text) is None


def test_a_mix_is_divided_by_language(tmp_path: Path) -> None:
    pytest.importorskip("py3langid")
    rows = [
        {"question": f"{ENGLISH} What is {n} + 1?", "answer": str(n + 1), "trace": f"{text} {n} \\boxed{{{n + 1}}}"}
        for n in range(6)
        for text in (ENGLISH, CHINESE, CHINESE)
    ]
    (tmp_path / "t.jsonl").write_text("\n".join(map(json.dumps, rows)))
    recipe = {
        "name": "languages",
        "import": [{"from": str(tmp_path / "t.jsonl"), "verifier": "math", "columns": {"trace": "trace"}}],
        "measure": {"measures": ["language"]},
        "dedupe": None,
        "balance": {"size": 8, "language": {"en": 0.75, "zh": 0.25}},
    }
    run = infogap.Run.create(recipe, tmp_path / "run")
    run.update(quiet=True)
    mix = run.joined().filter("selected").collect()
    assert dict(mix["language"].value_counts().iter_rows()) == {"en": 6, "zh": 2}
    assert mix["question_language"].unique().to_list() == ["en"]


def test_texts_of_failed_requests_and_questions_that_are_missing_have_none() -> None:
    pytest.importorskip("py3langid")
    frame = pl.DataFrame(
        {"text": ["", ENGLISH], "question": [None, ENGLISH]}, schema={"text": pl.String, "question": pl.String}
    )
    measured = LANGUAGE.measure(frame)
    assert measured.rows() == [(None, None), ("en", "en")]
