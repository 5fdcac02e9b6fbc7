"""Which gold answers a verifier can use."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from infogap.verify.base import TOO_LONG
from infogap.verify.gold_answers import AN_OBJECT, CODE, PLACEHOLDER, SEVERAL_SENTENCES, SEVERAL_TEXTS, not_one_answer
from infogap.verify.verifiers import math, verifier
from infogap.verify.verifiers.choice import NO_OPTIONS, NOT_AN_OPTION
from infogap.verify.verifiers.math import NOT_MATH, TOO_HARD, unreadable


def test_math_answers() -> None:
    golds = ["540", "27.0", r"\left( 3, \frac{\pi}{2} \right)", "p - q", r"\text{even}", "三", "?", r"\text{}"]
    assert unreadable(golds) == dict.fromkeys(["?", r"\text{}"], NOT_MATH)


def test_an_answer_that_takes_hours_to_read_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(math, "_DEADLINE", 4.0)
    hours = r"\binom{1000000000}{500000000}"
    started = time.monotonic()
    assert unreadable([hours, r"\frac12"]) == {hours: TOO_HARD}
    assert time.monotonic() - started < 30


def test_a_slow_import_takes_no_answers_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "math_verify.py").write_text(
        "import sys, time\n"
        "time.sleep(2)\n"
        f"sys.path.remove({str(tmp_path)!r})\n"
        "del sys.modules['math_verify']\n"
        "import math_verify\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(math, "_DEADLINE", 1.5)
    assert unreadable([r"\frac12", "x"]) == {}


def test_numbers_need_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(math, "_is_read", None)
    assert unreadable(["1", "-2", "3.50"]) == {}


def test_choices() -> None:
    question = "Which one?\nA: one\nB: two"
    pairs = [(question, "B"), (question, "C"), (question, "two"), ("Which?", "A"), ("Which?", "one")]
    assert verifier("choice").check_golds(pairs) == [None, NOT_AN_OPTION, None, None, NO_OPTIONS]


@pytest.mark.parametrize(
    ("gold", "letter"),
    [
        ("(b)", "B"),
        ("B.", "B"),
        ("B) otter", "B"),
        ("otter", "B"),
        ("Otter", "B"),
        ("a", "C"),
        ("A", "A"),
        ("#### B", "B"),
    ],
)
def test_a_choice_is_its_letter(gold: str, letter: str) -> None:
    assert verifier("choice").gold_answer("Which?\n(A) heron\n(B) otter\n(C) a", gold) == letter


@pytest.mark.parametrize("text", ['["$B$"]', "['$B$']", ' [ "B" ] ', '["The answer is B."]', '["#### B"]'])
def test_a_list_of_one_text_is_that_text(text: str) -> None:
    question = "Which?\nA) heron\nB) otter"
    assert verifier("math").gold_answer(question, text) in ("$B$", "B")
    assert verifier("choice").gold_answer(question, text) == "B"
    assert verifier("exact").gold_answer(question, text) == text  # which may be what the task asks for


@pytest.mark.parametrize("text", [r'["\frac{1}{2}\theta"]', r'["\\frac{1}{2}\\theta"]', r"['\frac{1}{2}\theta']"])
def test_commands_of_latex_in_a_list_are_no_escapes(text: str) -> None:
    assert verifier("math").gold_answer("?", text) == r"\frac{1}{2}\theta"
    assert verifier("math").gold_answer("?", r'["\u00bd"]') == "½"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('["$2$", "$3$"]', SEVERAL_TEXTS),
        ("['2', '3']", SEVERAL_TEXTS),
        ('{"value": 5}', AN_OBJECT),
        ("{'value': '5'}", AN_OBJECT),
        ("[2, 3]", None),
        ("[[1, 2], [3, 4]]", None),
        ("{1, 2}", None),
        ("['2', '3'", None),
    ],
)
def test_lists_of_texts_and_objects_are_no_final_answer(text: str, reason: str | None) -> None:
    assert verifier("math").gold_answer("?", text) == text
    assert verifier("math").check_gold("?", text) == reason


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("She has 4 + 5 = <<4+5=9>>9 hens.\n#### 9", "9"),
        ("So 80 * 30 = $2,400.\n#### 2,400", "2,400"),
        ("#### -7", "-7"),
        ("First.\n#### 1/2  \n", "1/2"),
        ("#### Step 1\nThen 9.", "#### Step 1\nThen 9."),
        ("9", "9"),
    ],
)
def test_the_number_after_the_hashes_is_the_answer(text: str, answer: str) -> None:
    for name in ("math", "numeric"):
        assert verifier(name).gold_answer("?", text) == answer
    assert verifier("exact").gold_answer("?", text) == text


@pytest.mark.parametrize(
    "text",
    [
        "There are 6 hens and 5 ducks on the farm. In all that makes 11 birds.",
        "We add both sides. Then we divide by 2, which gives the length of the side. So it is 4.",
        "First find the area.\nThen halve it: the area of the triangle is half of that of the square, which is 8. "
        "So 4 remains.",
    ],
)
def test_several_sentences_are_no_answer(text: str) -> None:
    for name in ("math", "numeric", "choice"):
        assert verifier(name).check_golds([("?", text)]) == [SEVERAL_SENTENCES]
    assert verifier("exact").check_golds([("?", text)]) == [None]


@pytest.mark.parametrize(
    "text", ["def double(x):\n    return 2 * x", "```python\nprint(9)\n```", "import math\nmath.pi"]
)
def test_code_is_no_answer(text: str) -> None:
    assert verifier("math").check_golds([("?", text)]) == [CODE]


@pytest.mark.parametrize(
    "text", ["J. R. R. Tolkien", "St. Helena", "x = 5. ", r"\begin{pmatrix}1\\2\end{pmatrix}", "No. 5"]
)
def test_short_texts_are_answers(text: str) -> None:
    assert verifier("math").check_golds([("?", text)]) == [None]


def test_exact_answers_need_no_form_but_a_length() -> None:
    assert verifier("exact").check_golds([("q", "?"), ("q", "x" * 2_001)]) == [None, TOO_LONG]


@pytest.mark.parametrize("text", ["proof", "notfound", "NaN", " N/A ", "null", "略", r"$\text{n/a}$"])
def test_what_stands_for_a_missing_answer_is_none(text: str) -> None:
    assert not_one_answer(text) == PLACEHOLDER


@pytest.mark.parametrize("text", ["none", "undefined", "no solution", "unknown", r"\text{DNE}", "0"])
def test_answers_that_say_that_there_is_nothing_are_answers(text: str) -> None:
    assert not_one_answer(text) is None
