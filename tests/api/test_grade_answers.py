"""Verdicts on responses that are in no run, given by the verify stage's own bounded workers."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

import infogap


def test_one_response() -> None:
    graded = infogap.grade(r"So it is \boxed{\frac{1}{2}}.", "0.5")
    assert (graded.verdict, graded.answer, graded.score) == ("correct", r"\frac{1}{2}", 1.0)
    assert infogap.grade("<think>Is it \\boxed{4}?", "4").verdict == "truncated"


def test_columns() -> None:
    responses = pl.Series([r"\boxed{7}", r"<think>8?</think>\boxed{8}", "", None])
    frame = infogap.grade(responses, pl.Series(["7", "7", "7", "7"]), "exact")
    assert frame.columns == ["verdict", "extracted_answer", "score", "detail"]
    assert frame["verdict"].to_list() == ["correct", "wrong", "no_answer", "no_answer"]


def test_options_are_read_from_the_question() -> None:
    question = "Which is prime?\nA. 4\nB. 7"
    assert infogap.grade(r"\boxed{7}", "B", "choice", question=question).verdict == "correct"


def test_your_own_function(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = "def same_length(response, gold, task):\n    return len(response) == len(gold)\n"
    (tmp_path / "my_grader_for_the_api.py").write_text(source)
    monkeypatch.chdir(tmp_path)
    assert infogap.grade("abc", "xyz", "my_grader_for_the_api:same_length").verdict == "correct"


def test_a_function_that_is_not_there_is_wrong_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_other_grader.py").write_text("def same_length(response, gold, task):\n    return True\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(infogap.InputError, match=r"^module 'my_other_grader' has no 'same_lenght' .did you"):
        infogap.grade("abc", "xyz", "my_other_grader:same_lenght")


def test_wrong_arguments() -> None:
    said = r"no verifier 'mth' \(did you mean 'math'\?\); use choice, code, exact"
    with pytest.raises(infogap.InputError, match=said):
        infogap.grade("1", "1", "mth")
    with pytest.raises(infogap.InputError, match="as a polars Series; found list"):
        infogap.grade(["1"], ["1"])  # type: ignore[call-overload]
    with pytest.raises(infogap.InputError, match="needs a column of gold answers"):
        infogap.grade(pl.Series(["1"]), ["1"])  # type: ignore[call-overload]
    with pytest.raises(infogap.InputError, match="cannot be paired"):
        infogap.grade(pl.Series(["1", "2"]), pl.Series(["1"]))
