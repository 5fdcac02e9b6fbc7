"""Programs against tests of every form, and programs that try to pass without passing."""

from __future__ import annotations

import json

import pytest

from infogap.verify.base import Grade, Item
from infogap.verify.programs import bubblewrap, run_tests
from infogap.verify.programs.run_tests import same_output, short
from infogap.verify.verifiers.code import VERIFIER

pytestmark = pytest.mark.usefixtures("sandbox")

ADDS = '["assert add(1, 2) == 3", "assert add(0, 0) == 0", "assert add(-1, 1) == 0"]'
SUMS = json.dumps([{"input": "1 2\n", "output": "3\n"}, {"input": "4 4\n", "output": "8\n"}])
TAKES = json.dumps([{"input": "[1, 2, 3]\n2", "output": "[1, 2]"}, {"input": "[]\n1", "output": "[]"}])


@pytest.fixture(autouse=True)
def _short_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bubblewrap, "SECONDS", 1)


def graded(program: str, tests: str, **columns: str) -> Grade:
    gold = VERIFIER.gold_with(tests, dict(columns))
    assert VERIFIER.check_gold("", gold) is None
    return VERIFIER.grade(Item("code", "", gold, None, "", False, f"```python\n{program}\n```", {}))


def verdict(program: str, tests: str, **columns: str) -> tuple[str, float | None, str | None]:
    grade = graded(program, tests, **columns)
    return grade.verdict, grade.score, grade.detail


def test_assertions_score_by_the_share_that_passes() -> None:
    assert verdict("def add(a, b):\n    return a + b", ADDS) == ("correct", 1.0, None)
    assert verdict("def add(a, b):\n    return a - b", ADDS) == ("wrong", 1 / 3, "add(1, 2): expected 3, got -1")
    assert verdict("def add(a, b):\n    return 3 if a == 1 else b.x", ADDS) == (
        "wrong",
        1 / 3,
        "add(0, 0): raised AttributeError: 'int' object has no attribute 'x'",
    )
    assert verdict("def plus(a, b):\n    return a + b", ADDS) == ("wrong", 0.0, "the program defines no add")


def test_scripts_score_by_the_share_that_passes() -> None:
    assert verdict("print(sum(map(int, input().split())))", SUMS) == ("correct", 1.0, None)
    assert verdict("print(3)", SUMS) == ("wrong", 0.5, "test 2 of 2, input '4 4\\n': expected '8\\n', got '3\\n'")
    assert verdict("print(input()[9])", SUMS) == (
        "wrong",
        0.0,
        "test 1 of 2, input '1 2\\n': expected '3\\n', raised IndexError: string index out of range",
    )
    main = "def main():\n    print(sum(map(int, input().split())))\n\nif __name__ == '__main__':\n    main()"
    assert verdict(main, SUMS)[0] == "correct"
    assert verdict("import sys\nprint(sum(map(int, sys.stdin.read().split())))\nsys.exit()", SUMS)[0] == "correct"


def test_calls_score_by_the_share_that_passes() -> None:
    method = "class Solution:\n    def take(self, xs: List[int], n: int) -> List[int]:\n        return xs[:n]"
    assert verdict(method, TAKES, entry_point="take") == ("correct", 1.0, None)
    assert verdict("def take(xs, n):\n    return tuple(xs[:n])", TAKES, entry_point="take")[0] == "correct"
    assert verdict("def take(xs, n):\n    return xs[n:]", TAKES, entry_point="take") == (
        "wrong",
        0.5,
        "test 1 of 2, take([1, 2, 3], 2): expected [1, 2], got [3]",
    )
    assert verdict("take = 3", TAKES, entry_point="take") == ("wrong", 0.0, "take is no function")


def test_after_a_limit_no_further_test_is_run() -> None:
    loops = "a, b = map(int, input().split())\nwhile b == 4:\n    pass\nprint(a + b)"
    three = json.dumps([*json.loads(SUMS), {"input": "5 5", "output": "10"}])
    assert verdict(loops, three) == (
        "wrong",
        1 / 3,
        "test 2 of 3, input '4 4\\n': expected '8\\n', time limit: more than 1 s of processor time",
    )
    assert verdict("def add(a, b):\n    while a == 0:\n        pass\n    return a + b", ADDS) == (
        "wrong",
        1 / 3,
        "add(0, 0): time limit: more than 1 s of processor time",
    )
    grade = graded("def take(xs, n):\n    while True:\n        pass", TAKES, entry_point="take")
    assert grade.verdict == "wrong" and "time limit" in str(grade.detail)


