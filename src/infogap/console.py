"""Output for people: data goes to stdout, everything else to stderr.

All that infogap prints passes through here. Control characters of a text, a name or an error are shown, not sent: a
model's response must not write the clipboard, move the cursor or hide a line.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

# C0 but tab and line feed, DEL and C1, line separators, embeddings and overrides of direction, halves of pairs.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_REDRAWS = re.compile(r"(\r|\x1b\[\d*[ABKm])")
_LABEL = re.compile(r" *\S.{0,22}?  +(?=\S)| *")  # the first column of a line, or its indent


@dataclass
class Output:
    """How much is printed. Used as a library, infogap prints nothing unless a call asks for it."""

    quiet: bool = True
    verbose: bool = False
    json: bool = False
    debug: bool = False


output = Output()


def printable(text: str) -> str:
    """Show the control characters of a text: ESC as `␛`, U+009B as `\\x9b`, U+202E as `\\u202e`.

    Tabs and line feeds stay. A lone surrogate, which no stream could encode, is shown as well.
    """
    return _CONTROL.sub(lambda match: _shown(ord(match[0])), text)


def _shown(code: int) -> str:
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def _printable_text(text: Text) -> Text:
    """Show the control characters of a styled text; the styles stay where they are."""
    places = [match.start() for match in _CONTROL.finditer(text.plain)]
    if not places:
        return text
    pieces = text.divide(sorted({cut for place in places for cut in (place, place + 1)}))
    for piece in pieces:
        piece.plain = printable(piece.plain)
    return text.blank_copy().join(pieces)


@contextmanager
def speaking(*, quiet: bool) -> Iterator[None]:
    """Print progress and notes while the block runs, or nothing if `quiet`."""
    before = output.quiet
    output.quiet = quiet
    try:
        yield
    finally:
        output.quiet = before


class _LibrariesStream:
    """The stream for what libraries print: it shows control characters, and sends those that redraw a progress bar.

    NO_COLOR drops their colors; a terminal that is dumb gets no sequences at all.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        if self._stream.isatty():
            shown = "".join(
                _redraw(part) if _REDRAWS.fullmatch(part) else printable(part) for part in _REDRAWS.split(text)
            )
        else:
            shown = printable(text)
        self._stream.write(shown)
        return len(text)


def _redraw(sequence: str) -> str:
    """Return a sequence that redraws a line or sets a color, as far as the terminal and its user want it."""
    if sequence == "\r":
        return sequence
    dumb = os.environ.get("TERM", "").lower() in ("dumb", "unknown")
    return "" if dumb or (sequence.endswith("m") and os.environ.get("NO_COLOR")) else sequence


@dataclass
class _Streams:
    """Where infogap prints while `separate_output` is active; None: the process's own streams."""

    out: TextIO | None = None
    err: TextIO | None = None


_streams = _Streams()


@contextmanager
def separate_output() -> Iterator[None]:
    """Keep stdout for infogap's data while the block runs.

    What verifiers, measures, libraries and child processes write to stdout, through Python or not, goes to stderr;
    under --quiet it is dropped, as is what they write to stderr.
    """
    before = _streams.out, _streams.err
    with ExitStack() as stack:
        silence = stack.enter_context(Path(os.devnull).open("w")) if output.quiet else None
        _streams.err = _set_aside(2, sys.stderr, silence, stack) if silence else sys.stderr
        if sys.stderr is not None:
            stack.enter_context(redirect_stderr(_LibrariesStream(silence or sys.stderr)))
        _streams.out = _set_aside(1, sys.stdout, silence, stack)
        stack.enter_context(redirect_stdout(sys.stderr))
        try:
            yield
        finally:
            _streams.out, _streams.err = before


def _set_aside(number: int, stream: Any, silence: TextIO | None, stack: ExitStack) -> TextIO | None:
    """Return a stream to where descriptor 1 or 2 went, which now goes to stderr, or nowhere."""
    if stream is None or not _is_descriptor(stream, number):  # closed, or replaced by a program that reads it
        return stream  # type: ignore[no-any-return]
    stream.flush()
    saved = os.dup(number)
    own = open(os.dup(saved), "w", encoding=stream.encoding, errors="backslashreplace", buffering=1)  # noqa: PTH123, SIM115
    os.dup2(silence.fileno() if silence else 2, number)

    def restore() -> None:
        with suppress(OSError, ValueError):  # a reader that is gone: `infogap show RUN | head`
            own.close()
        with suppress(OSError, ValueError):
            stream.flush()
        os.dup2(saved, number)
        os.close(saved)

    stack.callback(restore)
    return own


