"""What a model may write to keep a grader busy, or to be run by it: through the real pool, past the real graders."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import pytest
import sympy.physics.units  # noqa: F401  evaluates names of its own when it is imported
from sympy.parsing import sympy_parser

from infogap.verify.base import Grade, Item
from infogap.verify.grade_traces import prepared
from infogap.verify.grading_pool import grade_all
from infogap.verify.verifiers import grade

_LIMIT = 2.0
_HOSTILE = {
    "power, as Python writes it": "9**9**9**9",
    "power": "9^{9^{9^{9}}}",
    "binomial": r"\binom{10^{9}}{5 \cdot 10^{8}}",
    "factorial": r"(10^{10})!",
    "sum": r"\sum_{k=1}^{10^{12}} \frac{1}{k^k}",
    "nested fractions": r"\frac{1}{" * 220 + "1" + "}" * 220,
    "nested braces": "{" * 990 + "1" + "}" * 990,
    "nested parentheses": "(" * 990 + "1" + ")" * 990,
    "nested roots": r"\sqrt{" * 280 + "2" + "}" * 280,
    "tower": "2^{" * 600 + "2" + "}" * 600,
    "factorials": "3" + "!" * 1_900,
    "signs": "-" * 1_900 + "1",
    "unclosed": r"\left(" * 330,
    "a megabyte": "1 + " * 250_000 + "1",
    "a megabyte of LaTeX": r"\frac{1}{" * 60_000 + "1" + "}" * 60_000,
}


def _prepared(verifier: str, gold: str, response: str, question: str = "?") -> Item | Grade:
    task: dict[str, Any] = {"question": question, "answer": gold, "verifier": verifier, "metadata": None}
    return prepared(task, {"response": response, "reasoning": "", "finish_reason": "stop", "error": None})


def test_each_costs_its_limit_at_most_and_the_rest_go_on() -> None:
    work = []
    for number, (name, answer) in enumerate(_HOSTILE.items()):
        work.append((name, _prepared("math", "7", f"So \\boxed{{{answer}}}.")))
        work.append((f"{name}: sound", _prepared("math", str(number), rf"So \boxed{{\frac{{{2 * number}}}{{2}}}}.")))
    started = time.monotonic()
    found = dict(grade_all(work, verifiers=["math"], limit=_LIMIT, workers=2))
    seconds = time.monotonic() - started
    assert all(grade.verdict == "correct" for name, grade in found.items() if name.endswith(": sound"))
    hostile = {name: found[name] for name in _HOSTILE}
    assert {grade.verdict for grade in hostile.values()} <= {"wrong", "ungradable"}
    assert all(grade.detail for grade in hostile.values() if grade.verdict == "ungradable")
    late = [name for name, grade in hostile.items() if grade.detail == "grading took more than 2 s"]
    assert "power" in late
    assert hostile["a megabyte"].detail == "answer of 1,000,001 characters"
    assert seconds < 20 + len(late) * _LIMIT


@pytest.mark.parametrize("verifier", ["choice", "exact", "numeric"])
@pytest.mark.parametrize("answer", _HOSTILE.values(), ids=_HOSTILE)
def test_graders_outside_the_workers_take_no_time(verifier: str, answer: str) -> None:
    started = time.thread_time()
    graded = _prepared(verifier, "7", f"So \\boxed{{{answer}}}.", "Which?\n(A) 7\n(B) 8")
    assert isinstance(graded, Grade) and graded.verdict in ("wrong", "ungradable")
    assert time.thread_time() - started < 3


@pytest.mark.parametrize("shape", ["{}", "${}$", r"\text{{{}}}", "The answer is {}"])
def test_a_models_text_is_never_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shape: str) -> None:
    reached: list[object] = []
    evaluate = sympy_parser.eval_expr

    def noted(code: object, *names: Any) -> Any:
        reached.append(code)
        return evaluate(code, *names)

    monkeypatch.setattr(sympy_parser, "eval_expr", noted)
    for text in (f"__import__('pathlib').Path('{tmp_path}/run').touch()", "(1+2)*(3+4)", "1+exit()", "9-(2)"):
        for verifier in ("math", "numeric", "exact", "regex"):
            assert grade(Item(verifier, "?", "7", None, shape.format(text))).verdict in ("correct", "wrong")
    numbers = re.compile(r"(Integer|Float) \('?[\d.]+'? \)")  # sympy makes its own of digits
    assert [code for code in reached if not numbers.fullmatch(str(code))] == []
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("gold", "answer"),
    [("21", "(1+2)*(3+4)"), ("0.75", "3/4"), ("1/8", "2^-3"), ("-5", "-(2+3)"), ("2.5", "10/(2*2)"), ("7", "9-2")],
)
def test_plain_arithmetic_is_still_read(gold: str, answer: str) -> None:
    assert grade(Item("math", "?", gold, None, answer, stated=False)).verdict == "correct"
