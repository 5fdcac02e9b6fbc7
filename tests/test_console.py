"""What is printed is what was said."""

from __future__ import annotations

import pytest

from infogap.console import output, say, stdout


@pytest.mark.parametrize("text", ["functions.grading:ok: changed", "[bold]", "a :smile: b"])
def test_texts_are_printed_as_they_are(
    text: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output, "quiet", False)
    say(text)
    stdout().print(text)
    printed = capsys.readouterr()
    assert (printed.err.strip(), printed.out.strip()) == (text, text)
