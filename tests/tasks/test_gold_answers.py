"""Which gold answers a verifier can use."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from infogap.tasks import answers
from infogap.tasks.answers import choice_letter, faults, unreadable


def test_math_answers() -> None:
    golds = ["540", "27.0", r"\left( 3, \frac{\pi}{2} \right)", "p - q", r"\text{even}", "三", "?", r"\text{}"]
    assert unreadable(golds) == dict.fromkeys(["?", r"\text{}"], answers.NOT_MATH)


def test_an_answer_that_takes_hours_to_read_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "_DEADLINE", 4.0)
    hours = r"\binom{1000000000}{500000000}"
    started = time.monotonic()
    assert unreadable([hours, r"\frac12"]) == {hours: answers.TOO_HARD}
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
    monkeypatch.setattr(answers, "_DEADLINE", 1.5)
    assert unreadable([r"\frac12", "x"]) == {}


def test_numbers_need_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "_is_readable", None)
    assert unreadable(["1", "-2", "3.50"]) == {}


def test_choices() -> None:
    question = "Which one?\nA: one\nB: two"
    pairs = [(question, "B"), (question, "C"), (question, "two"), ("Which?", "A")]
    assert faults(pairs, "choice") == [None, answers.NOT_AN_OPTION, answers.NOT_AN_OPTION, answers.NO_OPTIONS]
    assert [choice_letter(text) for text in ("(c)", "C.", "C", "two")] == ["C", "C", "C", "two"]


def test_exact_answers_need_no_form_but_a_length() -> None:
    assert faults([("q", "?"), ("q", "x" * 2_001)], "exact") == [None, answers.TOO_LONG]
