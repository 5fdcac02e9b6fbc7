"""Which text of a response is the program."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infogap.verify.programs.program_text import continued, preamble, program_in

STARTER = 'from typing import List\n\n\ndef half(x: List[int]) -> int:\n    """Return half of its length."""'


@pytest.mark.parametrize(
    ("response", "program"),
    [
        ("Try:\n```python\nx = 1\n```\nNo, better:\n```python\nx = 2\n```\nDone.", "x = 2"),
        ("```\nx = 3\n```", "x = 3"),
        ("```py\nx = 4\n```", "x = 4"),
        ("```Python3\nx = 5\n```", "x = 5"),
        ("~~~python\nx = 6\n~~~", "x = 6"),
        ("```python\nx = 7\n```\n```bash\npython x.py\n```", "x = 7"),
        ("1. Do:\n   ```python\n   if x:\n       y = 8\n   ```", "if x:\n    y = 8"),
        ("```python\nx = 9", "x = 9"),
        ("````python\nx = '''\n```\n'''\n````", "x = '''\n```\n'''"),
        ("def f(x):\n    return x", "def f(x):\n    return x"),
        ("print(input())", "print(input())"),
        ("```text\n10\n```", None),
        ("```python\n```", None),
        ("Yes", None),
        ("I do not know how to do this.", None),
        ("", None),
    ],
)
def test_the_last_block_of_python_is_the_program(response: str, program: str | None) -> None:
    assert program_in(response) == program


_ADD = "def add(a, b):\n    return a + b"


@pytest.mark.parametrize(
    "after",
    [
        "Output:\n```\n3\n```",
        "Input:\n```\n1 2\n```\nOutput:\n```\n3\n```",
        "Usage:\n```python\nprint(add(1, 2))  # 3\n```",
        "Usage:\n```python\nresult = add(1, 2)\nprint(result)\n```\nIt prints\n```\n3\n```",
        "Test:\n```python\ndef test_add():\n    assert add(1, 2) == 3\n```",
        "Test:\n```python\nclass TestAdd(TestCase):\n    def test(self):\n        add(1, 2)\n```",
    ],
)
def test_a_block_that_only_shows_the_program_at_work_is_not_the_program(after: str) -> None:
    assert program_in(f"```python\n{_ADD}\n```\n{after}") == _ADD


@pytest.mark.parametrize(
    "program",
    [
        "def add(b, a):\n    return a + b",
        "from operator import add",
        "def plus(a, b):\n    return add(a, b)",
        "x = 1",
        "x = (",
    ],
)
def test_a_block_that_does_more_replaces_the_one_before(program: str) -> None:
    assert program_in(f"```python\n{_ADD}\n```\nOr:\n```python\n{program}\n```") == program


def test_of_a_truncated_response_only_closed_blocks_count() -> None:
    assert program_in("```python\nx = 1\n```\nBut\n```python\nx = 2", cut=True) == "x = 1"
    assert program_in("```python\nx = 2", cut=True) is None
    assert program_in("x = 2", cut=True) is None


@pytest.mark.parametrize(
    "body",
    [
        "    return len(x) // 2",
        "return len(x) // 2",
        "n = len(x)\n    return n // 2",
        "n = 0\n    for _ in x:\n        n += 1\n    return n // 2",
        "    return len(x) // 2\n\n\nprint('tried')",
        "n = len(x)\nreturn n // 2",
    ],
)
def test_a_body_continues_the_beginning(body: str) -> None:
    names: dict[str, object] = {}
    program = continued(body, STARTER, "half")
    assert program is not None
    exec(program, names)
    assert names["half"]([1, 2, 3, 4]) == 2  # type: ignore[operator]


@pytest.mark.parametrize(
    "response",
    ["def half(x):\n    return 2", "def other(x):\n    return 2", "I would halve it.", "x", "class A:\n    pass"],
)
def test_other_texts_do_not(response: str) -> None:
    assert continued(response, STARTER, "half") is None


def test_an_answer_of_its_own_still_gets_imports_and_helpers() -> None:
    starter = "import math\n\ndef helper(n):\n    return n + 1\n\n\ndef half(x):\n    '''Halve.'''"
    assert preamble(starter, "half") == "import math\n\ndef helper(n):\n    return n + 1"
    assert preamble("class Solution:\n    def half(self, x):\n        ", "half") == ""


@given(st.text(alphabet=st.sampled_from("`~\n python=1 def():\t"), max_size=60))
def test_no_text_is_too_strange(response: str) -> None:
    for cut in (False, True):
        program = program_in(response, cut=cut)
        assert program is None or program.strip()
    continued(response, STARTER, "half")
