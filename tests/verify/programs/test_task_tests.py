"""The tests of tasks, in the forms that datasets give them."""

from __future__ import annotations

import base64
import json
import os
import pickle
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infogap.verify.programs.task_tests import Case, TestsProblemError, as_gold, as_people_read, read_tests

CHECK = "def check(candidate):\n    assert candidate(2) == 4\n"
PAIRS = [{"input": "1 2\n", "output": "3\n", "testtype": "stdin"}]


def packed(value: Any) -> str:
    return base64.b64encode(zlib.compress(pickle.dumps(value))).decode()


def test_a_check_of_humaneval_is_called_with_the_entry_point() -> None:
    gold = as_gold(CHECK, {"entry_point": "double", "starter": "def double(x):", "setup": None})
    tests = read_tests(gold)
    assert tests.code == f"{CHECK}\n\ncheck(double)"
    assert (tests.entry_point, tests.starter, tests.cases) == ("double", "def double(x):", ())
    assert as_people_read(gold) == tests.code


def test_assertions_of_mbpp_are_one_text() -> None:
    listed = ["assert add(1, 2) == 3", "assert add([], []) == []"]
    gold = as_gold(json.dumps(listed), {"setup": '["import math"]'})
    tests = read_tests(gold)
    assert tests.code == "\n".join(listed)
    assert tests.setup == "import math"
    assert read_tests("\n".join(listed)).code == tests.code


def test_cases_of_livecodebench_are_joined_and_unpacked() -> None:
    hidden = packed(json.dumps([{"input": "5 6", "output": "11", "testtype": "stdin"}]))
    tests = read_tests(as_gold(json.dumps(PAIRS), {"more_tests": hidden}))
    assert tests.cases == (Case("1 2\n", "3\n"), Case("5 6", "11"))
    assert not tests.are_calls


def test_cases_that_are_calls_need_the_function() -> None:
    case = json.dumps([{"input": '[1, 2]\n"x"', "output": '{"a": 1}', "testtype": "functional"}])
    gold = as_gold(case, {"entry_point": "take"})
    assert read_tests(gold).cases == (Case([[1, 2], "x"], {"a": 1}),)
    assert as_people_read(gold) == "take([1, 2], 'x') == {'a': 1}"
    with pytest.raises(TestsProblemError, match="map `entry_point`"):
        read_tests(as_gold(case, {}))


def test_inputs_and_outputs_of_apps() -> None:
    scripts = read_tests(json.dumps({"inputs": ["1\n", ["2", "3"]], "outputs": ["a", ["b"]]}))
    assert scripts.cases == (Case("1\n", "a"), Case("2\n3", "b"))
    calls = read_tests(json.dumps({"inputs": [[1, "x"]], "outputs": [[5]], "fn_name": "f"}))
    assert calls.entry_point == "f"
    assert calls.cases == (Case([1, "x"], [5], either=True),)


@pytest.mark.parametrize(
    ("tests", "columns", "why"),
    [
        (CHECK, {}, "define check and do not call it: map `entry_point`"),
        ("x = 1", {}, "assert nothing"),
        ("", {}, "assert nothing"),
        ("assert f(", {}, "the tests are not Python"),
        (
            "import numpy as np\nassert f(1) == np.int64(1)",
            {},
            "import numpy, and the sandbox has the standard library",
        ),
        ("assert f(1)", {"setup": "from pandas import Series"}, "import pandas"),
        ("[]", {}, "neither code nor cases"),
        ('{"inputs": ["1"], "outputs": []}', {}, "neither code nor cases"),
        ('[{"input": "1"}]', {}, "a case needs both input and output"),
        ('[{"input": "x y", "output": "1"}]', {"entry_point": "f"}, "are not JSON"),
    ],
)
def test_tests_that_cannot_be_used_say_why(tests: str, columns: dict[str, str | None], why: str) -> None:
    with pytest.raises(TestsProblemError, match=why):
        read_tests(as_gold(tests, columns))


class _Evil:
    def __reduce__(self) -> Any:
        return os.system, ("touch /tmp/was_unpickled",)


@pytest.mark.parametrize("hidden", [packed(_Evil()), packed([1]), "AAAA", base64.b64encode(b"x" * 99).decode()])
def test_what_is_no_compressed_text_is_never_unpickled(hidden: str) -> None:
    with pytest.raises(TestsProblemError):
        read_tests(as_gold(json.dumps(PAIRS), {"more_tests": hidden}))
    assert not os.path.exists("/tmp/was_unpickled")  # noqa: PTH110


@given(st.text(max_size=40) | st.recursive(st.text(max_size=5) | st.integers(), st.lists, max_leaves=5).map(json.dumps))
def test_any_text_is_a_gold_answer_or_says_why_not(tests: str) -> None:
    gold = as_gold(tests, {})
    assert as_gold(gold, {}) == gold
    try:
        assert read_tests(gold) == read_tests(tests)
    except TestsProblemError as error:
        assert str(error)
    as_people_read(gold)