def _is_descriptor(stream: Any, number: int) -> bool:
    try:
        return bool(stream.fileno() == number)
    except (OSError, ValueError, AttributeError):
        return False


def stderr() -> Console:
    """Return the console for everything that is not data."""
    return _console()(file=_streams.err, stderr=True, highlight=False, emoji=False, soft_wrap=True)


def stdout() -> Console:
    """Return the console for data: tables and traces. Text is not read as markup unless a call asks for it."""
    return _console()(file=_streams.out, highlight=False, markup=False, emoji=False)


@cache
def _console() -> type[Console]:
    from rich.console import Console
    from rich.text import Text

    class Printing(Console):
        def render(self, renderable: Any, options: Any = None) -> Any:
            if isinstance(renderable, str):
                renderable = printable(renderable)
            elif isinstance(renderable, Text):
                renderable = _printable_text(renderable)
            return super().render(renderable, options)

        def render_str(self, text: str, **options: Any) -> Text:
            return super().render_str(printable(text), **options)  # before Rich drops some of them

        def on_broken_pipe(self) -> None:
            raise BrokenPipeError  # `infogap show RUN | head` is not a failure: the command line ends quietly

    return Printing


def print_line(text: str = "") -> None:
    """Print a line, or several, of data on stdout, as it is: not wrapped, without styles."""
    stream = _streams.out or sys.stdout
    if stream is None:
        return
    try:
        stream.write(f"{printable(text)}\n")
    except UnicodeEncodeError:  # a stream that is not ours, such as a terminal that knows ASCII alone
        stream.write(f"{printable(text).encode('ascii', 'backslashreplace').decode()}\n")
    stream.flush()


def shortened(lines: Sequence[str], most: int, where: str = "") -> list[str]:
    """Return the first lines, at most `most`, and one that counts the others; `where` says where all of them are.

    >>> shortened(["a", "b", "c"], 2, "--json lists all")
    ['a', 'b', 'and 1 more: --json lists all']
    """
    if len(lines) <= most:
        return list(lines)
    return [*lines[:most], f"and {len(lines) - most:,} more{f': {where}' if where else ''}"]


def print_words(text: str) -> None:
    """Print lines of data on stdout for people; on a terminal, long ones are wrapped at words under their text."""
    print_line(_wrapped(printable(text), stdout()))


def _wrapped(text: str, console: Console) -> str:
    """Wrap lines that are too long for a terminal at words, indented as their text is; elsewhere they stay whole.

    A word that does not fit, such as a path, is not divided: it can still be copied.
    """
    if not console.is_terminal:
        return text
    from rich.cells import cell_len

    lines = []
    for line in text.split("\n"):
        label = match[0] if (match := _LABEL.match(line)) and cell_len(match[0]) <= console.width // 2 else ""
        begun = label
        for word in re.findall(r"\S+ *", line[len(label) :]):
            if cell_len(begun + word.rstrip()) > console.width and begun.strip() != label.strip():
                lines.append(begun.rstrip())
                begun = " " * cell_len(label)
            begun += word
        lines.append(begun)
    return "\n".join(lines)


def print_json(value: Any, *, indent: bool = True) -> None:
    """Print data as JSON on stdout; control characters and lone surrogates are escaped."""
    print_line(_json_text(value, indent=indent))


def _json_text(value: Any, *, indent: bool) -> str:
    import orjson

    try:
        text = orjson.dumps(value, option=orjson.OPT_INDENT_2 if indent else None).decode()
    except TypeError:  # a file's name that is not UTF-8, a whole number of more than 64 bits
        return json.dumps(value, indent=2 if indent else None, default=str)
    stream = _streams.out or sys.stdout
    if "utf" not in (getattr(stream, "encoding", None) or "utf-8").lower():
        return json.dumps(orjson.loads(text), indent=2 if indent else None)
    return _CONTROL.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def say(text: str, style: str | None = None) -> None:
    """Print a line to stderr; nothing under --quiet."""
    if not output.quiet:
        complain(text, style)


def detail(text: str) -> None:
    """Print a line to stderr, only under -v."""
    if output.verbose:
        complain(text, "dim")


def complain(text: str, style: str | None = None) -> None:
    """Print a line to stderr, whatever --quiet says; on a terminal, wrapped at words."""
    console = stderr()
    console.print(_wrapped(printable(text), console), style=style, markup=False)
