"""A deferred pattern does what a compiled one does, and is compiled once, when it is first used."""

from __future__ import annotations

import re
from unittest.mock import patch

import pytest

from infogap.text.deferred_patterns import deferred


def test_it_does_what_a_compiled_one_does() -> None:
    pattern, compiled = deferred(r"(?P<word>[a-z]+)\d", re.IGNORECASE), re.compile(r"(?P<word>[a-z]+)\d", re.IGNORECASE)
    text = "Ab1 cd2, 3"
    for _ in range(2):
        assert [match.span() for match in pattern.finditer(text)] == [match.span() for match in compiled.finditer(text)]
        assert pattern.sub(r"\1", text) == compiled.sub(r"\1", text)
        assert pattern.split(text) == compiled.split(text)
        found = pattern.search(text, 2)
        assert found is not None
        assert found["word"] == "cd"
        assert pattern.fullmatch("AB1") and not pattern.match(" AB1")
        assert (pattern.pattern, pattern.flags, pattern.groupindex) == (
            compiled.pattern,
            compiled.flags,
            compiled.groupindex,
        )


def test_it_is_compiled_once_and_late() -> None:
    with patch("re.compile", wraps=re.compile) as compiling:
        pattern = deferred("deferred [a-z]")
        assert compiling.call_count == 0
        assert pattern.search("a deferred b") and pattern.search("") is None and pattern.match("deferred c")
        assert compiling.call_count == 1


def test_a_wrong_one_and_a_wrong_name_are_errors() -> None:
    with pytest.raises(re.error):
        deferred("(").search("")
    with pytest.raises(AttributeError):
        _ = deferred("a").serach  # type: ignore[attr-defined]