def test_the_time_of_one_call_is_not_taken_from_the_next() -> None:
    busy = """
import time
def add(a, b):
    end = time.process_time() + 0.7
    while time.process_time() < end:
        pass
    return a + b
"""
    assert verdict(busy, ADDS)[0] == "correct"


def test_a_program_that_waits_is_wrong_and_not_ungradable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bubblewrap, "WAIT", 1.5)
    sleeps = "import time\ndef add(a, b):\n    time.sleep(600)"
    assert verdict(sleeps, ADDS)[0] == "wrong"
    assert verdict("import time\ntime.sleep(600)", SUMS)[0] == "wrong"


@pytest.mark.parametrize(
    ("tests", "columns", "program"),
    [
        (["assert val(root) == 3"], {"setup": "class Node:\n    v = 3\nroot = Node()"}, "def val(n):\n    return n.v"),
        (
            ["assert total([P(1), P(2)]) == 3"],
            {},
            "class P:\n    def __init__(s, a): s.a = a\ndef total(ps):\n    return sum(p.a for p in ps)",
        ),
        (["assert math.isclose(third(1), 1 / 3)"], {"setup": "import math"}, "def third(x):\n    return x / 3"),
        (["xs = [3, 1]\norder(xs)\nassert xs == [1, 3]"], {}, "def order(xs):\n    xs.sort()"),
        (["assert list(upto(3)) == [0, 1, 2]"], {}, "def upto(n):\n    yield from range(n)"),
        (["assert set(pair(1, 2)) == {1, 2}"], {}, "def pair(a, b):\n    return a, b"),
        (["assert LIMIT == 5"], {}, "LIMIT = 5"),
        (["assert f(b=2, a=1) == -1"], {}, "def f(a, b):\n    return a - b"),
        (
            ["try:\n    f(0)\nexcept ZeroDivisionError:\n    pass\nelse:\n    assert False"],
            {},
            "def f(x):\n    return 1 / x",
        ),
        (["import math\nassert f(3000) == math.factorial(3000)"], {}, "import math\nf = math.factorial"),
        (
            ["assert Counter(f('aab')) == {'a': 2, 'b': 1}"],
            {"setup": "from collections import Counter"},
            "def f(x):\n    return x",
        ),
        (["assert f(2) == expected"], {"setup": "expected = 4"}, "expected = 5\ndef f(x):\n    return x * x"),
    ],
)
def test_what_tests_do_works_across_processes(tests: list[str], columns: dict[str, str], program: str) -> None:
    assert verdict(program, "\n".join(tests), **columns) == ("correct", 1.0, None)


def test_modules_of_tests_are_never_those_of_the_program() -> None:
    lies = "class math:\n    isclose = staticmethod(lambda *a: True)\ndef third(x):\n    return 0"
    assert verdict(lies, "assert math.isclose(third(1), 1 / 3)")[0] == "wrong"
    assert (
        verdict("import math\ndef third(x):\n    return x / 3", "assert math.isclose(third(1), 1 / 3)")[0] == "correct"
    )
    assert verdict("def copy(x):\n    return [*x]", "assert copy([1]) == [1]")[0] == "correct"


def test_tests_that_pass_functions_are_ungradable() -> None:
    grade = graded("def twice(f):\n    return f(f(1))", "assert twice(lambda x: x + 1) == 3")
    assert (grade.verdict, grade.score) == ("ungradable", None)
    assert grade.detail == "the tests pass the program a function, which is no data"


