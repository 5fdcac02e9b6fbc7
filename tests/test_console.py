"""What is printed is what was said, and nothing that a terminal would obey."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from infogap import console
from infogap.console import output, print_json, print_line, printable, say, stderr, stdout
from infogap.progress import progress

_OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_STYLES = re.compile(r"\x1b\[[0-9;]*m")  # what infogap itself sends to a terminal
CLIPBOARD = "\x1b]52;c;ZXZpbA==\x1b\\"
HOSTILE = st.text(
    st.one_of(st.sampled_from("\x00\x07\r\x1b\x7f\x9b\x9d\u2028\u202e\u2067\ud800\udfff[]m;\n\ta "), st.characters())
)


@contextmanager
def printing(columns: str = "80", colour: bool = False) -> Iterator[io.StringIO]:
    """Both streams as text, at a terminal's width."""
    text = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", text)
        patch.setattr(sys, "stderr", text)
        patch.setattr(output, "quiet", False)
        patch.setenv("COLUMNS", columns)
        if colour:
            patch.setenv("FORCE_COLOR", "1")
            patch.setenv("TERM", "xterm-256color")
        yield text


@pytest.mark.parametrize("text", ["functions.grading:ok: changed", "[bold]", "a :smile: b"])
def test_texts_are_printed_as_they_are(
    text: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output, "quiet", False)
    say(text)
    stdout().print(text)
    print_line(text)
    printed = capsys.readouterr()
    assert (printed.err.strip(), printed.out.split("\n")) == (text, [text, text, ""])


@given(text=HOSTILE, colour=st.booleans())
@example(text=CLIPBOARD, colour=True)
@example(text="\x1b[2J\x1b]8;;http://x\x1b\\click\x1b]8;;\x1b\\", colour=False)
def test_no_text_is_obeyed_by_a_terminal_wherever_it_is_printed(text: str, colour: bool) -> None:
    table = Table(title=text, caption=Text(text))
    table.add_column(text)
    table.add_column(Text(text, style="bold"))
    table.add_row(text, Text.assemble("a", (text, "red"), "b"))
    with printing(colour=colour) as printed:
        print_line(text)
        say(text, style="yellow")
        stdout().print(text, Text(text))
        stdout().print(table)
        stdout().print(Panel(text, title=text, subtitle=Text(text)))
        stderr().print(text, style="red", markup=False)
        with progress(text, 2, text) as advance:
            advance(1, **{text: 3})
    said = _STYLES.sub("", printed.getvalue()) if colour else printed.getvalue()
    assert _OBEYED.findall(said) == []


@given(text=HOSTILE)
def test_json_holds_the_text_itself_and_is_plain(text: str) -> None:
    with printing() as printed:
        print_json({text: [text]})
        print_json({text: [text]}, indent=False)
    assert _OBEYED.findall(printed.getvalue()) == []
    whole, line = printed.getvalue().rsplit("\n", 2)[:2]
    assert json.loads(whole) == json.loads(line) == json.loads(json.dumps({text: [text]}))


def test_control_characters_are_shown() -> None:
    assert printable(f"{CLIPBOARD}\t\n\x7f\x9b\u202e\ud800\r") == ("␛]52;c;ZXZpbA==␛\\\t\n␡\\x9b\\u202e\\ud800␍")


def test_styles_stay_where_they_are_in_a_text_with_control_characters() -> None:
    text = Text("a\x9bb and c")
    text.stylize("bold", 3, 8)  # "and c" without its last two characters is bold
    with printing(colour=True) as printed:
        stdout().print(text)
    assert printed.getvalue() == "a\\x9bb\x1b[1m and \x1b[0mc\n"


def test_json_on_a_stream_of_another_encoding_is_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    print_json({"name": "é–😀"})
    print_line("é – 😀")
    written, _, line = raw.getvalue().rpartition(b"}\n")
    assert json.loads(written + b"}") == {"name": "é–😀"}
    assert line == b"\\xe9 \\u2013 \\U0001f600\n"


_NOISY = """
import os, subprocess, sys
from infogap.console import output, print_json, say, separate_output
output.quiet = {quiet}
print("before")
with separate_output():
    print("python")
    sys.stderr.write("error stream\\n")
    os.write(1, b"descriptor\\n")
    subprocess.run(["echo", "child"], check=True)
    say("said")
    print_json({{"data": 1}}, indent=False)
print("after")
"""


@pytest.mark.parametrize("quiet", [False, True])
def test_stdout_is_for_data_alone(quiet: bool) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _NOISY.format(quiet=quiet)], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["before", '{"data":1}', "after"]
    noise = {"python", "error stream", "descriptor", "child", "said"}
    assert set(done.stderr.splitlines()) == (set() if quiet else noise)


def test_stdout_that_a_program_reads_is_for_data_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    out, err = io.StringIO(), io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    with console.separate_output():
        sys.stdout.write("noise")
        print_line("data")
    assert (out.getvalue(), sys.stdout, sys.stderr) == ("data\n", out, err)
    assert "noise" not in out.getvalue()


def test_nothing_is_printed_past_the_console() -> None:
    root = Path(console.__file__).parent
    past = re.compile(r"\btyper\.(?:s?echo|secho)\(|\bsys\.std(?:out|err)\.write\(|\bConsole\(|\bprint_exc\(")
    found = [
        f"{path.relative_to(root)}: {match[0]}"
        for path in root.rglob("*.py")
        if path.name != "console.py"
        for match in past.finditer(path.read_text(encoding="utf-8"))
    ]
    assert found == []