_FORGED = '{"result": {"passed": 3, "total": 3, "failure": null}}'
_NONE = "def add(a, b):\n    return None\n"
_TO_ALL = """
import os
for number in range(%d, 64):
    try:
        os.write(number, %r)
    except OSError:
        pass
"""
_HOSTILE = {
    "exits": "import os\ndef add(a, b):\n    os._exit(0)",
    "exits at once": "import os\nos._exit(0)",
    "sys.exit": "import sys\ndef add(a, b):\n    sys.exit(0)",
    "sys.exit at once": "raise SystemExit(0)",
    "equal to all": """
class Equal:
    def __eq__(self, other): return True
    def __bool__(self): return True
def add(a, b):
    return Equal()
""",
    "equal number": """
class Equal(int):
    def __eq__(self, other): return True
    __hash__ = int.__hash__
def add(a, b):
    return Equal(7)
""",
    "patches builtins": f"""
import builtins
builtins.AssertionError = None
builtins.isinstance = lambda *a: True
builtins.repr = lambda x: '3'
{_NONE}""",
    "patches json": f"import json\njson.dumps = lambda *a, **k: {_FORGED!r}\n{_NONE}",
    "patches the encoder": f"""
import sys
for name in ('plain_values', 'program'):
    sys.modules[f'sandboxed.{{name}}'].encode = lambda *a: True
{_NONE}""",
    "prints success": f"print('3 passed')\nprint({_FORGED!r})\n{_NONE}",
    "writes to all": _TO_ALL % (0, f"{_FORGED}\n".encode()) + _NONE,
    "answers before it is asked": _TO_ALL % (3, b'{"id": "start", "value": null}\n{"id": "", "value": 3}\n') + _NONE,
    "malformed answers": _TO_ALL % (3, b'{"id": "start", "error": 5}\n[[[[[\n') + _NONE,
    "writes result files": f"""
for name in ('/harness/job.json', '/tmp/result.json', '/harness/result'):
    try:
        open(name, 'w').write({_FORGED!r})
    except OSError:
        pass
{_NONE}""",
    "kills all": """
import os
def add(a, b):
    for number in (-1, 1, os.getppid()):
        try:
            os.kill(number, 9)
        except OSError:
            pass
""",
    "changes its callers": """
import sys
def add(a, b):
    frame = sys._getframe()
    while frame:
        frame.f_globals['AssertionError'] = frame.f_globals['failure'] = None
        frame = frame.f_back
""",
    "never ends": "def add(a, b):\n    while True:\n        pass",
    "exits in a thread": """
import os, threading
threading.Timer(0.05, os._exit, [0]).start()
def add(a, b):
    while True:
        pass
""",
    "closes all": "import os\ndef add(a, b):\n    os.closerange(0, 64)",
    "is other code": """
import os, sys
def add(a, b):
    os.execv(sys.executable, [sys.executable, '-c', 'print(3)'])
""",
}


@pytest.mark.parametrize("program", _HOSTILE.values(), ids=_HOSTILE.keys())
def test_no_trick_passes_assertions(program: str) -> None:
    grade = graded(program, ADDS)
    assert grade.verdict == "wrong", grade
    assert grade.score is not None and grade.score < 1
    assert grade.detail and grade.detail.isprintable() and len(grade.detail) < 1_000


@pytest.mark.parametrize("program", _HOSTILE.values(), ids=_HOSTILE.keys())
def test_no_trick_passes_tests_that_catch_everything(program: str) -> None:
    grade = graded(
        program,
        "try:\n    assert add(1, 2) == 3\n    passed = True\nexcept Exception:\n    passed = False\nassert passed",
    )
    assert grade.verdict == "wrong", grade


@pytest.mark.parametrize("program", _HOSTILE.values(), ids=_HOSTILE.keys())
def test_no_trick_passes_calls(program: str) -> None:
    cases = json.dumps([{"input": "1\n2", "output": "3"}, {"input": "0\n0", "output": "0"}])
    grade = graded(program, cases, entry_point="add")
    assert grade.verdict == "wrong", grade


@pytest.mark.parametrize(
    "program",
    [
        "print('3')\nimport os\nos._exit(0)",
        "print('all tests passed')",
        "import sys\nsys.exit(0)",
        "import os\nos.write(2, b'3\\n')",
        "print(open('/harness/job.json').read())",
    ],
)
def test_no_trick_passes_scripts(program: str) -> None:
    assert graded(program, SUMS).verdict == "wrong"


def test_a_program_does_not_find_what_is_expected() -> None:
    search = """
import gc, sys
def add(a, b):
    texts = [open('/harness/job.json').read(), repr(sys._getframe(1).f_locals)]
    texts += [repr(each)[:10_000] for each in gc.get_objects() if isinstance(each, (dict, list, str))]
    return any('9876' + '5' in text for text in texts)
"""
    assert graded(search, "assert add(1, 2) == 98765").detail == "add(1, 2): expected 98765, got False"


@pytest.mark.parametrize(
    ("output", "expected", "same"),
    [
        ("3\n", "3", True),
        ("3 \n\n", "3\n", True),
        ("1.0 2", "1 2.00", True),
        ("0.1", "0.10000001", False),
        ("a b", "a  b", True),
        ("1\n2", "1 2", False),
        ("", "0", False),
        ("nan", "nan", True),
        ("Yes", "YES", False),
    ],
)
def test_outputs_are_compared_line_by_line(output: str, expected: str, same: bool) -> None:
    assert same_output(output, expected) is same


def test_details_are_short_printable_and_without_addresses() -> None:
    assert short(object()) == "<object object>"
    assert short("a\x00\u202eb\n\n c", quoted=False) == "a\\x00\\u202eb c"
    assert len(short("x" * 10_000)) == run_tests._LONGEST
    assert short(10**6_000).startswith("<int>")
